"""Each guard by itself: what it does with calls that no other guard holds back."""

import pytest

from policies import BreakerPolicy, ConcurrencyPolicy, HedgePolicy, PacingPolicy, Priority, RetryPolicy, TimeoutPolicy
from proxy.upstream.orders import Order
from tests.guards.stage import Caller, Row, played

THRICE = {"retry": RetryPolicy(attempts=3, wait=0.5, max_wait=2)}  # after 0.5 s, then after 1 s
TOUCHY = {"breaker": BreakerPolicy(minimum_calls=1, failure_ratio=0.5, cooldown=4)}
RESTS = {"breaker": BreakerPolicy(minimum_calls=1_000, credential_cooldown=8)}
PACED = {"pacing": PacingPolicy(rate=1, burst=2)}
ALONE = {"concurrency": ConcurrencyPolicy(upstream=1, credential=1, queue=2)}
HEDGED = {"hedge": HedgePolicy(after=0.25)}


def ann(at=0, **more):
    """She brings a credential of her own, which may be refused."""
    return Caller(at, credential="ann", rests=True, **more)


def bob(at=0, **more):
    return Caller(at, credential="bob", rests=True, **more)


def behind(at=0, **more):
    """Nobody waits for it."""
    return Caller(at, priority=Priority.BEHIND, has_fallback=True, **more)


DEADLINE = [
    Row(
        "what the quickest of late would not have answered in time is not begun",
        "200 after 1",
        [Caller(), Caller(2, deadline=0.875), Caller(2, deadline=1)],
        [(1, 200, 1), (2, "too-short", 0), (3, 200, 1)],
        [(0, "a"), (2, "a")],
    ),
    Row(
        "where nothing is known it is tried, and what was known is forgotten in time",
        "200 after 1",
        [Caller(deadline=0.5), Caller(61.5, deadline=0.5)],
        [(1, 200, 1), (62.5, 200, 1)],
        [(0, "a"), (61.5, "a")],
    ),
    Row(
        "who has no time left is not begun",
        "200",
        [Caller(deadline=0)],
        [(0, "deadline", 0)],
        [],
    ),
    Row(
        "an attempt ends in its time",
        "hangs",
        [Caller()],
        [(1, "timeout", 1)],
        [(0, "a")],
        policies={"timeout": TimeoutPolicy(attempt=1, total=9)},
    ),
    Row(
        "all attempts together end in theirs",
        "lost after 1",
        [Caller()],
        [(4, "timeout", 3)],
        [(0, "a"), (1.5, "a"), (3.5, "a")],
        [0.5, 1],
        THRICE | {"timeout": TimeoutPolicy(attempt=2, total=4)},
    ),
]
RETRY = [
    Row(
        "waits double",
        "503, lost, 200",
        [Caller()],
        [(1.5, 200, 3)],
        [(0, "a"), (0.5, "a"), (1.5, "a")],
        [0.5, 1],
        THRICE,
    ),
    Row(
        "attempts have a number",
        "503",
        [Caller()],
        [(1.5, "upstream-failed", 3)],
        [(0, "a"), (0.5, "a"), (1.5, "a")],
        [0.5, 1],
        THRICE,
    ),
    Row(
        "what the upstream asks for comes on top",
        "503 wait 1, 200",
        [Caller()],
        [(1.5, 200, 2)],
        [(0, "a"), (1.5, "a")],
        [1.5],
        THRICE,
    ),
    Row(
        "who should wait for too long, or is told no time, does not try again",
        "503 wait 3, 429",
        [Caller(), Caller(1)],
        [(0, "upstream-failed", 1), (1, "throttled", 1)],
        [(0, "a"), (1, "a")],
        policies=THRICE,
    ),
    Row(
        "a read that the upstream wants to hear later is not sent before, and another one is",
        "503 wait 3, 200",
        [Caller(path="x"), Caller(1, path="x"), Caller(1, path="y"), Caller(3, path="x")],
        [(0, "upstream-failed", 1), (1, "paused", 0), (1, 200, 1), (3, 200, 1)],
        [(0, "a"), (1, "a"), (3, "a")],
    ),
    Row(
        "where failures are answers none is tried again",
        "503, lost, 200",
        [Caller(), Caller()],
        [(0, "upstream-failed", 1), (0, "connection-lost", 1)],
        [(0, "a"), (0, "a")],
        policies={"retry": RetryPolicy(attempts=3, wait=0, answers=False)},
    ),
    Row(
        "a write is never tried again",
        "lost",
        [Caller(is_safe=False)],
        [(0, "connection-lost", 1)],
        [(0, "a")],
        policies=THRICE,
    ),
    Row(
        "who asks the same again after a failure, with the same credential, is not tried for",
        "503",
        [Caller(path="x"), Caller(2, path="x"), Caller(3, path="x", credential="bob"), Caller(5, path="y")],
        [
            (0.5, "upstream-failed", 2),
            (2, "upstream-failed", 1),
            (3.5, "upstream-failed", 2),
            (5.5, "upstream-failed", 2),
        ],
        [(0, "a"), (0.5, "a"), (2, "a"), (3, "a"), (3.5, "a"), (5, "a"), (5.5, "a")],
        [0.5, 0.5, 0.5],
        {"retry": RetryPolicy(attempts=2, wait=0.5)},
    ),
    Row(
        "a minute after a failure, or after an answer, it is tried for again",
        "503, 503, 503, 503, 200, 503",
        [Caller(path="x"), Caller(61, path="x"), Caller(62, path="x"), Caller(63, path="x")],
        [(0.5, "upstream-failed", 2), (61.5, "upstream-failed", 2), (62, 200, 1), (63.5, "upstream-failed", 2)],
        [(0, "a"), (0.5, "a"), (61, "a"), (61.5, "a"), (62, "a"), (63, "a"), (63.5, "a")],
        [0.5, 0.5, 0.5],
        {"retry": RetryPolicy(attempts=2, wait=0.5)},
    ),
    Row(
        "retries are earned by what is asked for, by all callers together",
        "503",
        [Caller(), Caller(1), Caller(2), Caller(3)],
        [(0, "upstream-failed", 1), (1, "upstream-failed", 2), (2, "upstream-failed", 1), (3, "upstream-failed", 2)],
        [(0, "a"), (1, "a"), (1, "a"), (2, "a"), (3, "a"), (3, "a")],
        policies={"retry": RetryPolicy(attempts=3, wait=0, budget=0.5, floor=0)},
    ),
    Row(
        "and by time",
        "503",
        [Caller(), Caller(2), Caller(4)],
        [(0, "upstream-failed", 3), (2, "upstream-failed", 2), (4, "upstream-failed", 1)],
        [(0, "a"), (0, "a"), (0, "a"), (2, "a"), (2, "a"), (4, "a")],
        policies={"retry": RetryPolicy(attempts=9, wait=0, budget=0, floor=0.25)},
    ),
]
BREAKER = [
    Row(
        "it rests after a failure, and after each probe that fails, until one succeeds",
        "lost, 503, 200",
        [Caller(), Caller(3.5), Caller(4), Caller(7.5), Caller(8), Caller(8.5)],
        [
            (0, "connection-lost", 1),
            (3.5, "circuit-open", 0),
            (4, "upstream-failed", 1),
            (7.5, "circuit-open", 0),
            (8, 200, 1),
            (8.5, 200, 1),
        ],
        [(0, "a"), (4, "a"), (8, "a"), (8.5, "a")],
        policies=TOUCHY,
    ),
    Row(
        "answers that come too late open it too, and a late probe leaves it open",
        "200 after 2",
        [Caller(), Caller(), Caller(3), Caller(6), Caller(9)],
        [(2, 200, 1), (2, 200, 1), (3, "circuit-open", 0), (8, 200, 1), (9, "circuit-open", 0)],
        [(0, "a"), (0, "a"), (6, "a")],
        policies={"breaker": BreakerPolicy(minimum_calls=2, slow_after=1, slow_ratio=1, cooldown=4)},
    ),
    Row(
        "one that brings its caller to the end of its patience counts as one that failed",
        "hangs",
        [Caller(), Caller(3)],
        [(2, "timeout", 1), (3, "circuit-open", 0)],
        [(0, "a")],
        policies=TOUCHY | {"timeout": TimeoutPolicy(attempt=5, total=2)},
    ),
    Row(
        "of all who come when it is due one is the probe",
        "503, 200 after 1",
        [Caller(), Caller(4), Caller(4), Caller(4.5), Caller(5)],
        [(0, "upstream-failed", 1), (5, 200, 1), (4, "circuit-open", 0), (4.5, "circuit-open", 0), (6, 200, 1)],
        [(0, "a"), (4, "a"), (5, "a")],
        policies=TOUCHY,
    ),
    Row(
        "a probe that is given up is free for the next one",
        "503, hangs, 200",
        [Caller(), Caller(4, leaves=5), Caller(4.5), Caller(5.5)],
        [(0, "upstream-failed", 1), (5, "left", 1), (4.5, "circuit-open", 0), (5.5, 200, 1)],
        [(0, "a"), (4, "a"), (5.5, "a")],
        policies=TOUCHY,
    ),
]
PLACES = [
    Row(
        "a call goes where least is under way, of equals in turn",
        {"b": "200 after 2", "a": "200 after 4"},
        [Caller(), Caller(), Caller(2.5), Caller(2.5), Caller(9), Caller(14)],
        [(4, 200, 1), (2, 200, 1), (4.5, 200, 1), (4.5, 200, 1), (13, 200, 1), (16, 200, 1)],
        [(0, "a"), (0, "b"), (2.5, "b"), (2.5, "b"), (9, "a"), (14, "b")],
    ),
    Row(
        "a body that is not here yet is under way",
        {"b": "200 after 8", "a": "200 body 4"},
        [Caller(), Caller(1), Caller(3), Caller(5)],
        [(0, 200, 1), (9, 200, 1), (11, 200, 1), (5, 200, 1)],
        [(0, "a"), (1, "b"), (3, "b"), (5, "a")],
    ),
    Row(
        "one that was given up is under way no more",
        {"b": "200 after 8", "a": "200 after 8"},
        [Caller(leaves=1), Caller(), Caller(2)],
        [(1, "left", 1), (8, 200, 1), (10, 200, 1)],
        [(0, "a"), (0, "b"), (2, "a")],
    ),
]
CREDENTIAL = [
    Row(
        "one that was refused hears so for a while, without a call, and no other does",
        "401, 200, 401, 401",
        [ann(), ann(1), bob(1), ann(7.5), ann(8), ann(15.5), ann(16)],
        [(0, 401, 1), (1, 401, 0), (1, 200, 1), (7.5, 401, 0), (8, 401, 1), (15.5, 401, 0), (16, 401, 1)],
        [(0, "a"), (1, "a"), (8, "a"), (16, "a")],
        policies=RESTS,
    ),
    Row(
        "a probe is the only one, and if it is taken all are",
        "401, 200 after 2, 200",
        [ann(), ann(8), ann(9), ann(10.5), ann(10.5)],
        [(0, 401, 1), (10, 200, 1), (9, 401, 0), (10.5, 200, 1), (10.5, 200, 1)],
        [(0, "a"), (8, "a"), (10.5, "a"), (10.5, "a")],
        policies=RESTS,
    ),
    Row(
        "a probe that fails or is given up said nothing of it, and the next caller tries",
        "401, 503 after 1, hangs, 429, 200 after 0.5",
        [ann(), ann(8), ann(8.5), ann(9.5, leaves=10), ann(9.75), ann(11), ann(12), ann(12.25), ann(13)],
        [
            (0, 401, 1),
            (9, "upstream-failed", 1),
            (8.5, 401, 0),
            (10, "left", 1),
            (9.75, 401, 0),
            (11, "throttled", 1),
            (12.5, 200, 1),
            (12.25, 401, 0),
            (13.5, 200, 1),
        ],
        [(0, "a"), (8, "a"), (9.5, "a"), (11, "a"), (12, "a"), (13, "a")],
        policies=RESTS,
    ),
]
PACING = [
    Row(
        "a burst goes out at once, then one after the other",
        "200",
        [Caller(), Caller(), Caller(), Caller(), Caller(9)],
        [(0, 200, 1), (0, 200, 1), (1, 200, 1), (2, 200, 1), (9, 200, 1)],
        [(0, "a"), (0, "a"), (1, "a"), (2, "a"), (9, "a")],
        [1, 2],
        PACED,
    ),
    Row(
        "each credential has its own turns, and who leaves keeps its turn from the others",
        "200",
        [ann(), ann(), ann(leaves=0.5), ann(), bob()],
        [(0, 200, 1), (0, 200, 1), (0.5, "left", 0), (2, 200, 1), (0, 200, 1)],
        [(0, "a"), (0, "a"), (0, "a"), (2, "a")],
        [1, 2],
        PACED,
    ),
    Row(
        "what nobody waits for does not wait, and leaves half of a burst to who does",
        "200",
        [behind(), behind(), behind(), behind(), Caller(has_fallback=True), Caller(has_fallback=True), Caller()],
        [(0, 200, 1), (0, 200, 1), (0, 200, 1), (0, "paced", 0), (0, 200, 1), (0, "paced", 0), (1, 200, 1)],
        [(0, "a"), (0, "a"), (0, "a"), (0, "a"), (1, "a")],
        [1],
        {"pacing": PacingPolicy(rate=1, burst=4)},
    ),
    Row(
        "in a pause nobody calls, and who has something to fall back on hears so",
        "429 wait 2, 200",
        [Caller(), Caller(1), Caller(1, has_fallback=True), Caller(1, deadline=0.5)],
        [(0, "throttled", 1), (2, 200, 1), (1, "paused", 0), (1, "paused", 0)],
        [(0, "a"), (2, "a")],
        [1],
    ),
    Row(
        "those who waited for their turn as a pause began are spread over the time after it",
        "200, 429 wait 4, 200",
        [Caller(), Caller(), Caller(), Caller(), Caller(deadline=6.5)],
        [(0, 200, 1), (1, "throttled", 1), (5, 200, 1), (6, 200, 1), (4, "paced", 0)],
        [(0, "a"), (1, "a"), (5, "a"), (6, "a")],
        [1, 2, 3, 4, 3, 3],
        {"pacing": PacingPolicy(rate=1, burst=1)},
    ),
]
CONCURRENCY = [
    Row(
        "one after the other has its slot, few wait, and who is one too many hears so",
        "200 after 1",
        [Caller(), Caller(), Caller(), Caller()],
        [(1, 200, 1), (2, 200, 1), (3, 200, 1), (0, "queue-full", 0)],
        [(0, "a"), (1, "a"), (2, "a")],
        policies=ALONE,
    ),
    Row(
        "the most urgent is the next, and the least urgent is shed for it",
        "200 after 1",
        [Caller(), behind(), Caller(priority=Priority.NOTIFIED), Caller(0.5)],
        [(1, 200, 1), (0.5, "queue-full", 0), (3, 200, 1), (2, 200, 1)],
        [(0, "a"), (1, "a"), (2, "a")],
        policies=ALONE,
    ),
    Row(
        "a credential has its own slots, and who waits for them lets others by",
        "200 after 1",
        [ann(), ann(), bob(0.5)],
        [(1, 200, 1), (2, 200, 1), (1.5, 200, 1)],
        [(0, "a"), (0.5, "a"), (1, "a")],
        policies={"concurrency": ConcurrencyPolicy(upstream=2, credential=1)},
    ),
    Row(
        "an answer holds its slot until its body is here",
        "200 body 3",
        [Caller(), Caller(1)],
        [(0, 200, 1), (3, 200, 1)],
        [(0, "a"), (3, "a")],
        policies=ALONE,
    ),
    Row(
        "who leaves the line or a slot makes room",
        "200 after 4",
        [Caller(leaves=1), Caller(leaves=0.5), Caller(), Caller(0.75)],
        [(1, "left", 1), (0.5, "left", 0), (5, 200, 1), (9, 200, 1)],
        [(0, "a"), (1, "a"), (5, "a")],
        policies=ALONE,
    ),
]
ADAPTIVE = {"concurrency": ConcurrencyPolicy(upstream=2, adaptive=True, least=1)}
ADAPTIVE_LIMIT = [
    Row(
        "while answers come as they did, all slots are given",
        "200 after 1",
        [Caller(), Caller(), Caller(2), Caller(2)],
        [(1, 200, 1), (1, 200, 1), (3, 200, 1), (3, 200, 1)],
        [(0, "a"), (0, "a"), (2, "a"), (2, "a")],
        policies=ADAPTIVE,
    ),
    *(
        Row(
            f"fewer are, once one {what}",
            says,
            [Caller(), Caller(3), Caller(3)],
            [(at, word, 1), (4, 200, 1), (5, 200, 1)],
            [(0, "a"), (3, "a"), (4, "a")],
            policies=ADAPTIVE | {"timeout": TimeoutPolicy(attempt=attempt, total=total)},
        )
        for what, says, at, word, attempt, total in [
            ("failed", "503, 200 after 1", 0, "upstream-failed", 5, 9),
            ("was lost", "lost, 200 after 1", 0, "connection-lost", 5, 9),
            ("took too long", "hangs, 200 after 1", 1.5, "timeout", 1.5, 9),
            ("was cut off", "hangs, 200 after 1", 2.5, "timeout", 5, 2.5),
        ]
    ),
]
HEDGE = [
    Row(
        "a second call follows a slow one, and the first that answers is taken",
        "200 after 2, 201 after 0.5, 200 after 0.5, 201 after 2",
        [Caller(), Caller(3)],
        [(0.75, 201, 2), (3.5, 200, 2)],
        [(0, "a"), (0.25, "a"), (3, "a"), (3.25, "a")],
        [0.25, 0.25],
        HEDGED,
    ),
    Row(
        "of two that fail the first is told, when both have",
        "503 after 1, lost after 1",
        [Caller()],
        [(1.25, "upstream-failed", 2)],
        [(0, "a"), (0.25, "a")],
        [0.25],
        HEDGED,
    ),
    Row(
        "one that fails in time has no second, and neither has a write",
        "lost, 200 after 1",
        [Caller(), Caller(1, is_safe=False)],
        [(0, "connection-lost", 1), (2, 200, 1)],
        [(0, "a"), (1, "a")],
        [0.25],
        HEDGED,
    ),
    Row(
        "second calls are retries, and end where those that were earned do",
        "200 after 1",
        [Caller(), Caller(2), Caller(4)],
        [(1, 200, 2), (3, 200, 1), (5, 200, 1)],
        [(0, "a"), (0.25, "a"), (2, "a"), (4, "a")],
        [0.25, 0.25, 0.25],
        HEDGED | {"retry": RetryPolicy(attempts=1, budget=0, floor=0.0625)},
    ),
    Row(
        "who leaves ends both",
        "hangs",
        [Caller(leaves=1)],
        [(1, "left", 2)],
        [(0, "a"), (0.25, "a")],
        [0.25],
        HEDGED,
    ),
    Row(
        "of two that answer at once the other's body is let go",
        "200 body 9 after 0.75, 201 body 1 after 0.5",
        [Caller()],
        [(0.75, 200, 2)],
        [(0, "a"), (0.25, "a")],
        [0.25],
        HEDGED,
    ),
]
ORDERS = [
    Row(
        "held open nobody is called, until its time is over",
        "200",
        [Caller(), Caller(2), Caller(3)],
        [(0, 200, 1), (2, "circuit-open", 0), (3, 200, 1)],
        [(0, "a"), (3, "a")],
        orders={1: Order("open", 2)},
    ),
    Row(
        "released, calls go out again, and drained they do too",
        "200",
        [Caller(1.5), Caller(2.5), Caller(3.5)],
        [(1.5, "circuit-open", 0), (2.5, 200, 1), (3.5, 200, 1)],
        [(2.5, "a"), (3.5, "a")],
        orders={1: Order("open", 9), 2: Order("auto"), 3: Order("drain", 9)},
    ),
]
ROWS = [
    *DEADLINE, *RETRY, *BREAKER, *PLACES, *CREDENTIAL, *PACING, *CONCURRENCY, *ADAPTIVE_LIMIT, *HEDGE, *ORDERS,
]  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name.replace(" ", "-"))
def test_a_guard(row):
    assert played(row) == row.expected
