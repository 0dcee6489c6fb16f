"""Hedging: a second call only where the first is slow and it may; one answer is taken, and nothing else stays."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.errors import UpstreamUnreachable
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.hedging import hedged
from proxy.upstream.messages import Reply


def failure(word):
    return UpstreamFailure(word, problem=UpstreamUnreachable("there"))


async def settle():
    for _ in range(20):
        await asyncio.sleep(0)


class Try:
    """A try that ends when told: with a Reply, or with an error."""

    def __init__(self):
        self.begun = 0
        self.was_cancelled = False
        self.answers_when_cancelled = None
        self.end = asyncio.get_running_loop().create_future()

    async def __call__(self):
        self.begun += 1
        try:
            return await self.end
        except asyncio.CancelledError:
            self.was_cancelled = True
            if self.answers_when_cancelled is None:
                raise
            return self.answers_when_cancelled


class Race:
    """A hedged call, and what it is told."""

    def __init__(self):
        self.first, self.second = Try(), Try()
        self.alarm = asyncio.Event()
        self.slept, self.asked, self.let_go = [], 0, []
        self.may_hedge = True

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await self.alarm.wait()

    def may(self):
        self.asked += 1
        return self.may_hedge

    async def release(self, reply):
        await asyncio.sleep(0)
        self.let_go.append(reply)

    async def begin(self, *, is_slow=False):
        call = hedged(self.first, self.second, 0.25, may=self.may, sleep=self.sleep, let_go=self.release)
        self.task = asyncio.create_task(call)
        await settle()
        if is_slow:
            self.alarm.set()
            await settle()
        return self.task


@pytest.fixture
async def race():
    yield Race()
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_first_that_answers_in_time_is_alone_and_costs_no_retry(race):
    call = await race.begin()
    race.first.end.set_result(Reply(200, (), {}))

    assert (await call).status == 200
    assert (race.slept, race.second.begun, race.asked) == ([0.25], 0, 0)


async def test_a_first_that_fails_in_time_is_alone_too(race):
    call = await race.begin()
    race.first.end.set_exception(failure("unreachable"))

    with pytest.raises(UpstreamFailure, match="unreachable"):
        await call
    assert (race.second.begun, race.asked) == (0, 0)


async def test_the_alarm_is_over_when_the_answer_is_handed_on(race):
    race.first.end.set_result(Reply(200, (), {}))

    await hedged(race.first, race.second, 0.25, may=race.may, sleep=race.sleep, let_go=race.release)

    assert race.slept == [0.25]
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_slow_first_is_waited_for_where_no_second_may_go_out(race):
    race.may_hedge = False
    call = await race.begin(is_slow=True)
    assert (race.asked, race.second.begun, call.done()) == (1, 0, False)

    race.first.end.set_result(Reply(200, (), {}))

    assert (await call).status == 200
    assert not race.first.was_cancelled


@pytest.mark.parametrize(("quick", "late"), [("first", "second"), ("second", "first")])
async def test_of_two_the_one_that_answers_first_is_taken_and_the_other_ended(race, quick, late):
    call = await race.begin(is_slow=True)
    assert (race.first.begun, race.second.begun, race.asked) == (1, 1, 1)

    getattr(race, quick).end.set_result(Reply(200, (), {}))

    assert (await call).status == 200
    assert getattr(race, late).was_cancelled
    assert race.let_go == []


@pytest.mark.parametrize(("failing", "other"), [("first", "second"), ("second", "first")])
async def test_one_that_fails_leaves_it_to_the_other(race, failing, other):
    call = await race.begin(is_slow=True)
    getattr(race, failing).end.set_exception(failure("unreachable"))
    await settle()
    assert not call.done()

    getattr(race, other).end.set_result(Reply(203, (), {}))

    assert (await call).status == 203


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
async def test_where_both_fail_the_failure_of_the_first_is_told(race, order):
    call = await race.begin(is_slow=True)
    for name in order:
        getattr(race, name).end.set_exception(failure(f"the {name}"))
        await settle()

    with pytest.raises(UpstreamFailure, match="the first"):
        await call


async def test_two_that_fail_at_once_are_told_as_the_first(race):
    call = await race.begin(is_slow=True)
    race.second.end.set_exception(failure("the second"))
    race.first.end.set_exception(failure("the first"))

    with pytest.raises(UpstreamFailure, match="the first"):
        await call


@pytest.mark.parametrize("order", [("first", "second"), ("second", "first")])
async def test_of_two_answers_at_once_the_second_is_let_go(race, order):
    call = await race.begin(is_slow=True)
    for name in order:
        getattr(race, name).end.set_result(Reply({"first": 200, "second": 203}[name], (), {}))

    assert (await call).status == 200
    assert [reply.status for reply in race.let_go] == [203]


async def test_an_answer_that_comes_in_spite_of_the_end_is_let_go(race):
    call = await race.begin(is_slow=True)
    race.first.answers_when_cancelled = Reply(203, (), {})
    race.second.end.set_result(Reply(200, (), {}))

    assert (await call).status == 200
    assert [reply.status for reply in race.let_go] == [203]


@pytest.mark.parametrize("name", ["first", "second"])
async def test_an_error_that_is_no_failure_of_the_upstream_is_raised_at_once(race, name):
    call = await race.begin(is_slow=True)
    getattr(race, name).end.set_exception(ValueError("ours"))

    with pytest.raises(ValueError, match="ours"):
        await call
    assert race.first.was_cancelled or race.second.was_cancelled


async def test_who_gives_up_ends_both(race):
    call = await race.begin(is_slow=True)
    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call
    assert race.first.was_cancelled
    assert race.second.was_cancelled


async def test_who_gives_up_while_the_other_is_being_ended_leaves_no_answer_behind(race):
    """An answer that nobody takes would keep its connection and its slot."""
    call = await race.begin(is_slow=True)
    race.second.answers_when_cancelled = Reply(203, (), {})
    race.first.end.set_result(Reply(200, (), {}))
    while not race.second.was_cancelled:
        await asyncio.sleep(0)
    call.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call
    assert sorted(reply.status for reply in race.let_go) == [200, 203]


async def test_one_that_gives_up_by_itself_ends_the_other(race):
    call = await race.begin(is_slow=True)
    race.first.end.cancel()

    with pytest.raises(asyncio.CancelledError):
        await call
    assert race.second.was_cancelled


# Turns of the event loop: until a try ends, and that it takes to stop once it is cancelled.
ENDS = st.tuples(st.integers(0, 4), st.sampled_from(["answers", "fails", "never"]))
STOPS = st.tuples(st.integers(0, 2), st.sampled_from(["stops", "answers", "fails"]))


class Scripted:
    """A try that takes so many turns of the loop; keeps what it brought."""

    def __init__(self, end, stop, brought):
        self.end, self.stop, self.brought, self.under_way = end, stop, brought, 0

    async def __call__(self):
        self.under_way += 1
        try:
            return await self._run(*self.end)
        except asyncio.CancelledError:
            turns, how = self.stop
            for _ in range(turns):
                await asyncio.sleep(0)
            return await self._run(0, how)
        finally:
            self.under_way -= 1

    async def _run(self, turns, how):
        for _ in range(turns):
            await asyncio.sleep(0)
        if how == "never":
            await asyncio.Event().wait()
        if how == "stops":
            raise asyncio.CancelledError
        if how == "fails":
            raise failure("unreachable")
        self.brought.append(Reply(200, (), {}))
        return self.brought[-1]


@given(ENDS, STOPS, ENDS, STOPS, st.integers(0, 3), st.integers(1, 3))
def test_given_up_at_whatever_turn_nothing_stays_and_each_answer_is_taken_or_let_go(first, calm, second, after, at, n):
    for turn in range(14):
        asyncio.run(given_up(turn, (first, calm), (second, after), slow_after=at, times=n))


async def given_up(turn, first, second, *, slow_after, times):
    """Cancelled `times` times from this turn of the loop on."""
    brought, let_go = [], []
    tries = [Scripted(*first, brought), Scripted(*second, brought)]

    async def sleep(_):
        for _ in range(slow_after):
            await asyncio.sleep(0)

    async def release(reply):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        let_go.append(reply)

    call = asyncio.create_task(hedged(*tries, 1.0, may=lambda: True, sleep=sleep, let_go=release))
    for _ in range(turn):
        await asyncio.sleep(0)
    for _ in range(times):
        call.cancel()
        await asyncio.sleep(0)
    ended = (await asyncio.gather(call, return_exceptions=True))[0]

    taken = [ended] if isinstance(ended, Reply) else []
    assert sorted(map(id, brought)) == sorted(map(id, [*let_go, *taken]))
    assert [one.under_way for one in tries] == [0, 0]
    assert asyncio.all_tasks() == {asyncio.current_task()}
