"""Batches: each lookup is found, kept and paid for by itself, whoever asked for it and however (UPSTREAMS.md §4.4)."""

import asyncio
from typing import Any

import pytest

STREET = "/smartystreets/us-street/street-address"
ZIP = "/smartystreets/us-zipcode/lookup"
HOME = {"street": "12 Example Place", "city": "Sampleton", "state": "NY", "zipcode": "10099"}
NOWHERE = {"street": "1 Nomatch Way", "city": "Nowhere", "state": "NY"}
DAY = 24 * 3600


def flat(number: int) -> dict[str, str]:
    return {**HOME, "street": f"12 Example Place Apt {number}"}


def unit(row: dict[str, Any]) -> str:
    return row["components"].get("secondary_number", "")


async def batch(home, items, path=STREET, **options):
    return await home.ask("POST", path, json=items, **options)


async def one(home, item, path=STREET):
    return await home.session.get(home.url + path, params=item)


def paid(home) -> int:
    return sum(account["lookups_used"] for account in home.sandbox.smarty.facts()["accounts"])


async def sent_alone(home, items, path="us-street/street-address"):
    """What Smarty says itself."""
    url = f"{home.sandbox_url}/smartystreets/{path}?auth-id=sandbox-id&auth-token=sandbox-token"
    return (await home.ask("POST", url, json=items)).json


async def test_of_a_batch_only_what_is_new_is_paid_for(larder):
    async with larder() as home:
        first = await batch(home, [flat(number) for number in range(1, 5)])
        again = await batch(home, [flat(number) for number in range(1, 7)])

        assert first.cache == 'larder; fwd=miss; fwd-status=200; ttl=2592000; stored; detail="4 miss"'
        assert "fwd=partial; fwd-status=200" in again.cache
        assert again.cache.endswith('detail="4 hit, 2 miss"')
        assert paid(home) == 6
        assert await home.calls("/smartystreets/*") == 2


async def test_a_batch_all_of_which_is_known_is_a_hit_of_memory(larder):
    async with larder() as home:
        await batch(home, [flat(1), flat(2)])
        again = await batch(home, [flat(2), flat(1), flat(2)])

        assert again.cache.startswith("larder; hit; ttl=")
        assert again.cache.endswith('detail="3 hit"')
        assert [row["input_index"] for row in again.json] == [0, 1, 2]
        assert [unit(row) for row in again.json] == ["2", "1", "2"]
        assert (paid(home), again.headers["Age"]) == (2, "0")


@pytest.mark.parametrize("known", [(), (1,), (0, 2), (0, 1, 2, 3, 4)])
async def test_an_answer_is_what_smarty_says_itself_whatever_was_known_of_it(larder, known):
    items = [
        {**flat(3), "input_id": "mine", "candidates": 5, "match": "enhanced"},
        NOWHERE,
        {**HOME, "input_id": "other"},
        {**flat(3), "candidates": 5, "match": "enhanced"},
        {**flat(3), "input_id": "third", "match": "invalid"},
    ]
    async with larder() as home:
        for index in known:
            await batch(home, [items[index]])

        assert (await batch(home, items)).json == await sent_alone(home, items)


async def test_one_by_get_and_many_by_post_share_what_is_known(larder):
    async with larder() as home:
        async with await one(home, {**flat(1), "candidates": "5", "input_id": "abc"}) as alone:
            [row] = await alone.json()
            assert row["input_id"] == "abc"
        many = await batch(home, [{"zipcode": " 10099", **flat(1), "candidates": 5}, flat(2)])
        async with await one(home, {**flat(2), "street": "12  EXAMPLE place apt 2 "}) as alone:
            assert alone.headers["Cache-Status"].startswith("larder; hit")
            assert "input_id" not in (await alone.json())[0]

        assert many.cache.endswith('detail="1 hit, 1 miss"')
        assert paid(home) == 2


async def test_the_same_address_twice_in_a_batch_is_sent_once(larder):
    async with larder() as home:
        found = await batch(home, [{**HOME, "input_id": "a"}, {**HOME, "city": "SAMPLETON", "input_id": "b"}])

        assert [row["input_id"] for row in found.json] == ["a", "b"]
        assert paid(home) == 1


async def test_what_has_no_match_is_known_to_have_none_and_asked_again_after_a_day(larder):
    async with larder() as home:
        assert [row["input_index"] for row in (await batch(home, [NOWHERE, HOME])).json] == [1]
        async with await one(home, NOWHERE) as alone:
            assert (await alone.json(), alone.headers["Cache-Status"].split(";")[1]) == ([], " hit")

        home.clock.advance(8 * DAY)
        assert 'detail="1 hit, 1 miss"' in (await batch(home, [NOWHERE, HOME])).cache
        assert paid(home) == 3


async def test_a_batch_that_failed_leaves_nothing_behind_and_what_is_stale_still_answers(larder):
    async with larder() as home:
        await batch(home, [flat(1), NOWHERE])
        home.clock.advance(31 * DAY)
        await home.fail("smartystreets")
        stale = await batch(home, [flat(1)])
        failed = await batch(home, [flat(1), flat(2)])
        await home.heal()
        home.clock.advance(60)
        healed = await batch(home, [flat(2), flat(3)])

        assert (stale.status, [unit(row) for row in stale.json]) == (200, ["1"])
        assert 'detail="1 ' in stale.cache
        assert failed.status == 503
        assert failed.json["errors"]
        assert [unit(row) for row in healed.json] == ["2", "3"]


async def test_callers_who_ask_for_the_same_at_the_same_time_share_its_call(larder):
    async with larder() as home:
        await home.fail("smartystreets", "latency", seconds=0.2)
        alone = one(home, flat(2))
        many, others, single = await asyncio.gather(
            batch(home, [flat(1), flat(2), flat(3)]), batch(home, [flat(3), flat(4), flat(1)]), alone
        )
        single.release()

        assert [unit(row) for row in many.json] == ["1", "2", "3"]
        assert [unit(row) for row in others.json] == ["3", "4", "1"]
        assert paid(home) == 4


async def test_what_is_old_is_refreshed_behind_in_one_call(larder):
    async with larder() as home:
        await batch(home, [flat(1), flat(2), flat(3)])
        home.clock.advance(30 * DAY + 60)
        stale = await batch(home, [flat(3), flat(2), flat(1)])
        await home.settled()
        fresh = await batch(home, [flat(3), flat(2), flat(1)])

        assert stale.cache.endswith('detail="3 stale"')
        assert fresh.cache.endswith('detail="3 hit"')
        assert (await home.calls("/smartystreets/*"), paid(home)) == (2, 6)


async def test_who_wants_no_cache_gets_all_of_it_anew(larder):
    async with larder() as home:
        await batch(home, [flat(1), flat(2)])
        live = await batch(home, [flat(1), flat(2)], headers={"Cache-Control": "no-cache"})
        only = await batch(home, [flat(1), flat(3)], headers={"Cache-Control": "only-if-cached"})

        assert "fwd=request" in live.cache
        assert only.status == 504
        assert (await home.calls("/smartystreets/*"), paid(home)) == (2, 4)


@pytest.mark.parametrize(
    "body",
    [
        b"[",
        b"{}",
        b"[]",
        b'[{"street": "12 Example Place", "candidates": "five"}]',
        b'[{"street": "\\ud800"}]',
        b"[" + b",".join([b'{"street":"x"}'] * 101) + b"]",
        b'[{"street":"' + b"x" * 40_000 + b'"}]',
    ],
)
async def test_what_smarty_refuses_it_refuses_itself(larder, body):
    async with larder() as home:
        json_body = {"Content-Type": "application/json"}
        here = await home.ask("POST", STREET, data=body, headers=json_body)
        there = await home.ask(
            "POST",
            f"{home.sandbox_url}/smartystreets/us-street/street-address?auth-id=sandbox-id&auth-token=sandbox-token",
            data=body,
            headers=json_body,
        )

        assert (here.status, here.body) == (there.status, there.body)


async def test_zip_codes_are_batches_too_and_a_bad_one_says_so_each_time(larder):
    items = [{"zipcode": "10099"}, {"zipcode": "00000", "input_id": "bad"}]
    async with larder() as home:
        first = await batch(home, items, ZIP)
        again = await batch(home, [*items, {"city": "Sampleton", "state": "NY"}], ZIP)

        assert first.json == await sent_alone(home, items, "us-zipcode/lookup")
        assert again.json[:2] == first.json
        assert again.cache.endswith('detail="2 hit, 1 miss"')


async def test_a_caller_with_a_credential_of_its_own_has_its_own_lookups(larder):
    async with larder(upstreams={"smartystreets": {"credential": {"auth_id": "", "auth_token": ""}}}) as home:
        mine, other = (f"?auth-id={name}&auth-token={token}" for name, token in ACCOUNTS)
        await batch(home, [flat(1)], STREET + mine)

        assert "fwd=miss" in (await batch(home, [flat(1)], STREET + other)).cache
        assert "hit" in (await batch(home, [flat(1)], STREET + mine)).cache
        assert (await batch(home, [flat(1)])).status == 401


ACCOUNTS = (("sandbox-id", "sandbox-token"), ("sandbox-id-two", "sandbox-token-two"))


async def test_a_license_is_part_of_what_is_asked(larder):
    async with larder() as home:
        await batch(home, [flat(1)])

        assert "fwd=miss" in (await batch(home, [flat(1)], f"{STREET}?license=us-rooftop-geocoding-cloud")).cache
