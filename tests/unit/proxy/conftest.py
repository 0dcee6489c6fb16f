"""What the parts of the proxy are tried with: time that moves when told, and an upstream that says what it is told."""

import asyncio

import pytest

from adapters import Adapter, Endpoint
from policies import (
    BreakerPolicy,
    CircuitBreaker,
    ConcurrencyPolicy,
    RetryBudget,
    RetryPolicy,
    TimeoutPolicy,
)
from policies.http.fields import as_mapping
from proxy.upstream.call import Call, Tools, Upstream
from proxy.upstream.messages import Outgoing, Reply, TransportError
from proxy.upstream.slots import Slots


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


class PlanOfOne:
    """As much of an UpstreamPlan as a call reads."""

    name, adapter, base_url = "there", Adapter(), "http://there"


class Line:
    """An upstream with its guards, what it says, and how long was waited between attempts."""

    def __init__(self, script, clock, policies):
        self.script, self.clock, self.seen, self.waits = script, clock, Seen(), []
        self.retry = policies.get("retry", RetryPolicy(attempts=3, wait=0, max_wait=2, budget=0, floor=1))
        self.timeout = policies.get("timeout", TimeoutPolicy())
        self.breaker = CircuitBreaker(policies.get("breaker", BreakerPolicy()), clock)
        self.slots = Slots(policies.get("concurrency", ConcurrencyPolicy()))
        self.budget = RetryBudget(self.retry, clock)
        tools = Tools(script.send, self.seen, clock, clock, self.sleep, lambda: policies.get("random", 0.0))
        self.upstream = Upstream(PlanOfOne(), self.breaker, self.budget, self.slots, tools)

    async def sleep(self, seconds):
        self.waits.append(seconds)
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    async def call(self, *, is_safe=True, credential="held", read_up_to=lambda status, headers: 1_000_000):
        outgoing = Outgoing("GET" if is_safe else "POST", "http://there/", (), b"", is_safe=is_safe, decode=True)
        endpoint = Endpoint(route="GET /")
        return await self.upstream.call(
            Call(outgoing, endpoint, "GET /", credential, self.timeout, self.retry, read_up_to)
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
