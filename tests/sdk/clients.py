"""The five official SDKs, pointed at a Larder exactly as UPSTREAMS.md §10 says, each in a thread beside the servers."""

import asyncio
import importlib
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import googlemaps
from canvasapi import Canvas
from google.api_core.client_options import ClientOptions
from google.maps import addressvalidation_v1, places_v1
from smartystreets_python_sdk import BasicAuthCredentials, ClientBuilder

from tests.house import ADA, House

T = TypeVar("T")

HELD_KEY = "AIzaSandboxKey"  # of Google, as the house holds it
ANY_KEY = "AIzaAnyKeyAtAll"  # where Larder holds Google's, what an SDK sends is not looked at
NO_CREDENTIAL = {  # the callers' own credentials travel
    "smartystreets": {"credential": {"auth_id": "", "auth_token": ""}},
    "google": {"credential": {"key": ""}},
}


@contextmanager
def canvas_of(base: str, token: str, headers: dict[str, str] | None = None) -> Iterator[Canvas]:
    """A canvasapi client; its session is where a service adds headers."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Canvas may respond unexpectedly")  # said of any http:// base
        canvas = Canvas(f"{base}/courseworks", token)
    session = canvas._Canvas__requester._session  # the SDK offers no other way
    session.headers.update(headers or {})
    try:
        yield canvas
    finally:
        session.close()


async def in_canvas(
    base: str, story: Callable[[Canvas], T], token: str = ADA, headers: dict[str, str] | None = None
) -> T:
    """Run a blocking story in a thread, beside the servers' loop."""

    def run() -> T:
        with canvas_of(base, token, headers) as canvas:
            return story(canvas)

    return await asyncio.to_thread(run)


def in_pages_of(size: int, pages: Any) -> Any:
    """The SDK's own 100 wins over its user's `per_page`, so small pages must be forced on it."""
    pages._first_params["per_page"] = size
    return pages


def smarty(base: str, path: str, credentials: Any = None) -> ClientBuilder:
    """A builder for one Smarty API; `path` is the whole endpoint below the upstream."""
    given = credentials or BasicAuthCredentials("my-id", "my-token")
    return ClientBuilder(given).with_base_url(f"{base}/smartystreets{path}")


async def looked_up(client: Any, lookup: Any) -> Any:
    """The result of one lookup."""
    await asyncio.to_thread(client.send_lookup, lookup)
    return lookup.result


@contextmanager
def classic(base: str, key: str = ANY_KEY, **options: Any) -> Iterator[googlemaps.Client]:
    """googlemaps, which does not wait out a quota; it ignores `base_url` for one of its calls."""
    module = importlib.import_module("googlemaps.addressvalidation")
    before = module._ADDRESSVALIDATION_BASE_URL
    module._ADDRESSVALIDATION_BASE_URL = f"{base}/google"
    client = googlemaps.Client(key=key, base_url=f"{base}/google", **{"retry_over_query_limit": False, **options})
    try:
        yield client
    finally:
        client.session.close()
        module._ADDRESSVALIDATION_BASE_URL = before


def validation(base: str, key: str = ANY_KEY) -> addressvalidation_v1.AddressValidationClient:
    """google-maps-addressvalidation over REST; a context manager."""
    options = ClientOptions(api_endpoint=f"{base}/google", api_key=key)
    return addressvalidation_v1.AddressValidationClient(transport="rest", client_options=options)


def places(base: str, key: str = ANY_KEY) -> places_v1.PlacesClient:
    """google-maps-places over REST; a context manager."""
    options = ClientOptions(api_endpoint=f"{base}/google", api_key=key)
    return places_v1.PlacesClient(transport="rest", client_options=options)


async def switch(home: House, **upstreams: dict[str, Any]) -> None:
    """Change the sandbox's settings: `canvas={…}`, `smarty={…}`, `google={…}`."""
    await home.control("settings", upstreams)
