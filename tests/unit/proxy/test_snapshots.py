"""Snapshots: any page of a list is the rows as the upstream wrote them, byte for byte."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.lists.snapshots import Piece, Snapshot, ids_in, is_snapshot, rows_of, written

ROWS = st.lists(
    st.dictionaries(st.sampled_from(["id", "name", "n"]), st.none() | st.text() | st.integers() | st.floats(width=16)),
    max_size=20,
).map(lambda rows: [json.dumps(row, ensure_ascii=False, allow_nan=False, default=str) for row in rows if is_json(row)])


def is_json(row):
    try:
        json.dumps(row, allow_nan=False, ensure_ascii=False).encode()
    except ValueError:
        return False
    return True


def snapshot(rows, pieces=()):
    body = written(rows, pieces, generation="g", base="http://there/x?", is_numbered=True, is_counted=False)
    assert is_snapshot(body)
    return Snapshot(body)


@given(ROWS, st.integers(0, 25), st.integers(1, 25))
def test_a_page_is_a_cut_through_the_rows_as_they_came(texts, first, size):
    page = "[" + ", \n".join(texts) + "]"
    rows = rows_of(page.encode())
    kept = snapshot(rows)

    assert len(kept) == len(texts)
    assert kept.cut(first, size) == ("[" + ",".join(texts[first : first + size]) + "]").encode()
    assert kept.cut(0, len(texts)) == ("[" + ",".join(texts) + "]").encode()


def test_the_upstreams_own_pages_can_be_told_apart_again():
    pieces = (Piece(2, 'W/"a"', 1), Piece(0, "", 2), Piece(1, 'W/"c"', "bookmark:x"))
    kept = snapshot([b'{"id":1}', b'{"id":"2"}', b"{}"], pieces)

    assert kept.pieces() == [
        (pieces[0], [b'{"id":1}', b'{"id":"2"}']),
        (pieces[1], []),
        (pieces[2], [b"{}"]),
    ]
    assert [kept.row_id(at) for at in range(3)] == [1, "2", None]
    assert [kept.behind(row_id) for row_id in (1, "2", 2)] == [1, 2, None]


def test_the_same_rows_have_the_same_content_whatever_pages_they_came_in():
    one, other = snapshot([b"1", b"23"], (Piece(2, "", 1),)), snapshot([b"1", b"23"], (Piece(1, "x", 1),))
    assert one.head.content == other.head.content
    assert one.head.content != snapshot([b"12", b"3"]).head.content


@pytest.mark.parametrize("page", [b"{}", b"[1", b"", b"[1],", b"<html>"])
def test_what_is_no_list_has_no_rows(page):
    with pytest.raises(ValueError, match=r"\w"):
        rows_of(page)


@pytest.mark.parametrize(
    ("page", "other", "are_alike"),
    [
        ('[{"id": 1, "n": 1}, {"id": "b"}]', '[{"id": 1, "n": 2}, {"id": "b"}]', True),
        ('[{"id": 1}, {"id": 2}]', '[{"id": 2}, {"id": 1}]', False),
        ('[{"id": 1}]', '[{"id": 1}, {"id": 2}]', False),
        ('[{"n": 1}]', '[{"n": 2}]', False),
        ('[{"id": [1]}]', '[{"id": [2]}]', False),
        ("[1]", "[2]", False),
        ("not JSON", "not JSON either", False),
        ("[]", "[]", True),
    ],
)
def test_pages_with_the_same_rows_are_alike_whatever_else_is_in_them(page, other, are_alike):
    one, another = ids_in(page.encode()), ids_in(other.encode())

    assert (hash(one) == hash(another), one == another) == (are_alike, are_alike)
