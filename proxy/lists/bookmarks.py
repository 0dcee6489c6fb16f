"""Bookmarks of Larder's own: where in a list a page begins, for lists whose pages have no numbers. And where they have:
which generation of the list a link goes on in, if its caller goes through several at a time.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple

import msgspec

_OURS = "larder"
WALK = "larder-walk"  # the parameter that names a generation; no upstream hears of it


class Bookmark(NamedTuple):
    """A place in a list, as it was in one of its generations."""

    of: str  # the list
    generation: str
    first: int  # how many rows come before
    behind: object = None  # the `id` of the last of them


def written(prefix: str, bookmark: Bookmark) -> str:
    """The bookmark as callers get it."""
    encoded = urlsafe_b64encode(msgspec.json.encode([_OURS, *bookmark])).decode().rstrip("=")
    return f"{prefix}{encoded}"


def read(prefix: str, text: str) -> Bookmark | None:
    """The bookmark that a caller brings back; None for what Larder did not write."""
    encoded = text.removeprefix(prefix)
    try:
        found = msgspec.json.decode(urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)), type=_Written)
    except ValueError:  # no Base64, no JSON, or another list of it
        return None
    ours, of, generation, first, behind = found
    return Bookmark(of, generation, first, behind) if ours == _OURS and first >= 0 else None


_Written = tuple[str, str, str, int, int | str | None]
