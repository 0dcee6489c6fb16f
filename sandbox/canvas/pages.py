"""Pages of a collection, and the Link header that leads through them (UPSTREAMS.md §2.4, Canvas lib/api.rb)."""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from aiohttp import web

from sandbox.canvas.answers import not_found
from sandbox.canvas.parameters import Given

DEFAULT_PER_PAGE = 10
LARGEST_PER_PAGE = 100
LONGEST_LINK = 6 * 1024  # bytes; with long queries links are dropped, `next` being the last to go
DROPPED_FIRST = ("last", "first", "prev", "current", "next")
PREFIX = "/courseworks"

Row = TypeVar("Row")


@dataclass(frozen=True)
class Listing(Generic[Row]):
    """A collection in its order. With `bookmark`, the sort key of a row, pages are bookmarks, else numbers."""

    rows: Sequence[Row]
    render: Callable[[Row], Any]
    bookmark: Callable[[Row], tuple[Any, ...]] | None = None
    wrapped_in: str | None = None


@dataclass(frozen=True)
class Page(Generic[Row]):
    rows: Sequence[Row]
    links: list[tuple[str, str]]  # (rel, value of the page parameter)


def per_page(given: Given) -> int:
    """Clamped to 1…100; what is no number counts as 0, as in Ruby."""
    raw = given.one("per_page")
    return DEFAULT_PER_PAGE if raw is None else min(LARGEST_PER_PAGE, max(1, _leading_number(raw)))


def _leading_number(raw: str) -> int:
    digits = ""
    for character in raw.strip():
        if character not in "0123456789":
            break
        digits += character
    return int(digits[:9] or "0")


def page_of(listing: Listing[Row], given: Given) -> Page[Row]:
    """Raises Refused (404) for a bookmark that is none."""
    size, raw = per_page(given), given.one("page")
    if listing.bookmark is None:
        return _numbered(listing.rows, raw, size)
    return _bookmarked(listing.rows, listing.bookmark, raw, size)


def _numbered(rows: Sequence[Row], raw: str | None, size: int) -> Page[Row]:
    if raw is not None and raw.startswith("bookmark:"):
        raise not_found()
    number = max(1, _leading_number(raw or "1"))
    last = max(1, -(-len(rows) // size))
    links = [("current", str(number))]
    if number < last:
        links.append(("next", str(number + 1)))
    if number > 1:
        links.append(("prev", str(number - 1)))
    links += [("first", "1"), ("last", str(last))]
    return Page(rows[(number - 1) * size : number * size], links)


def _bookmarked(
    rows: Sequence[Row], bookmark: Callable[[Row], tuple[Any, ...]], raw: str | None, size: int
) -> Page[Row]:
    ordered = sorted(rows, key=bookmark)
    start = 0
    if raw not in (None, "", "first", "1"):
        start = _start(str(raw), [bookmark(row) for row in ordered], size)
    shown = ordered[start : start + size]
    links = [("current", raw or "first")]
    if start + size < len(ordered):
        links.append(("next", _written(bookmark(shown[-1]))))
    links.append(("first", "first"))
    return Page(shown, links)


def _start(raw: str, keys: list[tuple[Any, ...]], size: int) -> int:
    """How many rows come before the page a bookmark leads to; the marked row itself may be gone by now."""
    prefix, _, value = raw.partition(":")
    if prefix != "bookmark":
        raise not_found()
    if value.isdecimal():  # the form that SDK_REQUESTS.md §1 recorded: the number of a page
        return max(0, int(value[:9]) - 1) * size
    try:
        key = tuple(json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))))
        return sum(1 for other in keys if other <= key)
    except (binascii.Error, ValueError, TypeError) as error:
        raise not_found() from error


def _written(key: tuple[Any, ...]) -> str:
    return "bookmark:" + base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def link_header(request: web.Request, path: str, given: Given, page: Page[Any]) -> str:
    """Absolute links on the caller's own scheme and host; credentials left out, no space after the commas."""
    query = given.for_links()
    base = f"{request.scheme}://{request.host}{PREFIX}{path}?{query + '&' if query else ''}"
    size = per_page(given)
    entries = {rel: f'<{base}page={quote(value, safe="")}&per_page={size}>; rel="{rel}"' for rel, value in page.links}
    for rel in DROPPED_FIRST:
        if len(",".join(entries.values())) <= LONGEST_LINK:
            break
        entries.pop(rel, None)
    return ",".join(entries.values())
