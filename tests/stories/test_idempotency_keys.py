"""A POST that comes again with its Idempotency-Key is answered as the first time, and carried out once."""

import asyncio
import json

import aiohttp
import pytest

from proxy.messages import partition_tag
from proxy.store.contract import Filter, StoreError
from proxy.store.purges import Mode
from proxy.store.sealing import new_master_key
from tests.house import ADMIN, CY, bearer, running_larder

COURSE = "/courseworks/api/v1/courses/565"
SECTIONS = f"{COURSE}/sections"
KEY = "8e03978e-40d5-43e8-bc93-6894a57f9324"
CANARY = "CanarySectionName"


def keyed(token=CY, key=f'"{KEY}"', **more):
    return bearer(token, **{"Idempotency-Key": key}, **more)


def named(name=CANARY):
    return {"course_section[name]": name}


async def posts(house):
    return (await house.control("journal?method=POST", method="GET"))["count"]


async def make(house, name=CANARY, path=SECTIONS, **options):
    return await house.ask("POST", path, headers=keyed(**options), data=named(name))


async def test_what_comes_again_gets_the_first_answer_and_is_carried_out_once(larder):
    async with larder() as house:
        first = await make(house)
        again = await make(house)

        assert first.status == again.status == 200
        assert again.body == first.body
        assert again.headers["Idempotency-Replayed"] == "true"
        assert "Idempotency-Replayed" not in first.headers
        assert again.cache == "larder; hit; detail=replayed"
        assert await posts(house) == 1


async def test_the_key_is_the_same_with_quotes_and_without(larder):
    async with larder() as house:
        await make(house)
        again = await make(house, key=KEY)

        assert again.headers["Idempotency-Replayed"] == "true"


async def test_another_body_under_the_same_key_is_refused(larder):
    async with larder() as house:
        await make(house)
        other = await make(house, name="Another")
        elsewhere = await make(house, path="/courseworks/api/v1/courses/101/sections")

        assert (other.status, elsewhere.status) == (422, 422)
        assert "Idempotency-Key" in other.json["errors"][0]["message"]
        assert await posts(house) == 1


async def test_the_same_key_of_somebody_else_is_another_key(larder):
    async with larder() as house:
        mine = await make(house)
        theirs = await make(house, token=ADMIN)

        assert "Idempotency-Replayed" not in theirs.headers
        assert mine.json["id"] != theirs.json["id"]


async def test_a_clear_refusal_is_an_answer_like_any_other(larder):
    async with larder() as house:
        path = "/courseworks/api/v1/courses/999999/sections"
        first = await make(house, path=path)
        again = await make(house, path=path)

        assert (first.status, again.status) == (404, 404)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert await posts(house) == 1


async def test_a_write_without_a_key_is_carried_out_each_time(larder):
    async with larder() as house:
        for _ in range(2):
            await house.ask("POST", SECTIONS, headers=bearer(CY), data=named())

        assert await posts(house) == 2


@pytest.mark.parametrize("key", ["", '""', "two words", '"open', "x" * 256, "a, b"])
async def test_a_key_that_is_none_is_refused_by_its_rule(larder, key):
    async with larder() as house:
        refused = await make(house, key=key)

        assert refused.status == 400
        assert "Idempotency-Key" in refused.json["errors"][0]["message"]
        assert await posts(house) == 0


async def test_while_the_first_is_under_way_the_second_is_told_so(larder):
    async with larder() as house:
        await house.fail(kind="latency", seconds=0.5, method="POST", times=1)
        first = asyncio.create_task(make(house))
        while not await posts(house):
            await asyncio.sleep(0.01)

        second = await make(house)

        assert second.status == 409
        assert int(second.headers["Retry-After"]) >= 1
        assert "under way" in second.json["errors"][0]["message"]
        assert (await first).status == 200
        assert await posts(house) == 1
        assert (await make(house)).headers["Idempotency-Replayed"] == "true"


async def test_a_connection_lost_after_it_was_sent_leaves_an_outcome_that_nobody_knows(larder):
    async with larder() as house:
        await house.fail(kind="reset", method="POST", times=1)
        lost = await make(house)
        again = await make(house)

        assert lost.status == 502
        assert again.status == 409
        assert "outcome is unknown" in again.json["errors"][0]["message"]
        assert "no-cache" in again.json["errors"][0]["message"]
        assert await posts(house) == 1


async def test_an_error_of_the_upstream_leaves_an_outcome_that_nobody_knows(larder):
    async with larder() as house:
        await house.fail(status=500, method="POST", times=1)
        failed = await make(house)
        again = await make(house)

        assert (failed.status, again.status) == (500, 409)
        assert await posts(house) == 1


async def test_what_was_throttled_was_not_carried_out_and_may_come_again(larder):
    async with larder() as house:
        await house.fail(status=429, method="POST", times=1, body="429 Too Many Requests (Rate Limit Exceeded)\n")
        throttled = await make(house)
        house.clock.advance(60)
        again = await make(house)

        assert throttled.status == 429
        assert again.status == 200
        assert "Idempotency-Replayed" not in again.headers


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, {}),  # Canvas' word for "this token may not" (UPSTREAMS.md §2.6)
        (401, {"WWW-Authenticate": 'Bearer realm="canvas-lms"'}),
        (403, {}),
        (402, {}),
        (425, {}),
    ],
    ids=["no permission", "a refused token", "forbidden", "unpaid", "too early"],
)
async def test_what_was_turned_away_for_want_of_permission_may_come_again_once_it_is_given(larder, status, headers):
    async with larder() as house:
        await house.fail(status=status, headers=headers, method="POST", times=1, body='{"errors": []}')
        refused = await make(house)
        house.clock.advance(600)
        again = await make(house)

        assert (refused.status, again.status) == (status, 200)
        assert "Idempotency-Replayed" not in again.headers
        assert (await make(house)).headers["Idempotency-Replayed"] == "true"
        assert await posts(house) == 2


async def test_what_was_refused_before_it_was_sent_may_come_again(larder):
    async with larder() as house:
        invalid = await make(house, name=" ")
        stale = await make(house, **{"If-Match": '"other"'})
        done = await make(house)

        assert (invalid.status, stale.status, done.status) == (422, 412, 200)
        assert await posts(house) == 1


async def test_the_first_answer_outlives_the_process(larder):
    async with larder() as house:
        first = await make(house)
        await house.larder.close()
        async with running_larder(house.config, house.clock.clocks) as (second, _):
            house.larder = second
            again = await make(house)

            assert again.body == first.body
            assert again.headers["Idempotency-Replayed"] == "true"
            assert await posts(house) == 1


async def test_after_a_crash_in_the_midst_of_it_nobody_knows_and_it_is_said(larder):
    """The store as a killed process leaves it: the note that it began is there, and nothing of its end."""
    async with larder() as house:
        began = []
        claim = house.larder.durable.claim

        async def claimed(key, note, until):
            began.append((key, note, until))
            return await claim(key, note, until)

        house.larder.durable.claim = claimed
        await make(house)
        [(key, note, until)] = began
        await house.larder.durable.note(key, note, until)
        await house.larder.close()
        async with running_larder(house.config, house.clock.clocks) as (second, _):
            house.larder = second
            again = await make(house)

            assert again.status == 409
            assert "outcome is unknown" in again.json["errors"][0]["message"]
            assert await posts(house) == 1


async def test_that_it_begins_is_on_disk_before_it_is_sent(larder):
    async with larder() as house:
        sent_by_then = []
        claim = house.larder.durable.claim

        async def claimed(*args):
            held = await claim(*args)
            sent_by_then.append(await posts(house))
            return held

        house.larder.durable.claim = claimed
        await make(house)

        assert sent_by_then == [0]
        assert await posts(house) == 1


async def test_what_the_store_cannot_remember_is_not_sent(larder):
    async with larder() as house:

        async def broken(*_):
            raise StoreError("the disk is full")

        house.larder.durable.claim = broken
        refused = await make(house)

        assert refused.status == 503
        assert int(refused.headers["Retry-After"]) >= 1
        assert await posts(house) == 0


async def test_what_was_not_sent_may_come_again_though_the_store_kept_its_claim_and_could_not_say_so(larder):
    async with larder() as house:
        claim = house.larder.durable.claim

        async def kept_and_lost(*args):
            await claim(*args)
            raise StoreError("the connection was lost")

        house.larder.durable.claim = kept_and_lost
        refused = await make(house)
        house.larder.durable.claim = claim
        done, again = await make(house), await make(house)

        assert (refused.status, done.status) == (503, 200)
        assert "Idempotency-Replayed" not in done.headers
        assert again.headers["Idempotency-Replayed"] == "true"
        assert await posts(house) == 1


async def test_an_answer_that_cannot_be_kept_is_given_and_never_asked_for_again(larder):
    async with larder() as house:

        async def broken(*_):
            raise StoreError("the disk is full")

        note, house.larder.durable.note = house.larder.durable.note, broken
        first = await make(house)
        house.larder.durable.note = note
        again = await make(house)

        assert first.status == 200
        assert "answer-unrecorded" in first.cache
        assert again.status == 409
        assert await posts(house) == 1


async def test_a_key_is_forgotten_after_its_time(larder):
    upstreams = {"courseworks": {"writes": {"idempotency": "1h"}}}
    async with larder(upstreams=upstreams) as house:
        await make(house)
        house.clock.advance(3601)
        again = await make(house)

        assert "Idempotency-Replayed" not in again.headers
        assert await posts(house) == 2


async def test_an_operator_may_leave_keys_to_the_upstream(larder):
    upstreams = {"courseworks": {"writes": {"idempotency": 0}}}
    async with larder(upstreams=upstreams) as house:
        await make(house)
        await make(house)

        assert await posts(house) == 2


async def test_a_caller_who_leaves_finds_its_answer_when_it_comes_again(larder):
    async with larder() as house:
        await house.fail(kind="latency", seconds=0.3, method="POST", times=1)
        with pytest.raises(asyncio.TimeoutError):
            await make_within(house, 0.1)
        await house.settled()

        again = await make(house)

        assert (again.status, again.headers["Idempotency-Replayed"]) == (200, "true")
        assert await posts(house) == 1


async def make_within(house, seconds):
    timeout = aiohttp.ClientTimeout(total=seconds)
    return await house.ask("POST", SECTIONS, headers=keyed(), data=named(), timeout=timeout)


async def test_erasing_a_principal_erases_its_answers_and_still_nothing_is_sent_twice(larder):
    async with larder() as house:
        await make(house)
        [entry] = await entries(house)
        await flush(house, {"principal": entry.partition})

        again = await make(house)

        assert await entries(house) == []
        assert again.status == 409
        assert "not kept" in again.json["errors"][0]["message"]
        assert CANARY not in again.body.decode()
        assert await posts(house) == 1


async def entries(house):
    await house.settled()
    found = await house.larder.durable.summaries(Filter(upstream="courseworks"))
    return [entry for entry in found if entry.endpoint.startswith("POST")]


async def flush(house, target):
    await house.larder.purger.purge([partition_tag(target["principal"])], Mode.HARD)


async def test_nothing_of_body_key_or_answer_is_in_a_log_and_answers_are_sealed(larder, tmp_path):
    async with larder(store={"encryption_keys": new_master_key()}) as house:
        await make(house)
        await make(house)
        await make(house, name="Another")
        await house.settled()

        log = house.log.getvalue()
        assert CANARY not in log
        assert KEY not in log
        assert all(json.loads(line) for line in log.splitlines())
        files = b"".join(path.read_bytes() for path in tmp_path.iterdir() if path.is_file())
        assert CANARY.encode() not in files
        assert KEY.encode() not in files


async def test_without_a_durable_store_keys_live_as_long_as_the_process(larder):
    async with larder(store={"durable": "none", "secret": "a secret of this test"}) as house:
        first = await make(house)
        again = await make(house)

        assert again.body == first.body
        assert await posts(house) == 1


async def test_what_comes_again_with_the_condition_of_the_first_time_gets_the_first_answer(larder):
    """By then the state has moved: by the first."""
    async with larder() as house:
        tag = (await house.get(SECTIONS, headers=bearer(CY))).headers["ETag"]
        first = await make(house, **{"If-Match": tag})
        again = await make(house, **{"If-Match": tag})

        assert (first.status, again.status) == (200, 200)
        assert again.headers["Idempotency-Replayed"] == "true"
        assert await posts(house) == 1
