"""Bodies that mean the same are the same; bodies that might not, are not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import NOT_JSON
from adapters._json import canonical_json, strict_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(value=VALUES)
def test_spelling_does_not_matter(value: object) -> None:
    pretty = json.dumps(value, indent=2, ensure_ascii=False).encode()
    compact = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()

    assert canonical_json(pretty) == canonical_json(compact)


@given(one=VALUES, other=VALUES)
def test_different_values_stay_different(one: object, other: object) -> None:
    same = canonical_json(json.dumps(one).encode()) == canonical_json(json.dumps(other).encode())

    assert same == (json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True))


@given(value=VALUES)
def test_a_canonical_body_still_says_the_same(value: object) -> None:
    assert json.loads(canonical_json(json.dumps(value).encode())) == value


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 2}',
        b'[{"street": "x", "street": "y"}]',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b"",
        b"street=x",
        b'\xff{"a": 1}',
        b'\xef\xbb\xbf{"a": 1}',
        b'{"a": 1} trailing',
        b"[" * 5000 + b"]" * 5000,
        b"[" * 400 + b"]" * 400,
        b'{"a":' * 300 + b"1" + b"}" * 300,
    ],
)
def test_what_parsers_could_read_differently_stays_as_it_was_sent(body: bytes) -> None:
    assert canonical_json(body) == body
    assert canonical_json(body, lambda value: value) == body


def test_numbers_are_compared_as_they_were_written() -> None:
    assert canonical_json(b"[1.0]") != canonical_json(b"[1]")
    assert canonical_json(b"[1e2]") != canonical_json(b"[100]")
    assert canonical_json(b'["1"]') != canonical_json(b"[1]")
    assert canonical_json(b"[" + b"9" * 5000 + b"]") == b"[" + b"9" * 5000 + b"]"


def test_order_within_lists_matters() -> None:
    assert canonical_json(b"[1,2]") != canonical_json(b"[2,1]")


def test_what_is_no_json_is_told_apart_from_null() -> None:
    assert strict_json(b"null") is None
    assert strict_json(b"nul") is NOT_JSON


def test_what_would_take_seconds_to_be_read_is_compared_by_its_bytes() -> None:
    """Nobody else is answered while a body is read: 9 MB took two seconds."""
    rich = b'{"b":[' + b"1, " * 25_000 + b'1],"a":1}'

    assert canonical_json(rich) is rich
    assert canonical_json(b'{"b":"' + b"x" * 1_000_000 + b'", "a":1}').startswith(b'{"a":1')
