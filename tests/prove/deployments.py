"""Deployments: what a round is about. SQLite: one machine with two workers. Redis, cluster: two such machines."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp

from tests.prove.asking import Client
from tests.prove.history import History
from tests.prove.instances import SECRET, TOKEN, WEBHOOK_SECRET, Instance
from tests.prove.load import TOKENS
from tests.prove.origin import COURSES
from tests.prove.servers import Servers, a_cluster, one_server

STORES = ("redis", "sqlite", "cluster")
WINDOW = 1.0  # seconds
_WORKERS = 2
_MARK = 900  # the number of the course by which the first token's partition is known, and so on


class Deployment(NamedTuple):
    """What serves."""

    instances: list[Instance]
    servers: Servers | None


def config(origin_url: str, durable: str) -> dict[str, Any]:
    """Little memory, so that much has to be recalled; short rests, so that failures of the upstream pass soon."""
    quick = {"retry": {"wait": 0, "max_wait": 0}, "breaker": {"cooldown": "1s"}}
    return {
        "server": {"workers": _WORKERS, "drain": "2s"},
        "store": {
            "durable": durable,
            "secret": SECRET,
            "memory": {"max_bytes": "50KiB"},
            **({} if durable.startswith("sqlite") else {"redis": {"coherence_window": f"{WINDOW}s"}}),
        },
        "log": {"level": "warning", "format": "json"},
        "defaults": {**quick, "cache": {"settle": "1s"}},
        "upstreams": {
            "groups": {"adapter": "http", "base_url": f"{origin_url}/groups", **quick},
            "courseworks": {
                "base_url": f"{origin_url}/courseworks",
                "learn_user": False,
                "concurrency": {"credential": 100},
            },
        },
        "webhooks": {"campus": {"kind": "standard-webhooks", "upstream": "courseworks", "secret": WEBHOOK_SECRET}},
    }


@asynccontextmanager
async def deployed(store: str, folder: Path, origin_url: str) -> AsyncIterator[Deployment]:
    """It serves; at the end nothing of it is left."""
    async with AsyncExitStack() as at_the_end:
        servers, durable = None, f"sqlite:///{folder}/larder.db"
        if store != "sqlite":
            servers = await at_the_end.enter_async_context(one_server() if store == "redis" else a_cluster())
            durable = servers.url
        names = ("a",) if servers is None else ("a", "b")
        instances = [Instance(name, folder, config(origin_url, durable)) for name in names]
        for instance in instances:
            at_the_end.callback(instance.kill)
        await asyncio.gather(*(instance.start() for instance in instances))
        yield Deployment(instances, servers)


async def partitions(history: History, instance: Instance) -> dict[str, str]:
    """Each token's partition, as operators know it."""
    found = {}
    async with aiohttp.ClientSession() as session:
        for number, token in enumerate(TOKENS, _MARK):
            await Client(history, session).read(instance, f"{COURSES}/{number}", token)
            url = f"{instance.admin_url}/admin/entries?tag=courseworks/course:{number}"
            async with session.get(url, headers={"Authorization": f"Bearer {TOKEN}"}) as response:
                found[token] = (await response.json())["entries"][0]["partition"]
    return found
