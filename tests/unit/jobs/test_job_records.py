"""A job's record: who is at it, and what is known when nobody is."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.jobs.record import LEASE, Record, begun, decode, encode, wait_for

NOW, KEEP = 1_790_000_000.0, 3600.0
A, B = b"process-a", b"process-b"
FRESH = begun("GET /v1/courses", 1, A, NOW, KEEP)


def test_a_job_is_believed_to_be_under_way_for_as_long_as_its_lease():
    assert not FRESH.is_lapsed(NOW + LEASE - 0.1)
    assert FRESH.is_lapsed(NOW + LEASE)
    assert not FRESH.leased(NOW + 10, KEEP).is_lapsed(NOW + LEASE)


def test_what_is_over_never_lapses():
    for state in ("succeeded", "failed", "cancelled", "interrupted"):
        over = FRESH.ended(state, NOW, KEEP)
        assert over.is_over
        assert not over.is_lapsed(NOW + 10 * LEASE)


def test_a_record_outlives_its_lease_so_that_a_lapsed_job_is_still_known():
    assert FRESH.expires_at > FRESH.leased_until
    assert FRESH.leased(NOW + 60, KEEP).expires_at == NOW + 60 + KEEP + LEASE


def test_it_is_kept_from_its_end():
    assert FRESH.ended("succeeded", NOW + 500, KEEP).expires_at == NOW + 500 + KEEP


def test_one_that_is_put_back_may_be_taken_up_at_once_and_begins_anew():
    back = FRESH.at(5, 10, runs=True).put_back()

    assert back.is_lapsed(NOW)
    assert (back.state, back.done, back.attempts) == ("queued", 0, 0)
    assert back.taken_by(B, NOW, KEEP).holder == B


def test_each_process_that_ends_over_it_counts():
    taken = FRESH.taken_by(B, NOW + LEASE, KEEP)

    assert taken.attempts == 2
    assert not taken.is_lapsed(NOW + LEASE + 1)


def test_it_is_worth_asking_again_sooner_at_first_than_later():
    assert [wait_for(FRESH, NOW + after) for after in (0, 5, 50, 10_000)] == [1, 1, 5, 30]


@given(st.binary(max_size=80))
def test_what_is_no_record_is_none(note):
    assert decode(note) is None or isinstance(decode(note), Record)


def test_a_record_is_read_as_it_was_written():
    assert decode(encode(FRESH)) == FRESH
