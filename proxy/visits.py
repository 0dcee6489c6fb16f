"""Visits: from what came over the socket to who asks which upstream for what. No I/O but reading the request's body."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple
from urllib.parse import unquote

from aiohttp import web
from aiohttp.web_protocol import RequestPayloadError

from proxy.asker import Asker
from proxy.callers.candidates import candidates
from proxy.callers.forwarded import Base, Forwarding, Origin
from proxy.callers.identify import KEY_HEADER, Identified, Presented, identify, split_key
from proxy.callers.registry import Callers
from proxy.changes.webhooks import Webhooks
from proxy.errors import BadRequest, BodyTooLarge, CallerNotAllowed, HeadTooLarge, UnknownUpstream
from proxy.http.door import Admitted
from proxy.http.wire import say_continue
from proxy.keys import split_query
from proxy.plan import Plan, Plans, UpstreamPlan


@dataclass(frozen=True, slots=True)
class Runtime:
    """What requests are answered by until the next reload; a request keeps the one it began with."""

    plans: Plans
    callers: Callers
    forwarding: Forwarding
    webhooks: Webhooks
    asker: Asker


class Address(NamedTuple):
    """Where in Larder a request goes."""

    first: str  # the first segment: an upstream's name, "webhooks" or "-"
    path: str  # the rest, raw, with its slash; "" when there is none
    query: str  # raw
    prefix: str  # "/@KEY" as it was sent, or ""
    key: str | None  # the Larder key in it


class Visit(NamedTuple):
    """A caller at an upstream's door."""

    upstream: UpstreamPlan
    plan: Plan
    params: Mapping[str, str]
    address: Address
    caller: str
    base: Base


def address_of(target: str) -> Address:
    """Take a request target apart: a path as it stands in the origin form, and its query."""
    path, _, query = target.partition("?")
    prefix, key, path = split_key(path) if path.startswith(("/@", "/%40")) else ("", None, path)
    end = path.find("/", 1)
    first, rest = (path[1:], "") if end < 0 else (path[1:end], path[end:])
    return Address(unquote(first) if "%" in first else first, rest, query, prefix, key)


def origin_of(admitted: Admitted, runtime: Runtime) -> Origin:
    """The base URL the caller used, and its address.

    What proxies say of it is read from all that came: no `Connection` field may hide whose request it is.
    """
    request = admitted.request
    values = request.headers.getall
    return runtime.forwarding.origin(_peer(request), request.scheme, admitted.host, lambda name: values(name, []))


def visit(admitted: Admitted, address: Address, runtime: Runtime) -> Visit:
    """Who visits which endpoint. Raises LarderError: unknown upstream, unknown caller, caller not allowed, a TRACE with
    a body.
    """
    request = admitted.request
    upstream = runtime.plans.upstreams.get(address.first)
    origin = origin_of(admitted, runtime)
    identified = known(admitted, address, origin, (upstream,) if upstream is not None else (), runtime)
    if upstream is None:
        raise UnknownUpstream(address.first, runtime.plans.upstreams)
    if not identified.caller.may_use(upstream.name):
        raise CallerNotAllowed(upstream.name)
    if request.method == "TRACE" and request.body_exists:
        raise BadRequest("TRACE", "a body", "without one (RFC 9110 §9.3.8)")
    plan, params = upstream.match(request.method, address.path)
    return Visit(upstream, plan, params, address, identified.caller.name, origin.base)


def known(
    admitted: Admitted, address: Address, origin: Origin, upstreams: Iterable[UpstreamPlan], runtime: Runtime
) -> Identified:
    """Who calls, where any of these upstreams may be asked. Raises UnknownCaller, MisdirectedHost."""
    request = admitted.request
    presented = Presented(
        request.headers.get(KEY_HEADER),
        address.key,
        origin.client or _local_proxy(request, runtime),
        admitted.host,
        _candidates(admitted, address, upstreams),
    )
    return identify(runtime.callers, presented)


def _local_proxy(request: web.BaseRequest, runtime: Runtime) -> str | None:
    """A trusted proxy that says nothing of clients speaks for itself where only this machine may call anyway."""
    says_who = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    return None if says_who or runtime.callers.configured else _peer(request)


def _peer(request: web.BaseRequest) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    return str(peer[0]) if peer else ""


def _candidates(admitted: Admitted, address: Address, upstreams: Iterable[UpstreamPlan]) -> tuple[str, ...]:
    """A Larder key may stand in the provider's place only where Larder holds the provider's credential."""
    held = [upstream.adapter.credential_places for upstream in upstreams if upstream.credential is not None]
    if not held:
        return ()
    places = dict.fromkeys(chain.from_iterable(held))
    return candidates(places, admitted.headers, split_query(address.query))


async def read_body(request: web.BaseRequest, limit: int) -> bytes:
    """The body, as it came. Raises BodyTooLarge before more than `limit` bytes are held, BadRequest where it is none.

    A caller that waits to be asked for it is asked only now.
    """
    if not request.body_exists:
        return b""
    if (request.content_length or 0) > limit:
        raise BodyTooLarge(limit)
    say_continue(request)
    body = bytearray()
    try:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > limit:
                raise BodyTooLarge(limit)
    except (RequestPayloadError, OSError) as error:
        raise BadRequest("body", "an end before its end", "as long as its head says, in whole chunks") from error
    return bytes(body)


def check_head(request: web.BaseRequest, limit: int) -> None:
    """The head as a whole is bounded, by what the config says now. Raises HeadTooLarge."""
    size = len(request.raw_path)
    for name, value in request.raw_headers:
        size += len(name) + len(value) + 4
    if size > limit:
        raise HeadTooLarge(limit)
