"""The network between machines and Redis: it delays, loses what is asked or what is answered, and can be cut."""

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context
from enum import StrEnum
from random import Random
from typing import Any

from redis.exceptions import ConnectionError as CannotConnect
from redis.exceptions import RedisError

from tests.properties.scheduler import Scheduler
from tests.properties.scripted_redis import RedisServer

Act = Callable[[RedisServer], Any]
_DELAYS = (0.0002, 0.0005, 0.002, 0.02)  # seconds, one way


class Lost(StrEnum):
    """What becomes of a message."""

    REQUEST = "request"  # it never took effect
    REPLY = "reply"  # it took effect, and nobody was told


class Network:
    """All machines' ways to the one Redis."""

    def __init__(self, loop: Scheduler, server: RedisServer) -> None:
        self.loop = loop
        self.server = server
        self.cut: set[str] = set()  # machines whose messages go nowhere
        self.delays: dict[str, float] = {}  # seconds more, at most, by machine
        self.losses: dict[str, list[Lost]] = {}  # of the next messages of a machine
        self._random: Random = loop.random

    def replace(self, server: RedisServer) -> None:
        """Another server, or another life, answers from now on. Connections break, and who waits hears so."""
        old, self.server = self.server, server
        for _, _, tell in old.waiting:
            tell(CannotConnect("closed by server"))

    def ask(self, machine: str, act: Act) -> asyncio.Future[Any]:
        """Have something done by the server; what it answered, when that arrives."""
        answer: asyncio.Future[Any] = self.loop.create_future()
        losses = self.losses.get(machine)
        lost = losses.pop(0) if losses else None
        server = self.server

        def reply(said: Any) -> None:
            if machine in self.cut or lost is Lost.REPLY:
                self._lose(machine, answer)
            else:
                self._later(machine, lambda: _settle(answer, said))

        def arrive() -> None:
            if machine in self.cut or lost is Lost.REQUEST:
                self._lose(machine, answer)
            elif server is not self.server:
                reply(CannotConnect("closed by server"))
            else:
                _do(server, act, reply)

        self._later(machine, arrive)
        return answer

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Something that no process does."""
        self.loop.call_later(seconds, act, context=Context())

    def _later(self, machine: str, act: Callable[[], None]) -> None:
        delay = self._random.choice(_DELAYS) * (0.5 + self._random.random())
        self.after(delay + self.delays.get(machine, 0.0) * self._random.random(), act)

    def _lose(self, machine: str, answer: asyncio.Future[Any]) -> None:
        """Some connections break, others are silent: then whoever waits has to give up by himself."""
        if self._random.random() < 0.5:
            self._later(machine, lambda: _settle(answer, CannotConnect("reset by peer")))


def _do(server: RedisServer, act: Act, reply: Callable[[Any], None]) -> None:
    try:
        reply(act(server))
    except RedisError as error:
        reply(error)


def _settle(answer: asyncio.Future[Any], said: Any) -> None:
    if answer.done():
        return
    if isinstance(said, Exception):
        answer.set_exception(said)
        answer.exception()  # retrieved: who waited for it may be dead by now
    else:
        answer.set_result(said)


class Wire:
    """What a process has of redis-py: commands and pipelines."""

    def __init__(self, network: Network, machine: str) -> None:
        self._network = network
        self._machine = machine

    async def execute_command(self, *parts: bytes | str | float, **_: Any) -> Any:
        if parts[0] == "XREAD":
            return await self._read(parts)
        return await self._network.ask(self._machine, lambda server: server.execute(*parts))

    def pipeline(self, *, transaction: bool) -> "Pipeline":
        assert not transaction
        return Pipeline(self._network, self._machine)

    async def _read(self, parts: Sequence[Any]) -> Any:
        """XREAD COUNT 1 BLOCK milliseconds STREAMS stream id."""
        block, stream, last = parts[4] / 1000, parts[6].encode(), tuple(map(int, parts[7].split("-")))
        network, machine = self._network, self._machine
        woken: asyncio.Future[Any] = network.loop.create_future()

        def wait(server: RedisServer) -> None:
            tell = lambda said: network._later(machine, lambda: machine in network.cut or _settle(woken, said))  # noqa: E731
            waiting = (stream, last, tell)

            def end() -> None:
                if waiting in server.waiting:
                    server.waiting.remove(waiting)
                    tell(None)

            if found := server.after(stream, last):
                tell([[stream, found]])
            else:
                server.waiting.append(waiting)
                network.after(block, end)

        await network.ask(machine, wait)
        return await woken


class Pipeline:
    """Commands on one connection: all arrive or none."""

    def __init__(self, network: Network, machine: str) -> None:
        self._network = network
        self._machine = machine
        self._commands: list[tuple[Any, ...]] = []

    def execute_command(self, *parts: bytes | str | float, **_: Any) -> None:
        self._commands.append(parts)

    async def execute(self, *, raise_on_error: bool) -> list[Any]:
        assert not raise_on_error
        return await self._network.ask(self._machine, lambda server: [_answer(server, one) for one in self._commands])


def _answer(server: RedisServer, command: tuple[Any, ...]) -> Any:
    try:
        return server.execute(*command)
    except RedisError as error:
        return error
