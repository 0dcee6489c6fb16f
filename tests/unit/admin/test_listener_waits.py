"""The admin listener is bound before the proxy serves: who asks as soon as the proxy is ready is not refused."""

import asyncio

import aiohttp
import pytest
from aiohttp import web

from proxy.admin.listener import AdminListener
from proxy.settings import Admin


def answering():
    async def answer(request):
        return web.Response(text="here")

    app = web.Application()
    app.router.add_get("/", answer)
    return app


async def test_who_asks_before_it_answers_waits_and_is_answered():
    listener = AdminListener(Admin(port=0))
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(b"GET / HTTP/1.0\r\n\r\n")
    await writer.drain()

    await listener.open(answering())

    assert (await reader.read()).endswith(b"here")
    writer.close()
    await listener.close()


@pytest.mark.parametrize("is_open", [True, False])
async def test_after_its_end_nobody_is_let_in(is_open):
    listener = AdminListener(Admin(port=0))
    port = listener.port
    if is_open:
        await listener.open(answering())

    await listener.close()
    await listener.close()

    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(f"http://127.0.0.1:{port}/")


async def test_a_port_that_is_taken_is_told_before_anything_serves():
    first = AdminListener(Admin(port=0))
    with pytest.raises(OSError, match="in use"):
        AdminListener(Admin(port=first.port))
    await first.close()
