"""/v1 as a hostile review left it: each story failed before its mend."""

import pytest

from tests.house import ADA, bearer

VERIFY = "/v1/addresses/verify"
HOME = {"street": "12 Example Place Apt 3", "city": "Sampleton", "state": "NY", "postal_code": "10099"}
NOWHERE_AT_ALL = {"street": "1 Any Street", "country": "XX"}  # Smarty does not take it, and Google refuses it


async def test_what_a_provider_refuses_for_what_it_is_is_not_to_be_tried_again(larder):
    async with larder() as home:
        alone = await home.ask("POST", VERIFY, json={"address": NOWHERE_AT_ALL})
        beside = await home.ask("POST", VERIFY, json={"addresses": [{"city": "x"}, NOWHERE_AT_ALL]})
        with_another = await home.ask("POST", VERIFY, json={"addresses": [NOWHERE_AT_ALL, HOME]})

        for answered, statuses in ((alone, [502]), (beside, [422, 502])):
            assert (answered.status, answered.json["type"]) == (502, "tag:larder,2026:provider-refused")
            assert "Retry-After" not in answered.headers
            assert [item["problem"]["status"] for item in answered.json["results"]] == statuses
        assert with_another.status == 200


async def test_who_wants_only_what_is_stored_hears_of_each_that_it_is_not(larder):
    async with larder() as home:
        headers = {"Cache-Control": "only-if-cached"}
        answered = await home.ask("POST", VERIFY, json={"addresses": [{"city": "x"}, HOME]}, headers=headers)

        assert (answered.status, answered.json["type"]) == (504, "tag:larder,2026:nothing-cached")
        assert [item["problem"]["status"] for item in answered.json["results"]] == [422, 504]
        assert await home.calls() == 0


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/v1/addresses/autocomplete?search=%1C", "search"),  # white space to Python, but not to pydantic
        ("/v1/addresses/autocomplete?search=12&providers=", "providers.0"),
        ("/v1/addresses/autocomplete?search=12&providers=smartystreets,", "providers.1"),
    ],
)
async def test_what_says_nothing_is_asked_of_nobody(larder, path, field):
    async with larder() as home:
        refused = await home.get(path)

        assert (refused.status, [one["field"] for one in refused.json["errors"]]) == (422, [field])
        assert await home.calls() == 0


@pytest.mark.parametrize("body", [b"", b"{}"])
async def test_a_trace_is_not_allowed_whatever_its_body(larder, body):
    async with larder() as home:
        refused = await home.ask("TRACE", VERIFY, data=body or None, headers=bearer(ADA))

        assert (refused.status, refused.headers["Allow"]) == (405, "POST")
