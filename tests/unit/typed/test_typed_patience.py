"""Patience: a request that takes several calls takes no longer than its caller gives it."""

import asyncio
from types import SimpleNamespace

import pytest

from policies import Demand
from proxy.answers import Answer, CacheStatus
from proxy.batches.batching import Batching
from proxy.errors import NothingCached
from proxy.typed.patience import patience_of


def test_what_a_caller_gives_runs_from_the_beginning():
    now = [100.0]
    patience = patience_of({"X-Request-Timeout": "2"}, lambda: now[0])
    now[0] += 1.5
    assert (patience.left, patience.is_over) == (0.5, False)

    now[0] += 1
    assert (patience.left, patience.is_over) == (0.0, True)


def test_who_is_asked_first_of_two_leaves_half_of_it_to_the_other():
    now = [100.0]
    patience = patience_of({"X-Request-Timeout": "2"}, lambda: now[0])
    first = patience.share(2)
    now[0] += 1

    assert (first.left, first.is_over) == (0.0, True)
    assert (patience.share(1).left, patience.is_over) == (1.0, False)
    assert patience_of({}, lambda: now[0]).share(2).left is None


def test_who_says_nothing_waits_for_as_long_as_it_takes():
    patience = patience_of({}, lambda: 0.0)

    assert (patience.left, patience.is_over) == (None, False)


class Engine:
    """Has nothing at once, and answers after a turn of the loop."""

    def __init__(self):
        self.under_way, self.most, self.budgets = 0, 0, []

    def at_once(self, ask):
        return None

    async def answer(self, ask):
        self.budgets.append(ask.budget)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        if ask.key == b"none":
            raise NothingCached
        return Answer(200, (), ask.key, CacheStatus(), calls=1)


def asks(*keys):
    return [SimpleNamespace(key=key, budget=99.0, demand=Demand()) for key in keys]


async def test_no_more_than_so_many_wait_at_a_time_and_each_has_what_is_left_when_its_turn_comes():
    engine, left = Engine(), iter([5.0, 4.0, 3.0, 2.0])
    each = await Batching(engine, None, None).apart(asks(b"a", b"b", b"c", b"d"), 2, lambda: next(left))

    assert [answer.body for _, answer in each.found] == [b"a", b"b", b"c", b"d"]
    assert (engine.most, engine.budgets, each.calls) == (2, [5.0, 4.0, 3.0, 2.0], 4)


async def test_one_that_has_no_answer_takes_it_from_no_other_and_those_alike_are_asked_for_once():
    engine = Engine()
    each = await Batching(engine, None, None).apart(asks(b"a", b"none", b"a"), 9, lambda: None)

    assert [type(outcome) for _, outcome in each.found] == [Answer, NothingCached, Answer]
    assert (len(engine.budgets), each.calls) == (2, 1)


async def test_what_nobody_foresaw_is_nobodys_answer():
    engine = Engine()
    engine.answer = lambda ask: asyncio.sleep(0, 1 / 0)

    with pytest.raises(ZeroDivisionError):
        await Batching(engine, None, None).apart(asks(b"a"), 1, lambda: None)


async def test_who_leaves_leaves_nothing_behind():
    ended, begun = [], asyncio.Event()

    class Slow(Engine):
        async def answer(self, ask):
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(ask.key)

    both = asks(b"a", b"b")
    asking = asyncio.create_task(Batching(Slow(), None, None).apart(both, 2, lambda: None))
    await begun.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert sorted(ended) == [b"a", b"b"]
    assert all(ask.demand.left(now=0.0) < 0 for ask in both)
