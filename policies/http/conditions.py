"""Conditional requests: which of them a cache may answer itself, and when the answer is 304 (RFC 9110 §13)."""

from collections.abc import Mapping

from policies.http.dates import http_date
from policies.http.etags import ANY, parse_etags, weakly_equal
from policies.http.fields import Fields

CONDITIONAL = frozenset({"if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range"})

_FOR_ORIGIN = ("if-match", "if-unmodified-since")
_FRAMING = frozenset({"trailer", "transfer-encoding"})
# They begin like representation metadata, but name a resource, and how a browser is to treat it.
_NO_METADATA = frozenset({"content-location", "content-security-policy", "content-security-policy-report-only"})


def is_for_origin(request: Mapping[str, str]) -> bool:
    """Whether a request carries a condition that only the origin may judge (RFC 9111 §4.3.2)."""
    return any(name in request for name in _FOR_ORIGIN)


def is_not_modified(request: Mapping[str, str], stored: Mapping[str, str], *, stored_date: float, now: float) -> bool:
    """Whether a GET or HEAD that a stored 200 would answer is answered with 304 instead (RFC 9111 §4.3.2).

    `stored_date` is the stored answer's Date, or when it came if it has none; instants in seconds since the epoch.
    """
    tags = request.get("if-none-match")
    if tags is not None:  # it hides If-Modified-Since, whatever it says (RFC 9110 §13.1.3, §13.2.2)
        return _names(tags, stored.get("etag"))
    since = http_date(request.get("if-modified-since"), now)
    if since is None:
        return False
    modified = http_date(stored.get("last-modified"), now)
    return (stored_date if modified is None else modified) <= since


def not_modified_fields(fields: Fields) -> Fields:
    """What a cache's 304 carries of the fields of the 200 it stands for (RFC 9110 §15.4.5)."""
    has_tag = any(name.lower() == "etag" for name, _ in fields)
    return tuple(field for field in fields if _belongs_in_304(field[0].lower(), has_tag=has_tag))


def _names(if_none_match: str, etag: str | None) -> bool:
    """Whether the list has the stored tag, by weak comparison; `*` has whatever there is (RFC 9110 §13.1.2)."""
    tags = parse_etags(if_none_match) or ()
    return tags == ANY or (etag is not None and any(weakly_equal(tag, etag) for tag in tags))


def _belongs_in_304(name: str, *, has_tag: bool) -> bool:
    if name == "last-modified":
        return not has_tag  # of use only where it is the one validator
    if name in _FRAMING:
        return False
    return not name.startswith("content-") or name in _NO_METADATA
