"""Progress: how far a walk through a list has come, for those who want one of its first pages and wait for no more."""

import asyncio
from typing import Any, NamedTuple, Protocol
from uuid import uuid4
from weakref import WeakValueDictionary

from adapters import Wanted
from policies.http.fields import Fields
from proxy.asking import Ask
from proxy.lists.generations import MOST_BESIDE
from proxy.lists.snapshots import Piece, id_of
from proxy.store.fences import Fences


class Page(NamedTuple):
    """One page of the upstream's."""

    piece: Piece
    rows: list[bytes]
    json: list[Any]
    following: int | str | None  # how the one behind it is asked for; None: it is the last
    last: int | None  # the number of the last one, where the upstream tells


class Place(Protocol):
    """A page that somebody wanted."""

    @property
    def wanted(self) -> Wanted:
        """Which."""


class Progress:
    """The rows that are here, from the first one on."""

    def __init__(self) -> None:
        self.fence = self.sequence = -1  # when the walk began; -1: it has not
        self.generation = uuid4().hex[:12]  # of the list that comes of it
        self.began_at = 0.0  # seconds since the epoch
        self.rows: list[bytes] = []
        self.base = ""
        self.is_numbered = False
        self.fields: Fields = ()
        self.all_here: asyncio.Future[Any] | None = (
            None  # done once the list is kept, if somebody has an early page of it
        )
        self.followers: dict[str, list[Place]] = {}  # what callers have of it by now
        self.is_over = False
        self._news = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Progress of {len(self.rows)} rows>"

    is_counted = is_complete = False  # the last page is never told of here: then all is
    content = ""

    def __len__(self) -> int:
        return len(self.rows)

    def cut(self, first: int, size: int) -> bytes:
        """So many rows from the first one on, as a JSON array."""
        return b"[" + b",".join(self.rows[first : first + size]) + b"]"

    def row_id(self, at: int) -> int | str | None:
        """The `id` of one row; None where it has none."""
        return id_of(self.rows[at])

    def behind(self, row_id: object) -> int | None:
        """The place behind the row with this `id`; None where there is none."""
        return next((at + 1 for at, row in enumerate(self.rows) if id_of(row) == row_id), None)

    @property
    def early(self) -> list[Any]:
        """Every place up to which somebody has come by now."""
        return [place for places in self.followers.values() for place in places]

    def shown(self, caller: str, place: Place) -> None:
        """A page was shown before all are here: to who had the one before, or to somebody else."""
        places = self.followers.setdefault(caller, [])
        size, page = place.wanted
        before = next((one for one in places if isinstance(page, int) and one.wanted == (size, page - 1)), None)
        if before is not None:
            places.remove(before)
        places.append(place)
        del places[:-MOST_BESIDE]

    @property
    def is_begun(self) -> bool:
        """Whether a walk tells of itself here."""
        return self.fence >= 0

    def serves(self, ask: Ask, now: float) -> bool:
        """Whether what it brings is news to one who asks: the walk began after everything that was purged or, for a
        live read, that was fetched before the caller came; and it is young enough for its caller.
        """
        oldest = ask.directives.max_age
        is_young = oldest is None or now - self.began_at <= oldest or ask.directives.is_live
        return self.fence >= ask.arrived and (not ask.wants_news or self.sequence > ask.order) and is_young

    def first(self, page: Page, *, fields: Fields, base: str, is_numbered: bool) -> None:
        """The first page is here."""
        self.fields, self.base, self.is_numbered = fields, base, is_numbered
        if page.following is not None:
            self.add(page)

    def add(self, page: Page) -> None:
        """The page behind those that are here is here too."""
        self.rows += page.rows
        self._tell()

    def end(self) -> None:
        """No more will come."""
        self.is_over = True
        self._tell()

    async def has(self, first: int, size: int) -> bool:
        """Wait for so many rows from the first one on; False: they will not come, or all has."""
        while not self.is_over:
            if len(self.rows) >= first + size:
                return True
            await self._news.wait()
        return False

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()


class ProgressBoard:
    """The walks that are under way, by what they fetch and for whom; forgotten with the last who looks at one."""

    def __init__(self) -> None:
        self._walks: WeakValueDictionary[tuple[bytes | None, str], Progress] = WeakValueDictionary()

    def of(self, ask: Ask) -> Progress:
        """The walk for a whole list, whether it has begun or will."""
        at = (ask.key, ask.identity.credential)
        found = self._walks.get(at)
        if found is None:
            found = self._walks[at] = Progress()
        return found

    def begun(self, ask: Ask, fences: Fences, now: float) -> Progress:
        """A walk begins."""
        progress = self.of(ask)
        if progress.is_begun:  # another one's, which goes on
            progress = self._walks[ask.key, ask.identity.credential] = Progress()
        progress.fence, progress.sequence, progress.began_at = fences.number, fences.sequence, now
        return progress
