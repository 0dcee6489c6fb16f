"""A real `larder run` with several workers: its processes, its log, and callers who speak to it by the byte."""

import asyncio
import json
import os
import signal
import sys
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import aiohttp
import yaml

from tests.house import ADA, config_for, merged
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
TOKEN = "t" * 40
PATIENCE = 50  # seconds: a machine may have a lot else to do


def written(folder, sandbox_url, **more):
    """A config for two workers."""
    server = {"port": free_port(), "workers": 2, "watch_config": False}  # a test says itself when it is read again
    own = {"server": server, "admin": {"port": free_port(), "token": TOKEN}}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(merged(merged(config_for(sandbox_url, folder), own), more)))
    return path


async def started(config):
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "proxy", "run", "--config", str(config), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )


class Caller:
    """One connection that is kept as long as the server says. Repeats nothing, and opens another only when told to."""

    def __init__(self, port):
        self._port = port
        self._streams = None

    async def ask(self, path="/-/health", token=ADA):
        """Status, Cache-Status and body. Raises OSError or IncompleteReadError when the connection was lost."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
        body = await reader.readexactly(int(fields["content-length"]))
        if fields.get("connection") == "close":
            await self.close()
        return int(head.split(" ")[1]), fields.get("cache-status", ""), body

    async def close(self):
        if self._streams is not None:
            writer, self._streams = self._streams[1], None
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


class Load:
    """A caller that asks again and again until it is stopped, and what became of that."""

    def __init__(self, port, *, keeps):
        self._caller, self._keeps = Caller(port), keeps
        self.answers, self.lost = 0, None
        self._task = asyncio.create_task(self._run())

    async def _run(self):
        while True:
            try:
                status, _, _ = await self._caller.ask()
                assert status == 200
                if not self._keeps:
                    await self._caller.close()
            except (OSError, asyncio.IncompleteReadError) as error:
                self.lost = error
                return
            self.answers += 1
            await asyncio.sleep(0.01)  # a caller has something else to do, too

    async def stop(self):
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._caller.close()


class Machine:
    """A supervisor and its workers."""

    def __init__(self, config, process):
        self.config, self.process = config, process
        self.port, self._admin = (yaml.safe_load(config.read_text())[part]["port"] for part in ("server", "admin"))
        self.lines = []
        self._news = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    async def _read(self):
        while line := await self.process.stderr.readline():
            self.lines.append(json.loads(line) if line.startswith(b"{") else {"event": line.decode()})
            self._news.set()

    async def told(self, event, after=0, **facts):
        """The first line of that kind behind the first `after` lines."""
        async with asyncio.timeout(PATIENCE):
            while True:
                for line in self.lines[after:]:
                    if line["event"] == event and facts.items() <= line.items():
                        return line
                assert not self._reading.done(), self.lines
                self._news.clear()
                await self._news.wait()

    @property
    def workers(self):
        """Their process ids, in the order they were started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in children.split()]

    def rewrite(self, **changes):
        """Another config."""
        self.config.write_text(yaml.safe_dump(merged(yaml.safe_load(self.config.read_text()), changes)))

    async def reloaded(self, **changes):
        """The log line about a config that was changed and read again."""
        self.rewrite(**changes)
        before = len(self.lines)
        self.process.send_signal(signal.SIGHUP)
        return await self.told("config reload", after=before)

    @asynccontextmanager
    async def callers(self, count):
        """Connections that are kept, at least so many, and some of them to each worker."""
        made = []
        try:
            while len(made) < count or not all(self.connections):
                made += [Caller(self.port) for _ in range(count)]
                await asyncio.gather(*[caller.ask() for caller in made])
            yield made
        finally:
            await asyncio.gather(*[caller.close() for caller in made])

    @asynccontextmanager
    async def load(self, *, kept, new=0):
        """At least so many callers on connections that they keep, and so many on a new one for each request."""
        made = [Load(self.port, keeps=False) for _ in range(new)]
        try:
            while len(made) < kept + new or not all(self.connections) or not all(one.answers for one in made):
                if all(one.answers for one in made):
                    made += [Load(self.port, keeps=True) for _ in range(kept)]
                await asyncio.sleep(0.01)
            yield made
        finally:
            await asyncio.gather(*[one.stop() for one in made])

    @property
    def connections(self):
        """How many each worker has."""
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        open_here = {f"socket:[{row[9]}]" for row in rows if row[1].endswith(f":{self.port:04X}") and row[3] == "01"}
        return [sum(link in open_here for link in links(pid)) for pid in self.workers]

    async def admin(self, method, path, body=None):
        """What the admin listener answers."""
        url, headers = f"http://127.0.0.1:{self._admin}{path}", {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession() as session:
            async with session.request(method, url, json=body, headers=headers) as response:
                text = await response.text()
                return response.status, json.loads(text) if "json" in response.content_type else text

    async def metric(self, name):
        """The sum of a metric's samples."""
        _, text = await self.admin("GET", "/metrics")
        found = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(line.rsplit(" ", 1)[1]) for line in found)

    async def ended(self):
        """The exit status, when the log is read to its end."""
        async with asyncio.timeout(PATIENCE):
            await self._reading
            return await self.process.wait()

    async def close(self):
        workers = self.workers if self.process.returncode is None else []
        if self.process.returncode is None:
            self.process.kill()
        await self.process.wait()
        for pid in workers:
            await gone(pid)
        await self._reading


async def gone(pid):
    """Wait until a process is."""
    async with asyncio.timeout(PATIENCE):
        while lives(pid):
            await asyncio.sleep(0.01)


def links(pid):
    """What a process has open."""
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):
            yield str(descriptor.readlink())


def lives(pid):
    """Whether a process does anything yet: one that nobody waited for is a zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0]
    except OSError:
        return False
    return state != "Z"


@asynccontextmanager
async def a_machine(config):
    """It runs, and is ended at the end."""
    machine = Machine(config, await started(config))
    try:
        await machine.told("larder serves")
        yield machine
    finally:
        await machine.close()


def kill(pid):
    os.kill(pid, signal.SIGKILL)
