"""A Larder that is told to end: what is under way has `server.drain` seconds for it, once in all."""

import asyncio

import aiohttp

from tests.house import config_for, running_larder
from tests.origin import gated, text

DRAIN = 1.0


async def test_an_upstream_that_never_answers_holds_up_the_end_no_longer_than_was_said(tmp_path):
    loop = asyncio.get_running_loop()
    async with gated(lambda _: text("late")) as there, aiohttp.ClientSession() as session:
        mirror = {"adapter": "http", "base_url": there.url, "timeout": {"attempt": "60s", "total": "60s"}}
        config = config_for(there.url, tmp_path, server={"drain": f"{DRAIN}s"}, upstreams={"mirror": mirror})
        async with running_larder(config) as (larder, log):
            url = f"http://127.0.0.1:{larder.listener.port}/mirror"
            waiting = [asyncio.create_task(session.get(f"{url}/{name}")) for name in "xy"]
            while len(there.seen) < 2:
                await asyncio.sleep(0)
            began = loop.time()
            await larder.close()
            took = loop.time() - began

        assert DRAIN <= took < 1.9 * DRAIN
        assert "drain ended with work under way" in log.getvalue()
        await asyncio.wait(waiting)
        assert all(isinstance(one.exception(), aiohttp.ClientError) for one in waiting)


async def test_who_is_answered_in_time_gets_the_answer_and_nobody_waits_any_longer(tmp_path):
    loop = asyncio.get_running_loop()
    async with gated(lambda _: text("in time")) as there, aiohttp.ClientSession() as session:
        mirror = {"adapter": "http", "base_url": there.url}
        config = config_for(there.url, tmp_path, server={"drain": "30s"}, upstreams={"mirror": mirror})
        async with running_larder(config) as (larder, _):
            waits = asyncio.create_task(session.get(f"http://127.0.0.1:{larder.listener.port}/mirror/x"))
            while not there.seen:
                await asyncio.sleep(0)
            began, closing = loop.time(), asyncio.create_task(larder.close())
            await asyncio.sleep(0)
            there.gate.set()
            async with await waits as answer:
                assert await answer.text() == "in time"
            await closing
            assert loop.time() - began < 15
