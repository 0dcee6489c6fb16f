"""Reading: the same as `json` makes of it, no deeper than 200 levels."""

import json
from math import isnan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import NOT_JSON
from proxy.upstream.reading import DEEPEST, TooDeep, parsed

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(exclude_categories=()))  # half surrogate pairs too
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def nested(levels, inner=b""):
    return b'[{"a":' * (levels // 2) + (b"[" * (levels % 2)) + inner + (b"]" * (levels % 2)) + b"}]" * (levels // 2)


@pytest.mark.parametrize("inner", [b"1", b'"\\ud800"'], ids=["by jiter", "by json"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_two_hundred_levels_are_read_and_one_more_is_too_deep(inner, encoding):
    levels = lambda count: nested(count, inner).decode().encode(encoding)  # noqa: E731

    assert json.dumps(parsed(levels(DEEPEST))).count("{") == DEEPEST // 2
    with pytest.raises(TooDeep):
        parsed(levels(DEEPEST + 1))


@pytest.mark.parametrize("body", [b"[" * 1_000_000, b'{"a":' * 300, b"[" * 202, ("[" * 100_000).encode("utf-16")])
def test_what_never_ends_is_too_deep_as_well(body):
    with pytest.raises(TooDeep):
        parsed(body)


def test_many_beside_each_other_are_not_deep():
    body = b"[" + b"[[]]," * 100_000 + b'"\\ud800"]'

    assert len(parsed(body)) == 100_001


@pytest.mark.parametrize(
    "body",
    [
        b"123456789012345678901234567890",
        b"-0",
        b"-0.0",
        b"1.10",
        b"1E5",
        b"1e400",
        b"-1e400",
        b"0.1e-400",
        b"9007199254740993",
        b"9007199254740993.0",
        b"0.30000000000000004",
        b"[Infinity,-Infinity]",
        b'{"a":1,"b":2,"a":3}',
        b'"\\u0000"',
        b'"\\ud83d\\ude00"',
        b'"\\ud800"',
        b'"\\udc00\\ud800"',
        b'"\xed\xa0\x80"',
        b"\xef\xbb\xbf{}",
        '{"\u00e9": 1}'.encode("utf-16"),
        '["\U0001f600"]'.encode("utf-32-le"),
        b" \r\n\t[ 1 ] \n",
    ],
)
def test_a_body_means_what_it_means_to_json(body):
    assert repr(parsed(body)) == repr(json.loads(body))


def test_what_is_no_number_is_read_as_such():
    assert isnan(parsed(b"NaN"))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"[",
        b"[1,]",
        b"01",
        b"1.",
        b"nan",
        b"inf",
        b"+1",
        b"1" * 5000,
        b'"\x01"',
        b'"\xff"',
        b"<html>",
        b"{}x",
    ],
)
def test_what_json_refuses_is_not_json(body):
    assert parsed(body) is NOT_JSON


@given(VALUES, st.sampled_from(["utf-8", "utf-16", "utf-32"]), st.booleans())
def test_any_value_comes_back_the_same(value, encoding, ascii_only):
    body = json.dumps(value, ensure_ascii=ascii_only).encode(encoding, "surrogatepass")

    assert repr(parsed(body)) == repr(json.loads(body))


@given(st.binary(max_size=50) | st.text('[]{}":,0123456789.eE+-naN\\u ', max_size=50).map(str.encode))
def test_of_any_octets_the_same_are_json(body):
    try:
        expected = json.loads(body)
    except ValueError:
        expected = NOT_JSON

    assert repr(parsed(body)) == repr(expected)
