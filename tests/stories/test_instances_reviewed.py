"""Several instances in front of an origin of the tests' own: what a hostile review found, and holds now."""

import asyncio
import io
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from proxy.clocks import Clocks
from proxy.config.loading import plans_of
from proxy.kept.shelf import Shelf
from proxy.larder import Larder
from proxy.observing import Observing
from proxy.sharing.fence_ring import CAPACITY
from proxy.sharing.page import Page
from proxy.store.fences import Fences, Heard, Mode, Validity, tag_digest
from proxy.store.memory import MemoryStore
from proxy.store.none import NoStore
from proxy.telemetry.logs import configure_logs
from tests.house import config_file
from tests.unit.store.samples import an_entry


class Front:
    """An instance, and a client of it."""

    def __init__(self, larder, session):
        self.larder = larder
        self._session = session

    async def ask(self, path, method="GET", **headers):
        url = f"http://127.0.0.1:{self.larder.listener.port}/mirror{path}"
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self._session.request(method, url, headers=fields) as response:
            return response.status, response.headers.get("Cache-Status", ""), await response.text()


@asynccontextmanager
async def fronts(durable, handler, many):
    async with AsyncExitStack() as stack:
        runner = web.ServerRunner(web.Server(handler))
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        session = await stack.enter_async_context(aiohttp.ClientSession())
        upstream = {"adapter": "http", "base_url": f"http://127.0.0.1:{runner.addresses[0][1]}"}
        config = {
            "server": {"port": 0, "drain": "1s"},
            "store": {"durable": durable, "secret": "s" * 40},
            "defaults": {"retry": {"wait": 0, "max_wait": 0}},
            "upstreams": {"mirror": upstream},
        }
        made = []
        for _ in range(many):
            observing = Observing(configure_logs("info", "json", io.StringIO()))
            larder = Larder(plans_of(config_file(config)), observing, Clocks())
            stack.push_async_callback(closed, larder)
            await larder.open()
            made.append(Front(larder, session))
        for front in made:
            async with asyncio.timeout(10):
                while not front.larder.fences.is_coherent:
                    await asyncio.sleep(0.005)
        yield made


async def closed(larder):
    await larder.close()
    larder.observing.close()


class Slow:
    """An origin that takes a moment, and counts."""

    def __init__(self):
        self.calls = 0
        self.arrived = asyncio.Event()

    async def __call__(self, request):
        self.calls += 1
        self.arrived.set()
        await asyncio.sleep(0.1)
        fields = {"ETag": '"v1"', "Cache-Control": "max-age=60"}
        if request.path == "/private":
            return web.Response(text="mine", headers={"Cache-Control": "no-store"})
        if request.headers.get("If-None-Match") == '"v1"':
            return web.Response(status=304, headers=fields)
        return web.Response(text="v1", headers=fields)


async def test_a_callers_own_304_does_not_keep_others_from_sharing_a_flight(redis):
    origin = Slow()
    async with fronts(redis.url, origin, 3) as instances:
        assert (await instances[0].ask("/a", If_None_Match='"v1"'))[0] == 304
        origin.calls = 0

        await asyncio.gather(*[front.ask("/a") for front in instances for _ in range(5)])

        assert origin.calls == 1


async def test_a_purge_that_meets_a_flight_does_not_keep_others_from_sharing_the_next(redis):
    origin = Slow()
    async with fronts(redis.url, origin, 3) as instances:
        first = asyncio.create_task(instances[0].ask("/a"))
        await origin.arrived.wait()
        await instances[0].larder.purger.purge(["@upstream:mirror"], Mode.HARD)
        await first
        origin.calls = 0

        await asyncio.gather(*[front.ask("/a") for front in instances for _ in range(5)])

        assert origin.calls == 1


async def test_answers_that_cannot_be_shared_do_not_queue_behind_each_other(redis):
    origin = Slow()
    async with fronts(redis.url, origin, 2) as instances:
        await instances[0].ask("/private")
        origin.calls = 0
        began = asyncio.get_running_loop().time()

        answers = await asyncio.gather(*[front.ask("/private") for front in instances for _ in range(4)])

        assert {answer[2] for answer in answers} == {"mine"}
        assert origin.calls == 8
        assert asyncio.get_running_loop().time() - began < 5  # one after another would take many leases


async def test_a_machine_that_hears_of_nobody_lets_nobody_join_what_left_before(redis):
    origin = Slow()
    async with fronts(redis.url, origin, 1) as (front,):
        early = asyncio.create_task(front.ask("/a"))
        await origin.arrived.wait()
        front.larder.tier._following.cancel()  # it is cut off
        front.larder.tier.page.coherent_until = 0.0

        late = await front.ask("/a")

        assert "collapsed" not in late[1]
        assert origin.calls == 2
        assert (await early)[2] == "v1"


async def test_an_answer_that_is_renewed_is_held_against_the_purges_of_its_new_tags():
    async def handler(request):
        fields = {"ETag": '"de"', "Cache-Control": "max-age=600", "Vary": "Accept-Language"}
        if request.headers.get("Accept-Language") == "en":
            under_way.set()
            await go_on.wait()
            return web.Response(status=304, headers=fields | {"Cache-Groups": '"g"'})
        return web.Response(text="v1", headers=fields)

    under_way, go_on = asyncio.Event(), asyncio.Event()
    async with fronts("none", handler, 1) as (front,):
        await front.ask("/a", Accept_Language="de")
        english = asyncio.create_task(front.ask("/a", Accept_Language="en"))
        await under_way.wait()
        await front.larder.purger.purge(["mirror/group:g"])
        await front.ask("/a", Accept_Language="de")
        go_on.set()
        await english

        assert "larder; hit" not in (await front.ask("/a", Accept_Language="de"))[1]


@pytest.mark.parametrize("mode", list(Mode))
def test_a_purge_of_more_tags_than_the_ring_has_room_for_keeps_its_mode_in_every_process(mode):
    page = Page.anonymous()
    one, other = (Fences(lambda: 1000.0, ring=page.fences) for _ in range(2))
    fence = one.number

    one.purge([f"a/{number}" for number in range(CAPACITY + 1)], mode)

    assert one.validity(["a/1"], fence) is other.validity(["a/1"], fence) is Validity[mode.name]


def test_purges_that_were_overwritten_unread_still_settle():
    page = Page.anonymous()
    one, other = (Fences(lambda: 1000.0, ring=page.fences) for _ in range(2))
    one.purge(["a/1"], Mode.SOFT, settle=30)

    for number in range(CAPACITY + 1):
        one.purge([f"b/{number}"], Mode.SOFT)

    assert other.settles(["a/1"])


def test_purges_heard_out_of_the_order_of_their_numbers_are_heard():
    fences = Fences(lambda: 1000.0)
    shelf = Shelf(MemoryStore(10**6), NoStore(lambda: 1000.0), fences, print, monotonic=lambda: 0.0)
    entry = an_entry(1, order=(100, 1), tags=("a/1",))
    fences.hear([Heard(106, Mode.SOFT, tag_digest("a/other"), 1000.0, 0.0)])
    assert shelf.validity(entry) is Validity.CURRENT

    fences.hear([Heard(105, Mode.SOFT, tag_digest(next(iter(entry.tags))), 1000.0, 0.0)])

    assert shelf.validity(entry) is Validity.SOFT
