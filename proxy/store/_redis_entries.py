"""Entries in Redis: a string each, and for each tag of its own a list of the entries under it.

order (38 digits) · how many digests (2 bytes) · digests of what it is under (8 each) · blob

The order is read by the script that keeps the later one, the digests by those that count and delete under a tag: no
blob travels for that. The first digest is that of the partition, and leads to the key that opens the blob.
"""

from collections.abc import Iterable
from typing import NamedTuple

from proxy.messages import ALL, Entry, endpoint_tag, partition_tag, upstream_tag
from proxy.store._redis_keys import DIGEST, short_digest
from proxy.store.contract import Filter
from proxy.store.selection import key_of

_NUMBER = 19  # digits of 2^63
ORDER = 2 * _NUMBER
_DIGESTS = ORDER + 2  # where they begin
SHAPE = (ORDER, DIGEST)  # what scripts are told of it


class Kept(NamedTuple):
    """What a value holds."""

    partition: bytes  # its short digest
    blob: bytes


class Wanted(NamedTuple):
    """What a filter comes to: where to look, and the digests that all have to be listed in an entry found there."""

    key: bytes | None = None  # at this key only
    listed: str | None = None  # in the list of this tag
    digests: tuple[bytes, ...] = ()

    @property
    def is_all(self) -> bool:
        """Whether every entry is wanted."""
        return self == Wanted()


def order_of(entry: Entry) -> bytes:
    """Digits that sort as `Entry.order` does. Raises OverflowError for numbers of more than 63 bits."""
    order = b"%019d%019d" % entry.order
    if len(order) != ORDER or not order.isdigit():
        raise OverflowError("the fence or the sequence of an entry has more than 63 bits")
    return order


def pack(entry: Entry, blob: bytes) -> bytes:
    """The value of an entry. Raises OverflowError when it has too many tags or too high an order."""
    names = [partition_tag(entry.partition), upstream_tag(entry.upstream), endpoint_tag(entry.upstream, entry.endpoint)]
    names += [_template_tag(entry.endpoint), *own_tags(entry)]
    digests = [short_digest(name) for name in names]
    return b"".join((order_of(entry), len(digests).to_bytes(2, "big"), *digests, blob))


def unpack(value: object) -> Kept | None:
    """What was packed; None: it is not of ours. Never raises."""
    if not isinstance(value, bytes) or len(value) < _DIGESTS:
        return None
    start = _DIGESTS + DIGEST * int.from_bytes(value[ORDER:_DIGESTS], "big")
    if start == _DIGESTS or len(value) < start or not value[:ORDER].isdigit():
        return None
    return Kept(value[_DIGESTS : _DIGESTS + DIGEST], value[start:])


def own_tags(entry: Entry) -> list[str]:
    """The tags that are no other's to imply."""
    return [f"{entry.upstream}/{tag}" for tag in entry.tagged.split("\n")] if entry.tagged else []


def listed_tags(entry: Entry) -> list[str]:
    """The tags whose lists name the entry. Others imply so much that their lists would be all there is."""
    return list(dict.fromkeys([partition_tag(entry.partition), *own_tags(entry)]))


def wanted_by(filter_: Filter) -> Wanted:
    """Where to look for what a filter asks for."""
    digests = []
    if filter_.upstream is not None and filter_.endpoint is not None:
        digests.append(endpoint_tag(filter_.upstream, filter_.endpoint))
    elif filter_.upstream is not None:
        digests.append(upstream_tag(filter_.upstream))
    elif filter_.endpoint is not None:
        digests.append(_template_tag(filter_.endpoint))
    tag = None if filter_.tag == ALL else filter_.tag
    key = None if tag is None else key_of(tag)
    if tag is None or key is not None:
        return Wanted(key, None, _digested(digests))
    is_scanned = tag.partition(":")[0] in {"@upstream", "@endpoint"}
    return Wanted(None, None if is_scanned else tag, _digested([tag, *digests]))


def _digested(tags: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(short_digest(tag) for tag in tags)


def _template_tag(endpoint: str) -> str:
    """Of an endpoint's template, whichever upstream has it. No entry is purged by it."""
    return f"@template:{endpoint}"
