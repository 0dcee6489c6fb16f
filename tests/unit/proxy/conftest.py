"""What the parts of the proxy are tried with: time that moves when told, and an upstream that says what it is told."""

import asyncio
from dataclasses import replace

import pytest

from adapters import Adapter, Endpoint
from policies import Demand, GuardPolicies, RetryPolicy
from policies.http.fields import as_mapping
from proxy.upstream.calls import Call, Tools
from proxy.upstream.messages import Outgoing, Reply, TransportError
from proxy.upstream.registry import Upstreams


class Clock:
    """Seconds."""

    def __init__(self):
        self.now = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


class Script:
    """Says one thing after the other, the last one for ever: a status, (status, headers), an error or a coroutine."""

    def __init__(self, *lines):
        self.lines = list(lines)
        self.sent = []

    async def send(self, outgoing, patience, read_up_to):
        self.sent.append(outgoing)
        await asyncio.sleep(0)  # as a socket would: others run meanwhile
        line = self.lines.pop(0) if len(self.lines) > 1 else self.lines[0]
        if callable(line):
            line = await line()
        if isinstance(line, BaseException):
            raise line
        status, headers = line if isinstance(line, tuple) else (line, {})
        fields = tuple(headers.items())
        return Reply(status, fields, as_mapping(fields), b"{}")


class Seen:
    """An observer that keeps what it is told."""

    def __init__(self):
        self.attempts = []
        self.retries = 0

    def attempt(self, upstream, endpoint, outcome, seconds):
        self.attempts.append(outcome)

    def retry(self, upstream):
        self.retries += 1


class PlanOf:
    """As much of an UpstreamPlan as an upstream's guards and calls read."""

    def __init__(self, guards, bases=("http://there",), adapter=None, endpoints=()):
        self.name, self.guards, self.base_urls = "there", guards, bases
        self.adapter, self.endpoints, self.credential = adapter or Adapter(), endpoints, None


POLICIES = GuardPolicies(retry=RetryPolicy(attempts=3, wait=0, max_wait=2, budget=0, floor=1))


class Line:
    """An upstream with its guards, what it says, and how long was waited between attempts."""

    def __init__(self, script, clock, policies):
        self.script, self.clock, self.seen, self.waits = script, clock, Seen(), []
        random, bases, adapter = policies.pop("random", 0.0), policies.pop("bases", ("http://there",)), None
        adapter = policies.pop("adapter", None)
        self.policies, self.bases = replace(POLICIES, **policies), bases
        tools = Tools(script.send, self.seen, clock, clock, self.sleep, lambda: random)
        self.upstreams = Upstreams(tools)
        self.upstreams.follow([PlanOf(self.policies, bases, adapter)])

    @property
    def upstream(self):
        return self.upstreams["there"]

    @property
    def breaker(self):
        return self.upstream.breaker

    @property
    def slots(self):
        return self.upstream.slots

    @property
    def budget(self):
        return self.upstream.budget

    async def sleep(self, seconds):
        self.waits.append(seconds)
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    async def call(self, **how):
        return await self.upstream.call(self.made(**how))

    def made(
        self,
        *,
        is_safe=True,
        credential="held",
        read_up_to=lambda status, headers: 1_000_000,
        demand=None,
        url="http://there/",
        **more,
    ):
        outgoing = Outgoing("GET" if is_safe else "POST", url, (), b"", is_safe=is_safe, decode=True)
        return Call(
            outgoing,
            Endpoint(route="GET /"),
            "GET /",
            credential,
            self.policies,
            read_up_to,
            demand or Demand(),
            self.bases,
            **more,
        )

    @property
    def calls(self):
        return len(self.script.sent)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def line(clock):
    """A line to an upstream that says these things."""
    return lambda *lines, **policies: Line(Script(*lines), clock, policies)


@pytest.fixture
def lost():
    """A connection that ended after the request was sent."""
    return TransportError("connection-lost", sent=True)
