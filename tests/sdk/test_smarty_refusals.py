"""smartystreets-python-sdk through Larder: refusals in its own exceptions, and what may be covered is covered."""

import pytest
from smartystreets_python_sdk import BasicAuthCredentials, SharedCredentials, StaticCredentials, exceptions
from smartystreets_python_sdk.us_street import Lookup

from tests.sdk.clients import NO_CREDENTIAL, looked_up, smarty, switch

STREET = "/us-street/street-address"
CALLS = "/smartystreets/*"
HOME = {"street": "12 Example Place", "city": "Sampleton", "state": "NY", "zipcode": "10099"}
ANOTHER = {**HOME, "street": "20 Sample St"}
MONTH_AND_MORE = 32 * 24 * 3600


def impatient(base, credentials=None):
    """A client that does not repeat by itself, so that calls can be counted."""
    return smarty(base, STREET, credentials).retry_at_most(0).build_us_street_api_client()


@pytest.mark.parametrize(
    "credentials",
    [
        BasicAuthCredentials("sandbox-id", "wrong"),
        StaticCredentials("sandbox-id", "wrong"),
        SharedCredentials("sandbox-embedded-key", "elsewhere.example.edu"),
    ],
    ids=["basic", "query", "embedded"],
)
async def test_a_wrong_credential_is_judged_by_smarty_and_gets_nothing_that_is_kept(larder, credentials):
    async with larder(upstreams=NO_CREDENTIAL) as home:
        right = BasicAuthCredentials("sandbox-id", "sandbox-token")
        assert await looked_up(impatient(home.url, right), Lookup(**HOME))

        with pytest.raises(exceptions.BadCredentialsError):
            await looked_up(impatient(home.url, credentials), Lookup(**HOME))

        assert await home.calls(CALLS) == 2


@pytest.mark.parametrize(
    ("street", "error"),
    [
        ("8 Unseen Rd", exceptions.TooManyRequestsError),
        (None, exceptions.BadRequestError),
    ],
    ids=["429", "400"],
)
async def test_each_refusal_is_the_sdks_own_exception_and_is_not_kept(home, street, error):
    for asked in (1, 2):
        with pytest.raises(error):
            await looked_up(impatient(home.url), Lookup(street=street, city="X", state="NY"))
        assert await home.calls(CALLS) == asked


async def test_lookups_that_are_used_up_rest_and_the_sdk_hears_why_without_a_call(home):
    for _ in range(3):
        with pytest.raises(exceptions.PaymentRequiredError):
            await looked_up(impatient(home.url), Lookup(street="9 Unseen Rd", city="X", state="NY"))

    assert await home.calls(CALLS) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, exceptions.ForbiddenError),
        (413, exceptions.RequestEntityTooLargeError),
        (422, exceptions.UnprocessableEntityError),
        (500, exceptions.InternalServerError),
        (503, exceptions.ServiceUnavailableError),
        (504, exceptions.GatewayTimeoutError),
    ],
)
async def test_each_fault_is_the_sdks_own_exception(home, status, error):
    await home.fail("smartystreets", status=status)

    with pytest.raises(error):
        await looked_up(impatient(home.url), Lookup(**HOME))


async def test_a_429_without_retry_after_no_longer_kills_the_sdk(home, monkeypatch):
    slept = []
    monkeypatch.setattr("smartystreets_python_sdk.retry_sender.sleep", slept.append)
    await switch(home, smarty={"throttle": "no_retry_after", "throttle_times": 1})
    client = smarty(home.url, STREET).build_us_street_api_client()

    assert await looked_up(client, Lookup(**HOME))
    assert slept == [1]
    assert await home.calls(CALLS) == 2


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503},
        {"kind": "throttle"},
        {"kind": "throttle", "headers": {}},
        {"kind": "status", "status": 200, "body": {"errors": [{"message": "Something broke."}]}},
        {"kind": "malformed"},
        {"kind": "html_502"},
        {"kind": "down"},
    ],
    ids=["503", "429", "429-bare", "error-in-200", "malformed", "html", "down"],
)
async def test_what_is_kept_covers_for_smarty_and_the_sdk_cannot_tell(home, fault):
    before = await looked_up(impatient(home.url), Lookup(**HOME))
    await home.settled()
    home.clock.advance(MONTH_AND_MORE)
    asked = await home.calls(CALLS)
    await home.fail("smartystreets", **fault)

    after = await looked_up(impatient(home.url), Lookup(**HOME))

    assert [one.delivery_line_1 for one in after] == [one.delivery_line_1 for one in before]
    assert await home.calls(CALLS) > asked


async def test_larders_own_credential_refused_or_used_up_is_covered_too(home):
    await looked_up(impatient(home.url), Lookup(**HOME))
    await home.settled()
    home.clock.advance(MONTH_AND_MORE)
    await switch(home, smarty={"quota": 0})

    assert await looked_up(impatient(home.url), Lookup(**HOME))
    with pytest.raises(exceptions.PaymentRequiredError):
        await looked_up(impatient(home.url), Lookup(**ANOTHER))


async def test_when_smarty_is_down_and_nothing_is_kept_the_sdk_says_so_in_its_own_words(home):
    await home.fail("smartystreets", kind="down")

    with pytest.raises(exceptions.BadGatewayError):
        await looked_up(impatient(home.url), Lookup(**HOME))
