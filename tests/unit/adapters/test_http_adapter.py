"""The generic adapter declares nothing that an upstream's headers do not say."""

from adapters.http import adapter
from policies import Partition


def test_it_follows_the_upstreams_headers_and_needs_an_address() -> None:
    assert adapter.by_headers
    assert adapter.base_url is None
    assert adapter.endpoints == ()


def test_everything_that_usually_says_who_asks_is_a_credential() -> None:
    places = {(place.where, place.name) for place in adapter.credential_places}

    assert places == {("header", name) for name in ("authorization", "cookie", "x-api-key", "x-auth-token")}


def test_a_held_credential_is_a_header_of_the_operators_choice() -> None:
    assert adapter.sign is not None
    assert adapter.sign({"header": "X-API-Key", "value": "k"}).headers == {"x-api-key": "k"}
    assert adapter.held_partition is Partition.SHARED
