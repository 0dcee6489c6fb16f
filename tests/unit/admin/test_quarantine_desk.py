"""Operators see what was refused, without anything of it, and decide."""

import pytest

from proxy.doubts.sightings import Sighting
from proxy.store.contract import StoreError
from tests.unit.admin.operators import ALICES, CANARY, COURSE, PRINCIPAL, stored

FIELDS = [
    "id",
    "upstream",
    "endpoint",
    "reason",
    "acceptable",
    "partition",
    "first_seen",
    "last_seen",
    "seen",
    "rows",
    "bytes",
]


def see(world, number=1, *, upstream="courseworks", entry=True):
    held = stored(number, fence=world.fences.number, sequence=5) if entry else None
    world.quarantine.see(
        Sighting(
            f"{number:032x}",
            stored(number).key,
            upstream,
            COURSE,
            PRINCIPAL,
            "collection-shrank",
            world.clock(),
            3600.0,
            rows=(14, 0),
            sizes=(900, 2),
            entry=held,
            tags=tuple(held.tags) if held else (),
        )
    )
    return f"{number:032x}"


async def listed(operator, **parameters):
    return (await operator.ask("GET", "/admin/quarantine", params=parameters)).json["quarantined"]


async def decided(operator, change, word, **options):
    return await operator.ask("POST", f"/admin/quarantine/{change}/{word}", **options)


async def test_what_is_held_is_told_without_anything_of_it(world, operator):
    change = see(world)
    see(world)

    [one] = await listed(operator)

    assert list(one) == FIELDS
    assert (one["id"], one["seen"], one["partition"]) == (change, 2, PRINCIPAL)
    assert (one["rows"], one["bytes"]) == ({"before": 14, "after": 0}, {"before": 900, "after": 2})
    assert one["last_seen"].endswith("+00:00")


async def test_only_those_of_one_upstream_may_be_asked_for(world, operator):
    see(world)
    mirrored = see(world, 2, upstream="mirror")

    assert [one["id"] for one in await listed(operator, upstream="mirror")] == [mirrored]
    assert (await operator.ask("GET", "/admin/quarantine", params={"upstream": "mirorr"})).status == 400


async def test_what_is_accepted_is_stored_and_on_record_without_its_data(world, operator):
    change = see(world)

    heard = await decided(operator, change, "accept", token=ALICES)

    assert heard.status == 200
    record = world.audit.newest(1)[0]
    how = {"fate": "stored", "everywhere": True, "recorded": True}
    assert heard.json == {"id": change, **how, "change": record.id, "audited": True}
    assert world.memory.get(stored(1).key) is not None
    assert (record.who, record.what, record.of) == ("alice", "accept", "courseworks")
    assert record.after == {"id": change, "endpoint": COURSE, "reason": "collection-shrank", "fate": "stored"}
    assert await listed(operator) == []


async def test_what_is_discarded_goes_and_is_on_record(world, operator):
    change = see(world)

    heard = await decided(operator, change, "discard")

    assert (heard.status, heard.json["fate"]) == (200, "discarded")
    assert world.audit.newest(1)[0].what == "discard"
    assert await listed(operator) == []
    assert world.memory.get(stored(1).key) is None


@pytest.mark.parametrize("word", ["accept", "discard"])
async def test_nothing_of_that_id_is_a_404_that_says_where_ids_are(operator, word):
    assert "GET /admin/quarantine" in (await decided(operator, "0" * 32, word)).problem["detail"]


async def test_what_does_not_parse_cannot_be_accepted_and_says_why(world, operator):
    refused = await decided(operator, see(world, entry=False), "accept")

    assert refused.status == 409
    assert refused.problem["fate"] == "unacceptable"
    assert "does not parse" in refused.problem["detail"]
    assert len(world.audit) == 0


async def test_nothing_newer_is_overwritten(world, operator):
    change = see(world)
    newer = stored(1, fence=world.fences.number, sequence=9)
    world.memory.put(newer)

    refused = await decided(operator, change, "accept")

    assert (refused.status, refused.problem["fate"]) == (409, "newer")
    assert world.memory.get(newer.key) is newer


async def test_an_order_takes_no_parameters(world, operator):
    assert (await operator.ask("POST", f"/admin/quarantine/{see(world)}/accept", params={"all": CANARY})).status == 400


async def failing(*_):
    raise StoreError("the disk is full")


async def test_a_list_without_the_store_says_that_it_may_not_be_all(world, operator, monkeypatch):
    see(world)
    assert (await operator.ask("GET", "/admin/quarantine")).json["complete"] is True

    monkeypatch.setattr(world.durable, "summaries", failing)
    told = (await operator.ask("GET", "/admin/quarantine")).json

    assert (len(told["quarantined"]), told["complete"]) == (1, False)
    assert world.errors == [("quarantine", "StoreError")]


@pytest.mark.parametrize("fails", ["claim", "get"])
@pytest.mark.parametrize("word", ["accept", "discard"])
async def test_where_the_store_cannot_say_what_is_there_nothing_is_decided(world, operator, monkeypatch, word, fails):
    change = see(world)
    monkeypatch.setattr(world.durable, fails, failing)

    refused = await decided(operator, change, word)

    assert (refused.status, refused.headers["Retry-After"]) == (503, "5")
    assert "nothing was decided" in refused.problem["detail"]
    assert (len(world.audit), len(world.quarantine)) == (0, 1)
    assert world.memory.get(stored(1).key) is None


async def test_an_id_that_may_be_in_a_store_that_failed_is_not_said_to_be_none(operator, world, monkeypatch):
    monkeypatch.setattr(world.durable, "summaries", failing)

    assert (await decided(operator, "0" * 32, "accept")).status == 503


async def test_what_somebody_else_is_deciding_on_is_told_so(world, operator):
    change = see(world)
    await world.quarantine.stored.claim(change)

    refused = await decided(operator, change, "discard")

    assert (refused.status, refused.problem["fate"]) == (409, "taken")
    assert "Another operator" in refused.problem["detail"]


async def test_a_word_that_the_store_did_not_take_says_so(world, operator, monkeypatch):
    change = see(world)
    monkeypatch.setattr(world.durable, "flush", failing)

    told = (await decided(operator, change, "accept")).json

    assert (told["fate"], told["recorded"]) == ("stored", False)
