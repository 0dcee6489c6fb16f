"""The retry budget, through whole calls: however an upstream fails, it is not asked more than was earned."""

from hypothesis import given
from hypothesis import strategies as st

from policies import HedgePolicy, RetryPolicy, TimeoutPolicy
from tests.guards.stage import Caller, Row, watched

EIGHTH = 0.125
RETRIES = st.builds(
    RetryPolicy,
    attempts=st.integers(1, 6),
    wait=st.sampled_from([0.0, 0.25]),
    budget=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    floor=st.sampled_from([0.0, 0.125, 0.5]),
)
LINES = st.lists(
    st.sampled_from(["503", "503", "lost", "lost after 0.5", "hangs", "503 wait 1", "429 wait 1", "200 after 0.5"]),
    min_size=1,
    max_size=12,
).map(", ".join)
CALLERS = st.lists(
    st.builds(
        lambda at, is_safe, leaves_after: Caller(
            at * EIGHTH,
            is_safe=is_safe,
            leaves=None if leaves_after is None else (at + leaves_after + 0.5) * EIGHTH,
        ),
        st.integers(0, 80),
        st.sampled_from([True, True, True, False]),
        st.sampled_from([None, None, None, 0, 3, 9]),
    ),
    min_size=1,
    max_size=40,
)
HEDGES = st.sampled_from([0.0, 0.25]).map(lambda after: HedgePolicy(after=after))


@given(RETRIES, HEDGES, LINES, st.booleans(), CALLERS)
def test_calls_are_never_more_than_demand_its_share_the_floor_and_what_was_saved(retry, hedge, says, two_places, come):
    policies = {"retry": retry, "hedge": hedge, "timeout": TimeoutPolicy(attempt=1, total=9)}
    says = {"b": says, "a": says} if two_places else says
    record, _ = watched(Row("any", says, come, [], [], policies=policies))

    saved = max(10 * retry.floor, 1) if retry.floor else 0
    for number, (at, _) in enumerate(record.calls, 1):
        demand = sum(caller.at <= at for caller in come)
        assert number <= (1 + retry.budget) * demand + retry.floor * at + saved + 1e-9


@given(RETRIES, HEDGES, st.integers(1, 60))
def test_where_everything_fails_what_was_earned_is_what_is_asked(retry, hedge, callers):
    """The bound is no looser than it looks: those who come one after the other spend all of it, up to one call."""
    policies = {"retry": RetryPolicy(attempts=10, wait=0, budget=retry.budget, floor=retry.floor), "hedge": hedge}
    record, _ = watched(Row("any", "503", [Caller(number) for number in range(callers)], [], [], policies=policies))

    saved = max(10 * retry.floor, 1) if retry.floor else 0
    earned = retry.budget * callers + retry.floor * (callers - 1) + saved
    assert len(record.calls) >= min(10 * callers, callers + earned - 1)
