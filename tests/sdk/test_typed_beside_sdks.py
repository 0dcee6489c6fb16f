"""/v1/addresses beside the official SDKs: what the one has asked for, the other finds."""

import asyncio

import pytest
from google.maps import addressvalidation_v1 as av
from google.type.postal_address_pb2 import PostalAddress
from smartystreets_python_sdk import Batch
from smartystreets_python_sdk.us_autocomplete_pro import Lookup as AutocompleteProLookup
from smartystreets_python_sdk.us_street import Lookup

from tests.sdk.clients import looked_up, smarty, validation

ADDRESS = {"street": "12 Example Place Apt 3", "city": "Sampleton", "state": "NY", "postal_code": "10099"}
IN_SMARTYS_WORDS = {**{name: ADDRESS[name] for name in ("street", "city", "state")}, "zipcode": "10099"}
LINES = ["12 Example Pl Apt 3", "Sampleton NY 10099"]


async def verified(home, address, *providers):
    answered = await home.ask("POST", "/v1/addresses/verify", json={"address": address, "providers": list(providers)})
    return answered.json["results"][0]["result"]


async def by_smarty(home):
    client = smarty(home.url, "/us-street/street-address").build_us_street_api_client()
    [candidate] = await looked_up(client, Lookup(**IN_SMARTYS_WORDS))
    return candidate.delivery_line_1


async def in_smartys_batch(home):
    client = smarty(home.url, "/us-street/street-address").build_us_street_api_client()
    batch = Batch()
    batch.add(Lookup(**IN_SMARTYS_WORDS))
    batch.add(Lookup(**IN_SMARTYS_WORDS))
    await asyncio.to_thread(client.send_batch, batch)
    return batch[1].result[0].delivery_line_1


async def by_google(home):
    asked = av.ValidateAddressRequest(
        address=PostalAddress(region_code="US", address_lines=LINES), enable_usps_cass=True
    )
    with validation(home.url) as client:
        answered = await asyncio.to_thread(client.validate_address, asked)
    return answered.result.address.postal_address.address_lines[0]


@pytest.mark.parametrize(
    ("by_sdk", "address", "provider"),
    [
        (by_smarty, ADDRESS, "smartystreets"),
        (in_smartys_batch, ADDRESS, "smartystreets"),
        (by_google, {"lines": LINES}, "google"),
    ],
)
@pytest.mark.parametrize("is_typed_first", [True, False], ids=["typed first", "sdk first"])
async def test_an_address_is_paid_for_once_whoever_asks(home, by_sdk, address, provider, is_typed_first):
    if is_typed_first:
        found = await verified(home, address, provider)
        line = await by_sdk(home)
        status = "miss"
    else:
        line = await by_sdk(home)
        found = await verified(home, address, provider)
        status = "hit"

    assert (found["provider"], found["verdict"]["status"], found["cache"]["status"]) == (provider, "verified", status)
    assert found["formatted"]["line1"] == line == "12 Example Pl Apt 3"
    assert await home.calls(f"/{provider}/*") == 1


async def test_what_is_typed_is_completed_once_whoever_asks(home):
    await home.get("/v1/addresses/autocomplete?search=12+Exa")
    client = smarty(home.url, "/us-autocomplete-pro/lookup").build_us_autocomplete_pro_api_client()
    lookup = AutocompleteProLookup("12 Exa")
    await asyncio.to_thread(client.send, lookup)
    [suggestion] = lookup.result

    assert suggestion.entries == 4
    assert await home.calls("/smartystreets/*") == 1
