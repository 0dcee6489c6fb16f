"""The admin listener at 3 a.m.: what was meant otherwise is not done, and the answer says what would be right."""

import pytest

from tests.unit.admin.operators import COURSES, stored
from tests.unit.admin.test_quarantine_desk import see


@pytest.mark.parametrize("path", ["/admin/flush?dry_run=true", "/admin/flush?mode=soft"])
async def test_a_flush_whose_options_stand_in_the_query_flushes_nothing(world, operator, path):
    held = stored(1)
    await world.keep(held)

    heard = await operator.ask("POST", path, document={"all": True})

    assert heard.status == 400
    assert "found an unknown field; it has to be left out" in heard.json["detail"]
    assert world.is_current(held)


@pytest.mark.parametrize("word", ["config/reload", "quarantine/{}/accept", "quarantine/{}/discard"])
async def test_what_takes_no_body_does_nothing_for_one_that_says_more(world, operator, word):
    path = f"/admin/{word.format(see(world))}"

    heard = await operator.ask("POST", path, document={"dry_run": True})

    assert heard.status == 400
    assert heard.json["detail"] == "dry_run: found an unknown field; it has to be left out"
    assert world.audit.newest(1) == []


async def test_an_empty_object_says_no_more_than_no_body(operator):
    assert (await operator.ask("POST", "/admin/config/reload", document={})).status == 200
    assert (await operator.ask("POST", "/admin/config/reload", body=b"")).status == 200
    assert (await operator.ask("POST", "/admin/config/reload", body=b"garbage")).status == 400


async def test_a_name_that_is_none_is_answered_in_whole_sentences(operator):
    unknown = await operator.ask("POST", "/admin/upstreams/coursework/breaker", document={"state": "auto"})
    nameless = await operator.flush(endpoint=COURSES)

    assert unknown.json["detail"].endswith("did you mean courseworks?")
    assert nameless.json["detail"].startswith("endpoint: found an unknown upstream before the route; it has to be one")
