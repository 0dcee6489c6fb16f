"""What operators see of entries: both tiers as one list, newest first, and nothing of what was asked or answered."""

from math import inf

import pytest

from policies import ShelfLife
from proxy.store.fences import Mode
from proxy.store.none import NoStore
from tests.unit.admin.operators import CANARY, COURSE, COURSES, OTHER, PRINCIPAL, a_world, stored
from tests.unit.store.samples import NOW, Clock, key


def keys(heard):
    return [entry["key"] for entry in heard.json["entries"]]


def hexes(*numbers):
    return [key(number).hex() for number in numbers]


async def test_an_entry_shows_where_it_lies_and_what_it_is_flushed_by(world, operator):
    await world.keep(stored(1, age=20.0, lives=3600.0, tags=("courseworks/course:565", "courseworks/in:user:7")))

    heard = await operator.entries()

    assert heard.status == 200
    (entry,) = heard.json["entries"]
    assert entry.pop("size") > 900
    assert entry == {
        "key": key(1).hex(),
        "upstream": "courseworks",
        "endpoint": COURSE,
        "partition": PRINCIPAL,
        "tags": ["courseworks/course:565", "courseworks/in:user:7"],
        "status": 200,
        "age": 20.0,
        "fresh_for": 280.0,
        "kept_for": 3580.0,
        "purged": None,
        "fence": "1",
        "tiers": ["memory", "durable"],
    }
    assert (heard.json["more"], heard.json["complete"]) == (False, True)


async def test_both_tiers_are_one_list_with_the_newest_first(world, operator):
    await world.keep(stored(1, age=10.0), stored(2, age=30.0), tiers=("memory",))
    await world.keep(stored(3, age=20.0), stored(4, age=40.0), tiers=("durable",))
    await world.keep(stored(5, age=5.0))

    heard = await operator.entries()

    assert keys(heard) == hexes(5, 1, 3, 2, 4)
    assert [entry["tiers"] for entry in heard.json["entries"][:3]] == [["memory", "durable"], ["memory"], ["durable"]]


@pytest.mark.parametrize(("newer", "older"), [("memory", "durable"), ("durable", "memory")])
async def test_of_two_answers_under_one_key_the_later_one_is_shown(world, operator, newer, older):
    await world.keep(stored(1, age=50.0, order=(1, 1)), tiers=(older,))
    await world.keep(stored(1, age=10.0, order=(1, 2)), tiers=(newer,))

    (entry,) = (await operator.entries()).json["entries"]

    assert entry["age"] == 10.0


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        ({}, (1, 2, 3, 4)),
        ({"upstream": "courseworks"}, (1, 2, 3)),
        ({"upstream": "mirror"}, (4,)),
        ({"endpoint": f"courseworks {COURSES}"}, (3,)),
        ({"upstream": "courseworks", "endpoint": COURSES}, (3,)),
        ({"upstream": "courseworks", "endpoint": f"courseworks {COURSES}"}, (3,)),
        ({"tag": "courseworks/course:1"}, (2,)),
        ({"tag": "courseworks/course:1", "upstream": "courseworks"}, (2,)),
        ({"tag": "courseworks/course:1", "upstream": "mirror"}, ()),
        ({"tag": "", "upstream": "", "limit": "2"}, (1, 2)),
    ],
)
async def test_what_is_asked_for_is_shown(world, operator, parameters, found):
    await world.keep(
        stored(1, age=1.0),
        stored(2, age=2.0, tags=("courseworks/course:1", "courseworks/course:11")),
        stored(3, age=3.0, endpoint=COURSES, tags=("courseworks/course:11",)),
        stored(4, age=4.0, upstream="mirror", endpoint=COURSES, tags=()),
    )

    assert keys(await operator.entries(**parameters)) == hexes(*found)


async def test_more_than_asked_for_is_said(world, operator):
    await world.keep(*(stored(number, age=float(number)) for number in (1, 2)), tiers=("memory",))
    await world.keep(*(stored(number, age=float(number)) for number in (3, 4)), tiers=("durable",))

    some, all_there_is = await operator.entries(limit="3"), await operator.entries(limit="4")

    assert (keys(some), some.json["more"]) == (hexes(1, 2, 3), True)
    assert (keys(all_there_is), all_there_is.json["more"]) == (hexes(1, 2, 3, 4), False)


async def test_without_a_limit_a_hundred_are_shown_and_a_thousand_at_most(world, operator):
    await world.keep(*(stored(number, age=float(number)) for number in range(1, 1003)), tiers=("memory",))

    assert len(keys(await operator.entries())) == 100
    assert len(keys(await operator.entries(limit="1000"))) == 1000


async def test_a_purge_is_seen_though_the_entry_is_still_there(world, operator):
    await world.keep(stored(1), stored(2, partition=OTHER), stored(3, tags=()))
    world.fences.purge(["courseworks/course:565"], Mode.SOFT)
    world.fences.purge([f"@partition:{OTHER}"], Mode.HARD)

    shown = {entry["key"]: entry["purged"] for entry in (await operator.entries()).json["entries"]}

    assert [shown[one] for one in hexes(1, 2, 3)] == ["soft", "hard", None]


async def test_what_an_entry_shows_can_be_flushed(world, operator):
    await world.keep(stored(1, tags=("courseworks/course:565",)))
    (entry,) = (await operator.entries()).json["entries"]

    for document in (
        {"key": entry["key"]},
        {"principal": entry["partition"]},
        {"tag": entry["tags"][0]},
        {"upstream": entry["upstream"]},
        {"endpoint": f"{entry['upstream']} {entry['endpoint']}"},
    ):
        assert (await operator.flush(**document, dry_run=True)).json["met"] == 1


async def test_a_tag_that_is_no_utf_8_can_be_flushed_as_it_is_shown(world, operator):
    await world.keep(stored(1, tags=("courseworks/course:caf\udce9",)))
    (entry,) = (await operator.entries()).json["entries"]

    assert (await operator.flush(tag=entry["tags"][0], dry_run=True)).json["met"] == 1


async def test_an_entry_that_only_says_what_answers_vary_by_has_no_status(world, operator):
    await world.keep(stored(1, status=0, life=ShelfLife(inf, inf, inf, inf)), tiers=("memory",))

    (entry,) = (await operator.entries()).json["entries"]

    assert (entry["status"], entry["fresh_for"], entry["kept_for"]) == (None, None, None)


async def test_a_broken_disk_leaves_what_memory_has_and_is_told(world, operator):
    await world.keep(stored(1))
    await world.keep(stored(2), tiers=("durable",))
    await world.durable.close()

    heard = await operator.entries()

    assert keys(heard) == hexes(1)
    assert heard.json["complete"] is False
    assert world.errors == [("summaries", "StoreError")]


async def test_without_a_second_tier_memory_is_all_there_is():
    async with a_world(NoStore(Clock())) as (world, operator):
        await world.keep(stored(1))

        heard = await operator.entries()

        assert keys(heard) == hexes(1)
        assert heard.json["complete"] is True


@pytest.mark.parametrize(
    ("target", "found", "right"),
    [
        ("?upstream=coursework", "unknown upstream", "did you mean courseworks?"),
        (f"?upstream={CANARY}", "unknown upstream", "one of courseworks, mirror"),
        ("?endpoint=GET%20/api/v1/courses", "unknown upstream", "one of courseworks, mirror"),
        ("?upstream=mirror&endpoint=courseworks%20GET%20/api/v1/courses", "no such route of mirror", "a route of it"),
        ("?upstream=courseworks&endpoint=GET%20/api/v1/course", "no such route", COURSES),
        ("?tag=course:565", "tag: found", "courseworks/course:565"),
        ("?limit=0", "out of range", "from 1 to 1000"),
        ("?limit=1001", "out of range", "from 1 to 1000"),
        (f"?limit={'9' * 5000}", "out of range", "from 1 to 1000"),
        ("?limit=-1", "limit: found", "a whole number"),
        ("?limit=ten", "limit: found", "a whole number"),
        ("?limit=%C2%B2", "limit: found", "a whole number"),
        ("?limits=10", "limits: found an unknown field", "did you mean limit?"),
        ("?tag=courseworks/a&tag=courseworks/b", "tag: found it twice", "there once"),
    ],
)
async def test_a_wrong_parameter_is_told_what_would_be_right(operator, target, found, right):
    heard = await operator.ask("GET", f"/admin/entries{target}")

    assert heard.status == 400
    assert found in heard.problem["detail"]
    assert right in heard.problem["detail"]


async def test_an_entry_from_before_its_clock_is_not_younger_than_new(world, operator):
    await world.keep(stored(1, stored_at=NOW + 5.0))

    assert (await operator.entries()).json["entries"][0]["age"] == 0
