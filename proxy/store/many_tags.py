"""Many tags: an entry with thousands of them was looked at once; from then on only what was purged since is.

A list of 5,000 rows has a tag for each. To look at all of them takes milliseconds, on the event loop, after any purge.
"""

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable
from itertools import islice

MANY = 64  # tags, below which to look at all of them costs no more
MOST_RECENT = 512  # purges
_WIDTH = 8  # bytes of a digest that are kept: where two are taken for one, all tags are looked at once more


def marks_of(digests: Iterable[bytes]) -> bytes:
    """By what an entry's tags are found, for `may_hold`: 8 bytes for each."""
    return array("Q", sorted(_number(digest) for digest in digests)).tobytes()


def may_hold(marks: bytes, digest: bytes) -> bool:
    """Whether a tag may be among those that `marks` were made of; False: it is not."""
    numbers, wanted = memoryview(marks).cast("Q"), _number(digest)
    at = bisect_left(numbers, wanted)
    return at < len(numbers) and numbers[at] == wanted


def _number(digest: bytes) -> int:
    return int.from_bytes(digest[:_WIDTH], "big")


class RecentPurges:
    """The latest purges, in the order they were heard of."""

    def __init__(self, most: int = MOST_RECENT) -> None:
        self._tags: deque[bytes | None] = deque(maxlen=most)

    def note(self, tag: bytes | None) -> None:
        """A purge of this tag, by its digest; None: of any."""
        self._tags.append(tag)

    def latest(self, count: int) -> list[bytes] | None:
        """The tags of so many purges, the latest first; None where that is not known."""
        tags = list(islice(reversed(self._tags), count))
        known = [tag for tag in tags if tag is not None]
        return known if len(known) == count else None
