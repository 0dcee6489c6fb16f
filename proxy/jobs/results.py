"""Results: a job's answer, kept as entries are kept, until it is fetched, purged for good or over.

It is cut into as many shares as places it came from (a partition of an endpoint each): all of them together are the
answer, and any of them missing leaves noise. So each share has one upstream, one partition and its own tags, and what
ends those (a hard purge, the end of a principal, an erasure, a flush) ends the answer, without a rule of its own.
"""

import asyncio
from collections.abc import Callable
from functools import reduce
from math import inf
from secrets import token_bytes

import msgspec

from policies import ShelfLife
from proxy.answers import Answer, CacheStatus
from proxy.errors import CallerNotAllowed, LarderError, render
from proxy.jobs.holding import Holding
from proxy.jobs.locking import Lock
from proxy.jobs.names import SHARED_JOBS, Names
from proxy.jobs.sealed import KEPT_WITHIN, OWNER, writes_down
from proxy.jobs.sources import Source, Sources, sources_of
from proxy.kept.shelf import Shelf
from proxy.messages import Entry, key_tag
from proxy.store.contract import StoreError
from proxy.store.fences import Validity
from proxy.typed.visitors import Visitor
from proxy.typed.work import Work


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """An answer, as it would have been given at once."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes
    cache: CacheStatus
    age: int | None
    at: float  # seconds since the epoch
    keys: tuple[bytes, ...]  # of the entries that it was made of
    fence: int  # under which all of them still held
    upstreams: tuple[str, ...] = ()  # that it came from

    def __repr__(self) -> str:
        return f"<Kept {self.status}>"

    def answer(self, now: float) -> Answer:
        """The answer; older by what has passed since (RFC 9111 §5.1)."""
        age = None if self.age is None else self.age + max(0, int(now - self.at))
        return Answer(self.status, self.fields, self.body, self.cache, age=age, tier="durable")


_encode, _decoder = msgspec.msgpack.encode, msgspec.msgpack.Decoder(Kept)


def told(outcome: Answer | LarderError) -> Answer:
    """What is told of an outcome: an error is an answer, too."""
    if isinstance(outcome, Answer):
        return outcome
    status, fields, body = render(outcome.problem, None, "")
    own = {name.lower() for name, _ in outcome.extra_fields}
    kept = (*(field for field in fields if field[0].lower() not in own), *outcome.extra_fields)
    return Answer(status, kept, body, CacheStatus(detail=outcome.word), calls=outcome.calls)


class Results:
    """Keeps results."""

    def __init__(
        self,
        shelf: Shelf,
        holding: Holding,
        lock: Lock | None,
        names: Names,
        on_error: Callable[[str, StoreError], None],
        max_entry: Callable[[], int],
    ) -> None:
        """`max_entry` in bytes."""
        self._shelf = shelf
        self._durable = shelf.durable
        self._holding = holding
        self._lock = lock
        self._names = names
        self._on_error = on_error
        self._max_entry = max_entry

    async def keep(self, result: bytes, answer: Answer, work: Work, fence: int, now: float, ends: float) -> int:
        """Keep an answer, unless anything of it was purged for good since `fence`, when it was begun. How many entries
        it lies in; 0: it is in this process's memory, if there was room.

        In memory alone is what may not be written down: where any of it is not kept as an entry itself, by its
        provider's terms or the config, or where there is nothing that anything is written to.
        """
        sources = await sources_of(work.parts, self._find, self._shelf.fences, fence)
        if sources.is_purged:
            return 0
        fields, keys = (answer.status, answer.fields, answer.body, answer.cache, answer.age, now), tuple(sources.keys)
        upstreams = tuple(sorted({source.upstream for source in sources.each}))
        plain = _encode(Kept(*fields, keys, sources.fence, upstreams))
        ends = min([ends, *(source.ends for source in sources.each)])
        if sources.all_kept and writes_down(self._durable) and len(plain) < self._max_entry():
            shares = await self._written(result, plain, sources, now, ends)
            if shares:
                return shares
        self._holding.keep(result, plain, sources, ends)
        return 0

    async def get(self, result: bytes, shares: int, now: float, visitor: Visitor) -> Answer | None:
        """A job's answer; None: it is not kept, or not here. Raises StoreError, and CallerNotAllowed: whoever asks may
        not use one of the upstreams any more that it came from.
        """
        plain = await self._read(result, shares, now) if shares else self._holding.get(result, now)
        if plain is None:
            return None
        try:
            kept = _decoder.decode(plain)
        except msgspec.DecodeError:
            return None
        if self._shelf.fences.validity(map(key_tag, kept.keys), kept.fence) is Validity.HARD:
            return None
        for upstream in kept.upstreams:
            if not visitor.caller.may_use(upstream):
                raise CallerNotAllowed(upstream)
        return kept.answer(now)

    async def drop(self, result: bytes, shares: int) -> None:
        """Delete a job's answer. What could not be deleted goes with its lifetime."""
        self._holding.drop(result)
        try:
            for index in range(shares):
                await self._durable.delete(key_tag(self._names.share(result, index)))
        except StoreError as error:
            self._on_error("job", error)

    async def _find(self, key: bytes) -> Entry | None:
        """What an answer was made of, if it is kept."""
        try:
            return self._shelf.memory.peek(key) or await self._durable.get(key)
        except StoreError as error:
            self._on_error("job", error)
            return None

    async def _written(self, result: bytes, plain: bytes, sources: Sources, now: float, ends: float) -> int:
        """Write an answer down; the number of its shares; 0: it is not, or not all of it."""
        owners = sources.each or [Source(OWNER, "job", SHARED_JOBS)]
        text = plain if self._lock is None else self._lock.sealed(plain, result.hex())
        keys = [self._names.share(result, index) for index in range(len(owners))]
        for key, source, share in zip(keys, owners, cut(text, len(owners)), strict=True):
            entry = self._entry(key, source, share, now, sources.fence, ends)
            if self._shelf.validity(entry) is Validity.HARD:
                return 0
            self._durable.put(entry)
        self._durable.hurry()
        try:
            async with asyncio.timeout(KEPT_WITHIN):
                await self._durable.flush()
                found = [await self._durable.get(key) for key in keys]
        except (StoreError, TimeoutError) as error:
            self._on_error("job", error if isinstance(error, StoreError) else StoreError("timeout"))
            return 0
        return len(owners) if all(found) else 0

    def _entry(self, key: bytes, source: Source, share: bytes, now: float, fence: int, ends: float) -> Entry:
        return Entry(
            key=key,
            status=200,
            head="",
            body=share,
            stored_at=now,
            life=ShelfLife(inf, ends, ends, ends),
            fence=fence,
            sequence=self._shelf.fences.next_sequence(),
            upstream=source.upstream,
            endpoint=source.endpoint,
            partition=source.partition,
            tagged="\n".join(source.tags),
        )

    async def _read(self, result: bytes, shares: int, now: float) -> bytes | None:
        found: list[bytes] = []
        for index in range(shares):
            entry = await self._durable.get(self._names.share(result, index))
            if entry is None or entry.life.gone_at <= now or self._shelf.validity(entry) is Validity.HARD:
                return None
            found.append(entry.body)
        text = joined(found)
        return text if self._lock is None else self._lock.opened(text, result.hex())


def cut(plain: bytes, many: int) -> list[bytes]:
    """So many shares, each as long as the whole and noise by itself."""
    pads = [token_bytes(len(plain)) for _ in range(many - 1)]
    return [*pads, joined([plain, *pads])]


def joined(shares: list[bytes]) -> bytes:
    """What was cut."""
    together = reduce(lambda left, right: left ^ right, (int.from_bytes(share) for share in shares), 0)
    return together.to_bytes(max(map(len, shares), default=0))
