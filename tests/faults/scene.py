"""A scene: a sandbox that fails and heals, Larder in front of it, and what callers of both see."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from proxy.config.loading import plans_of
from proxy.larder import Larder
from tests.faults.places import Place
from tests.faults.providers import Provider
from tests.house import Clock, config_file, config_for, merged, running_larder

ENOUGH = 6  # calls that have to fail before a circuit opens
COOLDOWN = 30.0
GUARDS = {"breaker": {"minimum_calls": ENOUGH, "cooldown": COOLDOWN}, "egress": {"max_body": "1MiB"}}
CUT_OFF, NOT_JSON = "cut off", "that is no JSON"


@dataclass
class Said:
    """What one caller saw."""

    status: int
    headers: Any
    body: bytes
    is_whole: bool = True
    calls: int = 0  # made for it

    @property
    def meaning(self) -> Any:
        """What it says of the thing asked for, or None; Google numbers its answers, which says nothing."""
        try:
            found = json.loads(self.body) if self.status == 200 else None
        except ValueError:
            return None
        return {**found, "responseId": ""} if isinstance(found, dict) else found

    @property
    def why(self) -> str:
        """The reason that Cache-Status gives."""
        return self.headers.get("Cache-Status", "").partition("detail=")[2]

    @property
    def words(self) -> str:
        """All that matters in one line."""
        how = NOT_JSON if self.status == 200 and self.meaning is None else ""
        return " ".join(filter(None, (str(self.status), self.why, how if self.is_whole else CUT_OFF)))


@dataclass
class Scene:
    """One upstream and its callers. They come for number 0, which is stored, and for numbers that nobody asked for."""

    provider: Provider
    places: list[Place]
    larder: Larder
    session: aiohttp.ClientSession
    clock: Clock
    config: dict[str, Any]
    kept: bytes = b""  # the body that is stored
    asked: int = 0  # the last number that somebody came for
    before: int = 0  # calls that were made until the scene began

    @property
    def place(self) -> Place:
        """The first, or only one."""
        return self.places[0]

    @property
    def upstream(self) -> Any:
        """Larder's own view of it."""
        return self.larder.upstreams[self.provider.name]

    @property
    def calls(self) -> int:
        """Calls that were made: by the upstream's journal, and by Larder's count for those that did not get there."""
        arrived = sum(place.arrived(self.provider.side) for place in self.places)
        return max(arrived, self._sent) - self.before

    @property
    def _sent(self) -> int:
        metrics = self.larder.observing.metrics.registry.collect()
        samples = [one for metric in metrics if metric.name == "larder_upstream_calls" for one in metric.samples]
        return int(sum(one.value for one in samples if one.labels["upstream"] == self.provider.name))

    async def begin(self) -> None:
        """A good answer is stored, and grows so old that it only stands in for failures. Canvas has a newer one."""
        said = await self.ask(0)
        assert said.status == 200, said
        self.kept = said.body
        for place in self.places if self.provider.change else ():
            async with self.session.post(f"{place.url}/_sandbox/change", json=self.provider.change) as response:
                assert response.status == 200, await response.text()
        self.clock.advance(self.provider.grows_old)
        self.before = self.calls

    async def ask(self, number: int, base: str | None = None) -> Said:
        """One caller; with `base` it goes there, and not to Larder."""
        provider = self.provider
        base = base or f"http://127.0.0.1:{self.larder.listener.port}/{provider.name}"
        url = aiohttp.client.URL(base + provider.path(number), encoded=True)
        sent = provider.body(number)
        method = "GET" if sent is None else "POST"
        async with self.session.request(
            method, url, headers=provider.headers, json=sent, allow_redirects=False
        ) as response:
            try:
                return Said(response.status, response.headers, await response.read())
            except aiohttp.ClientPayloadError:
                return Said(response.status, response.headers, b"", is_whole=False)

    async def truth(self, number: int) -> Said:
        """What the upstream itself says."""
        return await self.ask(number, self.place.url + self.provider.root.replace("/{api}", ""))

    async def warm(self, callers: int) -> list[Said]:
        """Callers who come at the same time for what is stored."""
        answers = await asyncio.gather(*(self.ask(0) for _ in range(callers)))
        await self.larder.engine.drain()
        return answers

    async def cold(self) -> Said:
        """A caller for something that nobody asked for before."""
        self.asked += 1
        before = self.calls
        answer = await self.ask(self.asked)
        await self.larder.engine.drain()
        answer.calls = self.calls - before
        return answer

    def tune(self, **upstream: Any) -> None:
        """Let other settings of the upstream hold; without any, those of the beginning."""
        changed = merged(self.config, {"upstreams": {self.provider.name: upstream}})
        self.larder.follow(plans_of(config_file(changed)))


@asynccontextmanager
async def scene(
    provider: Provider,
    folder: Path,
    places: tuple[Place, ...] = (),
    host: str = "127.0.0.1",
    **upstream: Any,
) -> AsyncIterator[Scene]:
    """Sandboxes under the name `host`, Larder before them, and a client; with more settings for the upstream."""
    async with AsyncExitStack() as stack:
        there = [await stack.enter_async_context(place.opened()) for place in places or (Place(),)]
        session = await stack.enter_async_context(aiohttp.ClientSession())
        config = config_for(there[0].url, folder)
        block = merged(config["upstreams"].get(provider.name, {}), merged(GUARDS, provider.block))
        block |= _leads_to([place.url_of(host) + provider.root for place in there])
        config["upstreams"][provider.name] = merged(block, upstream)
        clock = Clock()
        larder, _ = await stack.enter_async_context(running_larder(config, clock.clocks))
        yield Scene(provider, there, larder, session, clock, config)


def _leads_to(bases: list[str]) -> dict[str, Any]:
    return {"base_url": bases[0]} if len(bases) == 1 else {"base_url": None, "base_urls": bases}
