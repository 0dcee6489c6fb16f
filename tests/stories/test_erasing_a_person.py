"""A person who is erased is in no tier any more; what others have that is not about them is as it was."""

import asyncio

import pytest

from proxy.erasing import Eraser
from proxy.store.contract import Filter, StoreError
from tests.house import ADA, ADMIN, BEN, CY, bearer, running_larder

COURSES = "/courseworks/api/v1/courses?per_page=100"
ROSTER = "/courseworks/api/v1/courses/565/enrollments?per_page=100"
SEARCH = "/courseworks/api/v1/courses/565/search_users?per_page=100"
PROFILE = "/courseworks/api/v1/users/self"
ADAS = (b"Ada Sample", b"as0001")
PLAIN = {"store": {"compress_above": "1GiB"}}  # so that what is on disk can be searched


def eraser(larder, failed=None):
    return Eraser(larder.erasing, larder.purger, larder.durable, failed or larder.observing.store_failed)


async def erased(larder, who="user:20064", failed=None):
    person = larder.plans.upstreams["courseworks"].adapter.person(who)
    return await eraser(larder, failed).erase("courseworks", person)


async def bodies(larder):
    """What memory holds."""
    held = await larder.memory.summaries(Filter(limit=10_000))
    return [larder.memory.get(bytes.fromhex(one.key)).body for one in held]


def on_disk(folder):
    return b"".join(path.read_bytes() for path in sorted(folder.glob("larder.db*")) if path.suffix != ".lock")


def holds(data):
    return any(one in data for one in ADAS)


async def filled(house):
    """Everybody reads what they read."""
    for token, path in ((ADA, COURSES), (ADA, PROFILE), (ADA, SEARCH), (BEN, COURSES), (CY, ROSTER), (CY, SEARCH)):
        assert (await house.get(path, headers=bearer(token))).status == 200
    await house.settled()


async def test_nothing_of_a_person_is_left_in_any_tier(larder, tmp_path):
    async with larder(**PLAIN) as house:
        await filled(house)
        assert any(holds(body) for body in await bodies(house.larder))
        assert holds(on_disk(tmp_path))

        receipt = await erased(house.larder)

        assert receipt.is_complete
        assert not any(holds(body) for body in await bodies(house.larder))
        assert not holds(on_disk(tmp_path))
        [here] = receipt.processes
        assert (here.entries, here.principals, receipt.left) == (5, 1, 0)
        assert (receipt.store.entries, receipt.store.principals) == (5, 1)
        assert receipt.store.links > 0
        assert min(here.bytes, receipt.store.bytes) > 5_000


async def test_what_is_not_about_them_stays(larder):
    async with larder(**PLAIN) as house:
        await filled(house)

        await erased(house.larder)

        assert "hit" in (await house.get(COURSES, headers=bearer(BEN))).cache


async def test_what_they_read_later_is_fetched_and_kept_as_ever(larder):
    async with larder(**PLAIN) as house:
        await filled(house)
        await erased(house.larder)

        assert "fwd=miss" in (await house.get(COURSES, headers=bearer(ADA))).cache
        assert "hit" in (await house.get(COURSES, headers=bearer(ADA))).cache


@pytest.mark.parametrize("who", ["user:20064", "user:10000000020064", "user:1~20064"])
async def test_all_spellings_of_their_id_are_them(larder, who):
    async with larder(**PLAIN) as house:
        await filled(house)

        assert (await erased(house.larder, who)).processes[0].entries == 5


async def test_it_is_gone_after_a_restart_too(larder, tmp_path):
    async with larder(**PLAIN) as house:
        await filled(house)
        await erased(house.larder)
        await house.larder.close()

        async with running_larder(house.config, house.clock.clocks) as (again, _):
            house.larder = again
            assert "fwd=miss" in (await house.get(ROSTER, headers=bearer(CY))).cache


async def test_what_waits_in_quarantine_goes_too(larder):
    async with larder(**PLAIN) as house:
        await house.get(SEARCH, headers=bearer(CY))
        row = {"id": 20064, "name": "Ada Sample"}
        await house.fail(status=200, body=[row], path="/api/v1/courses/565/search_users")
        await house.get(SEARCH, headers=bearer(CY, **{"Cache-Control": "no-cache"}))
        assert len(house.larder.quarantine) == 1

        receipt = await erased(house.larder)

        assert receipt.processes[0].quarantined == 1
        assert (len(house.larder.quarantine), house.larder.quarantine.bytes) == (0, 0)


async def test_what_was_under_way_when_they_were_erased_is_not_kept(larder):
    async with larder(**PLAIN) as house:
        await filled(house)
        house.clock.advance(100)
        await house.fail(kind="latency", seconds=0.2, path="/api/v1/courses/565/search_users", times=1)
        before = await house.calls("/courseworks/api/v1/courses/565/search_users")
        live = bearer(CY, **{"Cache-Control": "no-cache"})
        late = asyncio.create_task(house.get(SEARCH, headers=live))
        while await house.calls("/courseworks/api/v1/courses/565/search_users") == before:
            await asyncio.sleep(0)

        receipt = await erased(house.larder)

        assert b"Ada Sample" in (await late).body
        await house.settled()
        assert receipt.is_complete
        assert not any(holds(body) for body in await bodies(house.larder))


async def test_nobody_known_is_erased_with_nothing_gone(larder):
    async with larder(**PLAIN) as house:
        await filled(house)

        receipt = await erased(house.larder, "user:999999")

        assert (receipt.is_complete, receipt.processes[0].entries, receipt.store.entries) == (True, 0, 0)


async def test_a_store_that_fails_is_no_complete_erasure(larder, monkeypatch):
    async with larder(**PLAIN) as house:
        await filled(house)

        async def broken(*_):
            raise StoreError("the disk is gone")

        monkeypatch.setattr(house.larder.durable, "forget_person", broken)
        failed = []
        receipt = await erased(house.larder, failed=lambda operation, error: failed.append(operation))

        assert not receipt.is_complete
        assert failed == ["erase"]
        assert not any(holds(body) for body in await bodies(house.larder))


async def test_without_a_durable_store_memory_is_all_there_is(larder):
    async with larder(store={"durable": "none", "secret": "a secret of this test"}) as house:
        await filled(house)

        receipt = await erased(house.larder)

        [here] = receipt.processes
        assert (receipt.is_complete, here.entries, here.principals) == (True, 5, 1)
        assert here.links > 0
        assert "20064" not in (await house.larder.durable.bindings()).values()


ENROLL = "/courseworks/api/v1/courses/565/enrollments"


async def enrolled(house, user="20064"):
    """An administrator enrolls somebody, once, whatever happens on the way."""
    form = {
        "enrollment[user_id]": user,
        "enrollment[type]": "StudentEnrollment",
        "enrollment[enrollment_state]": "active",
    }
    return await house.ask("POST", ENROLL, headers=bearer(ADMIN, **{"Idempotency-Key": f'"{user}"'}), data=form)


async def test_the_first_answer_of_somebody_elses_write_goes_too_and_the_write_is_not_carried_out_again(
    larder, tmp_path
):
    async with larder(**PLAIN) as house:
        first = await enrolled(house)
        assert first.status == 200
        assert b"20064" in first.body
        assert any(first.body in body for body in await bodies(house.larder))

        receipt = await erased(house.larder)
        again = await enrolled(house)

        assert receipt.is_complete
        assert receipt.processes[0].entries >= 1
        assert (again.status, again.json["errors"][0]["message"] != "") == (409, True)
        assert first.body not in on_disk(tmp_path)
        assert (await house.control("journal?method=POST", method="GET"))["count"] == 1
