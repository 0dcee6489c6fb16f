"""The control paths: journal, faults, changes, clock, settings, reset. Their JSON is tabled in docs/interfaces.md."""

import json
import math
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from sandbox.canvas import ROOT_ACCOUNT_UUID
from sandbox.canvas.announcing import announce
from sandbox.canvas.events import ISSUER
from sandbox.faults import read_plan
from sandbox.settings import UnknownField, changed
from sandbox.state import SANDBOX, Sandbox

Control = Callable[[web.Request, Sandbox], Awaitable[web.Response]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
JOURNAL_FILTERS = ("upstream", "path", "method", "since")


def _answering(control: Control) -> Handler:
    """Hands the sandbox over, and turns a refused body into a 400 that says what is wrong."""

    async def handler(request: web.Request) -> web.StreamResponse:
        try:
            return await control(request, request.app[SANDBOX])
        except UnknownField as error:
            return web.json_response({"error": str(error)}, status=400)

    return handler


async def _object(request: web.Request) -> dict[str, Any]:
    try:
        given = json.loads(await request.read())
    except ValueError as error:
        raise UnknownField(f"the body is not JSON: {error}") from error
    if not isinstance(given, dict):
        raise UnknownField(f"the body must be an object, not {type(given).__name__}")
    return given


async def _read_journal(request: web.Request, sandbox: Sandbox) -> web.Response:
    for name in request.query:
        if name not in JOURNAL_FILTERS:
            raise UnknownField(f"unknown filter {name!r}; valid are: {', '.join(JOURNAL_FILTERS)}")
    if not request.query.get("since", "0").isdecimal():
        raise UnknownField("field 'since': must be a whole number")
    entries = sandbox.journal.find(request.query)
    return web.json_response({"count": len(entries), "requests": entries})


async def _empty_journal(_request: web.Request, sandbox: Sandbox) -> web.Response:
    sandbox.journal.clear()
    return web.Response(status=204)


async def _add_fault(request: web.Request, sandbox: Sandbox) -> web.Response:
    fault = sandbox.faults.add(read_plan(await _object(request)))
    return web.json_response({"id": fault.id}, status=201)


async def _list_faults(_request: web.Request, sandbox: Sandbox) -> web.Response:
    faults = [fault.shown() for fault in sandbox.faults.all()]
    return web.json_response({"count": len(faults), "faults": faults})


async def _clear_faults(_request: web.Request, sandbox: Sandbox) -> web.Response:
    return web.json_response({"cleared": sandbox.faults.clear()})


async def _clear_fault(request: web.Request, sandbox: Sandbox) -> web.Response:
    if sandbox.faults.remove(request.match_info["id"]):
        return web.json_response({"cleared": 1})
    return web.json_response({"error": "no fault with this id"}, status=404)


async def _change(request: web.Request, sandbox: Sandbox) -> web.Response:
    return web.json_response(await announce(sandbox, await _object(request)))


async def _events(_request: web.Request, sandbox: Sandbox) -> web.Response:
    sent = sandbox.canvas.sent
    return web.json_response({"count": len(sent), "events": list(sent)})


async def _reset(_request: web.Request, sandbox: Sandbox) -> web.Response:
    sandbox.reset()
    return web.json_response({"reset": True})


async def _state(_request: web.Request, sandbox: Sandbox) -> web.Response:
    facts = {name: upstream.facts() for name, upstream in sandbox.upstreams.items()}
    issuer = {"issuer": ISSUER, "root_account_uuid": ROOT_ACCOUNT_UUID, "jwks": "/_sandbox/jwks"}
    return web.json_response({"now": sandbox.clock(), "live_events": issuer, **facts})


async def _clock(request: web.Request, sandbox: Sandbox) -> web.Response:
    given = await _object(request)
    seconds = given.get("advance")
    if set(given) != {"advance"} or isinstance(seconds, bool) or not isinstance(seconds, int | float):
        raise UnknownField('the body must be {"advance": seconds}')
    if not math.isfinite(seconds):
        raise UnknownField("field 'advance': must be finite")
    sandbox.clock.advance(seconds)
    return web.json_response({"now": sandbox.clock()})


def _settings_shown(sandbox: Sandbox) -> dict[str, Any]:
    upstreams = {name: asdict(upstream.settings) for name, upstream in sandbox.upstreams.items()}
    return {**asdict(sandbox.settings), **upstreams}


async def _read_settings(_request: web.Request, sandbox: Sandbox) -> web.Response:
    return web.json_response(_settings_shown(sandbox))


async def _settings(request: web.Request, sandbox: Sandbox) -> web.Response:
    """All of the body or nothing: every part is checked before the first is changed."""
    given = await _object(request)
    upstreams = sandbox.upstreams
    own = {name: value for name, value in given.items() if name not in upstreams}
    try:
        settings = changed(sandbox.settings, own)
    except UnknownField as error:
        raise UnknownField(f"{error} (and the objects {', '.join(upstreams)})") from error
    switched = {}
    for name, switches in given.items():
        if name in upstreams:
            if not isinstance(switches, dict):
                raise UnknownField(f"field {name!r}: must be an object")
            switched[name] = changed(upstreams[name].settings, switches, f"{name}.")
    sandbox.settings = settings
    for name, value in switched.items():
        upstreams[name].settings = value
    return web.json_response(_settings_shown(sandbox))


async def _jwks(_request: web.Request, sandbox: Sandbox) -> web.Response:
    return web.json_response(sandbox.keyring.jwks())


async def _rotate(_request: web.Request, sandbox: Sandbox) -> web.Response:
    sandbox.keyring.rotate()
    return web.json_response({"current": sandbox.keyring.current.kid})


ROUTES = [
    web.get("/_sandbox/journal", _answering(_read_journal)),
    web.delete("/_sandbox/journal", _answering(_empty_journal)),
    web.post("/_sandbox/faults", _answering(_add_fault)),
    web.get("/_sandbox/faults", _answering(_list_faults)),
    web.delete("/_sandbox/faults", _answering(_clear_faults)),
    web.delete("/_sandbox/faults/{id}", _answering(_clear_fault)),
    web.post("/_sandbox/change", _answering(_change)),
    web.get("/_sandbox/events", _answering(_events)),
    web.post("/_sandbox/reset", _answering(_reset)),
    web.get("/_sandbox/state", _answering(_state)),
    web.post("/_sandbox/clock", _answering(_clock)),
    web.get("/_sandbox/settings", _answering(_read_settings)),
    web.post("/_sandbox/settings", _answering(_settings)),
    web.get("/_sandbox/jwks", _answering(_jwks)),
    web.post("/_sandbox/jwks/rotate", _answering(_rotate)),
]
