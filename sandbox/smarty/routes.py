"""The Smarty stand-in's front door: which API a path means, who asks, and the answer or the refusal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote

from aiohttp import web

from sandbox.smarty import autocomplete, enrichment, international, reverse_geo, street, zipcode
from sandbox.smarty.calls import Call, account_of
from sandbox.smarty.refusals import Refusal

if TYPE_CHECKING:
    from sandbox.state import Sandbox


@dataclass(frozen=True)
class Api:
    """One API: the segments that follow its name, the methods it takes, and what answers. `*` stands for any tail."""

    path: tuple[str, ...]
    answer: Callable[[Call], object]
    methods: tuple[str, ...] = ("GET",)

    def fits(self, segments: tuple[str, ...]) -> bool:
        if self.path[-1] == "*":
            return len(segments) >= len(self.path) and segments[: len(self.path) - 1] == self.path[:-1]
        return segments == self.path


APIS: Mapping[str, Api] = {
    "us-street": Api(("street-address",), street.answer, ("GET", "POST")),
    "us-zipcode": Api(("lookup",), zipcode.answer, ("GET", "POST")),
    "us-autocomplete-pro": Api(("lookup",), autocomplete.answer_pro),
    "us-autocomplete": Api(("v2", "lookup"), autocomplete.answer_v2),
    "international-street": Api(("verify",), international.answer),
    "us-enrichment": Api(("lookup", "*"), enrichment.answer),
    "us-reverse-geo": Api(("lookup",), reverse_geo.answer),
}


async def handle(request: web.Request, sandbox: Sandbox, path: str) -> web.StreamResponse:
    """Answer a request below `/smartystreets`; `path` is raw and without its query: `/us-street/street-address`."""
    body = await request.read()
    try:
        name, api, segments = _route(request.method, path)
        query = {key: request.query.getall(key)[0] for key in request.query}
        account = account_of(request.method, query, request.headers)
        call = Call(request.method, name, segments, query, request.headers, body, account, sandbox.smarty)
        answer = api.answer(call)
    except Refusal as refused:
        return refused.response()
    return answer if isinstance(answer, web.Response) else web.json_response(answer)


def _route(method: str, path: str) -> tuple[str, Api, tuple[str, ...]]:
    """Refusal: 404 for a path no API has, 405 for a method it does not take."""
    name, *rest = (unquote(segment) for segment in path.removeprefix("/").split("/"))
    api, segments = APIS.get(name), tuple(rest)
    if api is None or not segments or not api.fits(segments):
        raise Refusal(404, "Not Found: there is no API at this path.")
    if method not in api.methods:
        raise Refusal(405, f"Method Not Allowed: use {' or '.join(api.methods)}.", {"Allow": ", ".join(api.methods)})
    return name, api, segments
