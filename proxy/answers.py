"""Answers: what a caller gets, and the truth about where it came from (Cache-Status, RFC 9211)."""

from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from math import floor
from typing import NamedTuple

from policies import ShelfLife
from policies.http.fields import Fields
from proxy.messages import Entry
from proxy.strong_tags import told
from proxy.upstream.messages import Body, Reply


@dataclass(slots=True)
class CacheStatus:
    """The members of Larder's own entry in Cache-Status."""

    hit: bool = False
    fwd: str = ""  # why it was forwarded: miss, stale, request, bypass, method
    fwd_status: int | None = None
    ttl: int | None = None  # seconds of freshness left; negative when stale
    stored: bool = False
    collapsed: bool = False
    detail: str = ""
    covers: bool = False  # a stored answer stands in for one that could not be had: not said, but for its `detail`

    def __str__(self) -> str:
        parts = ["larder"]
        if self.hit:
            parts.append("hit")
        elif self.fwd:
            parts.append(f"fwd={self.fwd}")
        if self.fwd_status is not None:
            parts.append(f"fwd-status={self.fwd_status}")
        if self.ttl is not None:
            parts.append(f"ttl={self.ttl}")
        if self.stored:
            parts.append("stored")
        if self.collapsed:
            parts.append("collapsed")
        if self.detail:
            parts.append(f"detail={self.detail}")
        return "; ".join(parts)

    @property
    def word(self) -> str:
        """One word for logs and metrics."""
        if self.covers:
            return "fallback"
        if self.hit:
            return "hit" if self.ttl is None or self.ttl >= 0 else "stale"
        if self.ttl is not None and self.ttl < 0:
            return "fallback"
        return self.fwd or "none"


class Cut(NamedTuple):
    """An answer that is all rows of a list that is kept whole."""

    key: bytes  # where the list is kept
    again: Callable[[bytes, Fields], tuple[Fields, int] | None]
    """(the list's body, its fields) → the answer's fields, and where in that body its rows begin; None: it is not all
    rows any more."""


@dataclass(slots=True)
class Answer:
    """What a caller gets."""

    status: int
    fields: Fields
    body: bytes
    cache: CacheStatus
    stream: Body | None = None
    age: int | None = None  # seconds
    tier: str = "upstream"  # memory, durable or upstream
    calls: int = 0  # upstream calls made for it
    retry_after: float | None = None  # seconds the upstream asked for
    length: int | None = None  # bytes of a stream, where they are known
    cut: Cut | None = None
    made_at: float | None = None  # when the upstream made it, in seconds since the epoch, where that is known


def from_entry(entry: Entry, life: ShelfLife, now: float, cache: CacheStatus, tier: str, calls: int = 0) -> Answer:
    """A stored answer, with its age (RFC 9111 §5.1)."""
    cache.ttl = floor(life.fresh_until - now)
    return Answer(
        entry.status,
        dated_fields(entry),
        entry.body,
        cache,
        age=max(0, int(now - entry.stored_at)),
        tier=tier,
        calls=calls,
        made_at=entry.stored_at,
    )


def dated_fields(entry: Entry) -> Fields:
    """Its fields as they are told, with the Date (RFC 9110 §6.6.1) that `stored_at` says where it was not kept."""
    fields = told(entry.fields)
    if any(name.lower() == "date" for name, _ in fields):
        return fields
    return (*fields, ("Date", formatdate(entry.stored_at, usegmt=True)))


def from_reply(reply: Reply, cache: CacheStatus) -> Answer:
    """An upstream's answer as it came."""
    cache.fwd_status = reply.validated_by or reply.status
    wait = reply.verdict.retry_after
    return Answer(
        reply.status,
        told(reply.fields),
        reply.body,
        cache,
        stream=reply.stream,
        calls=reply.calls,
        retry_after=wait,
        length=reply.length,
    )
