"""Records: refused answers as entries, and back. Nothing here acts."""

from typing import NamedTuple

import msgspec

from policies import ShelfLife
from proxy.doubts.sightings import Quarantined, Sighting
from proxy.messages import Entry, key_tag
from proxy.store.codec import as_bytes, as_text


class _Answer(msgspec.Struct, frozen=True, array_like=True):
    """What an entry has that its record does not."""

    key: bytes
    status: int
    head: bytes
    body: bytes
    stored_at: float
    life: ShelfLife
    tagged: bytes
    plan: str
    outcome: str
    jitter: float
    ceiling: float

    def __repr__(self) -> str:
        return f"<Answer {self.status}, {len(self.body)} bytes>"


class _Record(msgspec.Struct, frozen=True, array_like=True):
    id: str
    key: bytes
    reason: str
    at: float
    keep: float
    apart: float
    rows: tuple[int | None, int | None]
    sizes: tuple[int | None, int]
    base: tuple[int, int]
    first_seen: float
    seen: int
    answer: _Answer | None


class Known(NamedTuple):
    """What the store knows of a change."""

    order: tuple[int, int]  # of the last sighting, or of the last one that was decided on
    sighting: Sighting | None = None  # None: it was decided on
    first_seen: float = 0.0  # seconds since the epoch
    seen: int = 0

    @property
    def quarantined(self) -> Quarantined | None:
        """What an operator may see of it."""
        return None if self.sighting is None else Quarantined.of(self.sighting, self.first_seen, self.seen)


_encode, _decoder = msgspec.msgpack.encode, msgspec.msgpack.Decoder(_Record)


def pack(one: Sighting, first_seen: float, seen: int) -> bytes:
    """A sighting of a change that was seen so often, without what the entry says that it will lie in."""
    entry, answer = one.entry, None
    if entry is not None:
        answer = _Answer(
            entry.key,
            entry.status,
            as_bytes(entry.head),
            entry.body,
            entry.stored_at,
            entry.life,
            as_bytes(entry.tagged),
            entry.plan,
            entry.outcome,
            entry.jitter,
            entry.ceiling,
        )
    told = (one.id, one.key, one.reason, one.at, one.keep, one.apart, one.rows, one.sizes, one.base)
    return _encode(_Record(*told, first_seen, seen, answer))


def unpack(kept: Entry) -> Known | None:
    """What was packed and lies in this entry; None: it is of another Larder."""
    try:
        record = _decoder.decode(kept.body)
        entry = _entry(record.answer, kept) if record.answer is not None else None
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    sighting = Sighting(
        id=record.id,
        key=record.key,
        upstream=kept.upstream,
        endpoint=kept.endpoint,
        partition=kept.partition,
        reason=record.reason,
        at=record.at,
        keep=record.keep,
        apart=record.apart,
        rows=record.rows,
        sizes=record.sizes,
        entry=entry,
        tags=tuple(entry.tags) if entry is not None else (key_tag(record.key), *kept.tags),
        base=record.base,
        fetch=kept.order,
    )
    return Known(kept.order, sighting, record.first_seen, record.seen)


def _entry(answer: _Answer, kept: Entry) -> Entry:
    return Entry(
        key=answer.key,
        status=answer.status,
        head=as_text(answer.head),
        body=answer.body,
        stored_at=answer.stored_at,
        life=answer.life,
        fence=kept.fence,
        sequence=kept.sequence,
        upstream=kept.upstream,
        endpoint=kept.endpoint,
        partition=kept.partition,
        tagged=as_text(answer.tagged),
        plan=answer.plan,
        outcome=answer.outcome,
        jitter=answer.jitter,
        ceiling=answer.ceiling,
    )
