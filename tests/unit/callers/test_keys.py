"""Keys: random, safe in a URL, and found again by their hash."""

import re
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.callers.keys import hash_key, make_key
from proxy.callers.registry import Callers, DeclaredCaller


def counting(size: int) -> bytes:
    return bytes(range(size))


def test_a_key_goes_into_the_config_as_its_sha_256() -> None:
    made = make_key(google=False, random=counting)

    assert made.hash == "sha256:" + sha256(made.key.encode()).hexdigest()
    assert made.hash == hash_key(made.key)


def test_a_google_key_looks_like_one_of_googles() -> None:
    made = make_key(google=True, random=counting)

    assert re.fullmatch(r"AIza[A-Za-z0-9_-]{35}", made.key)


@given(st.binary(min_size=64, max_size=64), st.booleans())
def test_every_key_is_safe_in_a_url_and_opens_the_door_it_was_made_for(octets: bytes, google: bool) -> None:  # noqa: FBT001 - drawn
    made = make_key(google=google, random=lambda size: octets[:size])

    assert re.fullmatch(r"[A-Za-z0-9_-]+", made.key)
    caller = Callers([DeclaredCaller("a", keys=(made.hash,))]).by_key(made.key)
    assert caller is not None
    assert caller.name == "a"


@pytest.mark.parametrize("google", [True, False])
def test_every_octet_of_randomness_counts(google: bool) -> None:  # noqa: FBT001 - a table's column
    asked = []
    make_key(google=google, random=lambda size: asked.append(size) or bytes(size))
    size = asked[0]

    keys = set()
    for position in range(size - 1):  # Google's length cuts the last one short
        octets = bytearray(size)
        octets[position] = 1
        keys.add(make_key(google=google, random=lambda _, octets=octets: bytes(octets)).key)

    assert len(keys) == size - 1
    assert size * 8 >= 208


def test_googlemaps_takes_the_key() -> None:
    googlemaps = pytest.importorskip("googlemaps")

    key = make_key(google=True, random=counting).key

    assert googlemaps.Client(key=key).key == key
