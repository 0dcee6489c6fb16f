"""A scripted origin on a real socket: it answers what the test says, and remembers what it saw, raw."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    target: str  # raw path and query
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key.lower() == name.lower()]


@dataclass
class Origin:
    """Says `answer(seen)` to every request."""

    answer: Callable[[Seen], web.Response]
    url: str = ""
    seen: list[Seen] = field(default_factory=list)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        return self.answer(await self.met(request))

    async def met(self, request: web.BaseRequest) -> Seen:
        """The request, remembered."""
        body = await request.read()
        seen = Seen(request.method, request.raw_path, list(request.headers.items()), body)
        self.seen.append(seen)
        return seen


def text(body: str = "hello", status: int = 200, **headers: str) -> web.Response:
    """An answer; header names with `_` for `-`."""
    return web.Response(text=body, status=status, headers={name.replace("_", "-"): v for name, v in headers.items()})


class Gated(Origin):
    """Remembers a request at once, and answers those of one method only when its gate is open."""

    def __init__(self, answer: Callable[[Seen], web.Response], method: str) -> None:
        super().__init__(answer)
        self.method = method
        self.gate = asyncio.Event()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        seen = await self.met(request)
        if seen.method == self.method:
            await self.gate.wait()
        return self.answer(seen)


@asynccontextmanager
async def origin(answer: Callable[[Seen], web.Response]) -> AsyncIterator[Origin]:
    """An origin that runs."""
    made = Origin(answer)
    async with _running(made):
        yield made


@asynccontextmanager
async def gated(answer: Callable[[Seen], web.Response], method: str = "GET") -> AsyncIterator[Gated]:
    """An origin that runs, with its gate closed."""
    made = Gated(answer, method)
    async with _running(made):
        try:
            yield made
        finally:
            made.gate.set()


@asynccontextmanager
async def _running(made: Origin) -> AsyncIterator[None]:
    runner = web.ServerRunner(web.Server(made.handle))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield
    finally:
        await runner.cleanup()
