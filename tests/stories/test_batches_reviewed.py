"""What a hostile review of batches found, put right."""

import asyncio
import json
from types import SimpleNamespace

import pytest

from proxy.admin.desk import Desk
from proxy.admin.targets import tag_of_endpoint
from proxy.config.explain import explain
from proxy.config.loading import plans_of
from proxy.store.fences import Mode
from tests.house import config_file
from tests.stories.marked_smarty import Marked
from tests.stories.test_batches import STREET, batch, flat, unit

PATH = "us-street/street-address"
JSON = {"Content-Type": "application/json"}


def poisoned(item):
    """A batch of this and of one that asks for more candidates than an int has digits."""
    return json.dumps([{**item, "candidates": 0}, item]).replace(": 0}", f": {'9' * 5000}}}")


async def let_go(home, *tasks):
    """So that a test of what hangs ends."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for flight in list(home.larder.engine._flights._under_way.values()):
        flight.task.cancel()


# batches


async def test_a_batch_that_cannot_be_packed_is_answered(larder):
    async with larder() as home:
        asked = asyncio.create_task(home.ask("POST", STREET, data=poisoned(flat(1)), headers=JSON))
        await asyncio.wait([asked], timeout=1)
        answered = asked.done()
        await let_go(home, asked)

        assert answered


async def test_a_batch_that_cannot_be_packed_keeps_nobody_else_waiting(larder):
    async with larder() as home:
        asked = asyncio.create_task(home.ask("POST", STREET, data=poisoned(flat(1)), headers=JSON))
        await asyncio.sleep(0.2)
        other = asyncio.create_task(batch(home, [flat(1)]))
        await asyncio.wait([other], timeout=1)
        answered = other.done()
        await let_go(home, asked, other)

        assert answered


async def test_a_batch_with_a_method_override_is_answered_address_by_address(larder):
    async with larder() as home:
        found = await batch(home, [flat(1), flat(2)], headers={"X-HTTP-Method-Override": "POST"})

        assert [unit(row) for row in found.json] == ["1", "2"]


async def test_a_lookup_without_a_street_is_refused_whatever_a_batch_said_of_it(larder):
    async with larder() as home:
        there = await home.get(f"{STREET}?city=Sampleton&state=NY")
        await batch(home, [{"city": "Sampleton", "state": "NY"}])
        here = await home.get(f"{STREET}?city=Sampleton&state=NY")

        assert (here.status, here.body) == (there.status, there.body)


async def test_a_lone_surrogate_in_a_members_name_is_no_failure_of_larders(larder):
    async with larder() as home:
        found = await home.ask("POST", STREET, data=b'[{"street":"x","\\ud800":"y"}]', headers=JSON)

        assert found.status != 500


async def test_a_range_means_nothing_to_a_batch(larder):
    async with larder() as home:
        await batch(home, [flat(1), flat(2)])
        found = await batch(home, [flat(1), flat(2)], headers={"Range": "bytes=0-10"})

        assert (found.status, len(found.json)) == (200, 2)


async def test_a_head_with_an_input_id_has_the_length_of_the_get(larder):
    async with larder() as home:
        path = f"{STREET}?street=12+Example+Place&city=Sampleton&state=NY&input_id=abc"
        found = await home.get(path)
        head = await home.ask("HEAD", path)

        assert head.headers["Content-Length"] == str(len(found.body))


async def test_a_flush_of_the_endpoint_for_many_meets_what_it_brought(larder):
    async with larder() as home:
        await batch(home, [flat(1)])
        routes = Desk.routes(SimpleNamespace(plans=lambda: home.larder.plans))
        tag = tag_of_endpoint("smartystreets POST /us-street/street-address", routes)
        await home.larder.purger.purge([tag], Mode.HARD)

        assert "hit" not in (await batch(home, [flat(1)])).cache


def test_explain_says_where_many_are_kept():
    rows = explain(plans_of(config_file({"upstreams": {"smartystreets": {}}})), "smartystreets", "POST", f"/{PATH}")

    assert ("kept_as", f"GET /{PATH}", "adapters/smartystreets.py") in rows
    assert not [row for row in rows if row.field.startswith("cache.")]


async def test_what_is_not_split_is_kept_by_the_rules_of_one_too(larder):
    block = {"GET /us-street/street-address": {"cache": {"partition": "none"}}}
    async with larder(upstreams={"smartystreets": {"endpoints": block}}) as home:
        await batch(home, [flat(1)])

        assert "fwd=bypass" in (await batch(home, [flat(1)])).cache


@pytest.mark.parametrize(
    "fields", [{"Cache-Control": "no-store"}, {"Cache-Control": "private"}, {"Set-Cookie": "session=canary"}]
)
async def test_who_joins_a_part_that_may_not_be_shared_asks_for_itself_and_nothing_is_kept(
    larder, marked_smarty, fields
):
    marked = Marked(fields)
    async with larder(upstreams=await marked_smarty(marked)) as home:
        answers = await asyncio.gather(*(batch(home, [flat(1), flat(2)]) for _ in range(2)))
        again = await batch(home, [flat(1), flat(2)])

        assert "hit" not in again.cache
        assert len(marked.asked) == 3
        assert all(len(answer.json) == 2 and "Set-Cookie" not in answer.headers for answer in [*answers, again])


async def test_a_part_of_an_answer_with_an_input_id_is_not_one_of_another_text(larder):
    async with larder() as home:
        path = f"{STREET}?street=12+Example+Place&city=Sampleton&state=NY&input_id=abc"
        await home.get(path)
        found = await home.get(path, headers={"Range": "bytes=0-10"})

        assert (found.status, found.json[0]["input_id"]) == (200, "abc")


async def test_a_parameter_that_is_no_utf_8_is_no_failure_of_larders(larder):
    async with larder() as home:
        assert (await batch(home, [flat(1)], f"{STREET}?license=%ff")).status == 402
