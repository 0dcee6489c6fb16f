"""Processes of the demo: each in a group of its own, waited for until it serves, and always stopped, by pid."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

STOP_WITHIN = 8.0  # seconds between SIGTERM and SIGKILL
LOOK_AGAIN = 0.05  # seconds between two looks whether a process serves


class StartFailed(Exception):
    """A process ended, or did not serve in time; the text is one line that says why."""


class Child:
    """One process of the demo."""

    def __init__(self, name: str, process: asyncio.subprocess.Process, log: Path) -> None:
        self.name = name
        self.pid = process.pid
        self._process = process
        self._log = log

    def __repr__(self) -> str:
        return f"<Child {self.name} pid {self.pid} {'runs' if self.runs else f'ended {self._process.returncode}'}>"

    @property
    def runs(self) -> bool:
        """Whether it is still there."""
        return self._process.returncode is None

    async def until(self, serves: Callable[[], Awaitable[bool]], within: float) -> None:
        """Wait until it serves, `within` seconds at most. Raises StartFailed."""
        try:
            async with asyncio.timeout(within):
                while not await serves():
                    if not self.runs:
                        raise StartFailed(
                            f"{self.name} ended with status {self._process.returncode}: {self.last_words}"
                        )
                    await asyncio.sleep(LOOK_AGAIN)
        except TimeoutError:
            raise StartFailed(f"{self.name} did not serve within {within:.0f} s: {self.last_words}") from None

    @property
    def last_words(self) -> str:
        """The last line it wrote."""
        lines = self._log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL if that is not enough."""
        if not self.runs:
            return
        self._process.terminate()
        try:
            async with asyncio.timeout(STOP_WITHIN):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def child(name: str, arguments: list[str], folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Child]:
    """A Python module as a process that ends with the block. What it writes goes to a file in `folder`."""
    log = folder / f"{name}.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            *arguments,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=dict(environment),
            process_group=0,  # a Ctrl-C reaches the demo alone, which then stops them in order
        )
    started = Child(name, process, log)
    try:
        yield started
    finally:
        await _stopped_for_sure(started)


async def _stopped_for_sure(started: Child) -> None:
    """Stop it, also when the one who waits for that is told to stop once more."""
    stopping = asyncio.ensure_future(started.stop())
    told_again = False
    while not stopping.done():
        try:
            await asyncio.shield(stopping)
        except asyncio.CancelledError:
            told_again = True
    if told_again:
        raise asyncio.CancelledError
