"""Guards over processes, as calls meet them: each process has its upstreams, and all of them the guards together."""

import asyncio
import gc
import os
import weakref

import pytest

from adapters import Adapter, Endpoint
from policies import BreakerPolicy, Circuit, ConcurrencyPolicy, Demand, GuardPolicies, RetryPolicy
from proxy.sharing.page import Page
from proxy.sharing.shared_guards import SharedGuards
from proxy.sharing.shared_slots import TICK
from proxy.upstream.calls import Call, Tools
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.messages import Outgoing
from proxy.upstream.registry import Upstreams
from tests.passing_time import PassingTime, turns
from tests.unit.proxy.conftest import Script, Seen

PROCESSES = 4
ONCE = RetryPolicy(attempts=1)


class Plan:
    """As much of an UpstreamPlan as its guards and a call read."""

    def __init__(self, *, name="there", base_url="http://there", breaker=None, concurrency=None, retry=None):
        self.name, self.base_urls, self.adapter = name, (base_url,), Adapter()
        self.endpoints, self.credential = (), None
        self.guards = GuardPolicies(
            breaker=breaker or BreakerPolicy(minimum_calls=PROCESSES, cooldown=10),
            concurrency=concurrency or ConcurrencyPolicy(),
            retry=retry or RetryPolicy(),
        )


class Machine:
    """Processes that call one upstream, which says what it is told."""

    def __init__(self):
        self.time, self.script, self.page = PassingTime(), Script(200), Page.create()
        self.pages = [Page.attach(os.dup(self.page.fd), number + 1) for number in range(PROCESSES)]
        self.guards = [SharedGuards(page, PROCESSES, clock=self.time, sleep=self.time.sleep) for page in self.pages]
        tools = Tools(self.script.send, Seen(), self.time, self.time, self.time.sleep, lambda: 0.0)
        self.processes = [Upstreams(tools, guards) for guards in self.guards]

    def follow(self, **policies):
        for upstreams in self.processes:
            upstreams.follow([Plan(**policies)])

    async def call(self, process):
        outgoing = Outgoing("GET", "http://there/", (), b"", is_safe=True, decode=True)
        bases, endpoint = ("http://there",), Endpoint(route="GET /")
        call = Call(outgoing, endpoint, "GET /", "held", GuardPolicies(), lambda *_: 1_000, Demand(), bases, ONCE)
        return await self.processes[process]["there"].call(call)

    async def failure(self, process):
        with pytest.raises(UpstreamFailure) as caught:
            await self.call(process)
        return caught.value.detail

    def close(self):
        for page in (*self.pages, self.page):
            page.close()


@pytest.fixture
def machine():
    there = Machine()
    yield there
    there.close()


async def test_failures_that_each_process_met_once_open_the_circuit_for_all(machine):
    machine.follow()
    machine.script.lines = [503]
    for process in range(PROCESSES):
        assert await machine.failure(process) == "upstream-failed"

    assert [await machine.failure(process) for process in range(PROCESSES)] == ["circuit-open"] * PROCESSES
    assert len(machine.script.sent) == PROCESSES


async def test_of_all_callers_in_all_processes_one_is_the_probe(machine):
    machine.follow()
    machine.script.lines = [503]
    for process in range(PROCESSES):
        await machine.failure(process)
    machine.time.now += 10
    gate = asyncio.Event()

    async def slow():
        await gate.wait()
        return 200

    machine.script.lines = [slow]
    calls = [asyncio.create_task(machine.call(process)) for process in (*range(PROCESSES), *range(PROCESSES))]
    await turns(20)
    assert len(machine.script.sent) == PROCESSES + 1

    gate.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 1
    assert {upstreams["there"].breaker.state for upstreams in machine.processes} == {Circuit.CLOSED}
    assert (await machine.call(1)).status == 200


async def test_calls_of_all_processes_share_the_upstreams_slots(machine):
    machine.follow(concurrency=ConcurrencyPolicy(upstream=2, queue=10))
    gate = asyncio.Event()

    async def slow():
        await gate.wait()
        return 200

    machine.script.lines = [slow]
    calls = [asyncio.create_task(machine.call(process)) for process in range(PROCESSES)]
    await turns(20)
    assert len(machine.script.sent) == 2

    gate.set()
    while not all(call.done() for call in calls):
        await machine.time.advance(TICK)
    assert [call.result().status for call in calls] == [200] * PROCESSES


def test_what_time_earns_of_retries_is_divided_and_what_demand_earns_is_not(machine):
    machine.follow(retry=RetryPolicy(budget=0.5, floor=1))
    budgets = [upstreams["there"].budget for upstreams in machine.processes]
    for budget in budgets:
        while budget.spend():
            pass
    machine.time.now += 8
    assert sum(budget.left for budget in budgets) == pytest.approx(8, abs=2.1)  # a half may be left of what was saved

    before = budgets[0].left
    for _ in range(2):
        budgets[0].demand()
    assert budgets[0].left == pytest.approx(before + 1, abs=0.01)


def test_a_reload_keeps_the_guards_whose_policy_did_not_change(machine):
    machine.follow()
    upstreams = machine.processes[0]
    before = upstreams["there"]
    before.budget.spend()
    machine.follow()
    after = upstreams["there"]
    assert (after.breaker, after.budget, after.slots) == (before.breaker, before.budget, before.slots)

    machine.follow(
        breaker=BreakerPolicy(minimum_calls=1), concurrency=ConcurrencyPolicy(upstream=1), retry=RetryPolicy(floor=9)
    )
    changed = upstreams["there"]
    assert changed.breaker.policy.minimum_calls == changed.slots.policy.upstream == 1
    assert changed.budget.policy.floor == 9 / PROCESSES


def test_an_upstream_that_moved_starts_with_a_closed_circuit(machine):
    machine.follow(breaker=BreakerPolicy(minimum_calls=1))
    breaker = machine.processes[0]["there"].breaker
    breaker.failed(breaker.check())
    assert machine.processes[1]["there"].breaker.state is Circuit.OPEN

    machine.follow(breaker=BreakerPolicy(minimum_calls=1), base_url="http://elsewhere")

    assert {upstreams["there"].breaker.state for upstreams in machine.processes} == {Circuit.CLOSED}


async def test_what_a_reload_replaced_goes_with_its_last_call(machine):
    machine.follow()
    await machine.call(0)
    there, gone = machine.processes[0]["there"], []
    for one in (there, there.guards.hosts, there.breaker, there.guards.pacer, there.slots, there.budget):
        gone.append(weakref.ref(one))
    del there, one
    gc.collect()
    gc.disable()
    try:
        machine.follow(
            breaker=BreakerPolicy(cooldown=1),
            concurrency=ConcurrencyPolicy(upstream=1),
            retry=RetryPolicy(floor=9),
            base_url="http://elsewhere",
        )
        assert [one() for one in gone] == [None] * len(gone)
    finally:
        gc.enable()


async def test_a_refresh_that_failed_in_one_process_waits_in_all(machine):
    machine.guards[0].failures.failed(b"key")

    assert not any(guards.failures.is_due(b"key") for guards in machine.guards)


async def test_followers_end_when_they_are_stopped(machine):
    for guards in machine.guards:
        guards.start()
    await machine.time.advance(1)
    for guards in machine.guards:
        await guards.stop()

    assert len(asyncio.all_tasks()) == 1


async def test_after_a_reload_nothing_more_is_said_of_a_circuit_that_went_with_its_upstream(machine):
    machine.follow()
    machine.script.lines = [503]
    for process in range(PROCESSES):
        await machine.failure(process)
    assert machine.processes[0]["there"].breaker.state is Circuit.OPEN

    machine.follow(base_url="http://elsewhere")
    said = machine.page.reports.position
    for guards in machine.guards:
        guards.start()
    await machine.time.advance(5)
    for guards in machine.guards:
        await guards.stop()

    assert machine.page.reports.position == said
