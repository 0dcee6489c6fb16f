"""Header fields: which ones end at a proxy, and which ones never leave Larder."""

import re

from policies.http.fields import Fields, without

VIA = "1.1 larder"  # RFC 9110 §7.6.3: what was spoken, and a pseudonym for who received it

LARDER_TAG = "Larder-Tag"
"""What an answer's strong tag is kept under here, beside the upstream's own ETag. Comes from nobody, goes to nobody."""

# RFC 9110 §7.6.1, and what a proxy writes anew.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authentication-info",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_WAIT = re.compile(r"(?:^|,)\s*wait\s*=\s*(?:\"[^\"]*\"|[^,;]*)[^,]*", re.IGNORECASE)
_OURS = frozenset(
    {
        "content-length",
        "expect",
        "forwarded",
        "host",
        "traceparent",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
        "x-larder-key",
        "x-real-ip",
        "x-request-timeout",
    }
)
# What some servers take for the host or the target of a request: none of it is in a key, so none of it travels.
_IN_DISGUISE = frozenset(
    {
        "x-forwarded-scheme",
        "x-forwarded-server",
        "x-host",
        "x-http-host-override",
        "x-original-host",
        "x-original-url",
        "x-rewrite-url",
    }
)

_NOT_UPSTREAM = HOP_BY_HOP | _OURS | _IN_DISGUISE
_NOT_FROM_UPSTREAM = HOP_BY_HOP | {"content-length", LARDER_TAG.lower()}


def end_to_end(fields: Fields) -> Fields:
    """A request's fields as they may travel on: hop-by-hop ones, those `Connection` names, Larder's own, and those that
    would make another request of it go.
    """
    return _without_wait(without(fields, _with_named(fields, _NOT_UPSTREAM)))


def _without_wait(fields: Fields) -> Fields:
    """How long this caller waits is nothing to those who share its call (RFC 7240 §4.3)."""
    if not any(name.lower() == "prefer" for name, _ in fields):
        return fields
    kept = ((name, _WAIT.sub("", value) if name.lower() == "prefer" else value) for name, value in fields)
    return tuple((name, value) for name, value in kept if name.lower() != "prefer" or value.strip(" ,"))


def from_upstream(fields: Fields) -> Fields:
    """An answer's fields as they may travel on; taken off before Larder adds its own, so none of those can go."""
    return without(fields, _with_named(fields, _NOT_FROM_UPSTREAM))


def _with_named(fields: Fields, names: frozenset[str]) -> frozenset[str]:
    """These names, and those that `Connection` names."""
    named = [value for name, value in fields if name.lower() == "connection"]
    if not named:
        return names
    return names | {token.strip().lower() for value in named for token in value.split(",")}
