"""Preconditions of a request that may change something, against the state as it is (RFC 9110 §13.1, §13.2.2)."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from policies.http.dates import http_date
from policies.http.etags import ANY, parse_etags, strongly_equal, weakly_equal

_ENTITY_TAG = re.compile(r'(W/)?"[^"]*"')  # blanks within, which §8.8.3 forbids, do no harm
ON_WRITES = frozenset({"if-match", "if-none-match", "if-unmodified-since"})


class Current(NamedTuple):
    """The state as it is."""

    etag: str | None
    modified: float | None  # seconds since the epoch, where the origin tells them


def failed(asked: Mapping[str, str], current: Current | None, now: float) -> str | None:
    """The name, as HTTP writes it, of the precondition that does not hold; None: all hold. `current` None: there is
    nothing there.

    If-Unmodified-Since is ignored beside If-Match, and where the state has no date (§13.1.4).
    """
    if "if-match" in asked:
        if current is None or not _matches(asked["if-match"], current):
            return "If-Match"
    elif current is not None and current.modified is not None:
        since = http_date(asked.get("if-unmodified-since"), now)
        if since is not None and current.modified > since:
            return "If-Unmodified-Since"
    if "if-none-match" in asked and current is not None and _is_named(asked["if-none-match"], current):
        return "If-None-Match"
    return None


def unreadable(asked: Mapping[str, str]) -> str | None:
    """The name of a precondition that is no `*` and no list of entity-tags (§8.8.3), so that nobody can tell what its
    writer knew; None: all can be read. A date that is none is ignored (§13.1.4).
    """
    for name in ("If-Match", "If-None-Match"):
        value = asked.get(name.lower())
        if value is None:
            continue
        tags = parse_etags(value) or ()
        if tags != ANY and not (tags and all(_ENTITY_TAG.fullmatch(tag) for tag in tags)):
            return name
    return None


def judged(asked: Mapping[str, str], current: Current | None) -> frozenset[str]:
    """The preconditions of a request that could be judged: they go no further."""
    has_date = current is None or current.modified is not None
    ignored = {"if-unmodified-since"} if not has_date and "if-match" not in asked else set()
    return ON_WRITES & asked.keys() - ignored


def _matches(if_match: str, current: Current) -> bool:
    tags = parse_etags(if_match) or ()
    return tags == ANY or (current.etag is not None and any(strongly_equal(tag, current.etag) for tag in tags))


def _is_named(if_none_match: str, current: Current) -> bool:
    tags = parse_etags(if_none_match) or ()
    return tags == ANY or (current.etag is not None and any(weakly_equal(tag, current.etag) for tag in tags))
