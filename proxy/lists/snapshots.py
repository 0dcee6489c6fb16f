"""Snapshots: all rows of a list as they were at one time, so that any page of it is a cut through its bytes.

The rows are kept as the upstream wrote them. Before them stands what was learned with them: where each begins, by which
validators the upstream's own pages are asked for again, and how its pages are named.
"""

from array import array
from collections.abc import Sequence
from hashlib import blake2b

import msgspec

MAGIC = b"larder-list\x01"  # no JSON begins so
_LENGTH = 4  # bytes, behind it, that say how long the head is


class Piece(msgspec.Struct, array_like=True, frozen=True):
    """One page as the upstream gave it."""

    rows: int
    etag: str  # "": it gave none
    page: int | str  # by which it is asked for: a number, or the text of a bookmark


class Head(msgspec.Struct, array_like=True, frozen=True):
    """What is known of the rows."""

    generation: str  # which fetch it was
    content: str  # the same for the same rows
    base: str  # what the upstream's links to other pages begin with, behind its own address
    is_numbered: bool
    is_counted: bool  # the upstream says which page is the last
    pieces: tuple[Piece, ...]
    starts: bytes  # of each row, and the end of the last one: 4 bytes each


class Snapshot:
    """One list."""

    __slots__ = ("_body", "_rows_at", "_starts", "head")

    def __init__(self, body: bytes) -> None:
        """`body` must be one that `is_snapshot`."""
        at = len(MAGIC) + _LENGTH
        length = int.from_bytes(body[len(MAGIC) : at], "big")
        self.head = msgspec.msgpack.decode(body[at : at + length], type=Head)
        self._rows_at = at + length
        self._body = body
        self._starts = array("I", self.head.starts)

    def __repr__(self) -> str:
        return f"<Snapshot {self.head.generation} of {len(self)} rows>"

    def __len__(self) -> int:
        return len(self._starts) - 1

    @property
    def all_rows(self) -> bytes:
        """All of them, as a JSON array."""
        return self.cut(0, len(self))

    @property
    def rows_at(self) -> int:
        """Where in the body its rows begin; they end with it."""
        return self._rows_at

    def cut(self, first: int, size: int) -> bytes:
        """So many rows from the first one on, as a JSON array."""
        first, end = min(first, len(self)), min(first + size, len(self))
        begin, beyond = self._rows_at + self._starts[first], self._rows_at + self._starts[end] - 1
        return b"[]" if first >= end else b"[" + self._body[begin:beyond] + b"]"

    base = property(lambda self: self.head.base)
    is_numbered = property(lambda self: self.head.is_numbered)
    is_counted = property(lambda self: self.head.is_counted)
    is_complete = True
    generation = property(lambda self: self.head.generation)
    content = property(lambda self: self.head.content)

    def row_id(self, at: int) -> int | str | None:
        """The `id` of one row; None where it has none."""
        return id_of(self.cut(at, 1)[1:-1])

    def behind(self, row_id: object) -> int | None:
        """The place behind the row with this `id`; None where there is none."""
        try:
            rows = msgspec.json.decode(self.all_rows, type=list[_Named])
        except msgspec.MsgspecError:  # not all of them are objects
            return None
        return next((at + 1 for at, row in enumerate(rows) if row.id == row_id), None)

    def pieces(self) -> list[tuple[Piece, list[bytes]]]:
        """The upstream's pages, with their rows."""
        found, first = [], 0
        for piece in self.head.pieces:
            found.append((piece, rows_of(self.cut(first, piece.rows))))
            first += piece.rows
        return found


class _Named(msgspec.Struct):
    id: object = None


def id_of(row: bytes) -> int | str | None:
    """The `id` of a row; None where it has none."""
    try:
        found = msgspec.json.decode(row, type=_Named).id
    except msgspec.MsgspecError:  # no object
        return None
    return found if isinstance(found, int | str) else None


def ids_in(page: bytes) -> tuple[object, ...]:
    """Which rows a JSON array has, in their order, to be compared; where not all have an `id`, it stands for itself."""
    try:
        ids = tuple(row.id for row in msgspec.json.decode(page, type=list[_Row]))
    except msgspec.MsgspecError:
        return (page,)
    return (page,) if None in ids else ids


class _Row(msgspec.Struct):
    id: int | str | None = None


def is_snapshot(body: bytes) -> bool:
    """Whether a body is a list that is kept whole."""
    return body.startswith(MAGIC)


def rows_of(page: bytes) -> list[bytes]:
    """The rows of a page as they are written there. Raises ValueError for what is no JSON array."""
    return [bytes(row) for row in msgspec.json.decode(page, type=list[msgspec.Raw])]


def written(
    rows: Sequence[bytes], pieces: Sequence[Piece], *, generation: str, base: str, is_numbered: bool, is_counted: bool
) -> bytes:
    """All rows, as they are kept."""
    starts, at, digest = array("I", [0]), 0, blake2b(digest_size=8)
    for row in rows:
        at += len(row) + 1  # and a comma
        starts.append(at)
        digest.update(b"%d:%b" % (len(row), row))
    head = Head(generation, digest.hexdigest(), base, is_numbered, is_counted, tuple(pieces), starts.tobytes())
    encoded = msgspec.msgpack.encode(head)
    return b"".join((MAGIC, len(encoded).to_bytes(_LENGTH, "big"), encoded, b",".join(rows)))
