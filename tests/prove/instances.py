"""Real Larder processes: started from a config, killed and stopped at will, one or all of an instance.

An instance is a process group of its own: a supervisor and its workers. It dies with the process that started it. Ports
stay the same over restarts.
"""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from random import Random
from time import monotonic
from typing import Any

import aiohttp
import yaml

from tests.ports import free_port
from tests.prove.processes import connections_of, die_with_parent, group, owner_of, send

ROOT = Path(__file__).parents[2]
TOKEN = "prove-" + "t" * 40  # of the admin listener
SECRET = "s" * 40
WEBHOOK_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
_PATIENCE = 40.0  # seconds, for whatever an instance has to do


class InstanceError(Exception):
    """An instance does not do what it has to for the observation to go on."""


class Instance:
    """One machine's Larder."""

    def __init__(self, name: str, folder: Path, config: dict[str, Any], root: Path = ROOT) -> None:
        """`root` is the checkout that runs."""
        self.name = name
        self.life = 0  # odd while it is up
        self.port, self.admin_port = free_port(), free_port()
        self._root = root
        self._log = folder / f"{name}.log"
        self._config = folder / f"{name}.yaml"
        ports = {"server": {**config["server"], "port": self.port}}
        ports["admin"] = {"port": self.admin_port, "token": TOKEN, "audit": "none"}
        self._config.write_text(yaml.safe_dump({**config, **ports}))
        self._process: subprocess.Popen[bytes] | None = None

    def __repr__(self) -> str:
        return f"<Instance {self.name}, life {self.life}>"

    @property
    def url(self) -> str:
        """Where callers ask."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def admin_url(self) -> str:
        """Where operators ask."""
        return f"http://127.0.0.1:{self.admin_port}"

    @property
    def is_up(self) -> bool:
        """Whether it was started, and nobody has ended it."""
        return self.life % 2 == 1

    @property
    def log(self) -> str:
        """What it wrote, in all its lives."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    async def start(self) -> None:
        """Start it, and wait until it serves; again and again while what is left of a former life is in its way."""
        deadline = monotonic() + _PATIENCE
        while monotonic() < deadline:
            self._spawn()
            if await self._serves(deadline):
                self.life += 1
                return
            await asyncio.sleep(0.1)
        self.kill()
        raise InstanceError(f"{self.name} does not start:\n{self.log[-2000:]}")

    def kill(self) -> int:
        """SIGKILL for all of it; how many processes that were."""
        return self._end(self.members())

    def kill_supervisor(self) -> int:
        """SIGKILL for the process that was started; what it started has to see to it."""
        return self._end([self._pid])

    def kill_worker(self, pid: int) -> int:
        """SIGKILL for one process; 0 when it is gone already."""
        return send([pid], signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM: it finishes what it has begun."""
        self.life += self.is_up
        send([self._pid], signal.SIGTERM)
        await self.until_gone()

    async def until_gone(self) -> None:
        """Wait until nothing of it is left. Raises InstanceError."""
        deadline = monotonic() + _PATIENCE
        while self.members():
            if monotonic() > deadline:
                raise InstanceError(f"{self.name}: workers outlive their supervisor:\n{self.log[-2000:]}")
            await asyncio.sleep(0.02)

    def pause(self, pids: Iterable[int]) -> None:
        """SIGSTOP: as if the machine, or one process, were parted from all others."""
        send(pids, signal.SIGSTOP)

    def resume(self, pids: Iterable[int]) -> None:
        """SIGCONT."""
        send(pids, signal.SIGCONT)

    def members(self) -> list[int]:
        """Its processes, the supervisor first."""
        if self._process is None:
            return []
        self._process.poll()  # a dead one has to be waited for to be gone
        return sorted(group(self._pid), key=lambda pid: pid != self._pid)

    async def worker(self, random: Random) -> int:
        """One of the processes that serve. Waits for one; raises InstanceError when none comes."""
        deadline = monotonic() + _PATIENCE
        while not (workers := self.members()[1:]):
            if monotonic() > deadline:
                raise InstanceError(f"{self.name} has no workers any more:\n{self.log[-2000:]}")
            await asyncio.sleep(0.05)
        return random.choice(workers)

    def serving(self, pid: int) -> int:
        """How many callers' connections a process holds."""
        return connections_of(pid, self.port)

    def owner_of(self, port: int) -> int | None:
        """Which of its processes holds the connection that goes out from a port."""
        return owner_of(port, self.members())

    @property
    def _pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def _end(self, pids: list[int]) -> int:
        self.life += self.is_up
        killed = send(pids, signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        return killed

    def _spawn(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "proxy", "run", "--config", str(self._config)],
                cwd=self._root,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=die_with_parent,  # noqa: PLW1509 (two system calls between fork and exec)
            )

    async def _serves(self, deadline: float) -> bool:
        """Whether it comes to serve callers and operators; False when it ends instead."""
        assert self._process is not None
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=2)) as session:
            while self._process.poll() is None and monotonic() < deadline:
                if await _answers(session, f"{self.admin_url}/metrics") and await _answers(
                    session, f"{self.url}/-/health"
                ):
                    return True
                await asyncio.sleep(0.02)
        return False


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as response:
            return response.status < 500
    except (aiohttp.ClientError, TimeoutError):
        return False
