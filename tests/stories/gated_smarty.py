"""A stand-in for Smarty that answers when a test lets it."""

import asyncio
from contextlib import asynccontextmanager

from aiohttp import web

ROW = {"delivery_line_1": "12 Example Pl", "components": {}, "analysis": {"dpv_match_code": "Y"}}


class Gate:
    """A Smarty whose calls wait until they are let through, one by one."""

    def __init__(self):
        self.asked = []  # the streets of each call that came
        self._came = asyncio.Event()
        self._turns = asyncio.Semaphore(0)

    def open(self, calls=1_000):
        """Let so many calls through."""
        for _ in range(calls):
            self._turns.release()

    async def called(self, times=1):
        """Wait until it was called so often."""
        async with asyncio.timeout(10):
            while len(self.asked) < times:
                self._came.clear()
                await self._came.wait()

    async def answer(self, request):
        things = await request.json() if request.method == "POST" else [dict(request.query)]
        self.asked.append([thing["street"] for thing in things])
        self._came.set()
        await self._turns.acquire()
        rows = [{"input_index": at, "candidate_index": 0, **ROW} for at in range(len(things))]
        return web.json_response(rows)


@asynccontextmanager
async def gated_smarty():
    """The gate, and what a config says of it."""
    gate = Gate()
    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", gate.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield gate, {"smartystreets": {"base_url": f"http://127.0.0.1:{runner.addresses[0][1]}"}}
    finally:
        gate.open()
        await runner.cleanup()
