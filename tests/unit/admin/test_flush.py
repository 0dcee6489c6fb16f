"""Flushing: what is named loses its rights, durably; what is not named keeps them; and the answer tells the truth."""

import asyncio
import gzip
import json
from io import BytesIO

import pytest

from proxy.admin import flushing
from proxy.store.contract import StoreError
from proxy.store.fences import Mode, Validity
from proxy.store.none import NoStore
from proxy.store.sqlite import SQLiteStore
from tests.unit.admin.operators import CANARY, COURSE, COURSES, OTHER, PRINCIPAL, a_store, a_world, stored
from tests.unit.store.samples import Clock, key

PERSON = "courseworks/user:7"
MINE = stored(1, tags=("courseworks/course:565", PERSON, "courseworks/in:user:7", "courseworks/user:7:courses"))
ELSEWHERE = stored(2, upstream="mirror", endpoint=COURSES, partition=OTHER, tags=("mirror/course:565",))

TARGETS = {
    "upstream": "courseworks",
    "endpoint": f"courseworks {COURSE}",
    "tag": "courseworks/course:565",
    "principal": PRINCIPAL,
    "key": key(1).hex(),
}


@pytest.mark.parametrize("mode", ["soft", "hard"])
@pytest.mark.parametrize("target", TARGETS)
async def test_what_is_named_is_flushed_and_nothing_else(world, operator, target, mode):
    await world.keep(MINE, ELSEWHERE)

    heard = await operator.flush(**{target: TARGETS[target]}, mode=mode)

    assert heard.status == 200
    assert (heard.json["met"], heard.json["mode"], heard.json["durable"]) == (1, mode, True)
    assert world.fences.validity(MINE.tags, MINE.fence) is Validity[mode.upper()]
    assert world.is_current(ELSEWHERE)
    await world.desk.purger.drain()  # what may be many is deleted behind the answer
    bytes_stay = mode == "soft"
    assert (world.memory.get(MINE.key) is not None) is bytes_stay
    assert (await world.durable.get(MINE.key) is not None) is bytes_stay
    assert await world.durable.get(ELSEWHERE.key) is not None


async def test_all_means_everything(world, operator):
    await world.keep(MINE, ELSEWHERE)

    heard = await operator.flush(all=True)

    assert heard.json["met"] == 2
    assert not world.is_current(MINE)
    assert not world.is_current(ELSEWHERE)


@pytest.mark.parametrize(
    ("document", "mode"),
    [
        ({"all": True}, "soft"),
        ({"upstream": "courseworks"}, "soft"),
        ({"endpoint": "courseworks *"}, "soft"),
        ({"key": key(1).hex()}, "soft"),
        ({"tag": "courseworks/course:565"}, "soft"),
        ({"tag": "courseworks/user:unknown"}, "soft"),
        ({"tag": "courseworks/user:unknown:courses"}, "soft"),
        ({"tag": "courseworks/tenant:users"}, "soft"),
        ({"principal": PRINCIPAL}, "hard"),
        ({"principal": PRINCIPAL.removeprefix("principal:")}, "hard"),
        ({"principal": "caller:enrollment"}, "hard"),
        ({"tag": PERSON}, "hard"),
        ({"tag": "courseworks/in:user:7"}, "hard"),
        ({"tag": "courseworks/user:7:courses"}, "hard"),
        ({"tag": "courseworks/whose:7"}, "hard"),
        ({"tag": "courseworks/unlearned"}, "soft"),
        ({"principal": PRINCIPAL, "mode": "soft"}, "soft"),
        ({"tag": PERSON, "mode": "soft"}, "soft"),
        ({"all": True, "mode": "hard"}, "hard"),
    ],
)
async def test_people_and_principals_go_for_good_unless_said_otherwise(world, operator, document, mode):
    dry = await operator.flush(**document, dry_run=True)
    heard = await operator.flush(**document)

    assert (dry.json["mode"], heard.json["mode"]) == (mode, mode)
    assert world.flushed == [Mode(mode)]


async def test_a_principal_may_be_named_with_or_without_its_kind(world, operator):
    await world.keep(MINE)

    assert (await operator.flush(principal=PRINCIPAL.removeprefix("principal:"))).json["met"] == 1
    assert world.fences.validity(MINE.tags, MINE.fence) is Validity.HARD


async def test_the_fence_in_the_answer_is_the_one_that_was_taken(world, operator):
    before = world.fences.number

    heard = await operator.flush(all=True)

    assert heard.json["fence"] == str(before + 1)
    assert world.fences.number == before + 1


async def test_an_acknowledged_flush_is_on_disk(world, operator, tmp_path):
    await operator.flush(tag=PERSON)

    await world.durable.close()
    again = a_store(tmp_path)
    opened = await again.open()
    await again.close()

    assert [(purge.tag, purge.mode) for purge in opened.purges] == [(PERSON, Mode.HARD)]


async def test_a_dry_run_counts_each_entry_once_and_changes_nothing(world, operator):
    tag = "courseworks/course:565"
    await world.keep(*map(stored, range(1, 4)))
    await world.keep(*map(stored, range(4, 6)), tiers=("memory",))
    await world.keep(*map(stored, range(6, 10)), tiers=("durable",))
    await world.keep(stored(10, tags=("courseworks/course:1",)), tiers=("durable",))
    await world.keep(stored(10, order=(1, 2)), tiers=("memory",))  # the later answer has another tag
    number = world.fences.number

    heard = await operator.flush(tag=tag, dry_run=True)

    assert heard.json == {
        "fence": None,
        "mode": "soft",
        "durable": None,
        "met": 10,
        "met_exact": True,
        "dry_run": True,
    }
    assert world.fences.number == number
    assert world.flushed == []
    assert (await operator.flush(tag="courseworks/course:1", dry_run=True)).json["met"] == 1
    assert (await operator.flush(all=True, dry_run=True)).json["met"] == 10
    assert (await operator.flush(upstream="courseworks", dry_run=True)).json["met"] == 10
    assert (await operator.flush(key=key(4).hex(), dry_run=True)).json["met"] == 1


async def test_a_flush_says_that_more_may_have_been_met(world, operator):
    await world.keep(*map(stored, range(1, 4)), tiers=("durable",))
    await world.keep(*map(stored, range(3, 5)), tiers=("memory",))

    heard = await operator.flush(all=True)

    assert (heard.json["met"], heard.json["met_exact"], heard.json["dry_run"]) == (3, False, False)


@pytest.mark.parametrize("dry_run", [True, False])
async def test_nothing_met_is_visible(operator, dry_run):
    assert (await operator.flush(tag="courseworks/course:999", dry_run=dry_run)).json["met"] == 0


async def test_a_flush_that_the_disk_cannot_keep_holds_in_memory_and_is_asked_for_again(world, operator):
    await world.keep(MINE)
    await world.durable.close()

    heard = await operator.flush(tag="courseworks/course:565")

    assert heard.status == 503
    assert int(heard.headers["Retry-After"]) > 0
    assert heard.problem["durable"] is False
    assert heard.problem["fence"] == str(world.fences.number)
    assert heard.problem["met"] == 1
    assert not world.is_current(MINE)
    assert ("purge", "StoreError") in world.errors


async def test_a_dry_run_that_cannot_count_does_not_guess(world, operator):
    await world.keep(MINE)
    await world.durable.close()

    heard = await operator.flush(all=True, dry_run=True)

    assert heard.status == 503
    assert "met" not in heard.problem
    assert world.errors == [("count", "StoreError")]


async def test_a_store_that_promises_nothing_is_no_failure():
    async with a_world(NoStore(Clock())) as (world, operator):
        await world.keep(MINE)

        dry = await operator.flush(all=True, dry_run=True)
        heard = await operator.flush(all=True)

        assert (dry.json["met"], dry.json["met_exact"]) == (1, True)
        assert heard.status == 200
        assert (heard.json["met"], heard.json["durable"]) == (1, False)


class SlowToCount(SQLiteStore):
    async def count(self, wanted):
        await asyncio.Event().wait()


async def test_a_disk_that_is_slow_to_count_does_not_hold_up_a_flush(tmp_path, monkeypatch):
    monkeypatch.setattr(flushing, "COUNT_WITHIN", 0)
    async with a_world(a_store(tmp_path, SlowToCount)) as (world, operator):
        await world.keep(MINE)

        heard = await operator.flush(all=True)

        assert heard.json["met"] == 1
        assert not world.is_current(MINE)


class CannotCount(SQLiteStore):
    async def count(self, wanted):
        raise StoreError("disk I/O error")


async def test_a_disk_that_cannot_count_does_not_keep_a_flush_from_being_durable(tmp_path):
    async with a_world(a_store(tmp_path, CannotCount)) as (world, operator):
        await world.keep(MINE)

        heard = await operator.flush(all=True)

        assert (heard.status, heard.json["met"], heard.json["durable"]) == (200, 1, True)
        assert world.errors == [("count", "StoreError")]


WRONG = [
    ({}, "found none", "exactly one of them"),
    ({"mode": "hard"}, "found none", "exactly one of them"),
    ({"all": True, "tag": "courseworks/a"}, "all and tag together", "exactly one"),
    ({"all": False}, "all: found false", "true"),
    ({"all": "true"}, "all: found a string", "true"),
    ({"all": 1}, "all: found a number", "true"),
    ({"all": None}, "all: found null", "true"),
    ({"al": True}, "al: found an unknown field", "did you mean all?"),
    ({"all": True, "dryrun": True}, "dryrun", "did you mean dry_run?"),
    ({"upstream": "coursworks"}, "unknown upstream", "did you mean courseworks?"),
    ({"upstream": ""}, "an empty string", "a string that names it"),
    ({"upstream": ["courseworks"]}, "upstream: found an array", "a string"),
    ({"upstream": CANARY}, "unknown upstream", "one of courseworks, mirror"),
    ({"endpoint": "courseworks"}, "no route", "courseworks GET /api/v1/courses"),
    ({"endpoint": "courswork GET /api/v1/courses"}, "unknown upstream", "did you mean courseworks?"),
    ({"endpoint": "courseworks GET /api/v1/course"}, "no such route", f"did you mean {COURSES}"),
    ({"endpoint": {"upstream": "courseworks"}}, "endpoint: found an object", "a string"),
    ({"tag": "course:565"}, "tag: found no upstream before a slash", "courseworks/course:565"),
    ({"tag": "courseworks/"}, "tag: found nothing after the slash", "courseworks/course:565"),
    ({"tag": "coursework/course:565"}, "unknown upstream", "did you mean courseworks?"),
    ({"tag": "@all"}, "tag: found", "courseworks/course:565"),
    ({"tag": "courseworks/a\nmirror/b"}, "tag: found a blank or a line end in it", "courseworks/course:565"),
    ({"tag": "courseworks/" + "a" * 400}, "tag: found a string of 412 characters", "courseworks/course:565"),
    ({"tag": 565}, "tag: found a number", "a string"),
    ({"principal": "shared"}, "principal: found a string of 6 characters", "32 hexadecimal digits"),
    ({"principal": f"1234~{CANARY}"}, "principal: found", "32 hexadecimal digits"),
    ({"principal": "caller:"}, "principal: found", "caller: and its name"),
    ({"principal": "0A" * 16}, "principal: found", "32 hexadecimal digits"),
    ({"key": "abc"}, "key: found a string of 3 characters", "32 hexadecimal digits"),
    ({"key": key(1).hex() + "00"}, "key: found", "32 hexadecimal digits"),
    ({"all": True, "mode": CANARY}, f"mode: found a string of {len(CANARY)} characters", "one of hard, soft"),
    ({"all": True, "mode": "sotf"}, "mode: found a string of 4 characters", "did you mean soft?"),
    ({"all": True, "mod": "soft", "dry": True}, "mod, dry: found unknown fields", "mode, dry_run"),
    ({"all": True, "mode": True}, "mode: found true", "soft or hard"),
    ({"all": True, "mode": None}, "mode: found null", "soft or hard"),
    ({"all": True, "dry_run": "yes"}, "dry_run: found a string", "true or false"),
    ({"all": True, "dry_run": 0}, "dry_run: found a number", "true or false"),
    ([], "body: found an array", "a JSON object such as"),
    ("all", "body: found a string", "a JSON object such as"),
    (True, "body: found true", "a JSON object such as"),
    (7.5, "body: found a number", "a JSON object such as"),
]


@pytest.mark.parametrize(("document", "found", "right"), WRONG, ids=[json.dumps(row[0])[:50] for row in WRONG])
async def test_a_wrong_order_is_told_what_is_wrong_and_does_nothing(world, operator, document, found, right):
    number = world.fences.number

    heard = await operator.ask("POST", "/admin/flush", document=document)

    assert heard.status == 400
    assert found in heard.problem["detail"]
    assert right in heard.problem["detail"]
    assert world.fences.number == number


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b"", "nothing"),
        (b"   ", "nothing"),
        (b"all", "what is not JSON, at line 1, column 1"),
        (b'{"all": true', "what is not JSON, at line 1, column"),
        (b'{"all":\ntru}', "what is not JSON, at line 2, column 1"),
        (b"all=true", "what is not JSON"),
        (b"\xff\xfe{}", "what is not JSON"),
        (b'{"tag": "\xff"}', "what is not JSON"),
        (b'{"all": NaN}', "what is not JSON"),
        (b"[" * 100_000, "what is not JSON"),
        (b'{"all": true, "all": true}', "all: found it twice"),
    ],
    ids=lambda value: repr(value)[:30],
)
async def test_a_body_that_is_no_json_is_told_where(world, operator, body, found):
    number = world.fences.number

    heard = await operator.ask("POST", "/admin/flush", body=body)

    assert heard.status == 400
    assert found in heard.problem["detail"]
    assert world.fences.number == number


async def test_a_body_over_a_mebibyte_is_refused(world, operator):
    number = world.fences.number

    full = b'{"all": true}'.ljust(2**20)
    too_much = await operator.ask("POST", "/admin/flush", body=BytesIO(full + b" "))
    number_after = world.fences.number
    enough = await operator.ask("POST", "/admin/flush", body=BytesIO(full))

    assert too_much.status == 413
    assert too_much.problem["title"] == "Body too large"
    assert number_after == number
    assert enough.status == 200


async def test_a_small_body_that_unpacks_to_a_large_one_is_refused(world, operator):
    number = world.fences.number
    packed = gzip.compress(b'{"all": true}'.ljust(2**26))

    heard = await operator.ask("POST", "/admin/flush", body=packed, headers={"Content-Encoding": "gzip"})

    assert heard.status == 413
    assert world.fences.number == number


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
async def test_a_body_that_is_not_what_its_coding_says_is_refused(world, operator, coding):
    number = world.fences.number

    heard = await operator.ask("POST", "/admin/flush", body=b'{"all": true}', headers={"Content-Encoding": coding})

    assert heard.status == 400
    assert world.fences.number == number
    assert world.failures == []


async def test_an_unknown_route_of_an_upstream_with_many_is_not_answered_with_all_of_them(operator):
    heard = await operator.flush(endpoint="courseworks DELETE /nothing/like/it")

    assert heard.status == 400
    assert len(heard.problem["detail"]) < 500
