"""smartystreets-python-sdk through Larder: what it looks up, and how often Smarty is paid for it."""

import asyncio

import pytest
from smartystreets_python_sdk import BasicAuthCredentials, Batch, SharedCredentials, StaticCredentials
from smartystreets_python_sdk.international_street import Lookup as InternationalLookup
from smartystreets_python_sdk.us_autocomplete import Lookup as AutocompleteLookup
from smartystreets_python_sdk.us_autocomplete_pro import Lookup as AutocompleteProLookup
from smartystreets_python_sdk.us_enrichment.lookup import PrincipalLookup
from smartystreets_python_sdk.us_reverse_geo import Lookup as ReverseLookup
from smartystreets_python_sdk.us_street import Lookup
from smartystreets_python_sdk.us_street.match_type import MatchType
from smartystreets_python_sdk.us_zipcode import Lookup as ZipLookup

from tests.sdk.clients import NO_CREDENTIAL, looked_up, smarty

STREET = "/us-street/street-address"
CALLS = "/smartystreets/*"
HOME = {"street": "12 Example Place", "city": "Sampleton", "state": "NY", "zipcode": "10099"}
APARTMENT = {**HOME, "street": "12 Example Place Apt 3"}
NO_MATCH = {"street": "1 Nomatch Way", "city": "Nowhere", "state": "NY"}
CREDENTIALS = [
    BasicAuthCredentials("sandbox-id", "sandbox-token"),
    StaticCredentials("sandbox-id-two", "sandbox-token-two"),
    SharedCredentials("sandbox-embedded-key", "app.example.edu"),
]


async def test_one_lookup_is_paid_for_once(home):
    client = smarty(home.url, STREET).build_us_street_api_client()

    for _ in range(2):
        [candidate] = await looked_up(client, Lookup(**APARTMENT))
        assert (candidate.delivery_line_1, candidate.analysis.dpv_match_code) == ("12 Example Pl Apt 3", "Y")

    assert await home.calls(CALLS) == 1
    assert home.sandbox.smarty.facts()["accounts"][0]["lookups_used"] == 1


async def test_another_callers_credential_pays_no_second_time_where_larder_holds_smartys(home):
    for credentials in (None, *CREDENTIALS):
        client = smarty(home.url, STREET, credentials).build_us_street_api_client()
        assert await looked_up(client, Lookup(**APARTMENT))

    assert await home.calls(CALLS) == 1


@pytest.mark.parametrize("credentials", CREDENTIALS, ids=["basic", "query", "embedded"])
async def test_each_kind_of_credential_reaches_smarty_where_larder_holds_none(larder, credentials):
    async with larder(upstreams=NO_CREDENTIAL) as home:
        client = smarty(home.url, STREET, credentials).build_us_street_api_client()

        for _ in range(2):
            [candidate] = await looked_up(client, Lookup(**APARTMENT, input_id="mine"))
            assert (candidate.input_id, candidate.delivery_line_1) == ("mine", "12 Example Pl Apt 3")

        assert await home.calls(CALLS) == 1


async def test_a_batch_is_sorted_into_its_lookups_and_paid_for_once(home):
    client = smarty(home.url, STREET).build_us_street_api_client()

    for _ in range(2):
        batch = Batch()
        for fields in (NO_MATCH, APARTMENT, {**HOME, "street": "20 Sample St"}):
            batch.add(Lookup(**fields))
        await asyncio.to_thread(client.send_batch, batch)
        assert [len(lookup.result) for lookup in batch.all_lookups] == [0, 1, 2]

    assert await home.calls(CALLS) == 1


async def test_no_match_is_an_answer_and_kept_for_a_day(home):
    client = smarty(home.url, STREET).build_us_street_api_client()

    for _ in range(2):
        assert await looked_up(client, Lookup(**NO_MATCH)) == []
    assert await home.calls(CALLS) == 1

    await home.settled()
    home.clock.advance(24 * 3600 + 1)
    assert await looked_up(client, Lookup(**NO_MATCH)) == []
    assert await home.calls(CALLS) == 2


async def test_what_is_asked_strictly_is_another_question(home):
    client = smarty(home.url, STREET).build_us_street_api_client()
    unknown_to_the_post = {"street": "5 Newbuilt Ln", "zipcode": "10099"}

    strictly = await looked_up(client, Lookup(**unknown_to_the_post, match=MatchType.STRICT))
    [found] = await looked_up(client, Lookup(**unknown_to_the_post))

    assert strictly == []
    assert found.analysis.enhanced_match == "non-postal-match"


async def test_zip_codes_one_and_many_are_paid_for_once(home):
    client = smarty(home.url, "/us-zipcode/lookup").build_us_zipcode_api_client()

    for _ in range(2):
        one = await looked_up(client, ZipLookup(zipcode="10099"))
        assert one.is_valid()
        assert one.cities[0].city == "Sampleton"
        batch = Batch()
        batch.add(ZipLookup(zipcode="10099"))
        batch.add(ZipLookup(zipcode="00000"))
        await asyncio.to_thread(client.send_batch, batch)
        assert [lookup.result.is_valid() for lookup in batch.all_lookups] == [True, False]

    assert await home.calls(CALLS) == 2


async def test_both_autocompletes_are_kept_for_the_typing(home):
    pro = smarty(home.url, "/us-autocomplete-pro/lookup").build_us_autocomplete_pro_api_client()
    second = smarty(home.url, "/us-autocomplete/v2/lookup").build_us_autocomplete_api_client()

    for _ in range(2):
        [by_pro] = await asyncio.to_thread(pro.send, AutocompleteProLookup("12 Exa"))
        [by_second] = await asyncio.to_thread(second.send, AutocompleteLookup("12 Exa"))
        assert by_pro.street_line == by_second.street_line == "12 Example Pl"
        assert await asyncio.to_thread(pro.send, AutocompleteProLookup("zzz")) == []

    assert await home.calls(CALLS) == 3


async def test_international_addresses_are_paid_for_once(home):
    client = smarty(home.url, "/international-street/verify").build_international_street_api_client()

    for _ in range(2):
        [found] = await asyncio.to_thread(client.send, InternationalLookup("1 Rue Exemple, Ville", "France"))
        assert (found.analysis.verification_status, found.components.postal_code) == ("Verified", "00001")

    assert await home.calls(CALLS) == 1


async def test_enrichment_is_paid_for_once_and_its_own_etag_is_left_to_smarty(home):
    client = smarty(home.url, "/us-enrichment/lookup/").build_us_enrichment_api_client()

    for _ in range(2):
        lookup = PrincipalLookup("1234567890")
        [found] = await asyncio.to_thread(client.send_property_principal_lookup, lookup)
        assert found.attributes.acres == "0.25"
    assert await home.calls(CALLS) == 1

    repeat = PrincipalLookup("1234567890")
    repeat.request_etag = lookup.response_etag
    assert await asyncio.to_thread(client.send_property_principal_lookup, repeat) == []
    assert await home.calls(CALLS) == 2


async def test_an_api_that_larder_does_not_know_is_passed_on_and_never_kept(home):
    client = smarty(home.url, "/us-reverse-geo/lookup").build_us_reverse_geo_api_client()

    for asked in (1, 2):
        results = await asyncio.to_thread(client.send, ReverseLookup(40.8, -73.96))
        assert results[0].address.street == "12 Example Pl"
        assert await home.calls(CALLS) == asked
