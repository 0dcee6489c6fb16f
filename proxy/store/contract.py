"""What a durable store is: the second tier, which survives the process. One contract suite holds all of them to it."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple, Protocol

from adapters import Link
from proxy.messages import Entry
from proxy.store.purges import Purge


class StoreError(Exception):
    """The durable store could not do what was asked; Larder goes on without it and says so."""


class StoreUnavailable(StoreError):
    """It cannot be reached just now, and may be back by itself; a StoreError that is none needs somebody to mend it."""


class Summary(NamedTuple):
    """What an operator may see of an entry: no path, no query, no body."""

    key: str  # hex digest
    upstream: str
    endpoint: str
    partition: str
    tags: tuple[str, ...]  # without the implied ones
    stored_at: float
    fence: int
    size: int
    status: int
    fresh_until: float
    fallback_until: float


class Filter(NamedTuple):
    """Which entries are meant; None: any."""

    tag: str | None = None  # any of Entry.tags, implied ones too
    upstream: str | None = None
    endpoint: str | None = None
    limit: int = 100


class Forgotten(NamedTuple):
    """What went of a person that is no entry."""

    links: int = 0  # enrollments and whom they put where
    bindings: int = 0  # credentials and whose they are


class Opened(NamedTuple):
    """What the store knows when it is opened."""

    opening: int  # how often it was opened, this time included
    purges: tuple[Purge, ...]
    moved_aside: str | None = None  # where a broken file went


class DurableStore(Protocol):
    """Every method raises StoreError when the store cannot do it; none blocks the event loop."""

    @property
    def is_durable(self) -> bool:
        """Whether what is acknowledged survives the process."""

    @property
    def lists_keys(self) -> bool:
        """Whether `keys` tells all there are, and no other machine adds to them."""

    @property
    def dropped(self) -> int:
        """Entries that were put and not kept: too many at once, or the disk refused them."""

    @property
    def failures(self) -> int:
        """How often the disk refused a call, or entries written behind."""

    @property
    def unreadable(self) -> int:
        """Entries whose bytes could not be trusted when they were read."""

    @property
    def disk_bytes(self) -> int:
        """What the store holds on disk, as of its last write."""

    @property
    def last_error(self) -> str | None:
        """What is wrong now, without data; None once something works again."""

    async def open(self) -> Opened:
        """Make it ready. Must be called once, first."""

    async def close(self) -> None:
        """Write what is pending, then let go."""

    async def get(self, key: bytes) -> Entry | None:
        """The entry kept under `key`; None when there is none, or what is there cannot be read."""

    def put(self, entry: Entry, kept: Callable[[], None] | None = None) -> None:
        """Keep `entry` behind the answer, unless what is kept has a higher `order`. Bounded: drops when swamped.

        `kept` is called on the event loop once that is over, whatever came of it.
        """

    def hurry(self) -> None:
        """Write what was put without waiting for more: somebody waits for it."""

    async def flush(self) -> None:
        """Wait until all that was put is kept."""

    async def keys(self) -> list[bytes]:
        """Every key that is kept."""

    async def delete(self, tag: str) -> int:
        """Remove the bytes of every entry under `tag` (any of Entry.tags); how many went."""

    async def scrub(self) -> None:
        """Leave nothing of what was deleted where bytes may still lie: free pages, logs, writes under way."""

    async def purge(self, records: Sequence[Purge]) -> None:
        """Make purges durable: when this returns, they survive the death of the process and of the machine."""

    async def count(self, wanted: Filter) -> int:
        """How many entries are kept under a tag, of an upstream or an endpoint (`limit` does not apply)."""

    async def summaries(self, wanted: Filter) -> list[Summary]:
        """Entries, newest first."""

    async def sweep(self, now: float, forget_purges_before: float) -> None:
        """Drop what is GONE, the oldest beyond the store's bound, expired marks and notes, and what else was recorded
        before `forget_purges_before`: no entry is left that it could be about. Both in seconds since the epoch.
        """

    async def mark(self, source: str, token: str, until: float) -> bool:
        """Remember a notification, durably; False if it was remembered already."""

    async def marked(self, source: str, token: str) -> bool:
        """Whether a notification is remembered."""

    async def claim(self, key: bytes, note: bytes, until: float) -> bytes | None:
        """Keep a small note under `key`, durably, unless one is kept there that still counts: then that one is told,
        and nothing changes. One step for all processes and machines that use the store. `until`: seconds since the
        epoch. Notes are not sealed and outlive purges: nothing of a person may stand in them.
        """

    async def note(self, key: bytes, note: bytes, until: float) -> None:
        """Keep a note under `key`, durably, in place of what is kept there."""

    async def noted(self, key: bytes) -> bytes | None:
        """The note under `key`, if one is kept there that still counts."""

    async def exchange(self, key: bytes, held: bytes, note: bytes, until: float) -> bool:
        """Keep a note, durably, in place of `held`; False where another one, or none, is kept there by now: then
        nothing changes. One step for all processes and machines that use the store.
        """

    async def unclaim(self, key: bytes) -> None:
        """Forget the note under `key`: the next one to claim it gets it."""

    async def learn(self, upstream: str, links: Sequence[Link]) -> None:
        """Remember which user and course an enrollment belongs to."""

    async def find_link(self, upstream: str, enrollment: str) -> Link | None:
        """The user and course of an enrollment."""

    async def bind(self, partition: str, user: str) -> None:
        """Remember which upstream user a principal is."""

    async def bindings(self) -> dict[str, str]:
        """All remembered principals and their users."""

    async def forget_person(self, upstream: str, users: Collection[str]) -> Forgotten:
        """Forget which enrollments and principals are these users'. Users are the upstream's ids; a principal does not
        say of which upstream it is, so one of the same id elsewhere is learned again.
        """
