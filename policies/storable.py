"""What an upstream's own headers allow: storing (RFC 9111 §3) and for how long (§4.2)."""

import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from functools import lru_cache
from types import MappingProxyType

from policies.declaring import DAY
from policies.freshness import CachePolicy

_DIRECTIVE = re.compile(r"""\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[^\s",;]*))?\s*(?:,|$)""")
_UNDERSTOOD = frozenset({200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501})

Directives = Mapping[str, str | None]


@lru_cache(maxsize=1024)
def parse_cache_control(value: str) -> Directives:
    """Directives by lower-case name (RFC 9111 §5.2). What cannot be read counts as `no-store`: never raises."""
    directives: dict[str, str | None] = {}
    at = 0
    while at < len(value):
        if value[at] in ", \t":
            at += 1
            continue
        match = _DIRECTIVE.match(value, at)
        if match is None:
            directives["no-store"] = None
            break
        name, argument = match[1].lower(), match[2]
        if argument is not None and argument.startswith('"'):
            argument = re.sub(r"\\(.)", r"\1", argument[1:-1])
        # Of two that differ the shorter lifetime holds; a repeated directive never widens anything (§4.2.1).
        if name not in directives or _is_tighter(name, argument, directives[name]):
            directives[name] = argument
        at = match.end()
    return MappingProxyType(directives)


def _is_tighter(name: str, argument: str | None, before: str | None) -> bool:
    mine, theirs = delta_seconds(argument) or 0, delta_seconds(before) or 0
    return mine > theirs if name == "min-fresh" else mine < theirs


def delta_seconds(text: str | None) -> float | None:
    """Seconds of a delta-seconds argument (RFC 9111 §1.2.2), huge ones clamped; None when it is none."""
    if text is None or not text.isascii() or not text.isdigit():
        return None
    return float(min(int(text[:12]), 2**31))


@lru_cache(maxsize=256)
def http_date(text: str | None) -> float | None:
    """Seconds since the epoch of an HTTP date (RFC 9110 §5.6.7); None when it is none."""
    if not text or not text.endswith("GMT"):
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def bar_to_storing(status: int, headers: Mapping[str, str]) -> str | None:
    """What binds even an endpoint whose cache is declared: a fixed word for why not, or None (DESIGN.md §4)."""
    if status == 206:
        return "partial"
    if "no-store" in parse_cache_control(headers.get("cache-control", "")):
        return "no-store"
    if "*" in vary_names(headers):
        return "vary"
    if "set-cookie" in headers:
        return "set-cookie"
    return None


def is_private(headers: Mapping[str, str]) -> bool:
    """Whether the upstream says the answer is for one user only (RFC 9111 §5.2.2.7)."""
    return "private" in parse_cache_control(headers.get("cache-control", ""))


def may_share_authorized(headers: Mapping[str, str]) -> bool:
    """Whether an answer to a request with Authorization may be given to others (RFC 9111 §3.5)."""
    directives = parse_cache_control(headers.get("cache-control", ""))
    if "private" in directives or "no-store" in directives:
        return False
    return bool({"public", "s-maxage", "must-revalidate"} & directives.keys())


def vary_names(headers: Mapping[str, str]) -> tuple[str, ...]:
    """The request header names an answer depends on, in lower case, sorted (RFC 9110 §12.5.5)."""
    names = {name.strip().lower() for name in headers.get("vary", "").split(",")}
    return tuple(sorted(names - {""}))


def initial_age(headers: Mapping[str, str], now: float) -> float:
    """Seconds an answer has spent in caches before it came (RFC 9111 §4.2.3)."""
    date = http_date(headers.get("date"))
    apparent = max(0.0, now - date) if date is not None else 0.0
    return max(apparent, delta_seconds(headers.get("age")) or 0.0)


def policy_of_headers(
    status: int, headers: Mapping[str, str], *, shared: bool, keep_at_most: float, now: float
) -> CachePolicy | None:
    """The lifetime an upstream's headers give; None when they give none or forbid storing (RFC 9111 §3)."""
    directives = parse_cache_control(headers.get("cache-control", ""))
    if status not in _UNDERSTOOD or bar_to_storing(status, headers) or (shared and "private" in directives):
        return None
    lifetime = _lifetime(directives, headers, shared=shared, now=now)
    if lifetime is None:
        return None
    if "no-cache" in directives:
        lifetime = 0.0
    strict = bool({"must-revalidate", "no-cache"} & directives.keys()) or (
        shared and bool({"proxy-revalidate", "s-maxage"} & directives.keys())
    )
    return _policy(
        min(lifetime, keep_at_most),
        0.0 if strict else delta_seconds(directives.get("stale-while-revalidate")) or 0.0,
        0.0 if strict else delta_seconds(directives.get("stale-if-error")) or 0.0,
        keep_at_most,
    )


@lru_cache(maxsize=1024)
def _policy(ttl: float, stale_while_revalidate: float, stale_if_error: float, keep_at_most: float) -> CachePolicy:
    return CachePolicy(
        ttl=ttl,
        stale_while_revalidate=stale_while_revalidate,
        stale_if_error=stale_if_error,
        keep_at_most=keep_at_most,
    )


def _lifetime(directives: Directives, headers: Mapping[str, str], *, shared: bool, now: float) -> float | None:
    """s-maxage, else max-age, else Expires less Date (RFC 9111 §4.2.1); an unreadable one counts as stale."""
    if shared and "s-maxage" in directives:
        return delta_seconds(directives["s-maxage"]) or 0.0
    if "max-age" in directives:
        return delta_seconds(directives["max-age"]) or 0.0
    if "expires" in headers:
        expires = http_date(headers["expires"])
        date = http_date(headers.get("date"))
        return 0.0 if expires is None else min(max(0.0, expires - (now if date is None else date)), 365 * DAY)
    return None
