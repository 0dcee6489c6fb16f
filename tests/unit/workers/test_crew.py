"""The crew: as many workers as told, by one config, replaced when they end, and one after the other when they must."""

import asyncio

import pytest

from proxy.upstream.orders import Order
from proxy.workers.control import Abort, Commit, Failed, Guard, Prepare
from proxy.workers.hired import CannotServe
from tests.unit.workers.crews import BAD, FIRST, PROBLEM, SECOND, Stage


@pytest.fixture
async def stage():
    """Two workers that serve."""
    built = Stage()
    await built.crew.open(2)
    yield built
    await built.crew.close(within=1)


def test_a_crew_tells_how_many_it_is():
    assert repr(Stage().crew) == "<Crew of 0, 0 leaving>"


async def test_as_many_serve_as_were_told_to(stage):
    assert stage.serving == [(1, "first"), (2, "first")]
    assert [worker.process for worker in stage.crew] == [1, 2]


async def test_one_that_cannot_start_at_the_beginning_ends_all():
    stage = Stage(starts=None)
    opening = asyncio.create_task(stage.crew.open(3))
    await stage.until(lambda: len(stage.puppets) == 3)
    stage.puppets[0].start()
    await stage.until(lambda: stage.crew.serving)

    stage.puppets[1].start("the disk is full")

    with pytest.raises(CannotServe, match="the disk is full"):
        await opening
    assert all(puppet.is_gone for puppet in stage.puppets)
    assert list(stage.crew) == []


async def test_a_worker_that_is_killed_is_replaced_at_once_and_the_other_serves_on(stage):
    stage.puppets[0].end()
    await stage.until(lambda: ("restarted", 1) in stage.told)

    assert stage.told == [("ended", 1), ("lost", 1, "killed by signal 9", 0.0), ("restarted", 1)]
    assert stage.crew.serving == [stage.puppets[2], stage.puppets[1]]


async def test_a_crash_loop_backs_off(stage):
    for _ in range(6):
        worker = stage.crew.serving[0]
        worker.end()
        await stage.until(lambda gone=worker: stage.crew.serving[0] is not gone and len(stage.crew.serving) == 2)

    assert stage.time.waits == [0, 0.5, 1, 2, 4, 8]


async def test_a_worker_that_lived_well_is_replaced_at_once_whatever_was_before(stage):
    for lived in (0, 0, 3600):
        stage.time.now += lived
        worker = stage.crew.serving[0]
        worker.end()
        await stage.until(lambda gone=worker: stage.crew.serving[0] is not gone and len(stage.crew.serving) == 2)

    assert stage.time.waits == [0, 0.5, 0]


async def test_a_worker_that_cannot_be_replaced_is_tried_again_ever_later(stage):
    stage.starts = "out of memory"
    stage.puppets[0].end()
    await stage.until(lambda: len([one for one in stage.told if one[0] == "not started"]) == 3)
    stage.starts = True
    await stage.until(lambda: ("restarted", 1) in stage.told)

    assert stage.time.waits[:4] == [0, 0.5, 1, 2]
    assert ("not started", 1, "out of memory", 0.5) in stage.told


async def test_a_config_holds_in_all_when_all_could_prepare_it(stage):
    assert await stage.crew.take(SECOND) == ()

    assert stage.serving == [(1, "second"), (2, "second")]
    assert stage.puppets[0].heard == [Prepare(SECOND), Commit()]


async def test_a_config_that_one_refuses_holds_in_none(stage):
    assert await stage.crew.take(BAD) == (PROBLEM,)

    assert stage.serving == [(1, "first"), (2, "first")]
    assert [puppet.heard for puppet in stage.puppets] == [[Prepare(BAD), Abort()]] * 2
    assert stage.crew.config is FIRST


async def test_a_config_that_one_does_not_answer_for_holds_in_none_and_the_reason_is_told(stage):
    stage.puppets[1].is_silent = True

    [problem] = await stage.crew.take(SECOND)

    assert problem.message == "a worker could not prepare it"
    assert stage.puppets[0].prepared is None
    assert stage.serving == [(1, "first"), (2, "first")]


async def test_a_worker_that_fails_to_let_a_config_hold_is_replaced_by_one_that_begins_with_it(stage):
    stage.puppets[1].commits = Failed("ValueError")

    assert await stage.crew.take(SECOND) == ()
    await stage.until(lambda: ("restarted", 2) in stage.told)

    assert stage.serving == [(1, "second"), (2, "second")]
    assert stage.puppets[1].is_gone


async def test_a_worker_that_is_restarted_runs_by_what_was_accepted_last(stage):
    await stage.crew.take(SECOND)
    await stage.crew.take(BAD)
    stage.puppets[0].end()
    await stage.until(lambda: ("restarted", 1) in stage.told)

    assert stage.serving == [(1, "second"), (2, "second")]


async def test_a_worker_that_starts_while_a_config_is_taken_catches_up(stage):
    stage.starts = None
    stage.puppets[0].end()
    await stage.until(lambda: len(stage.puppets) == 3)
    assert stage.puppets[2].config is FIRST

    await stage.crew.take(SECOND)
    stage.puppets[2].start()
    await stage.until(lambda: ("restarted", 1) in stage.told)

    assert stage.serving == [(1, "second"), (2, "second")]


async def ordered(stage, word, seconds=0.0):
    """An order as the supervisor gives it; whether all took it."""
    stage.crew.orders.take("courseworks", Order(word, seconds))
    return await stage.crew.tell("courseworks", Order(word, seconds))


def guards_of(puppet):
    """The orders it heard of, the last one of each kind."""
    return {guard.order.is_of_circuit: guard.order for guard in puppet.heard if isinstance(guard, Guard)}


async def test_an_order_is_heard_by_all_workers_there_are(stage):
    assert await ordered(stage, "open", 60.0)

    assert [guards_of(puppet) for puppet in stage.puppets] == [{True: Order("open", 60.0)}] * 2


async def test_an_order_that_one_does_not_answer_is_not_everywhere(stage):
    stage.puppets[1].is_silent = True

    assert not await ordered(stage, "open", 60.0)
    assert stage.crew.orders.of("courseworks").forced == "open"


async def test_a_worker_that_comes_later_hears_of_the_orders_that_hold_with_what_is_left_of_them(stage):
    await ordered(stage, "drain", 60.0)
    stage.time.now += 20
    stage.puppets[0].end()
    await stage.until(lambda: ("restarted", 1) in stage.told)

    assert guards_of(stage.puppets[2]) == {True: Order("auto"), False: Order("drain", 40.0)}


async def test_an_order_given_while_a_worker_is_about_to_join_reaches_it_too(stage):
    await ordered(stage, "open", 60.0)
    stage.starts = None
    stage.puppets[0].end()
    await stage.until(lambda: len(stage.puppets) == 3)
    late = stage.puppets[2]
    asks = late.ask

    async def ask(question, within):
        late.ask = asks  # only the first time: another order comes while this one is on its way
        await ordered(stage, "auto")
        return await asks(question, within)

    late.ask = ask
    late.start()
    await stage.until(lambda: len(stage.crew.serving) == 2)

    assert guards_of(late)[True] == Order("auto")


async def test_a_worker_that_cannot_be_told_the_orders_does_not_join(stage):
    await ordered(stage, "open", 60.0)
    stage.starts = None
    stage.puppets[0].end()
    await stage.until(lambda: len(stage.puppets) == 3)
    stage.puppets[2].is_silent = True
    stage.starts = True
    stage.puppets[2].start()
    await stage.until(lambda: len(stage.crew.serving) == 2)

    assert stage.puppets[2].is_gone
    assert ("not started", 1, "a worker could not be told what operators ordered", 0.5) in stage.told
    assert stage.crew.serving[0] is stage.puppets[3]


async def test_workers_are_replaced_one_after_the_other_each_when_the_next_one_serves(stage):
    stage.starts = None
    replacing = asyncio.create_task(stage.crew.replace(2, within=1))
    await stage.until(lambda: len(stage.puppets) == 3)
    assert stage.serving == [(1, "first"), (2, "first")]

    stage.puppets[2].start()
    await stage.until(lambda: len(stage.puppets) == 4)
    assert [process for process, _ in stage.serving] == [2, 3]
    await stage.until(lambda: stage.puppets[0].heard == [("drain", True)])
    assert stage.puppets[1].heard == []

    stage.puppets[3].start()
    await replacing
    await stage.until(lambda: stage.puppets[1].is_gone)
    assert [process for process, _ in stage.serving] == [3, 4]
    assert {one[0] for one in stage.told} == {"ended"}


@pytest.mark.parametrize("count", [1, 2, 3, 5])
async def test_another_number_of_workers_is_taken_by_replacement(stage, count):
    before = list(stage.crew.serving)

    await stage.crew.replace(count, within=1)

    assert len(stage.crew.serving) == count
    assert not set(before) & set(stage.crew.serving)
    await stage.until(lambda: all(puppet.is_gone for puppet in before))
    assert all(puppet.heard == [("drain", True)] for puppet in before)


async def test_a_replacement_that_cannot_start_leaves_those_who_serve(stage):
    stage.starts = "out of memory"

    with pytest.raises(CannotServe, match="out of memory"):
        await stage.crew.replace(2, within=1)

    assert stage.serving == [(1, "first"), (2, "first")]
    assert [puppet.heard for puppet in stage.puppets[:2]] == [[], []]


async def test_who_leaves_is_still_asked_until_it_is_gone_but_takes_no_config(stage):
    stage.puppets[0].drains = "never"
    await stage.crew.replace(2, within=60)
    assert stage.puppets[0] in list(stage.crew)

    await stage.crew.take(SECOND)

    assert stage.puppets[0].heard == [("drain", True)]
    stage.puppets[0].end()
    await stage.until(lambda: stage.puppets[0] not in list(stage.crew))


async def test_who_does_not_end_in_time_is_killed_and_that_is_told(stage):
    stage.puppets[0].drains = "never"

    await stage.crew.close(within=0.01)

    assert stage.puppets[0].is_gone
    assert [one for one in stage.told if one[0] == "not drained"] == [("not drained", 1)]


async def test_all_are_told_to_end_and_nobody_is_replaced(stage):
    await stage.crew.close(within=1)

    assert all(puppet.heard == [("drain", False)] for puppet in stage.puppets)
    assert len(stage.puppets) == 2
    assert {one[0] for one in stage.told} == {"ended"}


async def test_all_can_be_ended_at_once_while_they_drain(stage):
    for puppet in stage.puppets:
        puppet.drains = "never"
    closing = asyncio.create_task(stage.crew.close(within=60))
    await stage.until(lambda: all(puppet.heard for puppet in stage.puppets))

    stage.crew.kill()

    await closing
    assert all(puppet.is_gone for puppet in stage.puppets)


async def test_a_place_that_is_empty_is_given_up_at_once(stage):
    stage.starts = None
    stage.puppets[0].end()
    await stage.until(lambda: len(stage.puppets) == 3)

    await stage.crew.close(within=60)

    assert stage.puppets[2].is_gone


async def test_with_no_number_left_a_replacement_waits_until_somebody_is_gone():
    stage = Stage()
    await stage.crew.open(64)
    stage.puppets[0].drains = "never"
    replacing = asyncio.create_task(stage.crew.replace(64, within=60))
    await stage.until(lambda: stage.puppets[0].heard)
    for _ in range(50):
        await asyncio.sleep(0)
    assert len(stage.puppets) == 65

    stage.puppets[0].end()
    await replacing

    assert {puppet.process for puppet in stage.crew.serving} <= set(range(1, 66))
    assert len(stage.crew.serving) == 64
    await stage.crew.close(within=1)
