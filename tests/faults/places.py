"""Places: where a sandbox answers, until somebody switches it off."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Self

from aiohttp import web

from sandbox.app import make_sandbox
from sandbox.faults import read_plan
from sandbox.settings import SandboxSettings
from sandbox.state import Sandbox
from tests.raw_origin import turns


class Place:
    """A sandbox at a port of its own. Switched off, nobody listens there, and every connection to it has ended."""

    def __init__(self, certificate: ssl.SSLContext | None = None) -> None:
        self.sandbox = Sandbox(SandboxSettings())
        self.certificate = certificate
        # Held all the time, though it listens to nobody: else somebody else may have the port while this is off.
        self._port_holder = socket.socket()
        self._port_holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._port_holder.bind(("127.0.0.1", 0))
        self.port: int = self._port_holder.getsockname()[1]
        self._runner: web.AppRunner | None = None

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Self]:
        """Switched on, until the end."""
        await self.switch_on()
        try:
            yield self
        finally:
            self.heal()
            await self.switch_off()
            self._port_holder.close()

    @property
    def url(self) -> str:
        """Where it is."""
        return self.url_of("127.0.0.1")

    def url_of(self, host: str) -> str:
        """Where it is, under that name."""
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}"

    async def switch_on(self) -> None:
        """Somebody answers, always at the same port."""
        self._runner = web.AppRunner(make_sandbox(sandbox_state=self.sandbox), access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self.certificate, reuse_port=True)
        await site.start()

    async def switch_off(self) -> None:
        """Nobody answers any more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
            await turns(20)  # callers hear that their connections ended

    def fail(self, upstream: str, kind: str, **more: Any) -> None:
        """Let one of its upstreams fail until it is healed; where only each n-th request does, the next one first."""
        fault = self.sandbox.faults.add(read_plan({"upstream": upstream, "kind": kind, **more}))
        fault.met = fault.plan.every - 1

    def heal(self) -> None:
        """All is well again."""
        self.sandbox.faults.clear()

    def arrived(self, upstream: str) -> int:
        """Requests that one of its upstreams got."""
        return len(self.sandbox.journal.find({"upstream": upstream}))
