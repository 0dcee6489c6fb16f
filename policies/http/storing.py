"""Storing: whether an answer may be kept, and what its own headers allow of it as it ages (RFC 9111 §3, §4.2, §5.2.2).

Directives are read as they are meant for this cache (RFC 9213). `shared` says whether more than one user is served
from where the answer is kept (RFC 9111 §1).
"""

from collections.abc import Mapping
from typing import NamedTuple

from pydantic.dataclasses import dataclass

from policies.declaring import DAY, STRICT, Duration, Ratio
from policies.http.cache_control import LONGEST, Directives, names_in, seconds
from policies.http.dates import http_date
from policies.http.targeted import TARGETS, Control, control_of
from policies.http.vary import has_star

Headers = Mapping[str, str]

# Status codes that may be kept without a word about how long (RFC 9110 §15.1; 451: RFC 7725 §3).
HEURISTICALLY_CACHEABLE = frozenset({200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 451, 501})

# Final status codes whose definition asks nothing of a cache that is not done here (RFC 9111 §5.2.2.3). Left out are
# those of WebDAV (RFC 4918 §11, RFC 5842 §7) and of deltas (RFC 3229 §10.4), those without a use (305, 402), those
# about how a request was sent (408, 411, 417, 421, 425, 426, 505), and those never kept.
UNDERSTOOD = frozenset(
    {
        *(200, 201, 202, 203, 204, 205),  # RFC 9110 §15.3
        *(300, 301, 302, 303, 307, 308),  # RFC 9110 §15.4
        *(400, 403, 404, 405, 406, 409, 410, 413, 414, 415, 422),  # RFC 9110 §15.5
        *(500, 501, 502, 503, 504),  # RFC 9110 §15.6
        451,  # RFC 7725 §3
    }
)

_NEVER_KEPT = {
    206: "partial",  # kept as a part, by other rules (RFC 9111 §3.3)
    304: "not-modified",  # renews what is kept (RFC 9111 §4.3.4)
    401: "credential",  # about what was asked with, not about what was asked for
    407: "credential",
    412: "conditional",  # an answer to preconditions, which are no part of a key
    416: "conditional",  # the same of a range
    428: "status",  # RFC 6585 §3: must not be stored
    429: "status",  # RFC 6585 §4
    431: "status",  # RFC 6585 §5
    511: "status",  # RFC 6585 §6
}
# An answer that lost one of these would be taken for another: they are never left out alone.
_INDISPENSABLE = frozenset({"cache-control", "content-encoding", "content-range", "vary", *TARGETS})


@dataclass(frozen=True, kw_only=True, config=STRICT)
class HeadersPolicy:
    """How far an upstream's own headers are followed. Durations in seconds."""

    share_authorized: bool = True  # one caller's answer goes to others where the upstream allows it (RFC 9111 §3.5)
    store_set_cookie: bool = False  # an answer is kept with the cookies it sets (RFC 9111 §7.3)
    heuristic_fraction: Ratio = 0.1  # of the time since Last-Modified (RFC 9111 §4.2.2); 0 = no heuristics
    heuristic_at_most: Duration = DAY
    stale_if_disconnected: Duration = (
        DAY  # how long past freshness while the upstream is out of reach (RFC 9111 §4.2.4)
    )


class Received(NamedTuple):
    """An answer as it came: header names in lower case, instants in seconds since the epoch."""

    method: str
    status: int
    headers: Headers
    requested_at: float
    received_at: float


def is_cacheable_method(method: str) -> bool:
    """Whether answers to a method are kept for that method; names are case-sensitive (RFC 9110 §9.1, §9.2.3)."""
    return method in ("GET", "QUERY")


def why_not_stored(answer: Received, *, shared: bool, policy: HeadersPolicy) -> str | None:
    """Why an answer may not be kept (RFC 9111 §3), or could be of no use: a fixed word. None if it is to be kept.

    Authorization is not looked at: whom an answer may be shared with is for `may_share_authorized`.
    """
    control = control_of(answer.headers)
    return (
        _bar_of_kind(answer.method, answer.status)
        or _bar_of_directives(control.directives, answer.status, shared=shared)
        or _bar_of_fields(answer.headers, control, shared=shared, policy=policy)
        or _bar_of_lifetime(answer, control, shared=shared, policy=policy)
    )


def may_share_authorized(headers: Headers) -> bool:
    """Whether an answer to a request with Authorization may be given to others (RFC 9111 §3.5)."""
    directives = control_of(headers).directives
    if "private" in directives or "no-store" in directives:
        return False
    return not directives.keys().isdisjoint({"must-revalidate", "public", "s-maxage"})


def lifetime(answer: Received, *, shared: bool, policy: HeadersPolicy) -> float:
    """The freshness lifetime in seconds (RFC 9111 §4.2.1, §4.2.2); 0 where there is none, or none that can be read.

    `immutable` does not lengthen it: it speaks of reloads within it (RFC 8246 §2).
    """
    control = control_of(answer.headers)
    if _is_unlimited(control.directives, "no-cache"):
        return 0.0
    explicit = _explicit_lifetime(answer, control, shared=shared)
    return _heuristic_lifetime(answer, control, policy) if explicit is None else explicit


def forbids_stale(headers: Headers, *, shared: bool) -> bool:
    """Whether nothing allows stale use, not even an upstream out of reach (RFC 9111 §4.2.4, §5.2.2.2, .4, .8, .10)."""
    directives = control_of(headers).directives
    if "must-revalidate" in directives or _is_unlimited(directives, "no-cache"):
        return True
    return shared and ("proxy-revalidate" in directives or "s-maxage" in directives)


def stale_windows(headers: Headers, *, shared: bool) -> tuple[float, float]:
    """Seconds past freshness for use while it is refreshed behind, and for use after an error (RFC 5861 §3, §4)."""
    if forbids_stale(headers, shared=shared):
        return 0.0, 0.0
    directives = control_of(headers).directives
    return seconds(directives, "stale-while-revalidate") or 0.0, seconds(directives, "stale-if-error") or 0.0


def fields_not_kept(headers: Headers, *, shared: bool) -> frozenset[str]:
    """Lower-case names of the fields that an answer is kept without (RFC 9111 §3.1).

    Those of `no-cache` might be used once validated (§5.2.2.4); what is not kept needs no such care.
    """
    directives = control_of(headers).directives
    not_reused = _limited_to(directives, "no-cache")
    return not_reused | _limited_to(directives, "private") if shared else not_reused


def _limited_to(directives: Directives, name: str) -> frozenset[str]:
    """The fields that `no-cache` or `private` is limited to; none where it holds for the whole answer."""
    names = names_in(directives.get(name))
    return names if names.isdisjoint(_INDISPENSABLE) else frozenset()


def _is_unlimited(directives: Directives, name: str) -> bool:
    return name in directives and not _limited_to(directives, name)


def _bar_of_kind(method: str, status: int) -> str | None:
    if not is_cacheable_method(method):
        return "method"
    return "not-final" if status < 200 else _NEVER_KEPT.get(status)


def _bar_of_directives(directives: Directives, status: int, *, shared: bool) -> str | None:
    if "must-understand" in directives:  # where it is obeyed, `no-store` is for those who cannot (RFC 9111 §5.2.2.3)
        if status not in UNDERSTOOD:
            return "must-understand"
    elif "no-store" in directives:
        return "no-store"
    return "private" if shared and _is_unlimited(directives, "private") else None


def _bar_of_fields(headers: Headers, control: Control, *, shared: bool, policy: HeadersPolicy) -> str | None:
    if has_star(headers):  # it would match no request (RFC 9111 §4.1)
        return "vary"
    if "set-cookie" not in headers or "set-cookie" in fields_not_kept(headers, shared=shared):
        return None
    # A cookie is for many only where the upstream says so itself; that its status is cacheable does not say it.
    allowed = policy.store_set_cookie and _is_declared(headers, control, shared=shared)
    return None if allowed else "set-cookie"


def _bar_of_lifetime(answer: Received, control: Control, *, shared: bool, policy: HeadersPolicy) -> str | None:
    """The end of RFC 9111 §3; and the answers that could be used neither fresh, nor validated, nor stale."""
    headers = answer.headers
    if answer.status not in HEURISTICALLY_CACHEABLE and not _is_declared(headers, control, shared=shared):
        return "no-lifetime"
    if "etag" in headers or "last-modified" in headers or lifetime(answer, shared=shared, policy=policy):
        return None
    if forbids_stale(headers, shared=shared):
        return "useless"
    stands_in = policy.stale_if_disconnected or any(stale_windows(headers, shared=shared))
    return None if stands_in else "useless"


def _is_declared(headers: Headers, control: Control, *, shared: bool) -> bool:
    """Whether an answer says itself that it may be kept, whatever its status."""
    directives = control.directives
    if "public" in directives or "max-age" in directives or ("s-maxage" if shared else "private") in directives:
        return True
    return "expires" in headers and not control.targeted


def _explicit_lifetime(answer: Received, control: Control, *, shared: bool) -> float | None:
    """Seconds, by the first of the rules of §4.2.1 that applies; None where none does."""
    directives, headers = control.directives, answer.headers
    for name in ("s-maxage", "max-age") if shared else ("max-age",):
        if name in directives:
            return seconds(directives, name)
    if "expires" not in headers or control.targeted:
        return None
    expires = http_date(headers["expires"], answer.received_at)
    # One that is no date, as "0" is none, lies in the past (RFC 9111 §5.3).
    return 0.0 if expires is None else min(max(0.0, expires - _date_of(answer)), float(LONGEST))


def _heuristic_lifetime(answer: Received, control: Control, policy: HeadersPolicy) -> float:
    modified = http_date(answer.headers.get("last-modified"), answer.received_at)
    if modified is None or not (answer.status in HEURISTICALLY_CACHEABLE or "public" in control.directives):
        return 0.0
    unchanged_for = max(0.0, _date_of(answer) - modified)
    return min(policy.heuristic_fraction * unchanged_for, policy.heuristic_at_most, LONGEST)


def _date_of(answer: Received) -> float:
    """When the origin made it by its own clock, or when it came if it does not say (RFC 9110 §6.6.1)."""
    date = http_date(answer.headers.get("date"), answer.received_at)
    return answer.received_at if date is None else date
