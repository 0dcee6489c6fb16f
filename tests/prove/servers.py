"""The Redis that instances share: one server, or a cluster. What it has acknowledged is on its disk."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random

from redis.exceptions import ResponseError

from tests.redis_cluster import RedisCluster, redis_cluster
from tests.redis_server import RedisServer, redis_server, until


class Servers:
    """All servers of it, by number."""

    def __init__(self, url: str, servers: list[RedisServer], cluster: RedisCluster | None = None) -> None:
        """`url` is what Larder is told."""
        self.url = url
        self._servers = servers
        self._cluster = cluster

    @property
    def all(self) -> list[RedisServer]:
        """Those that hold something nobody else does; the masters of a cluster."""
        return self._servers if self._cluster is None else self._cluster.masters

    @property
    def is_cluster(self) -> bool:
        """Whether it can fail over."""
        return self._cluster is not None

    async def lose_disk(self, server: RedisServer) -> None:
        """Kill one, with everything it ever wrote."""
        await server.kill()
        shutil.rmtree(server.directory / "appendonlydir")

    async def fail_over(self, number: int, lost_for: float) -> None:
        """Kill a master of a cluster, and what it took in the last seconds with it; its replica takes over."""
        assert self._cluster is not None
        await self._look_who_is_master(number)
        await self._cluster.cut_off(number)
        await asyncio.sleep(lost_for)
        former = self._cluster.masters[number]
        try:
            await self._cluster.take_over(number)
        except ResponseError:  # the replica did not wait to be told
            await former.restart()
        else:
            await self._cluster.rejoin(number)
        await self._look_who_is_master(number)

    async def _look_who_is_master(self, number: int) -> None:
        """Wait until one of two is, and the other follows it: a master that is dead for a second is replaced."""
        assert self._cluster is not None
        masters, replicas = self._cluster.masters, self._cluster.replicas

        async def is_settled() -> bool:
            told = [await one.info("replication") for one in (masters[number], replicas[number])]
            if [one["role"] for one in told] == ["slave", "master"]:
                masters[number], replicas[number] = replicas[number], masters[number]
                return False
            return [one["role"] for one in told] == ["master", "slave"] and told[1]["master_link_status"] == "up"

        await until(is_settled, "a cluster's master and its replica do not come to terms")

    def some(self, random: Random) -> RedisServer:
        """Any of them."""
        return random.choice(self.all)


@asynccontextmanager
async def one_server() -> AsyncIterator[Servers]:
    """A Redis."""
    async with redis_server(appendonly="yes", appendfsync="always") as server:
        yield Servers(server.url, [server])


@asynccontextmanager
async def a_cluster() -> AsyncIterator[Servers]:
    """A Redis Cluster: three masters, each with a replica."""
    async with redis_cluster(replicas=1, appendonly="yes", appendfsync="always") as cluster:
        yield Servers(cluster.url, cluster.servers, cluster)
