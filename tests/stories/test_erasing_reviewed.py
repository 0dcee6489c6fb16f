"""What a review of the erasure found."""

import asyncio
import gc
import sys

import pytest

from proxy.asking import Ask
from proxy.store.purges import Mode
from tests.house import ADA, ADMIN, CY, bearer
from tests.stories.test_erasing_a_person import PLAIN, bodies, erased, holds, on_disk

COURSES = "/courseworks/api/v1/courses"


async def test_the_answer_to_a_write_about_them_goes_too(larder, tmp_path):
    async with larder(**PLAIN) as house:
        form = {"enrollment[user_id]": "20064", "enrollment[type]": "StudentEnrollment"}
        keyed = bearer(ADMIN, **{"Idempotency-Key": "of-this-test"})
        await house.ask("POST", "/courseworks/api/v1/courses/101/enrollments", headers=keyed, data=form)
        await house.settled()
        assert holds(on_disk(tmp_path))

        await erased(house.larder)
        assert not holds(on_disk(tmp_path))
        again = await house.ask("POST", "/courseworks/api/v1/courses/101/enrollments", headers=keyed, data=form)

        assert again.status == 409


async def test_what_they_handed_in_goes_from_others_lists_too(larder):
    async with larder(**PLAIN) as house:
        path = "/courseworks/api/v1/courses/565/assignments?include[]=submission"
        row = {"id": 1, "name": "One", "submission": {"id": 3, "user_id": 20064, "score": 3.0}}
        await house.fail(status=200, body=[row], path="/api/v1/courses/565/assignments")
        await house.get(path, headers=bearer(CY))
        assert "hit" in (await house.get(path, headers=bearer(CY))).cache

        await erased(house.larder)

        assert "miss" in (await house.get(path, headers=bearer(CY))).cache


async def test_nothing_beside_the_store_holds_what_they_read_nor_their_token(larder):
    """Lanes of plain hits and what is hot are looked up by what is stored: they must not be what keeps it."""
    async with larder(**PLAIN) as house:
        for path in ("/courseworks/api/v1/courses/565", COURSES, f"{COURSES}?per_page=3"):
            for _ in range(4):
                await house.get(path, headers=bearer(ADA))
        await house.settled()
        kept = await bodies(house.larder)
        assert len(kept) >= 2
        assert len(held_elsewhere(kept)) == len(kept)

        await erased(house.larder)

        gc.collect()
        assert held_elsewhere(kept) == []
        assert not tokens_in(gc.get_objects(), ADA)


async def test_nor_does_it_after_a_purge_for_good_that_was_heard_of(larder):
    """As other machines and workers hear of one: what it covers goes within seconds, wherever it is."""
    async with larder(**PLAIN) as house:
        for _ in range(4):
            await house.get("/courseworks/api/v1/courses/565", headers=bearer(ADA))
        kept = await bodies(house.larder)
        await house.larder.purger.record(["courseworks/course:565"], Mode.HARD)

        await house.larder._housekeeping.scrub()

        assert len(kept) == 1
        assert held_elsewhere(kept) == []


async def test_whose_credentials_somebody_did_not_tell_in_time_is_no_complete_erasure(larder, monkeypatch):
    async with larder(**PLAIN) as house:

        async def silent(_users):
            return set(), False

        monkeypatch.setattr(house.larder.erasing, "principals", silent)
        receipt = await erased(house.larder)

        assert (receipt.everywhere, receipt.is_complete) == (False, False)


def held_elsewhere(bodies):
    """The sizes of those that somebody else than this list refers to."""
    return [len(body) for body in bodies if sys.getrefcount(body) > 3]


def tokens_in(objects, token):
    """The asks among some objects that carry a token."""
    asks = [one for one in objects if isinstance(one, Ask)]
    return [ask for ask in asks if token in ask.sent.headers.get("authorization", "")]


async def test_what_a_write_under_way_brings_of_them_is_not_kept(larder, tmp_path):
    async with larder(**PLAIN) as house:
        path = "/courseworks/api/v1/courses/101/enrollments"
        form = {"enrollment[user_id]": "20064", "enrollment[type]": "StudentEnrollment"}
        keyed = bearer(ADMIN, **{"Idempotency-Key": "of-this-test"})
        await house.fail(kind="latency", seconds=0.2, method="POST", times=1)
        write = asyncio.create_task(house.ask("POST", path, headers=keyed, data=form))
        while not await house.calls(path):
            await asyncio.sleep(0)

        receipt = await erased(house.larder)

        assert b"Ada Sample" in (await write).body
        await house.settled()
        assert receipt.is_complete
        assert not any(holds(body) for body in await bodies(house.larder))
        assert not holds(on_disk(tmp_path))
        assert (await house.ask("POST", path, headers=keyed, data=form)).status == 409


@pytest.mark.parametrize("is_stored", [True, False])
async def test_a_doubted_answer_under_way_is_not_held_either(larder, is_stored):
    async with larder(**PLAIN) as house:
        path, pattern = "/courseworks/api/v1/users/20064", "/api/v1/users/20064"
        if is_stored:
            await house.get(path, headers=bearer(ADMIN))
        await house.fail(status=200, body={"id": 20065, "name": "Ada Sample"}, path=pattern)
        await house.fail(kind="latency", seconds=0.2, path=pattern)
        before = await house.calls(path)
        late = asyncio.create_task(house.get(path, headers=bearer(ADMIN, **{"Cache-Control": "no-cache"})))
        while await house.calls(path) == before:
            await asyncio.sleep(0)

        await erased(house.larder)

        assert b"Ada Sample" in (await late).body
        assert house.larder.quarantine.bytes == 0
