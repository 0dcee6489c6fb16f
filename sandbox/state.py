"""Everything the running sandbox remembers, built anew on reset.

Each upstream package (`sandbox.canvas`, `sandbox.smarty`, `sandbox.google`) exports a class `State`, made with the
clock; `UpstreamState` says what the frame expects of it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from aiohttp import ClientSession, web

from sandbox.canvas import State as CanvasState
from sandbox.canvas.keyring import Keyring
from sandbox.faults import Faults
from sandbox.google import State as GoogleState
from sandbox.journal import Journal
from sandbox.settings import SandboxSettings
from sandbox.smarty import State as SmartyState

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[object]]


class UpstreamState(Protocol):
    """What the frame asks of an upstream's `State`.

    `settings` is a frozen (pydantic) dataclass; `POST /_sandbox/settings {"smarty": {…}}` replaces it by a changed
    copy, so read it afresh on each request. `facts()` is shown by `GET /_sandbox/state`: ids, credentials, plain JSON.
    """

    settings: Any

    def facts(self) -> dict[str, Any]: ...


class SandboxClock:
    """Unix seconds; runs as the clock below it, and jumps when told."""

    def __init__(self, base: Clock = time.time) -> None:
        self.base = base
        self._ahead = 0.0

    def __call__(self) -> float:
        return self.base() + self._ahead

    def advance(self, seconds: float) -> None:
        self._ahead += seconds

    def reset(self) -> None:
        self._ahead = 0.0


class Sandbox:
    """The running sandbox. `clock` and `sleep` are injected so that a test can own the time."""

    http: ClientSession  # for notifications; opened and closed with the application

    def __init__(
        self, settings: SandboxSettings | None = None, clock: Clock = time.time, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.initial = settings or SandboxSettings()
        self.clock = SandboxClock(clock)
        self.sleep = sleep
        self.journal = Journal(self.clock)
        self.faults = Faults()
        self.keyring = Keyring()  # survives a reset: listeners have its public keys
        self.running: set[asyncio.Task[None]] = set()  # notifications that nobody waits for
        self._begin()

    def _begin(self) -> None:
        self.settings = self.initial
        self.canvas = CanvasState(self.clock)
        self.smarty = SmartyState(self.clock)
        self.google = GoogleState(self.clock)

    def reset(self) -> None:
        """All state as at start, the clock and the journal too."""
        for task in self.running:
            task.cancel()
        self.clock.reset()
        self.journal.clear()
        self.faults.clear()
        self._begin()

    @property
    def upstreams(self) -> dict[str, UpstreamState]:
        return {"canvas": self.canvas, "smarty": self.smarty, "google": self.google}


SANDBOX: web.AppKey[Sandbox] = web.AppKey("sandbox", Sandbox)
