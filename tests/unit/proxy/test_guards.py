"""One call and its guards, in pairs: what each does where another acts too."""

import asyncio

import pytest

from policies import BreakerPolicy, Circuit, ConcurrencyPolicy, Demand, RetryPolicy, TimeoutPolicy
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.messages import TransportError
from tests.unit.proxy.conftest import PlanOf

OPENS_AT_TWO = BreakerPolicy(minimum_calls=2, failure_ratio=0.5, cooldown=10)


async def failure_of(line, **options):
    with pytest.raises(UpstreamFailure) as caught:
        await line.call(**options)
    return caught.value


@pytest.mark.parametrize("trouble", [500, 502, 503, 408, TransportError("unreachable", sent=False)])
async def test_a_read_that_failed_is_tried_again(line, trouble):
    there = line(trouble, trouble, 200)

    reply = await there.call()

    assert (reply.status, reply.calls, there.calls, there.seen.retries) == (200, 3, 3, 2)


@pytest.mark.parametrize("status", [200, 204, 301, 304, 400, 401, 403, 404, 410, 422])
async def test_an_answer_is_an_answer_and_not_tried_again(line, status):
    there = line(status, 200)

    assert (await there.call()).status == status
    assert there.calls == 1


async def test_attempts_end_at_their_number_and_the_last_words_are_told(line):
    there = line(500, 502, 503, 200)

    failure = await failure_of(there)

    assert (failure.reply.status, failure.calls, failure.detail) == (503, 3, "upstream-failed")
    assert (there.upstream.last_error, there.upstream.last_error_at) == ("upstream-failed", there.clock.now)


@pytest.mark.parametrize("trouble", [503, TransportError("timeout", sent=True)])
async def test_a_write_is_never_tried_again(line, trouble):
    there = line(trouble, 200)

    failure = await failure_of(there, is_safe=False)

    assert (failure.calls, there.calls, there.seen.retries) == (1, 1, 0)


async def test_waits_double_under_their_ceiling(line):
    there = line(500, retry=RetryPolicy(attempts=6, wait=0.5, max_wait=2, floor=1), random=1.0)

    await failure_of(there)

    assert there.waits == [0.5, 1, 2, 2, 2]


async def test_jitter_may_take_all_of_a_wait(line):
    there = line(500, retry=RetryPolicy(attempts=3, wait=0.5, max_wait=2), random=0.0)

    await failure_of(there)

    assert there.waits == [0, 0]


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("header", "asked"), [("1", 1), ("2", 2), ("0", 0), ("Sun, 06 Nov 1994 08:49:38 GMT", 1)])
async def test_no_attempt_comes_before_the_upstream_wants_it(line, status, header, asked):
    there = line((status, {"Retry-After": header}), 200)

    assert (await there.call()).status == 200
    assert there.waits == [asked]


async def test_jitter_comes_on_top_of_what_the_upstream_asked(line):
    there = line((503, {"Retry-After": "1"}), 200, retry=RetryPolicy(wait=0.5), random=1.0)

    await there.call()

    assert there.waits == [1.5]


@pytest.mark.parametrize("header", ["3", "86400", "Sun, 06 Nov 1994 08:49:47 GMT"])
@pytest.mark.parametrize("status", [429, 503])
async def test_a_wait_beyond_the_longest_ends_the_retrying(line, status, header):
    there = line((status, {"Retry-After": header}), 200)

    failure = await failure_of(there)

    assert (there.calls, there.waits) == (1, [])
    assert failure.wait > 2


async def test_a_wait_beyond_the_deadline_ends_the_retrying(line):
    policies = {"retry": RetryPolicy(max_wait=60), "timeout": TimeoutPolicy(attempt=1, total=5)}
    there = line((503, {"Retry-After": "6"}), 200, **policies)

    await failure_of(there)

    assert there.calls == 1


@pytest.mark.parametrize("headers", [{}, {"Retry-After": "soon"}])
async def test_throttled_without_a_word_on_when_is_not_tried_again(line, headers):
    there = line((429, headers), 200)

    failure = await failure_of(there)

    assert (there.calls, failure.detail, failure.wait) == (1, "throttled", None)


async def test_without_budget_nothing_is_repeated(line):
    there = line(500, retry=RetryPolicy(attempts=5, wait=0, budget=0, floor=0))

    await failure_of(there)

    assert there.calls == 1


async def test_callers_share_one_budget(line):
    there = line(
        500,
        retry=RetryPolicy(attempts=10, wait=0, budget=0, floor=0.4),  # four retries are saved up
        breaker=BreakerPolicy(minimum_calls=1_000),
    )
    for _ in range(6):
        await failure_of(there)

    assert there.calls == 6 + 4


async def test_an_attempt_that_may_not_follow_costs_no_budget(line):
    there = line(500, retry=RetryPolicy(attempts=1, budget=0, floor=1))
    before = there.budget.left

    await failure_of(there)
    await failure_of(there, is_safe=False)

    assert there.budget.left == before


async def test_each_attempt_is_counted_and_an_open_circuit_ends_the_retrying(line):
    there = line(500, retry=RetryPolicy(attempts=5, wait=0), breaker=OPENS_AT_TWO)

    failure = await failure_of(there)

    assert (there.calls, failure.calls, failure.detail) == (2, 2, "circuit-open")
    assert there.breaker.state is Circuit.OPEN


async def test_an_open_circuit_costs_neither_a_call_nor_a_retry_nor_a_wait(line):
    there = line(500, retry=RetryPolicy(attempts=2, wait=0), breaker=OPENS_AT_TWO)
    await failure_of(there)
    left, waits = there.budget.left, list(there.waits)
    there.clock.advance(4)

    failure = await failure_of(there)

    assert (failure.calls, failure.sent, there.calls) == (0, False, 2)
    assert there.waits == waits
    assert there.budget.left >= left
    assert (failure.problem.problem.status, failure.problem.problem.retry_after) == (503, 6)


async def test_the_probe_that_succeeds_opens_the_way(line):
    there = line(500, 500, 200, retry=RetryPolicy(attempts=2, wait=0), breaker=OPENS_AT_TWO)
    await failure_of(there)
    there.clock.advance(10)

    assert (await there.call()).status == 200
    assert there.breaker.state is Circuit.CLOSED


@pytest.mark.parametrize(
    ("answer", "failed"), [(200, 0), (404, 0), (401, 0), (403, 0), (429, 0), (500, 1), (503, 1), (408, 1)]
)
async def test_only_the_upstreams_own_fault_counts_against_it(line, answer, failed):
    there = line(answer, retry=RetryPolicy(attempts=1))
    try:
        await there.call()
    except UpstreamFailure:
        assert answer in (429, 500, 503, 408)

    assert there.breaker.counts == (1, failed, 0)


async def test_a_caller_who_leaves_says_nothing_of_the_upstream(line):
    never = asyncio.get_running_loop().create_future()

    async def silence():
        await never

    there = line(silence)
    task = asyncio.create_task(there.call())
    while not there.calls:
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert there.breaker.counts == (0, 0, 0)
    assert (there.slots.in_flight, there.slots.waiting) == (0, 0)


async def test_calls_that_waited_while_the_circuit_opened_stay_at_home(line):
    there = line(
        500,
        retry=RetryPolicy(attempts=1),
        breaker=OPENS_AT_TWO,
        concurrency=ConcurrencyPolicy(upstream=1, queue=50),
    )

    failures = await asyncio.gather(*(failure_of(there) for _ in range(20)))

    assert there.breaker.state is Circuit.OPEN
    assert [failure.detail for failure in failures[2:]] == ["circuit-open"] * 18
    assert there.calls == 2


async def test_a_probe_that_finds_no_slot_is_free_again(line):
    gate = asyncio.Event()

    async def slow():
        await gate.wait()
        return 200

    there = line(slow, retry=RetryPolicy(attempts=1), concurrency=ConcurrencyPolicy(upstream=1, queue=0))
    first = asyncio.create_task(there.call())
    while not there.calls:
        await asyncio.sleep(0)
    for _ in range(20):
        there.breaker.failed(there.breaker.check())
    there.clock.advance(30)
    assert (await failure_of(there)).detail == "queue-full"

    gate.set()
    await first

    assert (await there.call()).status == 200


async def test_a_full_queue_is_not_tried_again(line):
    gate = asyncio.Event()

    async def slow():
        await gate.wait()
        return 200

    there = line(slow, concurrency=ConcurrencyPolicy(upstream=1, queue=1))
    running = [asyncio.create_task(there.call()) for _ in range(2)]
    while not there.slots.waiting:
        await asyncio.sleep(0)

    failure = await failure_of(there)

    assert (failure.detail, failure.sent, failure.calls, there.seen.retries) == ("queue-full", False, 0, 0)
    assert failure.problem.problem.status == 503
    gate.set()
    assert [reply.status for reply in await asyncio.gather(*running)] == [200, 200]


async def test_the_slot_is_free_while_a_call_waits_to_be_repeated(line, lost):
    there = line(lost, 200, concurrency=ConcurrencyPolicy(upstream=1, queue=0))
    held = []

    async def sleep(seconds):
        held.append(there.slots.in_flight)

    there.upstream._tools = there.upstream._tools._replace(sleep=sleep)

    await there.call()

    assert held == [0]


async def test_an_attempt_that_took_too_long_is_tried_again(line):
    there = line(TransportError("timeout", sent=True), 200)

    assert (await there.call()).calls == 2


@pytest.mark.parametrize(("kind", "status"), [("timeout", 504), ("unreachable", 502), ("connection-lost", 502)])
async def test_what_a_caller_is_told_when_no_answer_came(line, kind, status):
    there = line(TransportError(kind, sent=True))

    failure = await failure_of(there)

    assert (failure.detail, failure.reply, failure.sent) == (kind, None, True)
    assert failure.problem.problem.status == status


async def test_the_total_ends_everything_however_often_was_tried(line):
    async def silence():
        await asyncio.Event().wait()

    there = line(500, silence, timeout=TimeoutPolicy(attempt=5, total=0.2))

    failure = await failure_of(there)

    assert (failure.detail, failure.calls, failure.sent) == ("timeout", 2, True)
    assert failure.problem.problem.status == 504
    assert (there.slots.in_flight, there.slots.waiting) == (0, 0)


async def test_the_total_holds_over_waiting_for_a_slot(line):
    there = line(200, timeout=TimeoutPolicy(attempt=5, total=0.01), concurrency=ConcurrencyPolicy(upstream=1))
    async with there.slots.taken("another", shared=True):
        failure = await failure_of(there)

    assert (failure.detail, failure.calls) == ("timeout", 0)
    assert there.slots.waiting == 0


async def test_an_upstream_that_never_answers_within_the_total_opens_the_circuit(line):
    async def silence():
        await asyncio.Event().wait()

    timeout = TimeoutPolicy(attempt=0.1, total=0.1)
    there = line(silence, timeout=timeout, breaker=OPENS_AT_TWO, retry=RetryPolicy(attempts=1))
    for _ in range(3):
        await failure_of(there)

    assert there.breaker.state is Circuit.OPEN
    assert there.calls == 2


async def test_what_was_last_seen_goes_over_a_reload_and_not_to_another_place(line):
    there = line(503)
    await failure_of(there)
    seen, orders = there.upstream.failures, there.upstream.orders

    there.upstreams.follow([PlanOf(there.policies)])
    after = there.upstream
    assert (after.last_error, after.last_error_at, after.reached) == ("upstream-failed", there.clock.now, True)
    assert (after.failures, after.orders) == (seen, orders)

    there.upstreams.follow([PlanOf(there.policies, ("http://elsewhere",))])
    after = there.upstream
    assert (after.last_error, after.last_error_at, after.reached, after.failures) == (None, None, None, {})
    assert after.orders is orders


async def test_an_attempt_that_the_deadline_cut_off_is_counted_as_such(line):
    async def silence():
        await asyncio.sleep(60)

    there = line(silence, timeout=TimeoutPolicy(attempt=60, total=0.01), retry=RetryPolicy(attempts=1))

    with pytest.raises(UpstreamFailure, match="timeout"):
        await there.call()
    assert there.seen.attempts == ["cut-off"]


async def test_who_left_less_time_than_any_answer_of_late_took_hears_that_nobody_was_asked_and_why(line):
    async def slow():
        there.clock.advance(2)
        return 200

    there = line(slow, retry=RetryPolicy(attempts=1))
    await there.call()

    with pytest.raises(UpstreamFailure, match="too-short") as declined:
        await there.call(demand=Demand(deadline=there.clock() + 0.5))

    assert declined.value.problem.problem.status == 504
    assert declined.value.problem.problem.detail == (
        "there was not asked: none of its last answers came within the 500 ms that this caller had left. "
        "It is asked again in 10 s at the latest, or by whoever waits longer."
    )
    assert there.calls == 1
    there.clock.advance(10)
    assert (await there.call(demand=Demand(deadline=there.clock() + 0.5))).status == 200
