"""A real Redis for a test: started on a free loopback port and a unix socket, then stopped, killed, paused, filled.

    async with redis_server(requirepass="sesame", appendonly="yes") as server:
        store = RedisStore(server.url)
        await server.kill()
        await server.restart()

Any setting of redis.conf is a keyword, with `_` for `-`. Nothing is tied to an event loop, so that a session's fixture
may hand one server to many tests. A server dies with the process that started it.
"""

import asyncio
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic
from typing import Any

import redis.exceptions
from redis.asyncio import Redis

from tests.ports import free_port
from tests.redis_certificates import write_certificates

MISSING = (
    "these tests need a Redis: sh .ci/redis-server installs one "
    "(Debian, Ubuntu: apt-get install redis-server; macOS: brew install redis; valkey-server serves too)"
)
_PATIENCE = 10.0  # seconds, for whatever a server has to do


def redis_binary() -> str:
    """Where the server is. Raises RuntimeError, with one line that says how to get one."""
    for name in ("redis-server", "valkey-server"):
        if found := shutil.which(name):
            return found
    raise RuntimeError(MISSING)


class RedisServer:
    """One server process. Every method waits until what it does is done, for ten seconds at most."""

    def __init__(
        self,
        directory: Path,
        *,
        tls: bool = False,
        tls_host: str = "127.0.0.1",
        tls_days: float = 1,
        **settings: object,
    ) -> None:
        """`directory` is for its files alone, with a short path (a unix socket's has at most 107 bytes).

        With `tls` the port speaks TLS only, with a certificate for `tls_host` by `authority`, good for `tls_days`.
        """
        self.directory = directory
        self.settings = {name.replace("_", "-"): value for name, value in settings.items()}
        self.certificates = write_certificates(directory, tls_host, days=tls_days) if tls else None
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.is_paused = False

    def __repr__(self) -> str:
        return f"<RedisServer {self.port}, {'up' if self.is_up else 'down'}{', paused' if self.is_paused else ''}>"

    @property
    def url(self) -> str:
        """What to connect to, password and authority included."""
        scheme, query = ("redis", "") if not self.certificates else ("rediss", f"?ssl_ca_certs={self.authority}")
        return f"{scheme}://{self._credential}127.0.0.1:{self.port}/0{query}"

    @property
    def bare_url(self) -> str:
        """The same without password and authority."""
        return f"{'rediss' if self.certificates else 'redis'}://127.0.0.1:{self.port}/0"

    @property
    def socket_url(self) -> str:
        """The same by its unix socket, which never speaks TLS."""
        return f"unix://{self._credential}{self.directory / 'redis.sock'}?db=0"

    @property
    def authority(self) -> Path | None:
        """Who signed its certificate."""
        return self.certificates.authority if self.certificates else None

    @property
    def is_up(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return (self.directory / "log").read_text(errors="replace")

    def client(self, **options: Any) -> Redis:
        """A client of the test's own, for what is no store's business: `async with server.client() as redis`."""
        return Redis.from_url(self.socket_url, **options)

    async def start(self) -> None:
        """Start it on a free port (and one for its cluster's bus), and wait until it answers."""
        for _ in range(5):  # another suite's server may be quicker to bind
            self.port = free_port()
            if "cluster-enabled" in self.settings:
                self.settings["cluster-port"] = free_port()
            self._spawn()
            if await self._answers():
                return
        raise RuntimeError(f"redis-server does not start: {self.log[-2000:]}")

    async def restart(self) -> None:
        """Stop it if it runs; start it again on the same port, with the same files."""
        await self.stop()
        self._spawn()
        if not await self._answers():
            raise RuntimeError(f"redis-server does not start again: {self.log[-2000:]}")

    async def stop(self) -> None:
        """SIGTERM: what it holds is saved as its settings say."""
        await self._end(signal.SIGTERM)

    async def kill(self) -> None:
        """SIGKILL: nothing more is written."""
        await self._end(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: as if the network were parted. Connections stay, and nothing is answered."""
        self._signal(signal.SIGSTOP)
        self.is_paused = True

    def resume(self) -> None:
        """SIGCONT: it answers again, also what was asked meanwhile."""
        self._signal(signal.SIGCONT)
        self.is_paused = False

    async def fill(self) -> None:
        """Let no write find memory any more; with the policy `noeviction`, each is refused."""
        await self.configure("maxmemory", 1)

    async def make_room(self) -> None:
        """The contrary of `fill`."""
        await self.configure("maxmemory", self.settings.get("maxmemory", 0))

    async def configure(self, name: str, value: object) -> None:
        """CONFIG SET."""
        async with self.client() as client:
            await client.config_set(name, str(value))

    async def flush(self) -> None:
        """Forget everything, and the scripts."""
        async with self.client() as client:
            await client.flushall()
            await client.script_flush()

    async def info(self, section: str) -> dict[str, Any]:
        """INFO."""
        async with self.client() as client:
            return dict(await client.info(section))

    async def until_replica(self) -> None:
        """Wait until it holds what its master does."""
        await until(self._is_linked, f"{self} has no link to its master")

    async def _is_linked(self) -> bool:
        return (await self.info("replication")).get("master_link_status") == "up"

    @property
    def _credential(self) -> str:
        password = self.settings.get("requirepass")
        return f":{password}@" if password else ""

    def _spawn(self) -> None:
        (self.directory / "redis.conf").write_text("".join(f"{name} {value}\n" for name, value in self._conf().items()))
        with (self.directory / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [redis_binary(), str(self.directory / "redis.conf")],
                cwd=self.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=_die_with_parent,  # noqa: PLW1509 (between fork and exec it makes one system call)
            )

    def _conf(self) -> dict[str, object]:
        conf: dict[str, object] = {
            "bind": "127.0.0.1",
            "port": 0 if self.certificates else self.port,
            "unixsocket": self.directory / "redis.sock",
            "dir": self.directory,
            "save": '""',
            "maxmemory-policy": "noeviction",
            "repl-diskless-sync-delay": 0,
            "shutdown-timeout": 0,
        }
        if self.certificates:
            paths = self.certificates
            conf |= {"tls-port": self.port, "tls-auth-clients": "no", "tls-ca-cert-file": paths.authority}
            conf |= {"tls-cert-file": paths.certificate, "tls-key-file": paths.key}
        return conf | self.settings

    async def _answers(self) -> bool:
        """Whether it comes to answer; False when it dies instead."""
        assert self.process is not None
        deadline = monotonic() + _PATIENCE
        while self.process.poll() is None and monotonic() < deadline:
            try:
                async with self.client() as client:
                    await client.ping()
            except (redis.exceptions.ConnectionError, redis.exceptions.BusyLoadingError):
                await asyncio.sleep(0.01)
            else:
                return True
        if self.process.poll() is None:
            await self.kill()
        return False

    async def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        if self.is_up:
            self._signal(how)
            if self.is_paused and how is not signal.SIGKILL:
                self.resume()
        try:
            await until(self._is_gone, f"{self} does not end")
        finally:
            if self.is_up:
                self.process.kill()
            self.process.wait()
            self.is_paused = False

    async def _is_gone(self) -> bool:
        return not self.is_up

    def _signal(self, what: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(what)


async def until(condition: Callable[[], Any], else_: str) -> None:
    """Wait until an async condition is true. Raises AssertionError with `else_` when it does not become so."""
    deadline = monotonic() + _PATIENCE
    while not await condition():
        assert monotonic() < deadline, else_
        await asyncio.sleep(0.01)


@asynccontextmanager
async def redis_server(*, replicaof: RedisServer | None = None, **settings: Any) -> AsyncIterator[RedisServer]:
    """A running server, as RedisServer's arguments say; a replica of `replicaof`, if there is one, in sync with it."""
    if replicaof is not None:
        settings["replicaof"] = f"127.0.0.1 {replicaof.port}"
        if password := replicaof.settings.get("requirepass"):
            settings["masterauth"] = password
    with tempfile.TemporaryDirectory(prefix="larder-redis-") as directory:
        server = RedisServer(Path(directory), **settings)
        try:
            await server.start()
            if replicaof is not None:
                await server.until_replica()
            yield server
        finally:
            await server.kill()


def _die_with_parent() -> None:
    """Linux: however the tests end, the kernel ends the server too."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    os.setpgid(0, 0)  # a Ctrl-C at the terminal is for the tests, which stop it in their turn
