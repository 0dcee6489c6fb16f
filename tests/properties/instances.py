"""Three machines with two workers each on one Redis: our own parts, put together as by proxy/kept/redis_tier.py.

Left out is what needs real processes and sockets. The store behind the memory is a small one: bytes of purged entries
stay in it, so that nothing but the fences keeps them from readers.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from functools import partial
from typing import Any

from redis.exceptions import RedisError

from policies import DAY, ShelfLife
from proxy.kept.shelf import Shelf
from proxy.messages import Entry
from proxy.sharing.page import Page
from proxy.store.codec import Codec
from proxy.store.coherence import BEGINNING, LOST, Position
from proxy.store.contract import StoreError
from proxy.store.fences import Fences, Mode, Validity
from proxy.store.memory import MemoryStore
from proxy.store.none import NoStore
from proxy.store.redis_follower import FenceTerms, FollowerClocks, RedisFollower
from proxy.store.redis_ledger import RedisLedger
from tests.properties.network import Network, Wire
from tests.properties.reference import Fetched, Got, Reference
from tests.properties.scheduler import Scheduler
from tests.properties.scripted_redis import RedisServer

EPOCH = 1_800_000_000.0  # when the histories take place
MACHINES, WORKERS = ("a", "b", "c"), (1, 2)
SKEWS = {"a": 0.0, "b": 0.4, "c": -0.4}  # seconds by which a machine's clock is ahead of the first Redis's
WINDOW = 1.0
PARTITIONS = ("p1", "p2")
KEYS = {bytes([thing, owner]) * 8: PARTITIONS[owner] for owner in (0, 1) for thing in (1, 2)}
_UPSTREAM = "up"


class SmallStore(NoStore):
    """Entries in the pretended Redis, under their keys: an older answer never replaces a later one."""

    is_durable = True
    lists_keys = False

    def __init__(self, wire: "Asking", clock: Callable[[], float]) -> None:
        super().__init__(clock)
        self._ask = wire
        self._codec = Codec()
        self._writes: set[asyncio.Task[None]] = set()

    async def get(self, key: bytes) -> Entry | None:
        try:
            kept = await self._ask(lambda server: server.data.get(key))
        except RedisError as error:
            raise StoreError("unreachable") from error
        return None if kept is None else self._codec.decode(kept[1], key)

    def put(self, entry: Entry, kept: Callable[[], None] | None = None) -> None:
        write = asyncio.create_task(self._put(entry.key, (entry.order, self._codec.encode(entry)), kept))
        self._writes.add(write)
        write.add_done_callback(self._writes.discard)

    async def _put(self, key: bytes, kept: tuple[Any, bytes], done: Callable[[], None] | None) -> None:
        def put(server: RedisServer) -> None:
            if key not in server.data or server.data[key][0] <= kept[0]:
                server.data[key] = kept

        try:
            async with asyncio.timeout(0.5):
                await self._ask(put)
        except (RedisError, TimeoutError):
            self.dropped += 1
        if done is not None:
            done()


Asking = Callable[[Callable[[RedisServer], Any]], Any]


class Silent:
    """Whoever is told of coherence."""

    def coherence_lost(self, reason: str) -> None: ...
    def coherence_regained(self) -> None: ...
    def purges_resent(self, count: int, reason: str) -> None: ...
    def clocks_differ(self, seconds: float) -> None: ...


class World:
    """All there is."""

    def __init__(self, seed: int) -> None:
        self.loop = Scheduler(seed, now=5_000.0)
        self.network = Network(self.loop, RedisServer(self.wall()))
        self.reference = Reference()
        self.machines = {name: Machine(self, name) for name in MACHINES}
        self.lives = 0
        self._seen: dict[int, tuple[float, int, int]] = {}
        self.loop.before_time_passes = self._look_at_news

    def wall(self, skew: float = 0.0) -> Callable[[], float]:
        """Seconds since the epoch, on a clock that is off."""
        return lambda: EPOCH + self.loop.time() + skew

    def start(self) -> None:
        for machine in self.machines.values():
            machine.start()

    def run_for(self, seconds: float) -> None:
        disturbed = self._disturbed()
        self.loop.run_for(seconds)
        for machine in disturbed | self._disturbed():
            machine.disturbed()
        self.reference.time_passed(self.loop.time())

    def everybody_looks(self) -> None:
        for machine in self.machines.values():
            machine.looks()

    def _look_at_news(self) -> None:
        """Whenever some machine knows more, or may serve for longer."""
        for machine in self.machines.values():
            page = machine.page
            seen = (page.coherent_until, page.fences.position, page.fences.number)
            if seen != self._seen.get(machine.life):
                self._seen[machine.life] = seen
                machine.looks()

    def fail_over(self, server: RedisServer, *, lost_since: float | None, is_empty: bool = False) -> None:
        """Another server answers; what was acknowledged since that instant is not in it."""
        if is_empty:
            self.reference.redis_is_empty(self.loop.time())
        self.network.replace(server)
        for machine in self.machines.values():
            machine.disturbed()
        if lost_since is not None:
            self.reference.redis_lost(lost_since)

    def heal(self) -> None:
        """Nothing disturbs any more."""
        self.network.cut.clear()
        self.network.delays.clear()
        self.network.losses.clear()
        for machine in self.machines.values():
            machine.wake()

    def _disturbed(self) -> set["Machine"]:
        network = self.network
        names = network.cut | set(network.delays) | {name for name, losses in network.losses.items() if losses}
        return {machine for machine in self.machines.values() if machine.name in names or machine.sleeps}

    def close(self) -> None:
        self.loop.close()
        for machine in self.machines.values():
            machine.page.close()

    def born(self) -> int:
        self.lives += 1
        return self.lives


class Process:
    """Who can die."""

    def __init__(self, machine: "Machine", name: str) -> None:
        self.machine = machine
        self.world = world = machine.world
        self.name = f"{name}.{world.born()}"  # of this life
        self.is_dead = False
        self.knows_purges = True
        if machine.sleeps:
            world.loop.hold(self.name)
        self.wire: Any = Wire(world.network, machine.name)
        page = machine.page
        self.fences = Fences(
            world.wall(SKEWS[machine.name]),
            ring=page.fences,
            is_coherent=lambda: self.knows_purges and world.loop.time() < page.coherent_until,
            is_timed=True,
        )
        self.errors: list[StoreError] = []
        self.ledger = RedisLedger(
            self.wire,
            machine.terms,
            self.fences,
            page,
            lambda _, error: self.errors.append(error),
            clock=world.loop.time,
        )

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self.world.loop.start(self.name, work)

    def die(self) -> None:
        self.is_dead = True
        self.world.loop.hold(self.name)


class Supervisor(Process):
    """Follows Redis for its machine."""

    def __init__(self, machine: "Machine") -> None:
        super().__init__(machine, machine.name)
        machine.page.coherent_until = LOST
        self.follower: RedisFollower | None = None
        self.has_opened: asyncio.Future[None] = self.world.loop.create_future()
        self.begin(self._follow())

    async def _follow(self) -> None:
        loop, machine = self.world.loop, self.machine
        self.follower = RedisFollower(
            self.wire,
            replace(machine.terms, patience=WINDOW / 3 + 2.0),
            self.fences,
            machine.page,
            Silent(),
            clocks=FollowerClocks(loop.time, self.world.wall(SKEWS[machine.name]), random=loop.random.random),
        )
        position = await self._joined()
        self.has_opened.set_result(None)
        await self.follower.run(position)

    async def _joined(self) -> Position:
        try:
            return await self.ledger.open(self.fences.learn)
        except StoreError:
            return BEGINNING


class Worker(Process):
    """Serves; nothing as current before it has learned what was purged before it began."""

    has_to_join = True
    joins_only_when_coherent = True

    def __init__(self, machine: "Machine", number: int) -> None:
        super().__init__(machine, f"{machine.name}{number}")
        self.number = number
        self.serves = False
        self.has_joined = False
        self.knows_purges = not self.has_to_join
        self.memory = MemoryStore(1 << 20)
        ask = partial(self.world.network.ask, machine.name)
        self.shelf = Shelf(
            self.memory,
            SmallStore(ask, self.world.wall()),
            self.fences,
            lambda _, error: self.errors.append(error),
            monotonic=self.world.loop.time,
            page=machine.page,
        )
        self.begin(self._join())

    async def _join(self) -> None:
        await asyncio.shield(self.machine.supervisor.has_opened)  # workers are hired after that
        while not self.has_joined:
            try:
                await self.ledger.open(self.fences.learn)
                self.has_joined = self.knows_purges = True
            except StoreError:
                self.serves = True
                await asyncio.sleep(0.1)
        self.serves = True

    def fetch(self, number: int, key: bytes, partition: str) -> Fetched:
        """A fetch goes out."""
        fences, reference = self.fences, self.world.reference
        order = fences.number, fences.next_sequence()
        began = reference.happens("fetch", self.name, number)
        fetched = Fetched(number, key, partition, self.machine.life, self.name, *order, began)
        reference.sent(fetched)
        return fetched

    def land(self, fetched: Fetched, tags: Iterable[str]) -> None:
        """Its answer is here, with what it is tagged by."""
        entry = entry_of(fetched, tags)
        fetched.landed_at = self.world.loop.time()
        fetched.own_tags, fetched.tags = frozenset(tags), frozenset(entry.tags)
        self.begin(self._keep(fetched, entry))

    async def _keep(self, fetched: Fetched, entry: Entry) -> None:
        if self.shelf.keep(entry):
            self.world.reference.kept(fetched)

    async def join(self, fetched: Fetched, landed: asyncio.Event) -> None:
        """A caller comes while a fetch is under way, and has its answer unless it may have been purged in between."""
        began, arrived = self.world.reference.happens("joins", self.name, fetched.number), self.fences.number
        is_late = self.joins_only_when_coherent and not self.fences.is_coherent
        await landed.wait()
        entry = entry_of(fetched, fetched.own_tags)
        if is_late or self.fences.purged_between(entry.tags, fetched.fence, arrived):
            return
        self._got(replace(self._question(began, fetched.key, fetched.partition), entry=entry, worker=""))

    async def purge(self, tags: frozenset[str], mode: Mode) -> None:
        loop, reference = self.world.loop, self.world.reference
        purged = reference.purge_begins(tags, mode, self.machine.life, loop.time())
        told = await self.ledger.purge(sorted(tags), mode, 0.0)
        reference.purge_is_acknowledged(purged, loop.time(), durable=told.durable)
        self.world.everybody_looks()

    def looks(self) -> None:
        """What every key has in memory, read at this very moment."""
        if not self.serves or self.machine.sleeps:
            return
        for key, partition in KEYS.items():
            entry = self.shelf.look(key)
            if entry is not None:
                self._weighed(self.world.reference.now, key, partition, entry)

    async def read(self, key: bytes, partition: str) -> None:
        """As Finder does: memory; what may not be used there does not count; then the store."""
        began = self.world.reference.happens("read", self.name)
        entry = self.shelf.look(key)
        if entry is None or self.shelf.validity(entry) is Validity.HARD:
            recalled = await self.shelf.recall(key)
            entry = self.shelf.look(key) or recalled
        self._weighed(began, key, partition, entry)

    def _weighed(self, began: int, key: bytes, partition: str, entry: Entry | None) -> None:
        validity = Validity.HARD if entry is None else self.shelf.validity(entry)
        got = None if validity is Validity.HARD else entry
        self._got(replace(self._question(began, key, partition), entry=got, validity=validity))

    def _question(self, began: int, key: bytes, partition: str) -> Got:
        return Got(began, key, partition, self.machine.life, self.name, self.fences.is_coherent, self.has_joined)

    def _got(self, got: Got) -> None:
        self.world.reference.notes("got", self.name, got.entry and got.entry.body, got.validity.name)
        self.world.reference.check(got, self.world.loop.time())

    def evict(self) -> None:
        self.memory.clear()
        self.world.reference.evicted(self.name)


class Machine:
    """A page, one who follows, and two who serve."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.sleeps = False

    def start(self) -> None:
        self.life = self.world.born()
        self.page = Page.create()
        self.terms = FenceTerms("l", f"{self.name}.{self.life}", window=WINDOW, patience=0.5)
        self.supervisor = Supervisor(self)
        self.workers = {number: Worker(self, number) for number in WORKERS}
        self.world.reference.in_touch[self.life] = self.world.loop.time()

    def looks(self) -> None:
        for worker in self.workers.values():
            worker.looks()

    @property
    def processes(self) -> list[Process]:
        return [self.supervisor, *self.workers.values()]

    def disturbed(self) -> None:
        """Its talk with Redis was disturbed, or is."""
        self.world.reference.in_touch[self.life] = self.world.loop.time()

    def sleep(self) -> None:
        """As a suspended machine does: clocks run on."""
        self.sleeps = True
        for process in self.processes:
            self.world.loop.hold(process.name)

    def wake(self) -> None:
        self.sleeps = False
        for process in self.processes:
            self.world.loop.let_go(process.name)

    def crash(self) -> None:
        """All it had in memory is gone; another life begins."""
        for process in self.processes:
            process.die()
        del self.world.reference.in_touch[self.life]
        self.page.close()
        self.sleeps = False
        self.start()

    def crash_worker(self, number: int) -> None:
        self.workers[number].die()
        self.page.forget_process(number)
        self.workers[number] = Worker(self, number)


def entry_of(fetched: Fetched, tags: Iterable[str]) -> Entry:
    gone = EPOCH + 90 * DAY
    return Entry(
        key=fetched.key,
        status=200,
        head="",
        body=fetched.body,
        stored_at=EPOCH,
        life=ShelfLife(gone, gone, gone, gone),
        fence=fetched.fence,
        sequence=fetched.sequence,
        upstream=_UPSTREAM,
        endpoint="GET /{thing}",
        partition=fetched.partition,
        tagged="\n".join(tag.removeprefix(f"{_UPSTREAM}/") for tag in sorted(tags)),
    )
