"""Whose a partition is, Larder may never have learned: what lies there goes with any person of that upstream."""

import asyncio

import pytest

from proxy.store.contract import Filter
from proxy.store.purges import Validity
from tests.house import ADA, ADMIN, BEN, CY, bearer, running_larder
from tests.stories.test_erasing_a_person import COURSES, PLAIN, erased, on_disk

ASSIGNMENTS = "/courseworks/api/v1/courses/565/assignments"
WHERE = "/api/v1/courses/565/assignments"
CANARY = b"canary of Ada's own due date"
ROSTER = "/courseworks/api/v1/courses/565/enrollments?per_page=100"


async def with_a_canary(house, token=ADA, path=ASSIGNMENTS):
    """Somebody reads what is theirs alone, and no row of it says whose it is."""
    await house.fail(status=200, body=[{"id": 1, "name": CANARY.decode(), "due_at": None}], path=WHERE)
    assert CANARY in (await house.get(path, headers=bearer(token))).body
    await house.heal()
    await house.settled()


async def in_memory(house):
    held = await house.larder.memory.summaries(Filter(limit=10_000))
    return b"".join(house.larder.memory.get(bytes.fromhex(one.key)).body for one in held)


async def test_what_a_token_read_whose_user_nobody_learned_goes_with_any_person(larder, tmp_path):
    async with larder(**PLAIN) as house:
        await with_a_canary(house)
        assert CANARY in on_disk(tmp_path)

        receipt = await erased(house.larder)

        assert receipt.is_complete
        assert CANARY not in await in_memory(house)
        assert CANARY not in on_disk(tmp_path)
        [here] = receipt.processes
        assert (here.entries, here.unlearned) == (0, 1)
        assert (receipt.store.entries, receipt.store.unlearned) == (0, 1)


async def test_it_is_gone_after_a_restart_too(larder, tmp_path):
    async with larder(**PLAIN) as house:
        await with_a_canary(house)
        await house.larder.close()
        async with running_larder(house.config, house.clock.clocks) as (again, _):
            house.larder = again

            receipt = await erased(again)

            assert (receipt.is_complete, receipt.store.unlearned) == (True, 1)
            assert CANARY not in on_disk(tmp_path)


async def test_what_was_read_after_the_user_was_learned_goes_with_that_person_alone(larder):
    async with larder(**PLAIN) as house:
        await house.get(COURSES, headers=bearer(BEN))
        await with_a_canary(house, BEN)

        ada = await erased(house.larder)
        assert (ada.processes[0].unlearned, ada.store.unlearned) == (0, 0)
        assert CANARY in await in_memory(house)

        await erased(house.larder, "user:20065")
        assert CANARY not in await in_memory(house)


async def test_it_goes_with_them_though_their_credential_was_forgotten_since(larder, tmp_path):
    """What is known of credentials is forgotten sooner or later than what they read: of an id of another upstream that
    is the same, after a while, or since there were too many.
    """
    async with larder(**PLAIN) as house:
        await house.get(COURSES, headers=bearer(ADA))
        await with_a_canary(house)
        await house.larder.durable.forget_person("another", ("20064",))
        await house.larder.works.learner.forget({"20064"})

        assert (await erased(house.larder)).is_complete

        assert CANARY not in await in_memory(house)
        assert CANARY not in on_disk(tmp_path)


@pytest.mark.parametrize("who", ["20064", "10000000020064", "sis_user_id:as0001"])
async def test_what_an_administrator_read_as_them_goes_too(larder, tmp_path, who):
    async with larder(**PLAIN) as house:
        await house.get(COURSES, headers=bearer(ADMIN))
        await with_a_canary(house, ADMIN, f"{ASSIGNMENTS}?as_user_id={who}")

        await erased(house.larder)

        assert CANARY not in await in_memory(house)
        assert CANARY not in on_disk(tmp_path)


async def test_after_some_minutes_no_record_on_disk_names_the_person(larder, tmp_path):
    async with larder(**PLAIN) as house:
        await house.get(COURSES, headers=bearer(ADA))
        await house.get(ROSTER, headers=bearer(CY))
        await house.settled()
        await erased(house.larder)
        assert b"user:20064" in on_disk(tmp_path)

        house.clock.advance(600)
        await house.larder._housekeeping.sweep()

        assert b"20064" not in on_disk(tmp_path)
        await house.larder.close()
        async with running_larder(house.config, house.clock.clocks) as (again, _):
            house.larder = again
            assert again.fences.validity(["courseworks/user:20064"], 1) is Validity.HARD


async def test_whom_an_answer_puts_where_is_not_learned_again_from_what_was_under_way(larder):
    async with larder(**PLAIN) as house:
        await house.get(ROSTER, headers=bearer(CY))
        links = [link async for _, link in house.larder.durable.links() if link.user == "20064"]
        assert links
        await house.fail(kind="latency", seconds=0.2, path="/api/v1/courses/565/enrollments", times=1)
        before = await house.calls("/courseworks/api/v1/courses/565/enrollments")
        late = asyncio.create_task(house.get(ROSTER, headers=bearer(CY, **{"Cache-Control": "no-cache"})))
        while await house.calls("/courseworks/api/v1/courses/565/enrollments") == before:
            await asyncio.sleep(0)

        await erased(house.larder)

        assert (await late).status == 200
        await house.settled()
        await house.larder.works.learner.drain()
        assert not [link async for _, link in house.larder.durable.links() if link.user == "20064"]


async def test_nor_is_whose_a_credential_is(larder):
    async with larder(**PLAIN) as house:
        await house.fail(kind="latency", seconds=0.2, path="/api/v1/users/self", times=1)
        late = asyncio.create_task(house.get("/courseworks/api/v1/users/self", headers=bearer(ADA)))
        while not await house.calls("/courseworks/api/v1/users/self"):
            await asyncio.sleep(0)

        await erased(house.larder)

        assert (await late).status == 200
        await house.settled()
        await house.larder.works.learner.drain()
        assert await house.larder.durable.bindings() == {}
        assert house.larder.works.learner.partitions_of({"20064"}) == set()


async def test_what_an_endpoint_that_no_adapter_knows_answers_goes_with_any_person(larder, tmp_path):
    """An operator may have it kept; whom it names, nobody can say."""
    kept = {"GET /api/v1/courses/{course}/discussion_topics": {"cache": {"ttl": "5m"}}}
    async with larder(**PLAIN, upstreams={"courseworks": {"endpoints": kept}}) as house:
        path = "/courseworks/api/v1/courses/565/discussion_topics"
        await house.get(COURSES, headers=bearer(BEN))
        await house.fail(status=200, body=[{"id": 1, "title": CANARY.decode()}], path="/api/v1/courses/565/*")
        for _ in range(2):
            answer = await house.get(path, headers=bearer(BEN))
        assert "hit" in answer.cache
        await house.settled()

        receipt = await erased(house.larder)

        assert (receipt.is_complete, receipt.store.unlearned) == (True, 1)
        assert CANARY not in await in_memory(house)
        assert CANARY not in on_disk(tmp_path)


async def test_a_doubted_answer_to_a_credential_that_nobody_knows_goes_too(larder, tmp_path):
    async with larder(**PLAIN) as house:
        path, pattern = "/courseworks/api/v1/courses/565", "/api/v1/courses/565"
        await house.get(path, headers=bearer(CY))
        await house.fail(status=200, body={"id": 566, "name": CANARY.decode()}, path=pattern)
        await house.get(path, headers=bearer(CY, **{"Cache-Control": "no-cache"}))
        await house.settled()
        assert house.larder.quarantine.bytes > 0
        assert CANARY in on_disk(tmp_path)

        receipt = await erased(house.larder, "user:77")

        assert receipt.is_complete
        assert house.larder.quarantine.bytes == 0
        assert CANARY not in on_disk(tmp_path)
