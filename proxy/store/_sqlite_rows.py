"""An entry as a row: what it is found and ordered by and, behind that, outside SQLite's tree, what it holds."""

from collections.abc import Iterable
from typing import NamedTuple

from proxy.messages import ALL, Entry
from proxy.store._sqlite_schema import LEAD_BYTES
from proxy.store.codec import as_bytes, as_text
from proxy.store.purges import tag_digest

TAG_BYTES = 16  # of a tag's digest


class Row(NamedTuple):
    """The columns of the entries table, in their order."""

    key: bytes
    fence: int
    sequence: int
    sealed_by: bytes | None
    upstream: bytes
    endpoint: bytes
    partition: bytes
    tags: bytes
    stored_at: float
    fresh_until: float
    gone_at: float
    size: int
    status: int
    lead: bytes
    own: bytes
    blob: bytes


def row_of(entry: Entry, blob: bytes, sealed_by: bytes | None) -> Row:
    """The row of an entry whose bytes are `blob`, sealed by the partition key of that id, or by none."""
    upstream, endpoint, partition = map(as_bytes, (entry.upstream, entry.endpoint, entry.partition))
    tags = tag_digests(listed_tags(entry))
    return Row(
        key=entry.key,
        fence=entry.fence,
        sequence=entry.sequence,
        sealed_by=sealed_by,
        upstream=upstream,
        endpoint=endpoint,
        partition=partition,
        tags=tags,
        stored_at=entry.stored_at,
        fresh_until=entry.life.fresh_until,
        gone_at=entry.life.gone_at,
        size=entry.size,
        status=entry.status,
        lead=lead(entry.key, upstream, endpoint, partition, tags),
        own=as_bytes(entry.tagged) if sealed_by is None else b"",
        blob=blob,
    )


def text_of(value: object) -> str:
    """A text as it was written into a column. Raises TypeError or ValueError when it never was: SQLite takes anything
    anywhere, and somebody else may have written it.
    """
    if not isinstance(value, bytes):
        raise TypeError("a column holds what was never written there")
    return as_text(value)


def listed_tags(entry: Entry) -> list[str]:
    """The tags that are looked up in entry_tags: all but the two that the entries table answers by itself."""
    return [tag for tag in dict.fromkeys(entry.tags) if tag != ALL and not tag.startswith("@key:")]


def tag_digests(tags: Iterable[str]) -> bytes:
    """One behind the other."""
    return b"".join(map(tag_digest, tags))


def split_digests(tags: bytes) -> list[bytes]:
    """Each by itself."""
    return [tags[start : start + TAG_BYTES] for start in range(0, len(tags), TAG_BYTES)]


def lead(*columns: bytes) -> bytes:
    """What it takes, beside these columns, to have all that follows outside SQLite's tree."""
    return bytes(max(0, LEAD_BYTES - sum(map(len, columns))))
