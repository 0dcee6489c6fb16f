"""Machines for the tests of fences over a real Redis: each a ledger and a follower, as one of one process has them."""

import asyncio
from contextlib import asynccontextmanager, suppress
from itertools import count
from time import monotonic, time

from proxy.store._redis_client import connect as connect_to
from proxy.store.coherence import boottime
from proxy.store.fences import Fences
from proxy.store.purges import Mode, Validity
from proxy.store.redis_follower import RedisFollower
from proxy.store.redis_ledger import FenceTerms, RedisLedger
from tests.ports import free_port

TAG, OTHER = "courseworks/course:565", "courseworks/course:566"
WINDOW = 0.3
_instances = count()


class Page:
    """What the processes of a machine share; keeps what was told."""

    def __init__(self):
        self.until = float("inf")
        self.on_set = lambda until: None

    @property
    def coherent_until(self):
        return self.until

    @coherent_until.setter
    def coherent_until(self, until):
        self.on_set(until)
        self.until = until


class Told:
    """An observer that remembers."""

    def __init__(self):
        self.lost, self.regained, self.resent, self.skews = [], 0, [], []

    def coherence_lost(self, reason):
        self.lost.append(reason)

    def coherence_regained(self):
        self.regained += 1

    def purges_resent(self, count, reason):
        self.resent.append((count, reason))

    def clocks_differ(self, seconds):
        self.skews.append(seconds)


class Machine:
    """One instance: a ledger and a follower, as a machine with one process has them."""

    def __init__(self, connect, *, clocks=None, fences=None, **terms):
        self.terms = FenceTerms("test", f"m{next(_instances)}", **{"window": WINDOW, "patience": 5.0, **terms})
        self.clients = [connect(), connect()]
        self.page, self.told, self.errors = Page(), Told(), []
        self.boottime = clocks.boottime if clocks else boottime
        self.fences = Fences(time) if fences is None else fences
        self.follower = RedisFollower(self.clients[0], self.terms, self.fences, self.page, self.told, clocks=clocks)
        self.slept = []
        self.ledger = RedisLedger(self.clients[1], self.terms, self.fences, self.page, self.on_error, sleep=self.sleep)
        self.following = None

    @property
    def is_coherent(self):
        return self.boottime() < self.page.until

    def on_error(self, operation, error):
        self.errors.append(f"{operation}: {error}")

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await asyncio.sleep(seconds)

    def follow(self, *after):
        self.following = asyncio.create_task(self.follower.run(*after))

    async def start(self):
        self.follow(await self.ledger.open())
        await eventually(lambda: self.is_coherent)

    async def stop_short(self):
        """As a machine that is stopped, or parted from all."""
        if self.following:
            self.following.cancel()
            with suppress(asyncio.CancelledError):
                await self.following

    async def purge(self, *tags, mode=Mode.SOFT, settle=0.0):
        return await self.ledger.purge(tags, mode, settle)

    def serves(self, fence, *tags):
        """Whether an entry is served from memory as current."""
        return self.is_coherent and self.validity(fence, *tags) is Validity.CURRENT

    def validity(self, fence, *tags):
        """What purges leave of an entry, coherence apart."""
        return self.fences.validity(tags or (TAG,), fence)


async def eventually(condition, patience=15.0):
    deadline = monotonic() + patience
    while not condition():
        assert monotonic() < deadline, "it did not come to be"
        await asyncio.sleep(0.005)


def client_of(server):
    return lambda: connect_to(server.socket_url, timeout=10.0)


def nobody_listens():
    return connect_to(f"redis://127.0.0.1:{free_port()}", timeout=10.0)


@asynccontextmanager
async def machines(*connects, **options):
    """Machines that follow; the server's life is old enough for nobody to wait for leases of the one before."""
    made = [Machine(connect, **options) for connect in connects]
    try:
        for machine in made:
            await machine.start()
        await made[0].clients[1].hset("{test}:fence", "since", 0)
        yield made
    finally:
        for machine in made:
            await machine.stop_short()
            for client in machine.clients:
                await client.aclose()
