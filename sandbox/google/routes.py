"""The Google stand-in's front door: classic services by path, gRPC-style methods by `/v1…:verb` (UPSTREAMS.md §5.1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aiohttp import web

from sandbox.google import classic, place_autocomplete, places, validation
from sandbox.google.credentials import BadKey, BadToken, NoCredential, consumer_of
from sandbox.google.messages import read_mask
from sandbox.google.rpc import RpcCall, RpcError, error_info
from sandbox.google.state import State

if TYPE_CHECKING:
    from sandbox.state import Sandbox

VALIDATION = "addressvalidation.googleapis.com"
PLACES = "places.googleapis.com"
PLACE = "/v1/places/"
NOT_FOUND_PAGE = "<!DOCTYPE html>\n<html lang=en><title>Error 404 (Not Found)!!1</title>\n<p><b>404.</b> Not found.\n"


@dataclass(frozen=True)
class Method:
    """One gRPC-style method; `service` is the host that serves it."""

    verb: str
    service: str
    answer: Callable[[RpcCall], web.Response]


METHODS: Mapping[str, Method] = {
    "/v1:validateAddress": Method("POST", VALIDATION, validation.validate_address),
    "/v1:provideValidationFeedback": Method("POST", VALIDATION, validation.provide_feedback),
    "/v1/places:searchText": Method("POST", PLACES, places.search_text),
    "/v1/places:searchNearby": Method("POST", PLACES, places.search_nearby),
    "/v1/places:autocomplete": Method("POST", PLACES, place_autocomplete.autocomplete),
    f"{PLACE}{{id}}": Method("GET", PLACES, places.get_place),
}


async def handle(request: web.Request, sandbox: Sandbox, path: str) -> web.StreamResponse:
    """Answer a request below `/google`; `path` is raw and without its query: `/v1:validateAddress`, or with `%3A`."""
    body = await request.read()
    plain = "/".join(unquote(segment) for segment in path.split("/"))
    service = classic.service_of(plain)
    if service is not None and request.method == "GET":
        return classic.answer(service, request, sandbox.google, path)
    collection, _, place = plain.rpartition("/")
    method = METHODS.get(f"{PLACE}{{id}}" if f"{collection}/" == PLACE and place else plain)
    if method is None or request.method != method.verb:
        return web.Response(status=404, text=NOT_FOUND_PAGE, content_type="text/html")
    try:
        return method.answer(_call(request, body, method.service, sandbox.google, place))
    except RpcError as error:
        return error.response()


def _call(request: web.Request, body: bytes, service: str, state: State, place: str) -> RpcCall:
    query = {name: request.query.getall(name)[0] for name in request.query}
    return RpcCall(
        query=query,
        body=body,
        mask=read_mask(query, request.headers),
        consumer=_consumer(query, request.headers, service),
        service=service,
        state=state,
        place=place,
    )


def _consumer(query: Mapping[str, str], headers: Mapping[str, str], service: str) -> str:
    """RpcError: 403 for nobody, 400 for a key that is not valid, 401 for a token that is not (UPSTREAMS.md §5.5)."""
    try:
        return consumer_of(query, headers)
    except NoCredential as error:
        message = (
            "Method doesn't allow unregistered callers (callers without established identity). Please use API Key or "
            "other form of API consumer identity to call this API."
        )
        raise RpcError(403, "PERMISSION_DENIED", message) from error
    except BadKey as error:
        message = "API key not valid. Please pass a valid API key."
        raise RpcError(400, "INVALID_ARGUMENT", message, (error_info("API_KEY_INVALID", service),)) from error
    except BadToken as error:
        message = "Request had invalid authentication credentials. Expected OAuth 2 access token."
        raise RpcError(401, "UNAUTHENTICATED", message) from error
