"""Hired: one life of a worker, as its supervisor sees it: a process, the line to it, and how it ended."""

import asyncio
import os
import socket
import sys
from typing import Protocol

from proxy.workers.asking import Line, WorkerGone
from proxy.workers.channel import to_worker
from proxy.workers.control import Begin, Inherited, Question, Reply

START_WITHIN = 60.0  # seconds until a worker has to serve


class CannotServe(Exception):
    """A worker did not come to serve; the text is one line that says why."""


class Worker(Protocol):
    """A worker that was started."""

    process: int

    async def serves(self) -> None:
        """Wait until it does. Raises CannotServe."""

    async def ended(self) -> str:
        """Wait until it is gone; how it went, in fixed words."""

    async def ask(self, question: Question, within: float) -> list[Reply]:
        """Its replies, all of them, within so many seconds. Raises WorkerGone, WorkerSilent."""

    async def drain(self, *, hands_over: bool) -> None:
        """Tell it to finish what is under way, and to end."""

    def kill(self) -> None:
        """End it at once."""

    @property
    def last_measured(self) -> bytes | None:
        """Its metrics, if they were its last word."""


class Hired:
    """A worker in a process of its own."""

    def __init__(self, process: int, line: Line, child: asyncio.subprocess.Process) -> None:
        self.process = process
        self._line = line
        self._child = child
        self._listening = asyncio.create_task(line.listen())

    def __repr__(self) -> str:
        return f"<Hired {self.process}, pid {self._child.pid}>"

    @property
    def last_measured(self) -> bytes | None:
        """Its metrics, if they were its last word."""
        return self._line.last_measured

    async def serves(self) -> None:
        """Wait until it does. Raises CannotServe."""
        try:
            async with asyncio.timeout(START_WITHIN):
                reason = await self._line.started()
        except WorkerGone:
            raise CannotServe(f"a worker did not start: {await self.ended()}") from None
        except TimeoutError:
            self.kill()
            raise CannotServe(f"a worker was not ready within {START_WITHIN:.0f} seconds") from None
        if reason is not None:
            raise CannotServe(reason)

    async def ended(self) -> str:
        """Wait until it is gone; how it went, in fixed words."""
        status = await self._child.wait()
        await self._listening  # its last word, too
        return f"killed by signal {-status}" if status < 0 else f"ended with status {status}"

    async def ask(self, question: Question, within: float) -> list[Reply]:
        """Its replies, all of them, within so many seconds. Raises WorkerGone, WorkerSilent."""
        return await self._line.ask(question, within)

    async def drain(self, *, hands_over: bool) -> None:
        """Tell it to finish what is under way, and to end."""
        await self._line.drain(hands_over=hands_over)

    def kill(self) -> None:
        """End it at once."""
        if self._child.returncode is None:
            self._child.kill()


async def hire(begin: Begin) -> Hired:
    """Start a process, and give it what it begins with. Raises CannotServe when the system has no room for it."""
    try:
        ours, theirs = socket.socketpair()
        with theirs:
            child = await _process(begin.inherited, theirs.fileno())
    except OSError as error:
        raise CannotServe(f"a worker could not be started: {error.strerror}") from None
    channel = await to_worker(ours)
    await channel.say(begin)
    return Hired(begin.process, Line(channel), child)


async def _process(inherited: Inherited, end: int) -> asyncio.subprocess.Process:
    """It finds the same modules in the same places, and none in the working directory. Raises OSError."""
    lock = () if inherited.lock is None else (inherited.lock,)
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", "proxy.workers", str(end)),
        stdin=asyncio.subprocess.DEVNULL,
        pass_fds=(end, inherited.page, *inherited.listening, *inherited.handing, *lock),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
