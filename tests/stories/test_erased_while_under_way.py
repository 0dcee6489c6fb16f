"""What was asked for before a person was erased, and comes afterwards, teaches nothing of them."""

import asyncio

from aiohttp import web

from proxy.store.contract import Filter
from tests.house import ADMIN, bearer
from tests.stories.test_erasing_a_person import erased

ENROLLMENTS = "/courseworks/api/v1/courses/565/enrollments"
SELF = "/courseworks/api/v1/users/self"
ROWS = [{"id": 46825, "user_id": 20064, "course_id": 565, "type": "StudentEnrollment", "enrollment_state": "active"}]


class Held:
    """An origin that keeps its callers waiting."""

    def __init__(self, said):
        self.said, self.asked, self.go = said, asyncio.Event(), asyncio.Event()

    async def answer(self, _request):
        self.asked.set()
        await self.go.wait()
        return web.json_response(self.said)


async def learned_again(larder, served, path, said):
    """What a second erasing finds to be forgotten, where the first came while an answer was under way."""
    held = Held(said)
    async with larder(upstreams={"courseworks": {"base_url": await served(held.answer)}}) as home:
        asking = asyncio.create_task(home.get(path, headers=bearer(ADMIN)))
        await held.asked.wait()
        first = await erased(home.larder)
        held.go.set()
        assert (await asking).json == said
        await home.settled()
        await home.larder.works.learner.drain()
        kept = await home.larder.memory.summaries(Filter(limit=10))
        again = await erased(home.larder)

        assert first.is_complete
        assert not kept
        return again.store.links, again.store.principals, again.processes[0].principals


async def test_not_in_which_course_they_are(larder, served):
    assert await learned_again(larder, served, ENROLLMENTS, ROWS) == (0, 0, 0)


async def test_nor_which_credential_is_theirs(larder, served):
    assert await learned_again(larder, served, SELF, {"id": 20064, "name": "Ada Sample"}) == (0, 0, 0)
