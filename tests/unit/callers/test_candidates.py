"""What may be a Larder key is found where SDKs put the provider's credential."""

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import Place
from proxy.callers.candidates import candidates

AUTHORIZATION = (Place("header", "authorization"),)
GOOGLE = (Place("query", "key"), Place("header", "x-goog-api-key"), *AUTHORIZATION)


def basic(text: str) -> str:
    return "Basic " + b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Bearer abc", ("abc",)),
        ("bearer  abc ", ("abc",)),
        (basic("id:secret"), ("secret",)),
        (basic("id:with:colons"), ("with:colons",)),
        (basic("no colon"), ()),
        ("Basic !!!", ()),
        ("Basic /////w==", ()),
        ("Digest abc", ()),
        ("Bearer", ()),
        ("", ()),
    ],
)
def test_an_authorization_field_gives_its_secret(value: str, found: tuple[str, ...]) -> None:
    assert candidates(AUTHORIZATION, {"authorization": value}, ()) == found


def test_query_values_and_other_headers_are_taken_whole_and_once() -> None:
    query = (("key", "q1"), ("other", "no"), ("key", None), ("key", ""), ("key", "q2"))

    found = candidates(GOOGLE, {"x-goog-api-key": "q1", "authorization": "Bearer b"}, query)

    assert found == ("q1", "q2", "b")


def test_a_flood_of_values_is_cut() -> None:
    query = tuple(("key", str(number)) for number in range(10_000))

    assert len(candidates(GOOGLE, {}, query)) == 8


@given(st.text(), st.lists(st.tuples(st.just("key"), st.none() | st.text())))
def test_no_value_breaks_it(value: str, query: list[tuple[str, str | None]]) -> None:
    assert all(candidates(GOOGLE, {"authorization": value, "x-goog-api-key": value}, tuple(query)))
