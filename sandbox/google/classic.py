"""The classic Maps web services: the HTTP status says little, the `status` in the body says all (UPSTREAMS.md §5.3)."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from sandbox.google import geocoding, legacy_places
from sandbox.google.asking import Ask, Denied, Invalid
from sandbox.google.atlas import language_of
from sandbox.google.credentials import BadKey, BadToken, NoCredential, consumer_of, signing_consumer
from sandbox.google.state import State
from sandbox.google.troubles import Trouble

HEADERS = {
    "Content-Type": "application/json; charset=UTF-8",
    "Cache-Control": "no-cache, must-revalidate",
    "Expires": "Fri, 01 Jan 1990 00:00:00 GMT",
    "Pragma": "no-cache",
    "Vary": "Accept-Language",
    "Server": "mafe",
}
NO_KEY = "You must use an API key to authenticate each request to Google Maps Platform APIs."
BAD_KEY = "The provided API key is invalid. "  # the space is Google's


@dataclass(frozen=True)
class Service:
    """What answers, and the member that holds its results in an answer without any."""

    answer: Callable[[Ask], dict[str, Any]]
    results: str = "results"


SERVICES: Mapping[str, Service] = {
    "geocode": Service(geocoding.answer),
    "place/autocomplete": Service(legacy_places.autocomplete, "predictions"),
    "place/queryautocomplete": Service(legacy_places.autocomplete, "predictions"),
    "place/details": Service(legacy_places.details, "html_attributions"),
    "place/findplacefromtext": Service(legacy_places.find_place, "candidates"),
    "place/textsearch": Service(legacy_places.text_search),
    "place/nearbysearch": Service(legacy_places.nearby_search),
}


def service_of(path: str) -> Service | None:
    """The service at `/maps/api/geocode/json`; only JSON is served."""
    name, _, form = path.removeprefix("/maps/api/").rpartition("/")
    return SERVICES.get(name) if form == "json" else None


def answer(service: Service, request: web.Request, state: State, path: str) -> web.Response:
    """The service's answer; refused credentials, troubles and bad parameters as statuses in the body."""
    query = {name: request.query.getall(name)[0] for name in request.query}
    try:
        ask = Ask(
            query=query,
            language=language_of(query.get("language", ""), request.headers.get("Accept-Language", "")),
            consumer=_consumer(request, query, path),
            state=state,
        )
        _check(ask)
        return _written({"status": "OK", **service.answer(ask)})
    except Denied as denied:
        return _refused(service, denied.status, str(denied), denied.code)
    except Invalid as wrong:
        code = state.settings.invalid_request_status if service is SERVICES["geocode"] else 200
        return _refused(service, wrong.status, str(wrong), code)


def _consumer(request: web.Request, query: Mapping[str, str], path: str) -> str:
    try:
        if "client" in query:
            return signing_consumer(query, f"{path}?{request.rel_url.raw_query_string}")
        return consumer_of(query, request.headers)
    except NoCredential as error:
        raise Denied("REQUEST_DENIED", NO_KEY) from error
    except (BadKey, BadToken) as error:
        raise Denied("REQUEST_DENIED", BAD_KEY) from error


def _check(ask: Ask) -> None:
    text = " ".join(ask.query.get(name, "") for name in ("address", "input", "query"))
    trouble = ask.state.trouble(ask.consumer, text)
    if trouble is None:
        return
    code = ask.state.settings.unknown_error_status if trouble.classic == "UNKNOWN_ERROR" else 200
    message = "" if trouble in (Trouble.UNKNOWN_ERROR, Trouble.UNAVAILABLE) else trouble.message
    raise Denied(trouble.classic, message, code)


def _refused(service: Service, status: str, message: str, code: int) -> web.Response:
    explained = {"error_message": message} if message else {}
    return _written({**explained, service.results: [], "status": status}, code)


def _written(body: Mapping[str, Any], code: int = 200) -> web.Response:
    text = json.dumps(body, indent=3, ensure_ascii=False) + "\n"
    return web.Response(status=code, headers=HEADERS, body=text.encode())
