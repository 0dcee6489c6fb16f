"""Lookups that came one by one, at about the same time, go to Smarty as one batch, where the operator says so."""

import asyncio

import pytest

from proxy.config.explain import explain
from proxy.config.loading import plans_of
from tests.house import config_file
from tests.stories.marked_smarty import Marked
from tests.stories.test_batches import STREET, batch, flat, paid, unit

GATHER = {"smartystreets": {"batch": {"gather": "30ms"}}}
LONG = {"smartystreets": {"batch": {"gather": "200ms"}}}


async def lookup(home, item, query="", **options):
    """One by GET."""
    async with home.session.get(f"{home.url}{STREET}{query}", params=item, **options) as response:
        body = await response.read()
        return response, await response.json(content_type=None) if body else None


async def sent(home):
    """The methods of what Smarty got."""
    journal = await home.control("journal?path=/smartystreets/*", method="GET")
    return [request["method"] for request in journal["requests"]]


async def test_twenty_lookups_at_once_are_one_call_and_each_has_its_own_answer(larder):
    async with larder(upstreams=LONG) as home:
        items = [{**flat(number), "input_id": f"mine-{number}"} for number in range(20)]
        answers = await asyncio.gather(*(lookup(home, item) for item in items))

        assert await sent(home) == ["POST"]
        assert [rows[0]["input_id"] for _, rows in answers] == [item["input_id"] for item in items]
        assert [unit(rows[0]) for _, rows in answers[1:]] == [str(number) for number in range(1, 20)]
        assert all(rows[0]["input_index"] == 0 for _, rows in answers)
        assert "hit" in (await batch(home, [flat(1), flat(19)])).cache
        assert paid(home) == 20


async def test_each_goes_by_itself_unless_that_was_said(larder):
    async with larder() as home:
        await asyncio.gather(*(lookup(home, flat(number)) for number in range(1, 4)))

        assert await sent(home) == ["GET"] * 3


async def test_who_is_alone_goes_as_it_came(larder):
    async with larder(upstreams=GATHER) as home:
        await lookup(home, flat(1))
        await lookup(home, flat(2))

        assert await sent(home) == ["GET", "GET"]


async def test_the_same_address_of_many_is_asked_for_once(larder):
    async with larder(upstreams=LONG) as home:
        await asyncio.gather(*(lookup(home, flat(number % 2 + 1)) for number in range(6)))

        assert await sent(home) == ["POST"]
        assert paid(home) == 2


async def test_what_is_wrong_with_one_is_told_to_that_one_alone(larder):
    async with larder(upstreams=LONG) as home:
        wrong = {**flat(2), "match": "nonsense"}
        answers = await asyncio.gather(*(lookup(home, item) for item in (flat(1), wrong, flat(3))))

        assert [response.status for response, _ in answers] == [200, 400, 200]
        assert [unit(answers[at][1][0]) for at in (0, 2)] == ["1", "3"]
        assert sorted(await sent(home)) == ["GET", "GET", "GET", "POST"]


async def test_what_no_body_can_say_goes_by_itself_and_is_refused_by_smarty(larder):
    async with larder(upstreams=LONG) as home:
        odd = [{**flat(2), "candidates": "abc"}, {"city": "Sampleton", "state": "NY"}]
        answers = await asyncio.gather(*(lookup(home, item) for item in (flat(1), *odd, flat(3))))

        assert [response.status for response, _ in answers] == [200, 400, 400, 200]
        assert sorted(await sent(home)) == ["GET", "GET", "POST"]


async def test_what_is_said_once_for_a_batch_keeps_lookups_apart(larder):
    async with larder(upstreams=LONG) as home:
        licences = ["", "?license=us-rooftop-geocoding-cloud"]
        await asyncio.gather(*(lookup(home, flat(number), licences[number % 2]) for number in range(1, 5)))

        assert await sent(home) == ["POST", "POST"]


async def test_header_fields_that_smarty_goes_by_keep_lookups_apart(larder):
    async with larder(upstreams=LONG) as home:
        strict = {"X-Standardize-Only": "true"}
        asked = (lookup(home, flat(number), headers=strict if number % 2 else {}) for number in range(1, 5))
        await asyncio.gather(*asked)

        assert await sent(home) == ["POST", "POST"]


async def test_credentials_keep_lookups_apart(larder):
    block = {**LONG["smartystreets"], "credential": {"auth_id": "", "auth_token": ""}}
    accounts = ["?auth-id=sandbox-id&auth-token=sandbox-token", "?auth-id=sandbox-id-two&auth-token=sandbox-token-two"]
    async with larder(upstreams={"smartystreets": block}) as home:
        asked = (lookup(home, flat(number), accounts[number % 2]) for number in range(1, 5))
        answers = await asyncio.gather(*asked)

        assert [unit(rows[0]) for _, rows in answers] == ["1", "2", "3", "4"]
        assert await sent(home) == ["POST", "POST"]


async def test_a_failure_is_everybodys_and_one_call_for_the_guards(larder):
    async with larder(upstreams={"smartystreets": {**LONG["smartystreets"], "retry": {"attempts": 1}}}) as home:
        await home.fail("smartystreets", status=503)
        answers = await asyncio.gather(*(lookup(home, flat(number)) for number in range(1, 5)))

        assert [response.status for response, _ in answers] == [503] * 4
        assert await sent(home) == ["POST"]


async def test_what_is_known_waits_for_nobody(larder):
    async with larder(upstreams={"smartystreets": {"batch": {"gather": "1s"}}}) as home:
        await batch(home, [flat(1)])
        asked = asyncio.create_task(lookup(home, flat(2)))
        response, _ = await asyncio.wait_for(lookup(home, flat(1)), timeout=0.9)

        assert response.headers["Cache-Status"].startswith("larder; hit")
        await asked


@pytest.mark.parametrize(
    ("block", "source"),
    [
        ({}, "built-in"),
        ({"batch": {"gather": "5ms"}}, "config.yaml:"),
        ({"endpoints": {"GET /us-street/street-address": {"batch": {"gather": "5ms"}}}}, "config.yaml:"),
    ],
)
def test_explain_says_whether_lookups_go_together_and_who_says_so(block, source):
    plans = plans_of(config_file({"upstreams": {"smartystreets": block}}))
    [row] = [
        row
        for row in explain(plans, "smartystreets", "GET", "/us-street/street-address")
        if row.field == "batch.gather"
    ]

    assert row.value == (0.005 if block else 0)
    assert row.source.startswith(source)


@pytest.mark.parametrize("status", [200, 400, 503])
async def test_a_cookie_that_came_for_all_is_set_to_nobody(larder, marked_smarty, status):
    marked = Marked({"Set-Cookie": "session=canary"}, status)
    async with larder(upstreams=await marked_smarty(marked, LONG["smartystreets"])) as home:
        answers = await asyncio.gather(*(lookup(home, flat(number)) for number in range(1, 3)))
        again, _ = await lookup(home, flat(1))

        assert marked.asked[0][0] == "POST"
        assert [response.status for response, _ in answers] == [status] * 2
        assert "hit" not in again.headers["Cache-Status"]
        alone = status == 400  # then each was asked for by itself, and the cookie is its own
        assert ["Set-Cookie" in response.headers for response, _ in answers] == [alone] * 2
