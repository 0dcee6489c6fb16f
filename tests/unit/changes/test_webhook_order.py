"""The order of durability: what dies at any step, a second delivery makes good; a third does nothing."""

import pytest

from adapters import Link
from proxy.store.fences import Validity
from proxy.store.none import NoStore
from tests.unit.changes.deliveries import Death, Disk, World, enrolled, event, failure, plain

STEPS = ["marked", "find_link", "purge", "learn", "mark"]
ROSTER, OLD_ROSTER = "courseworks/course:565:roster", "courseworks/course:564:roster"
MOVED = plain(enrolled(46825, 20064, 565))  # the index still has it in course 564


def disk_that_knows_the_old_course():
    disk = Disk()
    disk.links["courseworks", "46825"] = Link("46825", "20064", "564")
    return disk


def is_done(disk):
    return {ROSTER, OLD_ROSTER} <= {record.tag for record in disk.purges} and disk.links[
        "courseworks", "46825"
    ] == Link("46825", "20064", "565")


async def test_the_purge_is_durable_before_the_links_and_both_before_the_mark():
    world = World(disk_that_knows_the_old_course())

    await world.receive("plain", MOVED)

    assert [step for step in world.store.steps if step in STEPS[2:]] == ["purge", "learn", "mark"]
    assert is_done(world.disk)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_death_at_any_step_loses_nothing(step, when):
    disk = disk_that_knows_the_old_course()
    first = World(disk)
    fence_of_an_old_entry = first.fences.number
    first.store.breaks(step, when, Death())

    with pytest.raises(Death):
        await first.receive("plain", MOVED)
    assert is_done(disk) or not disk.marks  # never remembered before it is done

    second = World(disk)
    reply = await second.receive("plain", MOVED)

    assert (reply.status, reply.counted_as) == (200, "duplicate" if (step, when) == ("mark", "after") else "accepted")
    assert is_done(disk)
    assert World(disk).fences.validity([ROSTER], fence_of_an_old_entry) is not Validity.CURRENT
    assert World(disk).fences.validity([OLD_ROSTER], fence_of_an_old_entry) is not Validity.CURRENT
    assert (await second.receive("plain", MOVED)).counted_as == "duplicate"


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
async def test_a_store_that_fails_at_any_step_asks_for_the_notification_again(step, when):
    world = World(disk_that_knows_the_old_course())
    fence_of_an_old_entry = world.fences.number
    world.store.breaks(step, when, failure())

    reply = await world.receive("plain", MOVED)

    assert (reply.status, reply.counted_as) == (503, "not-durable")
    assert reply.retry_after
    assert [str(error) for _, error in world.errors] == ["disk full"] * len(world.errors) != []
    assert is_done(world.disk) or not world.disk.marks
    # In memory it holds at once, also where the store could not even be asked.
    assert world.fences.validity([ROSTER], fence_of_an_old_entry) is Validity.SOFT

    world.store.breaks(None, None, None)
    reply = await world.receive("plain", MOVED)

    assert reply.status == 200
    assert is_done(world.disk)
    assert (await world.receive("plain", MOVED)).counted_as == "duplicate"


async def test_a_failed_purge_is_not_followed_by_a_link_or_a_mark():
    world = World()
    world.store.breaks("purge", "before", failure())

    await world.receive("plain", MOVED)

    assert (world.disk.links, world.disk.marks) == ({}, {})


async def test_a_store_chosen_to_keep_nothing_still_acknowledges_and_remembers():
    world = World()
    webhooks = world.over(NoStore(world.clock))
    fence_of_an_old_entry = world.fences.number

    replies = [await webhooks.receive("plain", {}, MOVED) for _ in range(2)]

    assert [(reply.status, reply.counted_as) for reply in replies] == [(200, "accepted"), (200, "duplicate")]
    assert world.fences.validity([ROSTER], fence_of_an_old_entry) is Validity.SOFT


async def test_an_entry_fetched_after_the_notification_stays_current():
    world = World()
    await world.receive("plain", plain(event()))

    assert world.fences.validity(["courseworks/course:565"], world.fences.number) is Validity.CURRENT
    assert world.fences.settles(["courseworks/course:565"])


def test_an_upstream_without_settle_seconds_is_refused_at_start():
    world = World()

    with pytest.raises(ValueError, match="courseworks"):
        type(world.webhooks)(
            world.channels(), {}, purger=None, store=world.store, clock=world.clock, on_error=lambda *_: None
        )
