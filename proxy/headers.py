"""Header fields: which ones end at a proxy, and which ones never leave Larder."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet

from proxy.messages import Fields

# RFC 9110 §7.6.1, and what a proxy writes anew.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
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
    }
)


def end_to_end(fields: Fields) -> Fields:
    """A request's fields as they may travel on: hop-by-hop ones, those `Connection` names, and Larder's own go."""
    return without(fields, _hops(fields) | _OURS)


def from_upstream(fields: Fields) -> Fields:
    """An answer's fields as they may travel on; taken off before Larder adds its own, so none of those can go."""
    return without(fields, _hops(fields) | {"content-length"})


def without(fields: Fields, names: AbstractSet[str]) -> Fields:
    """The fields whose lower-case name is not among `names`."""
    return tuple(field for field in fields if field[0].lower() not in names)


def as_mapping(fields: Fields) -> Mapping[str, str]:
    """By lower-case name, repeats joined with a comma (RFC 9110 §5.3)."""
    joined: dict[str, str] = {}
    for name, value in fields:
        lower = name.lower()
        joined[lower] = f"{joined[lower]}, {value}" if lower in joined else value
    return joined


def _hops(fields: Fields) -> frozenset[str]:
    named = [value for name, value in fields if name.lower() == "connection"]
    if not named:
        return HOP_BY_HOP
    return HOP_BY_HOP | {token.strip().lower() for value in named for token in value.split(",")}
