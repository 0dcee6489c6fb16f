"""That a job has ended is told to a URL that the operator lists, signed, and never more than that."""

import asyncio
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from proxy.callers.keys import HASH_PREFIX, digest_key
from proxy.changes.standard_webhooks import StandardSource, StandardWebhooks
from proxy.jobs.callbacks import Callbacks
from proxy.jobs.names import Names
from proxy.jobs.owed import Owed
from proxy.keys import Digester
from proxy.settings import CallbackBlock
from proxy.store.none import NoStore
from proxy.upstream.transport import Transport
from tests.house import ADA, Clock, bearer
from tests.stories.gated_smarty import gated_smarty
from tests.stories.test_jobs import ASYNC, ONLY_SMARTY, begin, ended, verify

SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


class Listener:
    """Somebody who is told; with so many answers of 503 first."""

    def __init__(self, refusals=0):
        self.told = []  # header fields and body
        self.refusals = refusals
        self.answer = 204
        self._news = asyncio.Event()

    async def hear(self, request):
        self.told.append((dict(request.headers), await request.read()))
        self._news.set()
        self.refusals -= 1
        return web.Response(status=503 if self.refusals >= 0 else self.answer)

    async def heard(self, times):
        async with asyncio.timeout(10):
            while len(self.told) < times:
                self._news.clear()
                await self._news.wait()


@asynccontextmanager
async def listening(listener):
    """Its URL."""
    app = web.Application()
    app.router.add_post("/jobs", listener.hear)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/jobs"
    finally:
        await runner.cleanup()


def listed(*blocks):
    return {"v1": {"jobs": {"callbacks": [{"secret": SECRET, **block} for block in blocks]}, **ONLY_SMARTY["v1"]}}


async def test_a_listed_url_is_told_which_job_ended_and_how_signed_and_nothing_more(larder):
    listener = Listener()
    async with listening(listener) as url, larder(**listed({"url": url})) as home:
        begun = await begin(home, 1, 2, **{"Larder-Callback": url})
        await ended(home, begun)
        await listener.heard(1)
        [(headers, body)] = listener.told

        assert json.loads(body) == {
            "type": "job.ended",
            "timestamp": "2026-09-21T14:13:20+00:00",
            "data": {"id": begun.json["id"], "status": "succeeded"},
        }
        source = StandardSource(upstream="any", secrets=(SECRET,), events={"job.ended": ("job:{id}",)})
        [notice] = await StandardWebhooks(source, home.clock).read(headers, body)
        assert notice.token == headers["webhook-id"] == f"job_{begun.json['id']}"
        assert headers["Content-Type"] == "application/json"


async def test_it_is_tried_again_under_the_same_id(larder):
    listener = Listener(refusals=2)
    async with listening(listener) as url, larder(**listed({"url": url})) as home:
        await begin(home, 1, **{"Larder-Callback": url})
        await listener.heard(3)
        await home.larder.jobs.means.callbacks.drain()

        assert len(listener.told) == 3
        assert len({headers["webhook-id"] for headers, _ in listener.told}) == 1
        assert (
            'larder_job_callbacks_total{outcome="taken"} 1.0' in home.larder.observing.metrics.exposition()[1].decode()
        )


async def test_it_is_given_up_after_five_tries(larder):
    listener = Listener(refusals=100)
    async with listening(listener) as url, larder(**listed({"url": url})) as home:
        begun = await begin(home, 1, **{"Larder-Callback": url})
        await listener.heard(5)
        await home.larder.jobs.means.callbacks.drain()

        assert len(listener.told) == 5
        assert (await ended(home, begun)).json["status"] == "succeeded"


async def test_a_cancelled_job_is_told_of_too(larder):
    listener = Listener()
    async with gated_smarty() as (gate, upstreams), listening(listener) as url:
        async with larder(upstreams=upstreams, **listed({"url": url})) as home:
            begun = await begin(home, 1, **{"Larder-Callback": url})
            await home.ask("DELETE", begun.headers["Location"])
            await listener.heard(1)

            assert json.loads(listener.told[0][1])["data"]["status"] == "cancelled"
            gate.open()


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/else", "http://169.254.169.254/latest", "nonsense", ""])
async def test_no_other_url_is_told_and_the_error_names_those_that_may_be(larder, url):
    async with larder(**listed({"url": "http://127.0.0.1:1/jobs"})) as home:
        refused = await verify(home, 1, **ASYNC, **{"Larder-Callback": url})

        assert (refused.status, refused.json["errors"][0]["field"]) == (422, "Larder-Callback")
        assert "http://127.0.0.1:1/jobs" in refused.json["detail"]


async def test_a_url_is_for_the_callers_that_it_names(larder):
    keys = {name: f"lk_{name * 20}" for name in "ab"}
    callers = [{"name": name, "key": HASH_PREFIX + digest_key(key).hex()} for name, key in keys.items()]
    async with larder(callers=callers, **listed({"url": "http://127.0.0.1:1/jobs", "callers": ["a"]})) as home:
        headers = {**ASYNC, "Larder-Callback": "http://127.0.0.1:1/jobs"}
        mine = await verify(home, 1, **headers, **{"X-Larder-Key": keys["a"]})
        others = await verify(home, 1, **headers, **{"X-Larder-Key": keys["b"]})

        assert (mine.status, others.status) == (202, 422)
        assert "there is none" in others.json["detail"]


async def test_without_a_job_there_is_nothing_to_tell(larder):
    async with larder(**listed({"url": "http://127.0.0.1:1/jobs"})) as home:
        refused = await home.get("/v1/courses", headers=bearer(ADA, **{"Larder-Callback": "http://127.0.0.1:1/jobs"}))

        assert refused.status == 422
        assert "respond-async" in refused.json["detail"]


async def test_a_listed_name_that_leads_to_this_machine_is_not_followed():
    listener, heard = Listener(), Heard()
    async with listening(listener) as url:
        block = CallbackBlock(url=url.replace("127.0.0.1", "jobs.example"), secret=SECRET)
        transport = Transport(resolver=Misled())
        await transport.open()
        clock = Clock()
        durable, names = NoStore(clock), Names(Digester(b"secret"))
        owed = Owed(durable, lambda: None, None, names, lambda *_: None, clock)
        callbacks = Callbacks(transport.send, lambda: [block], owed, heard, clock, clock.sleep)

        await callbacks.tell(b"a job", block.url, "an-id", "succeeded")
        await callbacks.drain()
        await transport.close()

        assert (listener.told, heard.outcomes) == ([], ["given-up"])


class Heard:
    """What is told of callbacks."""

    def __init__(self):
        self.outcomes = []

    def callback(self, outcome):
        self.outcomes.append(outcome)


class Misled:
    """A resolver for which every name leads here."""

    async def resolve(self, host, port=0, family=0):
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": 2, "proto": 0, "flags": 0}]

    async def close(self):
        pass
