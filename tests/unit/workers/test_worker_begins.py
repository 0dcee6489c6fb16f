"""A worker serves by what operators ordered before it began, from its first request on."""

import asyncio
import json

from proxy.http.sockets import bound_sockets
from proxy.sharing.page import Page
from proxy.workers.control import Begin, ConfigText, Guard, Inherited, Report, State
from proxy.workers.handing import handing_pair
from proxy.workers.hired import hire

CONFIG = {
    "server": {"port": 0},
    "store": {"durable": "none"},
    "upstreams": {name: {"adapter": "http", "base_url": "http://127.0.0.1:9"} for name in ("one", "two")},
}


async def test_the_orders_it_begins_with_hold_before_anybody_tells_it_of_them():
    page, listening, handing = Page.create(), bound_sockets("127.0.0.1", 0), handing_pair()
    config = ConfigText("config.yaml", json.dumps(CONFIG))
    begin = Begin(
        process=1,
        processes=1,
        config=config,
        started=config,
        secret="s" * 40,
        instance="here",
        inherited=Inherited(page.fd, tuple(one.fileno() for one in listening), tuple(one.fileno() for one in handing)),
        guards=(Guard("one", "open", 600.0), Guard("two", "drain", 600.0), Guard("gone", "open", 600.0)),
    )
    worker = await hire(begin)
    try:
        await worker.serves()
        async with asyncio.timeout(20):
            [state] = await worker.ask(Report(), 20)
    finally:
        worker.kill()
        await worker.ended()
        for one in (*listening, *handing):
            one.close()
        page.close()

    assert isinstance(state, State)
    assert {one.name: (one.forced, one.draining is None) for one in state.upstreams} == {
        "one": ("open", True),
        "two": (None, False),
    }
