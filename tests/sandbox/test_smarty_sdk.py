"""Smarty's own SDK against the stand-in, with each kind of credential."""

import asyncio
from types import SimpleNamespace

import pytest
from smartystreets_python_sdk import (
    BasicAuthCredentials,
    Batch,
    ClientBuilder,
    SharedCredentials,
    StaticCredentials,
    exceptions,
)
from smartystreets_python_sdk.international_street import Lookup as InternationalLookup
from smartystreets_python_sdk.us_autocomplete import Lookup as AutocompleteLookup
from smartystreets_python_sdk.us_autocomplete_pro import Lookup as AutocompleteProLookup
from smartystreets_python_sdk.us_enrichment.lookup import PrincipalLookup
from smartystreets_python_sdk.us_reverse_geo import Lookup as ReverseLookup
from smartystreets_python_sdk.us_street import Lookup
from smartystreets_python_sdk.us_street.match_type import MatchType
from smartystreets_python_sdk.us_zipcode import Lookup as ZipLookup

STREET = "/us-street/street-address"
HOME = {"street": "12 Example Place", "city": "Sampleton", "state": "NY", "zipcode": "10099"}
APARTMENT = {**HOME, "street": "12 Example Place Apt 3"}
NO_MATCH = {"street": "1 Nomatch Way", "city": "Nowhere", "state": "NY"}


@pytest.fixture
def smarty(sandbox):
    return SimpleNamespace(base=f"{sandbox.url}/smartystreets", state=sandbox.state.smarty)


def builder(smarty, path, credentials=None):
    return ClientBuilder(credentials or BasicAuthCredentials("sandbox-id", "sandbox-token")).with_base_url(
        smarty.base + path
    )


async def looked_up(client, lookup):
    await asyncio.to_thread(client.send_lookup, lookup)
    return lookup.result


@pytest.mark.parametrize(
    "credentials",
    [
        BasicAuthCredentials("sandbox-id", "sandbox-token"),
        StaticCredentials("sandbox-id-two", "sandbox-token-two"),
        SharedCredentials("sandbox-embedded-key", "app.example.edu"),
    ],
    ids=["basic", "query", "embedded"],
)
async def test_the_sdk_finds_an_address_with_each_kind_of_credential(smarty, credentials):
    client = builder(smarty, STREET, credentials).build_us_street_api_client()

    [candidate] = await looked_up(client, Lookup(**APARTMENT, input_id="mine"))

    assert (candidate.input_id, candidate.delivery_line_1) == ("mine", "12 Example Pl Apt 3")


async def test_the_sdk_sorts_a_batch_into_its_lookups(smarty):
    client = builder(smarty, STREET).build_us_street_api_client()
    batch = Batch()
    for lookup in (Lookup(**NO_MATCH), Lookup(**APARTMENT), Lookup(**{**HOME, "street": "20 Sample St"})):
        batch.add(lookup)

    await asyncio.to_thread(client.send_batch, batch)

    assert [len(lookup.result) for lookup in batch.all_lookups] == [0, 1, 2]


@pytest.mark.parametrize(
    ("street", "error"),
    [
        ("9 Unseen Rd", exceptions.PaymentRequiredError),
        ("8 Unseen Rd", exceptions.TooManyRequestsError),
        (None, exceptions.BadRequestError),
    ],
)
async def test_the_sdk_raises_its_own_errors(smarty, street, error):
    client = builder(smarty, STREET).retry_at_most(0).build_us_street_api_client()

    with pytest.raises(error):
        await looked_up(client, Lookup(street=street, city="X", state="NY"))


async def test_the_sdk_understands_refused_credentials(smarty):
    client = builder(smarty, STREET, BasicAuthCredentials("sandbox-id", "wrong")).build_us_street_api_client()

    with pytest.raises(exceptions.BadCredentialsError):
        await looked_up(client, Lookup(**HOME))


async def test_the_sdk_dies_on_a_429_without_retry_after_and_survives_one_with_it(smarty):
    client = builder(smarty, STREET).build_us_street_api_client()
    smarty.state.configure({"throttle": "no_retry_after"})
    with pytest.raises(KeyError):
        await looked_up(client, Lookup(**HOME))

    smarty.state.configure({"throttle": "retry_after", "retry_after": 0, "throttle_times": 2})
    assert await looked_up(client, Lookup(**HOME))


async def test_the_sdk_asks_strictly_when_told(smarty):
    client = builder(smarty, STREET).build_us_street_api_client()

    assert await looked_up(client, Lookup(street="5 Newbuilt Ln", zipcode="10099", match=MatchType.STRICT)) == []
    [found] = await looked_up(client, Lookup(street="5 Newbuilt Ln", zipcode="10099"))
    assert found.analysis.enhanced_match == "non-postal-match"


async def test_the_sdk_reads_zip_codes(smarty):
    client = builder(smarty, "/us-zipcode/lookup").build_us_zipcode_api_client()
    lookup = ZipLookup(zipcode="10099")

    await asyncio.to_thread(client.send_lookup, lookup)

    assert lookup.result.is_valid()
    assert lookup.result.cities[0].city == "Sampleton"


async def test_the_sdk_reads_both_autocompletes(smarty):
    pro = builder(smarty, "/us-autocomplete-pro/lookup").build_us_autocomplete_pro_api_client()
    v2 = builder(smarty, "/us-autocomplete/v2/lookup").build_us_autocomplete_api_client()

    [by_pro] = await asyncio.to_thread(pro.send, AutocompleteProLookup("12 Exa"))
    [by_v2] = await asyncio.to_thread(v2.send, AutocompleteLookup("12 Exa"))
    nothing = await asyncio.to_thread(pro.send, AutocompleteProLookup("zzz"))

    assert by_pro.street_line == by_v2.street_line == "12 Example Pl"
    assert by_v2.smarty_key == "1234567890"
    assert nothing == []


async def test_the_sdk_reads_international_addresses(smarty):
    client = builder(smarty, "/international-street/verify").build_international_street_api_client()

    [found] = await asyncio.to_thread(client.send, InternationalLookup("1 Rue Exemple, Ville", "France"))
    [unknown] = await asyncio.to_thread(client.send, InternationalLookup("99 Rue Nulle", "FRA"))

    assert (found.analysis.verification_status, found.components.postal_code) == ("Verified", "00001")
    assert unknown.analysis.verification_status == "None"


async def test_the_sdk_remembers_an_enrichment_etag(smarty):
    client = builder(smarty, "/us-enrichment/lookup/").build_us_enrichment_api_client()
    lookup = PrincipalLookup("1234567890")

    [first] = await asyncio.to_thread(client.send_property_principal_lookup, lookup)
    repeat = PrincipalLookup("1234567890")
    repeat.request_etag = lookup.response_etag
    unchanged = await asyncio.to_thread(client.send_property_principal_lookup, repeat)

    assert first.attributes.acres == "0.25"
    assert unchanged == []


async def test_the_sdk_finds_addresses_near_a_point(smarty):
    client = builder(smarty, "/us-reverse-geo/lookup").build_us_reverse_geo_api_client()

    results = await asyncio.to_thread(client.send, ReverseLookup(40.8, -73.96))

    assert results[0].address.street == "12 Example Pl"
    assert [one.distance for one in results] == sorted(one.distance for one in results)
