"""Outgoing: what an upstream sees of an ask: where it goes, and with which fields."""

import re
from typing import NamedTuple
from urllib.parse import unquote_plus, urlencode

from policies.http.conditions import CONDITIONAL
from policies.http.fields import Fields, without
from proxy.asking import Ask, names_of
from proxy.errors import UnknownApi
from proxy.http.headers import end_to_end
from proxy.keys import without_parameters

_API_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}")  # it becomes part of a host name: nothing else may
_OF_BODIES = ("content-type", "content-encoding")


class Target(NamedTuple):
    """Where a call goes."""

    origin: str  # the base URL, with {api} filled in
    path: str  # raw, below it
    query: str  # raw
    bases: tuple[str, ...]  # places that answer alike, of which `origin` is the first
    dropped: str  # the leading segment that chose the API, "/us-street", where it is not part of `path`

    @property
    def url(self) -> str:
        """The whole URL, percent-encoded as it was sent."""
        return f"{self.origin}{self.path}{'?' if self.query else ''}{self.query}"


def target_of(ask: Ask) -> Target:
    """Path and query as the caller sent them, but for a credential that Larder holds. Raises UnknownApi."""
    upstream, incoming = ask.plan.upstream, ask.incoming
    bases, path, query, dropped = upstream.base_urls, incoming.path, incoming.query, ""
    if "{api}" in bases[0] and upstream.adapter.api_of is not None:
        chosen = upstream.adapter.api_of(path)
        if chosen is None or _API_NAME.fullmatch(chosen[0]) is None:
            raise UnknownApi(upstream.name)
        bases, path = tuple(base.replace("{api}", chosen[0]) for base in bases), chosen[1]
        dropped = incoming.path.removesuffix(path)
    if upstream.signature is not None:
        query = without_parameters(query, names_of(upstream.adapter.credential_places, "query"))
        query = "&".join(part for part in (query, urlencode(upstream.signature.query)) if part)
    return Target(bases[0], path, query, bases, dropped)


def credential_query(ask: Ask) -> str:
    """Those parts of a raw query that are a credential."""
    names = names_of(ask.plan.upstream.adapter.credential_places, "query")
    parts = ask.incoming.query.split("&") if ask.incoming.query else []
    return "&".join(part for part in parts if unquote_plus(part.partition("=")[0]) in names)


def outgoing_fields(ask: Ask) -> Fields:
    """What the upstream sees: on cached endpoints of a declared adapter only what is in the key or fixed."""
    adapter, signature = ask.plan.upstream.adapter, ask.plan.upstream.signature
    places = names_of(adapter.credential_places, "header")
    fields = end_to_end(ask.incoming.fields)
    if ask.plan.cache is not None and not adapter.by_headers and not ask.is_unsafe:
        wanted = {
            *adapter.keyed_headers,
            *places,
            *(_OF_BODIES if ask.sent.body else ()),
        } - adapter.fixed_headers.keys()
        if not ask.sent.body:
            wanted.discard("content-type")
        if ask.key is None:  # nothing of it is kept: the origin itself is to judge
            wanted |= CONDITIONAL
        fields = tuple(field for field in fields if field[0].lower() in wanted)
        fields += (*adapter.fixed_headers.items(), ("User-Agent", "larder"))
    elif ask.key is not None:
        fields = without(fields, CONDITIONAL)
    if signature is not None:
        held = {name.lower() for name in signature.headers}
        fields = without(fields, places | held) + tuple(signature.headers.items())
    return fields
