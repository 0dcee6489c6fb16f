"""What of jobs is written down: sealed for its owner, and cut so that a part of it says nothing."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.answers import CacheStatus
from proxy.jobs.locking import Lock
from proxy.jobs.requests import Request
from proxy.jobs.results import Kept, cut, joined
from proxy.store.sealing import MasterKeys, new_master_key

KEY = new_master_key()
LOCK = Lock(MasterKeys.parse(KEY))


@given(st.binary(max_size=300))
def test_what_is_sealed_is_opened_by_its_owner_alone(plain):
    blob = LOCK.sealed(plain, "one")

    assert LOCK.opened(blob, "one") == plain
    assert LOCK.opened(blob, "another") is None
    assert Lock(MasterKeys.parse(new_master_key())).opened(blob, "one") is None
    assert len(plain) < 8 or plain not in blob


@given(st.data())
def test_what_was_changed_opens_nothing(data):
    blob = bytearray(LOCK.sealed(b"a token", "one"))
    blob[data.draw(st.integers(0, len(blob) - 1))] ^= 1 << data.draw(st.integers(0, 7))

    assert LOCK.opened(bytes(blob), "one") is None


@given(st.binary(max_size=50))
def test_what_is_no_blob_opens_nothing(blob):
    assert LOCK.opened(blob, "one") is None


def test_a_key_that_was_retired_still_opens():
    both = Lock(MasterKeys.parse(f"{new_master_key()},{KEY}"))

    assert both.opened(LOCK.sealed(b"a token", "one"), "one") == b"a token"


@given(st.binary(max_size=300), st.integers(1, 5))
def test_all_shares_together_are_what_was_cut(plain, many):
    shares = cut(plain, many)

    assert len(shares) == many
    assert joined(shares) == plain
    assert joined(list(reversed(shares))) == plain


def test_a_share_less_is_noise():
    plain = bytes(64)

    for missing in range(3):
        shares = cut(plain, 3)
        assert joined(shares[:missing] + shares[missing + 1 :]) != plain


def test_nothing_that_holds_a_secret_shows_it():
    request = Request(
        b"k", "an-id", "GET /v1/me", "a", "local", (("authorization", "Bearer canary"),), (), {}, b"canary", "", 0.0
    )
    kept = Kept(200, (), b"canary", CacheStatus(), None, 0.0, (), 0)

    assert "canary" not in f"{request!r} {kept!r} {LOCK!r}"
