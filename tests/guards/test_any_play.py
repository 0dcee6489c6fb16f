"""Any play, with all guards at once: each keeps its promise, and nothing is left behind (Stage.is_empty)."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from policies import (
    BreakerPolicy,
    ConcurrencyPolicy,
    HedgePolicy,
    PacingPolicy,
    Priority,
    RetryPolicy,
    TimeoutPolicy,
)
from proxy.upstream.orders import Order
from tests.guards.stage import Caller, Row, watched

EIGHTH = 0.125
LINE = st.sampled_from(
    [
        "200",
        "200 after 0.5",
        "200 after 2",
        "200 body 1",
        "200 after 0.25 body 0.5",
        "404",
        "503",
        "503 after 0.5",
        "503 wait 1",
        "lost",
        "lost after 0.25",
        "hangs",
        "429 wait 1",
        "429",
        "401",
        "401 body 1",
    ]
)
LINES = st.lists(LINE, min_size=1, max_size=12).map(", ".join)
CALLERS = st.lists(
    st.builds(
        lambda at, leaves_after, **more: Caller(
            at * EIGHTH, leaves=None if leaves_after is None else (at + leaves_after + 0.5) * EIGHTH, **more
        ),
        at=st.integers(0, 64),
        leaves_after=st.sampled_from([None, None, None, 0, 3, 9]),
        deadline=st.sampled_from([1e9, 1e9, 0.5, 2.0]),
        priority=st.sampled_from(Priority),
        has_fallback=st.booleans(),
        credential=st.sampled_from(["held", "ann", "bob"]),
        rests=st.booleans(),
        is_safe=st.sampled_from([True, True, False]),
    ),
    min_size=1,
    max_size=25,
)
POLICIES = st.fixed_dictionaries(
    {
        "timeout": st.sampled_from([TimeoutPolicy(attempt=1, total=3), TimeoutPolicy(attempt=2, total=2)]),
        "retry": st.sampled_from([RetryPolicy(attempts=1), RetryPolicy(attempts=3, wait=0.25)]),
        "breaker": st.builds(
            BreakerPolicy,
            minimum_calls=st.sampled_from([1, 2, 1_000]),
            cooldown=st.just(2.0),
            credential_cooldown=st.just(2.0),
            slow_after=st.sampled_from([0.0, 0.375]),
        ),
        "concurrency": st.builds(
            ConcurrencyPolicy,
            upstream=st.integers(1, 4),
            credential=st.integers(1, 2),
            queue=st.integers(0, 4),
            adaptive=st.booleans(),
            least=st.just(1),
        ),
        "pacing": st.builds(PacingPolicy, rate=st.sampled_from([0.0, 1.0, 4.0]), burst=st.integers(1, 3)),
        "hedge": st.sampled_from([HedgePolicy(), HedgePolicy(after=0.25)]),
    }
)
ORDER = st.sampled_from([Order("open", 1), Order("closed", 1), Order("auto"), Order("closed", 4)])
ORDERS = st.dictionaries(st.integers(0, 64).map(lambda eighths: eighths * EIGHTH), ORDER, max_size=3)


@given(POLICIES, st.lists(LINES, min_size=1, max_size=3), CALLERS, ORDERS)
def test_everybody_is_told_no_slot_is_given_twice_and_nothing_is_left_behind(policies, says, come, orders):
    says = {f"p{number}": lines for number, lines in enumerate(says)}

    record, transport = watched(Row("any", says, come, [], [], policies=policies, orders=orders))

    assert len(record.told) == len(come)
    assert transport.most_in_flight <= policies["concurrency"].upstream
    total = policies["timeout"].total
    assert all(told.at <= caller.at + total for told, caller in zip(record.told, come, strict=True))


PAUSES = st.lists(st.sampled_from(["200", "503", "429 wait 1", "429 wait 3"]), min_size=1, max_size=12).map(", ".join)


@given(POLICIES, PAUSES, st.integers(1, 3), CALLERS)
def test_a_credential_never_has_more_calls_than_its_rate_and_a_burst_where_slots_are_free(policies, says, burst, come):
    policies = {word: policies[word] for word in ("retry", "hedge")} | {"pacing": PacingPolicy(rate=1, burst=burst)}
    come = [Caller(caller.at, leaves=caller.leaves) for caller in come]

    record, _ = watched(Row("any", says, come, [], [], policies=policies))

    at = [instant for instant, _ in record.calls]
    for first, begins in enumerate(at):
        for count, ends in enumerate(at[first:], 1):
            assert count <= 1 * (ends - begins) + burst + 1e-9


@given(POLICIES, CALLERS, st.integers(0, 64))
def test_once_a_place_failed_it_has_one_call_in_a_cooldown_while_it_fails(policies, come, opened_at):
    policies |= {"breaker": BreakerPolicy(minimum_calls=1, cooldown=2), "timeout": TimeoutPolicy(attempt=9, total=99)}
    come = [caller._replace(leaves=None) for caller in come]  # a probe that is given up is another's
    orders = {opened_at * EIGHTH: Order("open", 1)}

    record, _ = watched(Row("any", "lost after 0.25", come, [], [], policies=policies, orders=orders))

    probes = [at for at, _ in record.calls if at > record.calls[0][0] + 0.25]
    assert all(later - earlier >= 2 for earlier, later in pairwise(probes))
