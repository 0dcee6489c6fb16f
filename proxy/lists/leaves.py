"""Leaves: one page out of a list, with links to the others as its upstream writes them (UPSTREAMS.md §2.4)."""

import re
from typing import NamedTuple, Protocol
from urllib.parse import quote

from adapters import Collection, Wanted
from policies.http.fields import Fields
from proxy.lists.bookmarks import WALK, Bookmark, written

LONGEST_LINK = 6 * 1024  # bytes; with long queries links are dropped, `next` being the last to go
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")  # of a place that is none of the upstream's
_DROPPED_FIRST = ("last", "first", "prev", "current")


class Rows(Protocol):
    """A list, or as much of it as is here."""

    @property
    def base(self) -> str:
        """What the upstream's links to its pages begin with, behind the upstream's own address."""

    @property
    def is_numbered(self) -> bool:
        """Whether its pages have numbers; else bookmarks."""

    @property
    def is_counted(self) -> bool:
        """Whether it is said which page is the last."""

    @property
    def is_complete(self) -> bool:
        """Whether no rows follow those that are here."""

    @property
    def generation(self) -> str:
        """Which fetch it was; "" while that is under way."""

    @property
    def content(self) -> str:
        """The same for the same rows; "" while they come."""

    def __len__(self) -> int: ...

    def cut(self, first: int, size: int) -> bytes:
        """So many rows from the first one on, as a JSON array."""

    def row_id(self, at: int) -> int | str | None:
        """The `id` of one row."""

    def behind(self, row_id: object) -> int | None:
        """The place behind the row with this `id`; None where there is none."""


class Named(NamedTuple):
    """How a list is named."""

    of: str  # in bookmarks
    origin: str  # where its upstream is now: links are below that


class Leaf(NamedTuple):
    """One page."""

    first: int  # rows before it
    body: bytes
    is_followed: bool
    fields: Fields


def leaf_of(
    rows: Rows,
    wanted: Wanted,
    collection: Collection,
    named: Named,
    bookmark: Bookmark | None,
    tag: str | None = None,
    walk: str = "",
) -> Leaf:
    """The page that is wanted. `bookmark`: where the page begins, if it has one;
    `tag`: the list's own strong one; `walk`: the generation that is to be named where the next page has but a number.
    """
    size = wanted.size
    first = _place(rows, bookmark) if bookmark is not None else (int(wanted.page) - 1) * size
    end = first + size
    is_followed = end < len(rows) or not rows.is_complete
    if rows.is_numbered and not first % size:  # else a bookmark led between two of them, and others lead on from there
        pages = _numbered(rows, first // size + 1, size, is_followed=is_followed)
    else:
        here = collection.first if bookmark is None else str(wanted.page)
        pages = {"current": here}
        if is_followed:
            place = Bookmark(named.of, rows.generation, end, rows.row_id(end - 1))
            pages["next"] = written(collection.bookmark, place)
        pages["first"] = "1" if rows.is_numbered else collection.first
    mark = f"&{WALK}={walk}" if walk and rows.is_numbered else ""  # bookmarks name it themselves
    base = rows.base if _ABSOLUTE.match(rows.base) else f"{named.origin}{rows.base}"
    fields: Fields = (("Link", _link(pages, base, collection, size, mark)),)
    if tag is not None or rows.content:
        whole = f'W/"{rows.content}"' if tag is None else tag
        fields += (("ETag", f'{whole[:-1]}-{first}-{size}"'),)
    return Leaf(first, rows.cut(first, size), is_followed, fields)


def _place(rows: Rows, bookmark: Bookmark) -> int:
    """Where the page of a bookmark begins; in another generation than its own, behind the same row as there."""
    if bookmark.generation == rows.generation:
        return bookmark.first
    behind = rows.behind(bookmark.behind) if bookmark.behind is not None else None
    return min(bookmark.first, len(rows)) if behind is None else behind


def _numbered(rows: Rows, number: int, size: int, *, is_followed: bool) -> dict[str, str]:
    pages = {"current": str(number)}
    if is_followed:
        pages["next"] = str(number + 1)
    if number > 1:
        pages["prev"] = str(number - 1)
    pages["first"] = "1"
    if rows.is_counted and rows.is_complete:
        pages["last"] = str(max(1, -(-len(rows) // size)))
    return pages


def _link(pages: dict[str, str], base: str, collection: Collection, size: int, mark: str) -> str:
    """`mark`: what the address of the next page says beyond which that is."""
    links = {
        rel: f'<{base}{_query(collection, size, page)}{mark if rel == "next" else ""}>; rel="{rel}"'
        for rel, page in pages.items()
    }
    for relation in _DROPPED_FIRST:
        if len(",".join(links.values())) <= LONGEST_LINK:
            break
        links.pop(relation, None)
    return ",".join(links.values())


def _query(collection: Collection, size: int, page: str) -> str:
    return "&".join(f"{name}={quote(value or '', safe='')}" for name, value in collection.named(size, page))
