"""Item 57 of a batch is malformed: it says what is wrong with which field, and whoever wants it has the other 99."""

import asyncio
import json

import pytest
from smartystreets_python_sdk import Batch, exceptions
from smartystreets_python_sdk.us_street import Lookup

from tests.sdk.clients import smarty
from tests.stories.test_batches import STREET, ZIP, batch, flat, paid, unit

LENIENT = {"Prefer": "handling=lenient"}
CANARY = 4711


def spoiled(at=57, many=100, **more):
    items = [flat(number % 9 + 1) for number in range(many)]
    items[at] = {"street": "12 Example Place", "zipcode": CANARY, "input_id": "mine", **more}
    return items


async def test_the_item_and_the_field_are_named_and_nothing_is_paid_for(larder):
    async with larder() as home:
        refused = await batch(home, spoiled())

        assert refused.status == 400
        [error] = refused.json["errors"]
        assert error["message"].startswith("[57].zipcode: must be text, not a number. Nothing was sent.")
        assert error["fields"] == [{"field": "zipcode", "message": "[57].zipcode: must be text, not a number"}]
        assert "detail=invalid-items" in refused.cache
        assert str(CANARY) not in refused.body.decode() + home.log.getvalue()
        assert (paid(home), await home.calls("/smartystreets/*")) == (0, 0)


async def test_whoever_says_so_has_the_others_and_in_its_place_what_is_wrong(larder):
    async with larder() as home:
        answered = await batch(home, spoiled(), headers=LENIENT)
        alone = await batch(home, [flat(number % 9 + 1) for number in range(100)])

        assert answered.status == 200
        assert answered.headers["Preference-Applied"] == "handling=lenient"
        assert [row["input_index"] for row in answered.json] == list(range(100))
        assert answered.json[57] == {
            "input_id": "mine",
            "input_index": 57,
            "errors": [{"field": "zipcode", "message": "[57].zipcode: must be text, not a number"}],
        }
        assert [row for row in answered.json if row["input_index"] != 57] == [
            row for row in alone.json if row["input_index"] != 57
        ]
        assert paid(home) == 9


async def test_no_match_and_malformed_are_told_apart(larder):
    async with larder() as home:
        nowhere = {"street": "1 Nomatch Way", "city": "Nowhere", "state": "NY"}
        answered = await batch(home, [nowhere, flat(1), {"street": True}], headers=LENIENT)

        assert [row["input_index"] for row in answered.json] == [1, 2]
        assert (unit(answered.json[0]), "errors" in answered.json[1]) == ("1", True)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        ("12 Example Place", '[1]: must be an object such as {"street": …}, not text'),
        (None, '[1]: must be an object such as {"street": …}, not null'),
        ({"street": ["12 Example Place"]}, "[1].street: must be text, not a list"),
        ({"street": "x", "candidates": True}, "[1].candidates: must be a whole number, not true or false"),
        (
            {"street": {}, "input_id": 5},
            "[1].street: must be text, not an object; [1].input_id: must be text, not a number",
        ),
    ],
)
async def test_each_fault_is_told_with_what_would_be_right(larder, item, message):
    async with larder() as home:
        refused = await batch(home, [flat(1), item])
        smarty = await home.ask(
            "POST",
            f"{home.sandbox_url}/smartystreets/us-street/street-address?auth-id=sandbox-id&auth-token=sandbox-token",
            json=[flat(1), item],
        )

        assert refused.json["errors"][0]["message"].startswith(message)
        assert (refused.status, smarty.status) == (400, 400), "what is refused here is refused there"


async def test_a_batch_of_zip_codes_does_the_same(larder):
    async with larder() as home:
        answered = await batch(home, [{"zipcode": "10099"}, {"zipcode": 10099}], path=ZIP, headers=LENIENT)

        assert ["errors" in row for row in answered.json] == [False, True]


@pytest.mark.parametrize(
    "body", [b'[{"street": 5}', b'{"street": 5}', b"[]", json.dumps([{"street": 5}] * 101).encode()]
)
async def test_what_is_no_batch_is_smartys_to_refuse(larder, body):
    async with larder() as home:
        answered = await home.ask("POST", STREET, data=body, headers={"Content-Type": "application/json"})

        assert b"Nothing was sent" not in answered.body
        assert await home.calls("/smartystreets/*") == 1


async def test_where_none_is_right_there_is_nothing_to_answer(larder):
    async with larder() as home:
        refused = await batch(home, [{"street": 5}], headers=LENIENT)

        assert refused.status == 400
        assert "Preference-Applied" not in refused.headers


def looked_up(url, lenient):
    sdk_batch = Batch()
    for street in ("12 Example Place", 5, "1 Nomatch Way"):
        sdk_batch.add(Lookup(street=street, city="Sampleton", state="NY", zipcode="10099"))
    builder = smarty(url, "/us-street/street-address").retry_at_most(0)
    client = (builder.with_custom_header(LENIENT) if lenient else builder).build_us_street_api_client()
    client.send_batch(sdk_batch)
    return [lookup.result for lookup in sdk_batch]


async def test_the_sdk_reads_the_refusal(larder):
    async with larder() as home:
        with pytest.raises(exceptions.BadRequestError, match=r"\[1\]\.street: must be text, not a number"):
            await asyncio.to_thread(looked_up, home.url, lenient=False)


async def test_the_sdk_reads_the_others_and_a_candidate_without_an_address_where_one_is_wrong(larder):
    async with larder() as home:
        found, wrong, nowhere = await asyncio.to_thread(looked_up, home.url, lenient=True)

        assert found[0].delivery_line_1 == "12 Example Pl"
        assert (len(wrong), wrong[0].delivery_line_1, wrong[0].analysis.dpv_match_code) == (1, None, None)
        assert nowhere == []
