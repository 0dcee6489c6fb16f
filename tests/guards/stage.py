"""A stage for guards: callers come at scripted instants, an upstream answers by its script, and time is the script's.

The event loop's own time jumps to whatever is due next, so that sleeps, timeouts and latencies all pass in it, at once
and the same way each time. What came of it is a Record. Seconds are multiples of 1/8, whose sums are exact.
"""

import asyncio
import math
import selectors
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from adapters import Endpoint
from policies import BreakerPolicy, Demand, GuardPolicies, Priority, RetryPolicy, TimeoutPolicy
from policies.http.fields import as_mapping
from proxy.upstream.calls import Call, Tools
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.messages import Outgoing, Reply, Stream, TransportError
from proxy.upstream.registry import Upstreams
from tests.unit.proxy.conftest import PlanOf, Seen

QUIET = GuardPolicies(
    timeout=TimeoutPolicy(attempt=50, total=100),
    retry=RetryPolicy(attempts=1),
    breaker=BreakerPolicy(minimum_calls=1_000),
)
"""Guards that keep out of each other's stories, until a row says otherwise."""


class _Jumping(selectors.SelectSelector):
    """Nothing comes from outside: to wait is to be there."""

    now = 0.0

    def select(self, timeout=None):
        assert timeout is not None, "everybody waits for somebody else"
        self.now += max(0.0, timeout)
        return super().select(0)


class _Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._time = _Jumping()
        super().__init__(self._time)

    def time(self):
        return self._time.now


class Caller(NamedTuple):
    """Who comes when, and what it wants. `leaves`: the instant at which it gives up."""

    at: float = 0.0
    deadline: float = math.inf  # seconds from then
    priority: Priority = Priority.INTERACTIVE
    has_fallback: bool = False
    credential: str = "held"
    rests: bool = False
    path: str = ""  # "": one that nobody else asks for
    is_safe: bool = True
    leaves: float | None = None


class Told(NamedTuple):
    """What one caller was told, when, and how many calls were made for it."""

    at: float
    what: int | str
    calls: int


class Record(NamedTuple):
    """What came of it all."""

    told: list[Told]
    calls: list[tuple[float, str]]  # when, and to which place
    waits: list[float]  # that were slept, in the order they began


@dataclass(frozen=True)
class Row:
    """One story: what the upstream says to each call, who comes, and what has to come of it.

    `says` is a line for each call, the last one for ever; a mapping has lines for each place, whose second one is asked
    first. A line is a status, "lost" or "hangs", and may go on: "after 2" (seconds until it comes), "wait 2"
    (Retry-After), "body 2" (seconds that it is under way after the head).
    """

    name: str
    says: str | dict[str, str]
    come: list[Caller]
    told: list[tuple]
    calls: list[tuple]
    waits: list[float] = field(default_factory=list)
    policies: dict = field(default_factory=dict)  # in place of the quiet ones
    orders: dict = field(default_factory=dict)  # instant → an operator's order
    pair: tuple[str, str] | None = None

    def __str__(self):
        return self.name

    @property
    def expected(self):
        """The record that the row tells."""
        return Record([Told(*told) for told in self.told], self.calls, self.waits)


class Transport:
    """Says its lines."""

    def __init__(self, says, clock):
        says = {"a": says} if isinstance(says, str) else says
        self.lines = {place: [line.strip().split() for line in lines.split(",")] for place, lines in says.items()}
        self.clock, self.calls = clock, []
        self.asked = Counter()  # calls, by path
        self.in_flight = self.most_in_flight = self.bodies = 0

    async def send(self, outgoing, patience, _read_up_to):
        place, _, path = outgoing.url.removeprefix("http://").partition("/")
        self.calls.append((self.clock(), place))
        self.asked[path] += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        try:
            return await self.say(self.lines[place], patience)
        finally:
            self.in_flight -= 1

    async def say(self, lines, patience):
        word, *more = lines.pop(0) if len(lines) > 1 else lines[0]
        said = dict(zip(more[::2], map(float, more[1::2]), strict=True))
        seconds = math.inf if word == "hangs" else said.get("after", 0.0)
        await asyncio.sleep(min(seconds, patience))
        if seconds > patience:
            raise TransportError("timeout", sent=True)
        if word == "lost":
            raise TransportError("connection-lost", sent=True)
        fields = (("Retry-After", f"{said['wait']:g}"),) if "wait" in said else ()
        stream = self.stream(said["body"]) if "body" in said else None
        return Reply(int(word), fields, as_mapping(fields), b"{}", stream)

    def stream(self, seconds):
        self.bodies += 1

        async def chunks():
            await asyncio.sleep(seconds)
            yield b"{}"

        async def close():
            self.bodies -= 1

        return Stream(chunks(), close)


class Stage:
    """An upstream with its guards, and those who call it."""

    def __init__(self, row):
        self.clock = asyncio.get_running_loop().time
        self.transport = Transport(row.says, self.clock)
        self.bases = tuple(f"http://{place}" for place in self.transport.lines)
        self.policies, self.waits = replace(QUIET, **row.policies), []
        tools = Tools(self.transport.send, Seen(), self.clock, self.clock, self.sleep, lambda: 1.0)
        upstreams = Upstreams(tools)
        upstreams.follow([PlanOf(self.policies, self.bases)])
        self.upstream = upstreams["there"]

    async def sleep(self, seconds):
        if seconds:
            self.waits.append(seconds)
        await asyncio.sleep(seconds)

    async def play(self, row):
        loop = asyncio.get_running_loop()
        for at, order in row.orders.items():
            loop.call_at(at, self.upstream.orders.take, order)
        callers = {}
        for number, caller in sorted(enumerate(row.come), key=lambda one: one[1].at):  # of one instant, in order
            await asyncio.sleep(caller.at - self.clock())
            callers[number] = asyncio.create_task(self.comes(number, caller))
            if caller.leaves is not None:
                loop.call_at(caller.leaves, callers[number].cancel)
        told = await asyncio.gather(*(callers[number] for number in range(len(callers))))
        self.is_empty()
        return Record(told, self.transport.calls, self.waits)

    async def comes(self, number, caller):
        try:
            reply = await self.upstream.call(self.call_of(number, caller))
        except UpstreamFailure as failure:
            return Told(self.clock(), failure.detail, failure.calls)
        except asyncio.CancelledError:
            return Told(self.clock(), "left", self.transport.asked[caller.path or str(number)])
        told = Told(self.clock(), reply.status, reply.calls)
        if reply.stream is not None:
            with suppress(asyncio.CancelledError):  # it leaves in the midst of it
                async for _ in reply.stream:
                    pass
            await reply.stream.close()
        return told

    def call_of(self, number, caller):
        url = f"{self.bases[0]}/{caller.path or number}"
        outgoing = Outgoing("GET" if caller.is_safe else "POST", url, (), b"", is_safe=caller.is_safe, decode=True)
        demand = Demand(caller.priority, self.clock() + caller.deadline, caller.has_fallback)
        return Call(
            outgoing,
            Endpoint(route="GET /"),
            "GET /",
            caller.credential,
            self.policies,
            lambda _status, _headers: 1_000,
            demand,
            self.bases,
            rests=caller.rests,
        )

    def is_empty(self):
        """Nobody is on it any more, and nothing lies about."""
        guards = self.upstream.guards
        assert (guards.slots.in_flight, guards.slots.waiting, guards.held_back.count) == (0, 0, 0)
        assert {guards.slots._places.taken(name) for name in (None, "ann", "bob")} == {0}
        assert not guards.hosts._in_flight
        assert (self.transport.in_flight, self.transport.bodies) == (0, 0)
        assert asyncio.all_tasks() == {asyncio.current_task()}


def played(row):
    """What comes of a row."""
    return watched(row)[0]


def watched(row):
    """What comes of a row, and the transport that its calls went through."""

    async def play():
        stage = Stage(row)
        return await stage.play(row), stage.transport

    with asyncio.Runner(loop_factory=_Loop) as runner:
        return runner.run(play())
