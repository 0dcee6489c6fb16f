"""A real Redis cluster for a test: three masters, with a replica each if wanted, and failovers that lose writes.

async with redis_cluster(replicas=1) as cluster:
    await cluster.cut_off(0)          # what the first master takes from here on reaches no replica
    ...
    await cluster.take_over(0)        # the master is killed, its replica is master: those writes are lost
    await cluster.rejoin(0)           # the former master is back, as the replica of the new one
"""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from redis.crc import key_slot

from tests.redis_server import RedisServer, until

SLOTS = 16_384


class RedisCluster:
    """Masters by their number, and the replica of each; a failover swaps the two."""

    def __init__(self, masters: list[RedisServer], replicas: list[RedisServer]) -> None:
        self.masters, self.replicas = masters, replicas

    @property
    def servers(self) -> list[RedisServer]:
        """All of them."""
        return self.masters + self.replicas

    @property
    def url(self) -> str:
        """Where to begin."""
        return f"redis+cluster://127.0.0.1:{self.masters[0].port}"

    def owner(self, key: str | bytes) -> int:
        """The number of the master that a key lies on."""
        slot = key_slot(key.encode() if isinstance(key, str) else key)
        return next(number for number in range(len(self.masters)) if slot in self._slots(number))

    async def create(self) -> None:
        """Make servers that know nobody into a cluster, and wait until it says that it is whole."""
        for number, master in enumerate(self.masters):
            slots = self._slots(number)
            await _say(master, "CLUSTER ADDSLOTSRANGE", slots.start, slots.stop - 1)
            await _say(master, "CLUSTER SET-CONFIG-EPOCH", number + 1)
        for server in self.servers:  # everybody meets everybody: quicker than to wait for gossip
            for other in self.servers:
                if server is not other:
                    await _say(server, "CLUSTER MEET", "127.0.0.1", other.port, other.settings["cluster-port"])
        await until(self._is_whole, "the cluster does not come together")
        for master, replica in zip(self.masters, self.replicas, strict=False):
            await _say(replica, "CLUSTER REPLICATE", await _say(master, "CLUSTER MYID"))
        for replica in self.replicas:
            await replica.until_replica()
        await until(self._knows_replicas, "the replicas are not known to all")

    async def flush(self) -> None:
        """Forget everything in it."""
        for server in self.masters:
            await server.flush()

    async def until_replicated(self, number: int) -> None:
        """Wait until the replica has all that its master has."""
        assert await _say(self.masters[number], "WAIT", 1, 5000) == 1, "the replica does not follow"

    async def cut_off(self, number: int) -> None:
        """Let nothing that this master takes from here on reach its replica."""
        self.replicas[number].pause()
        await _say(self.masters[number], "CLIENT KILL TYPE REPLICA")

    async def take_over(self, number: int, *, kill: bool = True) -> None:
        """Make the replica master in its master's place, by force; that is killed, or else paused."""
        master, replica = self.masters[number], self.replicas[number]
        if kill:
            await master.kill()
        else:
            master.pause()
        replica.resume()
        await _say(replica, "CLUSTER FAILOVER TAKEOVER")
        self.masters[number], self.replicas[number] = replica, master

        async def is_master() -> bool:
            return (await replica.info("replication"))["role"] == "master"

        await until(is_master, "the replica does not take over")
        await until(self._is_ok, "the cluster is not whole again after the failover")

    async def rejoin(self, number: int) -> None:
        """Let the former master come back, which was killed or paused: it becomes a replica, and forgets."""
        former = self.replicas[number]
        if former.is_up:
            former.resume()
        else:
            await former.restart()

        async def is_replica() -> bool:
            return (await former.info("replication"))["role"] == "slave"

        await until(is_replica, "the former master does not become a replica")
        await former.until_replica()

    def _slots(self, number: int) -> range:
        share, last = SLOTS // len(self.masters), len(self.masters) - 1
        return range(number * share, SLOTS if number == last else (number + 1) * share)

    async def _is_whole(self) -> bool:
        states = [await _state(server) for server in self.servers]
        every = str(len(self.servers))
        return all(state["cluster_state"] == "ok" and state["cluster_known_nodes"] == every for state in states)

    async def _is_ok(self) -> bool:
        states = [await _state(server) for server in self.servers if server.is_up and not server.is_paused]
        return all(state["cluster_state"] == "ok" for state in states)

    async def _knows_replicas(self) -> bool:
        known = [await _say(server, "CLUSTER NODES") for server in self.servers]
        return all(
            len([one for one in nodes.values() if "slave" in one["flags"]]) == len(self.replicas) for nodes in known
        )


async def _say(server: RedisServer, command: str, *arguments: object) -> Any:
    async with server.client(decode_responses=True) as client:
        return await client.execute_command(command, *arguments)


async def _state(server: RedisServer) -> dict[str, str]:
    return dict(await _say(server, "CLUSTER INFO"))


@asynccontextmanager
async def redis_cluster(*, masters: int = 3, replicas: int = 0, **settings: object) -> AsyncIterator[RedisCluster]:
    """A cluster that is whole; `replicas` per master, 0 or 1. It takes two seconds."""
    settings = {
        "cluster-enabled": "yes",
        "cluster-node-timeout": 1000,
        "cluster-replica-validity-factor": 0,  # a replica without a link for long may still take over
        "cluster-allow-replica-migration": "no",
        **settings,
    }
    async with AsyncExitStack() as stack:
        servers = []
        for _ in range(masters * (1 + replicas)):
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="larder-redis-")))
            server = RedisServer(directory, **settings)
            stack.push_async_callback(server.kill)
            servers.append(server)
        await asyncio.gather(*(server.start() for server in servers))
        cluster = RedisCluster(servers[:masters], servers[masters:])
        await cluster.create()
        yield cluster
