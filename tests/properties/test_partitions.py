"""Yours: nothing that was fetched for one principal ever reaches another, whatever happens in whatever order.

A whole engine over real tiers and real guards; only the socket is a script. The script marks every answer with the
credential that asked for it, and requests, landings, failures, purges, departures and time come in random order.
"""

import asyncio
import json
from contextvars import ContextVar
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from policies.failure_memory import FailureMemory
from policies.http.fields import as_mapping
from proxy.asker import Asker
from proxy.asking import Incoming
from proxy.calling import Calling, CallTools
from proxy.config.loading import plans_of
from proxy.doubts.doubting import Doubting
from proxy.doubts.quarantine import Quarantine
from proxy.engine import Engine
from proxy.errors import LarderError
from proxy.flights.fetching import Fetcher
from proxy.kept.keeping import Keeper
from proxy.kept.purging import Purger
from proxy.kept.shelf import Shelf
from proxy.learning import Learner
from proxy.messages import ALL, upstream_tag
from proxy.outgoing import credential_query
from proxy.store.fences import Fences, Mode
from proxy.store.ledger import LocalLedger
from proxy.store.memory import MemoryStore
from proxy.store.none import NoStore
from proxy.upstream.calls import Tools
from proxy.upstream.messages import Reply, Stream, TransportError
from proxy.upstream.registry import Upstreams
from proxy.writes.writing import Writer
from tests.house import config_file, config_for

PEOPLE = ("mark-ada", "mark-ben")
EVERYONE = "mark-everyone"
asking: ContextVar[str] = ContextVar("asking")


@cache
def plans():
    more = {
        "smarty-own": {"adapter": "smartystreets", "base_url": "http://127.0.0.1:9/{api}"},
        "mirror": {"adapter": "http", "base_url": "http://127.0.0.1:9"},
        "declared": {
            "adapter": "http",
            "base_url": "http://127.0.0.1:9",
            "endpoints": {"GET /thing": {"cache": {"ttl": "60s", "stale_if_error": "1h"}}},
        },
    }
    return plans_of(config_file(config_for("http://127.0.0.1:9", Path(), upstreams=more)))


def bearer(who):
    return "", [("Authorization", f"Bearer {who}")]


def in_query(name):
    return lambda who: (f"{name}={who}", [])


def by_caller(_who):  # Larder holds the credential, the terms forbid sharing: the partition is the caller
    return "address=1", []


# upstream, path, how a person's request is told from another's, and a good body
TARGETS = (
    ("courseworks", "/api/v1/courses", bearer, lambda mark: [{"id": 1, "name": mark}]),
    ("courseworks", "/api/v1/courses/1", bearer, lambda mark: {"id": 1, "name": mark}),
    ("courseworks", "/api/v1/courses", in_query("access_token"), lambda mark: [{"id": 1, "name": mark}]),
    ("smarty-own", "/us-zipcode/lookup", in_query("key"), lambda mark: [{"input_index": 0, "status": mark}]),
    ("google", "/maps/api/geocode/json", by_caller, lambda mark: {"status": "OK", "results": [{"mark": mark}]}),
    ("mirror", "/thing", bearer, lambda mark: {"mark": mark}),
    ("declared", "/thing", bearer, lambda mark: {"mark": mark}),
)
GOOD = {
    "plain": {},
    "private": {"Cache-Control": "private, max-age=60"},
    "short": {"Cache-Control": "max-age=5, stale-if-error=600"},
    "long": {"Cache-Control": "max-age=600"},
    "no-store": {"Cache-Control": "no-store"},
    "varies": {"Cache-Control": "max-age=60", "Vary": "Accept"},
    "cookie": {"Cache-Control": "max-age=60", "Set-Cookie": "a=b"},
    "public": {"Cache-Control": "public, max-age=60"},  # its upstream says that it is anybody's, so it bears no mark
}
OUTCOMES = (*GOOD, 401, 403, 404, 429, 500, "not-json", "lost")


class Quiet:
    """Who is told of everything, and minds nothing."""

    def __getattr__(self, _name):
        return lambda *_facts, **_more: None


class Stage:
    """The engine, its tiers, the scripted upstream and everyone who asks."""

    def __init__(self):
        self.now = 1_790_000_000.0
        self.held = []  # (the landing to be told, who asked for it)
        self.tasks = []  # (who, task)
        self.asker = Asker(b"a secret of these tests")
        self.upstreams = Upstreams(Tools(self.send, Quiet(), self.clock, self.clock, self.sleep, lambda: 0.0))
        self.upstreams.follow(plans().upstreams.values())
        fences, memory, durable = Fences(self.clock), MemoryStore(1_000_000), NoStore(self.clock)
        self.shelf = Shelf(memory, durable, fences, Quiet().failed, monotonic=self.clock)
        self.purger = Purger(LocalLedger(fences, durable, Quiet().failed), memory, durable, Quiet().failed)
        failures = FailureMemory(self.clock)
        learner = Learner(durable, failures, Quiet())
        tools = CallTools(self.upstreams.under, lambda: 100_000, tuple)
        calling = Calling(self.purger, Quiet(), tools)
        keeper = Keeper(self.shelf, self.purger, lambda: 0.5, tools.max_entry)
        doubting = Doubting(Quarantine(self.shelf, self.clock), keeper, lambda: fences, Quiet(), self.clock)
        fetcher = Fetcher(
            calling, keeper, failures, learner, doubting, Quiet(), max_entry=tools.max_entry, clock=self.clock
        )
        writer = Writer(calling.call, self.purger, keeper, lambda ask: ask.plan.upstream.settle)
        self.engine = Engine(self.shelf, fetcher, writer, failures, self.clock, monotonic=self.clock)
        learner.answer, learner.derive = self.answered, self.derived

    def clock(self):
        return self.now

    async def sleep(self, _seconds):
        await asyncio.sleep(0)

    async def answered(self, ask):
        return self.engine.at_once(ask) or await self.engine.answer(ask)

    def ask(self, name, path, query, headers, caller):
        upstream = plans().upstreams[name]
        plan, params = upstream.match("GET", path)
        incoming = Incoming("GET", path, query, CIMultiDict(headers), b"", caller)
        return self.asker.ask(upstream, plan, params, incoming)

    def derived(self, ask, path):
        headers = ask.incoming.headers.items()
        return self.ask(ask.plan.upstream.name, path, credential_query(ask), headers, ask.incoming.caller)

    # the upstream

    async def send(self, outgoing, _patience, read_up_to):
        landing = asyncio.get_running_loop().create_future()
        who = next((one for one in PEOPLE if one in f"{outgoing.url} {outgoing.fields}"), asking.get())
        self.held.append((landing, who))
        outcome = await landing
        if outcome == "lost":
            raise TransportError("connection-lost", sent=True)
        if outcome == "public" and "users/self" in outgoing.url:  # who one is is never anybody's
            outcome = "plain"
        mark = EVERYONE if outcome == "public" else who
        if outcome in GOOD and (("If-None-Match", f'"{mark}"') in outgoing.fields):
            return self.reply(304, {"ETag": f'"{mark}"', **GOOD[outcome]}, b"", read_up_to)
        status = 200 if isinstance(outcome, str) else outcome
        headers = {"Content-Type": "application/json", "ETag": f'"{mark}"', "X-Mark": mark, **GOOD.get(outcome, {})}
        if outcome == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return self.reply(status, headers, self.body(outgoing.url, outcome, mark), read_up_to)

    def body(self, url, outcome, mark):
        if outcome == "not-json":
            return f"<html>{mark}".encode()
        if "users/self" in url:
            return json.dumps({"id": 1 + PEOPLE.index(mark), "name": mark}).encode()
        path = url.removeprefix("http://127.0.0.1:9").partition("?")[0]
        good = next(body for _, target, _, body in TARGETS if target.endswith(path) or path.endswith(target))
        return json.dumps(good(mark)).encode()

    def reply(self, status, headers, body, read_up_to):
        fields = tuple(headers.items())
        reply = Reply(status, fields, as_mapping(fields), body)
        if not read_up_to(status, reply.headers):
            reply.body, reply.stream = b"", Stream(self.all_of(body), self.closed)
        return reply

    async def all_of(self, body):
        yield body

    async def closed(self):
        """Nothing to close."""

    # what happens

    async def request(self, who, target, accept, cache_control):
        upstream, path, told, _ = TARGETS[target]
        query, headers = told(who)
        headers = [*headers, ("Accept", accept)] + ([("Cache-Control", cache_control)] if cache_control else [])
        asking.set(who)
        try:
            answer = await self.answered(self.ask(upstream, path, query, headers, who.removeprefix("mark-")))
        except LarderError:
            return b""
        body = answer.body
        if answer.stream is not None:
            body = b"".join([chunk async for chunk in answer.stream])
        return body + repr(answer.fields).encode()

    async def act(self, step):
        match step:
            case ("ask", who, *how):
                self.tasks.append((who, asyncio.create_task(self.request(who, *how))))
            case ("land", which, outcome) if self.held:
                self.land(which, outcome)
            case ("purge", tag, mode):
                await self.purger.purge([tag], mode, settle=5)
            case ("pass", seconds):
                self.now += seconds
            case ("leave", which) if self.tasks:
                self.tasks[which % len(self.tasks)][1].cancel()
        for _ in range(10):
            await asyncio.sleep(0)

    def land(self, which, outcome):
        landing, _ = self.held.pop(which % len(self.held))
        if not landing.done():
            landing.set_result(outcome)

    async def landing_all_until(self, done):
        """Whatever goes out meanwhile lands too: an answer that was not good enough sends another call."""
        while not done.done():
            if self.held:
                self.land(0, "plain")
            await asyncio.sleep(0)
        return done.result()

    async def end(self):
        all_answered = asyncio.gather(*(task for _, task in self.tasks), return_exceptions=True)
        results = await self.landing_all_until(all_answered)
        await self.landing_all_until(asyncio.ensure_future(self.engine.drain()))
        for (who, _), result in zip(self.tasks, results, strict=True):
            yield who, result


DIRECTIVES = st.sampled_from(["", "", "", "no-cache", "no-store", "max-age=0", "only-if-cached"])
TAGS = st.sampled_from([ALL, upstream_tag("courseworks"), "courseworks/course:1", "courseworks/user:unknown"])


def steps_on(targets):
    """Mostly requests and landings."""
    ask = st.tuples(
        st.just("ask"), st.sampled_from(PEOPLE), st.sampled_from(targets), st.sampled_from(["a", "b"]), DIRECTIVES
    )
    land = st.tuples(st.just("land"), st.integers(0, 5), st.sampled_from(OUTCOMES) | st.sampled_from(tuple(GOOD)))
    other = st.one_of(
        st.tuples(st.just("purge"), TAGS, st.sampled_from(Mode)),
        st.tuples(st.just("pass"), st.sampled_from([1.0, 30.0, 120.0, 400.0, 4_000.0])),
        st.tuples(st.just("leave"), st.integers(0, 9)),
    )
    return st.lists(st.one_of(ask, land, ask, land, other), min_size=4, max_size=40)


async def leaks(steps):
    """Each answer that bears another's mark; and how many bore their own."""
    stage, wrong, own = Stage(), [], 0
    for step in steps:
        await stage.act(step)
    async for who, result in stage.end():
        if isinstance(result, asyncio.CancelledError):
            continue
        if isinstance(result, BaseException):
            raise result
        wrong += [(who, result) for other in PEOPLE if other != who and other.encode() in result]
        own += who.encode() in result
    return wrong, own


@pytest.mark.parametrize("targets", [(0, 1, 2), (3,), (4,), (5,), (6,)], ids=lambda targets: TARGETS[targets[0]][0])
def test_nothing_that_was_fetched_for_one_principal_ever_reaches_another(targets):
    @settings(max_examples=2 * settings.default.max_examples)
    @given(steps_on(targets))
    def holds(steps):
        assert asyncio.run(leaks(steps))[0] == []

    holds()


@pytest.mark.parametrize("target", range(len(TARGETS)))
def test_the_script_marks_what_each_principal_gets_and_the_cache_keeps_it(target):
    ada, ben = (("ask", who, target, "a", "") for who in PEOPLE)
    steps = [ada, ("land", 0, "long"), ("land", 0, "long"), ben, ("land", 0, "long"), ("land", 0, "long"), ada, ben]

    assert asyncio.run(leaks(steps)) == ([], 4)
