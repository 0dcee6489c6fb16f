"""Only Smarty finds something wrong with one address: whose it is is found out, and all others are answered."""

import asyncio
import json
import random
from math import ceil, log2

import pytest
from smartystreets_python_sdk import Batch, exceptions
from smartystreets_python_sdk.us_street import Lookup

from proxy.batches.halving import MOST_CULPRITS
from tests.sdk.clients import smarty
from tests.stories.test_batches import STREET, batch, flat, paid, unit
from tests.stories.test_lookups_that_go_together import LONG, lookup, sent

LENIENT = {"Prefer": "handling=lenient"}
BAD = {"street": "13 Canary Way", "city": "Sampleton", "state": "NY"}
SAID = "Bad Request: 'street' must not hold 'Echoed Canary'."


async def refusing(home, status=400, containing="Canary Way", **more):
    """Smarty refuses whatever holds such a street, for a reason that Larder does not know."""
    body = {"errors": [{"id": 1400, "message": SAID}]}
    await home.fail("smartystreets", status=status, body=body, containing=containing, **more)


def spoiled(*places, many=100):
    items = [{**flat(number), "input_id": f"mine-{number}"} for number in range(many)]
    return [
        {**BAD, "street": f"{at} Canary Way", "input_id": f"bad-{at}"} if at in places else items[at]
        for at in range(many)
    ]


async def test_item_57_says_what_is_wrong_and_the_other_99_are_kept(larder):
    async with larder() as home:
        await refusing(home)
        refused = await batch(home, spoiled(57))
        others = await batch(home, [item for at, item in enumerate(spoiled()) if at != 57])

        assert refused.status == 400
        [error] = refused.json["errors"]
        assert error["message"] == (
            f"[57]: smartystreets refused it (400): {SAID}. With `Prefer: handling=lenient` the others are answered."
        )
        assert error["fields"] == [{"field": "", "message": f"[57]: smartystreets refused it (400): {SAID}"}]
        assert refused.cache.endswith("detail=refused-items")
        assert others.cache.startswith("larder; hit")
        assert paid(home) == 99
        assert await home.calls("/smartystreets/*") <= 15
        assert "Canary" not in home.log.getvalue(), "what Smarty repeats of an address is its caller's alone"


async def test_whoever_says_so_has_the_others_and_in_its_place_what_is_wrong(larder):
    async with larder() as home:
        await refusing(home)
        answered = await batch(home, spoiled(3, 57), headers=LENIENT)

        assert answered.status == 200
        assert answered.headers["Preference-Applied"] == "handling=lenient"
        wrong = [row for row in answered.json if "errors" in row]
        assert wrong == [
            {
                "input_id": f"bad-{at}",
                "input_index": at,
                "errors": [{"field": "", "message": f"[{at}]: smartystreets refused it (400): {SAID}"}],
            }
            for at in (3, 57)
        ]
        assert {row["input_index"] for row in answered.json} == set(range(100))
        assert unit(answered.json[58]) == "58"


async def test_malformed_and_refused_are_told_by_their_places_in_what_was_sent(larder):
    async with larder() as home:
        await refusing(home)
        items = [flat(1), {"street": 5}, BAD, flat(2)]
        answered = await batch(home, items, headers=LENIENT)

        assert [row["input_index"] for row in answered.json] == [0, 1, 2, 3]
        assert [row["errors"][0]["message"][:4] for row in answered.json if "errors" in row] == ["[1].", "[2]:"]


@pytest.mark.parametrize("seed", range(5))
async def test_whichever_few_are_wrong_the_others_are_answered_and_paid_for_once(larder, seed):
    chance = random.Random(seed)
    many = chance.randint(2, 100)
    places = sorted(chance.sample(range(many), min(many - 1, chance.randint(1, MOST_CULPRITS))))
    async with larder() as home:
        await refusing(home)
        answered = await batch(home, spoiled(*places, many=many), headers=LENIENT)

        assert [row["input_index"] for row in answered.json] == list(range(many))
        assert [row["input_index"] for row in answered.json if "errors" in row] == places
        assert paid(home) == many - len(places)
        assert await home.calls("/smartystreets/*") <= 1 + 2 * ceil(log2(many)) * len(places)


@pytest.mark.parametrize("status", [413, 422])
async def test_other_words_for_a_wrong_request_do_the_same(larder, status):
    async with larder() as home:
        await refusing(home, status)
        refused = await batch(home, spoiled(2, many=5))

        assert refused.status == status
        assert refused.json["errors"][0]["message"].startswith(f"[2]: smartystreets refused it ({status}): ")


async def test_what_was_only_too_much_at_once_is_answered(larder):
    async with larder() as home:
        await home.fail("smartystreets", status=413, times=1)
        answered = await batch(home, spoiled(many=10))

        assert answered.status == 200
        assert await home.calls("/smartystreets/*") == 3


@pytest.mark.parametrize("status", [401, 402, 403, 429, 500, 503])
async def test_what_is_no_fault_of_an_address_is_not_looked_for_in_any(larder, status):
    async with larder(upstreams={"smartystreets": {"retry": {"attempts": 1}}}) as home:
        await refusing(home, status)
        await batch(home, spoiled(57))

        assert await home.calls("/smartystreets/*") == 1


async def test_where_every_address_is_refused_smartys_own_words_come_after_a_few_calls(larder):
    async with larder() as home:
        await refusing(home, containing="street")
        refused = await batch(home, spoiled(many=100))

        assert (refused.status, refused.json) == (400, {"errors": [{"id": 1400, "message": SAID}]})
        assert await home.calls("/smartystreets/*") == 15


async def test_where_too_many_are_wrong_those_that_were_not_looked_at_say_so(larder):
    async with larder() as home:
        await refusing(home)
        answered = await batch(home, spoiled(*range(0, 64, 2)), headers=LENIENT)

        rows = {row["input_index"]: row for row in answered.json}
        assert rows[99]["components"], "what was in a part that was answered is answered"
        assert rows[0]["errors"][0]["message"] == (
            "[0]: smartystreets refused it with others (400), too many of which are wrong to try each"
        )
        assert await home.calls("/smartystreets/*") <= 99


async def test_one_that_is_alone_is_refused_in_smartys_own_words(larder):
    async with larder() as home:
        await refusing(home)
        refused = [await batch(home, [BAD]), await batch(home, [BAD], headers=LENIENT)]

        assert [(one.status, one.json["errors"][0]["message"]) for one in refused] == [(400, SAID)] * 2
        assert "Preference-Applied" not in refused[1].headers


async def test_time_that_is_over_ends_the_search(larder):
    async with larder() as home:
        await refusing(home)
        await home.control(
            "faults", {"upstream": "smartystreets", "kind": "hang", "containing": "Apt 9", "times": None}
        )
        answered = await asyncio.wait_for(
            batch(home, spoiled(0, many=20), headers={"X-Request-Timeout": "0.5"}), timeout=10
        )

        assert answered.status == 504
        assert await home.calls("/smartystreets/*") == 5, "for those that hang it is waited, and nobody asked again"
        await home.heal()


async def test_innocent_lookups_that_travelled_with_a_bad_one_have_their_own_answers(larder):
    async with larder(upstreams=LONG) as home:
        await refusing(home)
        items = [flat(number) for number in range(20)]
        items[7] = BAD
        answers = await asyncio.gather(*(lookup(home, item) for item in items))

        assert [response.status for response, _ in answers] == [400 if at == 7 else 200 for at in range(20)]
        assert answers[7][1] == {"errors": [{"id": 1400, "message": SAID}]}
        assert [unit(answers[at][1][0]) for at in range(1, 20) if at != 7] == [
            str(at) for at in range(1, 20) if at != 7
        ]
        calls = await sent(home)
        assert calls.count("GET") == 3, "the bad one and who was left with it, as if each had come alone"
        assert len(calls) <= 11
        assert paid(home) == 19


def counted(home):
    """The calls that the log tells of, of all requests."""
    home.larder.observing.log.flush()
    told = [json.loads(line) for line in home.log.getvalue().splitlines()]
    return sum(line["upstream_calls"] for line in told if line["event"] == "request")


@pytest.mark.parametrize("bad", [[57], [], range(100)])
async def test_every_call_is_counted_once_whoever_it_was_for(larder, bad):
    async with larder(upstreams=LONG) as home:
        await refusing(home)
        await batch(home, spoiled(*bad, many=100))
        assert counted(home) == await home.calls("/smartystreets/*")

        items = [BAD | {"street": f"{at} Canary Way"} if at in bad else flat(at + 100) for at in range(50, 80)]
        await asyncio.gather(*(lookup(home, item) for item in items))
        assert counted(home) == await home.calls("/smartystreets/*")


async def test_where_too_many_travelled_together_that_are_bad_each_is_asked_for_by_itself(larder):
    async with larder(upstreams=LONG) as home:
        await refusing(home)
        items = [BAD | {"street": f"{at} Canary Way"} if at % 2 else flat(at) for at in range(40)]
        answers = await asyncio.gather(*(lookup(home, item) for item in items))

        assert [response.status for response, _ in answers] == [400 if at % 2 else 200 for at in range(40)]
        assert len(await sent(home)) == 1 + 2 + 4 + 8 + 40


async def test_a_typed_caller_hears_it_of_that_address_alone(larder):
    async with larder() as home:
        await refusing(home)
        addresses = [
            {key if key != "zipcode" else "postal_code": value for key, value in item.items()}
            for item in map(flat, range(5))
        ]
        addresses[2] = BAD
        answered = await home.ask("POST", "/v1/addresses/verify", json={"addresses": addresses})

        assert answered.status == 200
        assert ["result" in one and one["result"] is not None for one in answered.json["results"]] == [
            True,
            True,
            False,
            True,
            True,
        ]
        problem = answered.json["results"][2]["problem"]
        assert problem["title"] == "Provider refused"
        assert problem["detail"] == f"smartystreets refused this with 400: {SAID}"


async def test_a_typed_caller_hears_which_addresses_nobody_looked_at(larder):
    async with larder() as home:
        await refusing(home)
        addresses = [{"street": f"{at} Canary Way", "city": "Sampleton", "state": "NY"} for at in range(64)]
        answered = await home.ask(
            "POST", "/v1/addresses/verify", json={"addresses": addresses, "providers": ["smartystreets"]}
        )

        assert answered.status == 502
        assert "it may be right: send it with fewer" in answered.json["results"][5]["problem"]["detail"]


def looked_up(url, lenient):
    sdk_batch = Batch()
    for street in ("12 Example Place", "13 Canary Way", "1 Nomatch Way"):
        sdk_batch.add(Lookup(street=street, city="Sampleton", state="NY", zipcode="10099"))
    builder = smarty(url, "/us-street/street-address").retry_at_most(0)
    client = (builder.with_custom_header(LENIENT) if lenient else builder).build_us_street_api_client()
    client.send_batch(sdk_batch)
    return [found.result for found in sdk_batch]


async def test_the_sdk_reads_both(larder):
    async with larder() as home:
        await refusing(home)
        with pytest.raises(exceptions.BadRequestError, match=r"\[1\]: smartystreets refused it"):
            await asyncio.to_thread(looked_up, home.url, lenient=False)
        found, wrong, nowhere = await asyncio.to_thread(looked_up, home.url, lenient=True)

        assert found[0].delivery_line_1 == "12 Example Pl"
        assert (len(wrong), wrong[0].delivery_line_1, nowhere) == (1, None, [])


async def test_an_unsplit_batch_is_smartys_to_refuse(larder):
    async with larder() as home:
        await refusing(home)
        refused = await home.ask("POST", STREET, json=[{"city": "Sampleton"}, BAD])

        assert refused.json == {"errors": [{"id": 1400, "message": SAID}]}
        assert await home.calls("/smartystreets/*") == 1


async def test_who_only_joined_one_of_too_many_that_are_refused_together_asks_for_itself(larder):
    async with larder() as home:
        await refusing(home)
        await home.fail("smartystreets", "latency", seconds=1, times=1)
        spoilt = asyncio.create_task(batch(home, spoiled(*(at for at in range(100) if at != 57))))
        while not await home.calls("/smartystreets/*"):
            await asyncio.sleep(0)
        joined = asyncio.create_task(lookup(home, flat(57)))

        assert (await spoilt).status == 400
        response, rows = await joined
        assert response.status == 200
        assert [unit(row) for row in rows] == ["57"]
