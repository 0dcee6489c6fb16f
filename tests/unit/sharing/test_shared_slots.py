"""Shared slots: a limit holds over all processes, real ones too, and whoever dies holds nobody up."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from policies import ConcurrencyPolicy, Demand, Priority
from proxy.sharing.page import Page
from proxy.sharing.shared_slots import TICK, SharedSlots
from proxy.sharing.slot_counts import SlotCounts
from proxy.upstream.slots import QueueFull, TooLate
from tests.passing_time import PassingTime, turns
from tests.unit.sharing.slot_holder import CALLS, POLICY

ROOT = Path(__file__).parents[3]


class Machine:
    """Processes that map one page, in a time that passes when told."""

    def __init__(self):
        self.time = PassingTime()
        self.page = Page.create()
        self.processes = []

    def process(self, number=None, **policy):
        return self.with_policy(ConcurrencyPolicy(**policy), number)

    def with_policy(self, policy, number=None):
        page = Page.attach(os.dup(self.page.fd), number or len(self.processes) + 1)
        calls = Calls(page, SharedSlots(policy, "there", page, self.time.sleep, self.time))
        self.processes.append(calls)
        return calls

    async def finish(self):
        """Let all that was begun end, in whatever turns that takes."""
        tasks = [task for calls in self.processes for task in calls.tasks]
        while not all(task.done() for task in tasks):
            for calls in self.processes:
                calls.end()
            await self.time.advance(TICK)
        assert all(calls.running == calls.slots.waiting == 0 for calls in self.processes)
        return await asyncio.gather(*tasks, return_exceptions=True)

    def close(self):
        for calls in self.processes:
            calls.page.close()
        self.page.close()


class Calls:
    """One process's calls, each of which lasts until told."""

    def __init__(self, page, slots):
        self.page, self.slots = page, slots
        self.tasks, self.in_the_air, self.order = [], [], []

    async def call(self, number, credential, *, shared, demand):
        async with self.slots.taken(credential, shared=shared, demand=demand):
            self.order.append(number)
            end = asyncio.Event()
            self.in_the_air.append(end)
            await end.wait()

    async def start(self, count=1, credential="a", *, shared=True, demand=None):
        for _ in range(count):
            call = self.call(len(self.tasks), credential, shared=shared, demand=demand)
            self.tasks.append(asyncio.create_task(call))
        await turns()

    def end(self, count=1_000):
        """The oldest that are in the air."""
        ending, self.in_the_air = self.in_the_air[:count], self.in_the_air[count:]
        for end in ending:
            end.set()

    @property
    def running(self):
        return self.slots.in_flight


@pytest.fixture
def machine():
    there = Machine()
    yield there
    there.close()


async def test_the_limit_of_the_upstream_holds_over_all_processes(machine):
    one, two = machine.process(upstream=10), machine.process(upstream=10)
    await one.start(6)
    await two.start(6)

    assert (one.running, two.running, two.slots.waiting) == (6, 4, 2)
    assert await machine.finish() == [None] * 12


async def test_a_credentials_limit_holds_over_all_processes_and_others_have_theirs(machine):
    one, two = machine.process(credential=2), machine.process(credential=2)
    await one.start(1, "greedy", shared=False)
    await two.start(3, "greedy", shared=False)
    await two.start(1, "modest", shared=False)

    assert (one.running, two.running, two.slots.waiting) == (1, 2, 2)
    assert await machine.finish() == [None] * 5


async def test_what_another_process_gives_back_is_had_within_a_tick(machine):
    one, two = machine.process(upstream=1), machine.process(upstream=1)
    await one.start()
    await two.start()
    one.end()
    await turns()
    assert two.running == 0

    await machine.time.advance(TICK)
    assert two.running == 1
    await machine.finish()


async def test_what_the_process_itself_gives_back_is_had_at_once(machine):
    one = machine.process(upstream=1)
    await one.start(2)
    one.end()
    await turns()

    assert (one.running, one.order) == (1, [0, 1])
    await machine.finish()


async def test_within_a_process_the_first_to_come_is_the_first_served(machine):
    one, two = machine.process(upstream=2), machine.process(upstream=2)
    await one.start(2)
    await two.start(5)
    await machine.finish()

    assert two.order == [0, 1, 2, 3, 4]


async def test_a_busy_process_does_not_keep_all_slots_to_itself(machine):
    busy, other = machine.process(upstream=2), machine.process(upstream=2)
    await busy.start(20)
    await other.start(1)
    while not other.running:
        assert len(busy.order) < 10
        busy.end(1)
        await machine.time.advance(TICK)

    await machine.finish()


async def test_within_a_process_the_most_urgent_is_the_first_served(machine):
    one, two = machine.process(upstream=1), machine.process(upstream=1)
    await one.start()
    for priority in reversed(Priority):
        await two.start(demand=Demand(priority))
    await machine.finish()

    assert two.order == [3, 2, 1, 0]


async def test_the_least_urgent_of_a_process_is_shed_for_one_who_is_more_urgent(machine):
    one, two = (machine.process(upstream=1, queue=1) for _ in range(2))
    await one.start()
    await two.start(demand=Demand(Priority.WATCH))
    await two.start()

    assert isinstance(two.tasks[0].exception(), QueueFull)
    await machine.finish()
    assert two.order == [1]


async def test_whose_deadline_passed_while_it_waited_is_not_served_and_the_next_one_is(machine):
    one, two = machine.process(upstream=1), machine.process(upstream=1)
    await one.start()
    await two.start(demand=Demand(deadline=machine.time.now + TICK))
    await two.start()
    await machine.time.advance(TICK)
    one.end()
    await machine.time.advance(TICK)

    assert isinstance(two.tasks[0].exception(), TooLate)
    assert (two.running, two.order) == (1, [1])
    await machine.finish()


async def test_who_waits_for_its_credential_holds_up_nobody_elses(machine):
    one, two = (machine.process(upstream=10, credential=1) for _ in range(2))
    await one.start(2, "greedy", shared=False)
    await two.start(1, "modest", shared=False)
    assert (one.slots.waiting, two.running) == (1, 1)

    await two.start(1, "greedy", shared=False)
    one.end()
    await turns()
    assert one.running == 0, "the other process waits for that too, and who looks first has it"
    await machine.finish()


async def test_a_newcomer_does_not_pass_those_who_wait_though_it_may_be_the_first_to_see_a_slot(machine):
    one, two = machine.process(upstream=1), machine.process(upstream=1)
    await one.start()
    await two.start()
    one.end()
    await turns()
    await two.start()

    assert (two.running, two.order) == (1, [0])
    await machine.finish()


async def test_where_the_page_has_no_room_each_process_counts_for_itself():
    page = SimpleNamespace(slots=SlotCounts(memoryview(bytearray()), nullcontext), process=1)
    calls = Calls(page, SharedSlots(ConcurrencyPolicy(upstream=2), "there", page, PassingTime().sleep))
    await calls.start(3)
    assert (calls.running, calls.slots.waiting) == (2, 1)

    calls.end(1)
    await turns()
    assert (calls.running, calls.order) == (2, [0, 1, 2])
    calls.end()
    await asyncio.gather(*calls.tasks[:2])
    calls.end()
    await turns()
    assert not calls.slots._places._own, "and nothing is kept of those who call no more"


async def test_processes_take_turns_at_a_credentials_places(machine):
    one, two = (machine.process(upstream=10, credential=1) for _ in range(2))
    for process in (one, two):
        await process.start(10, "a", shared=False)
    served = []
    while len(served) < 8:
        for process in (one, two):
            if process.in_the_air:
                served.append(process)
                process.end(1)
                await turns()
        await machine.time.advance(TICK)

    assert sum(process is one for process in served[1:]) in (3, 4)
    await machine.finish()


async def test_nothing_is_said_to_be_awaited_once_nobody_waits(machine):
    one, two = (machine.process(upstream=1, queue=1, credential=1) for _ in range(2))
    await one.start(3, "a", shared=False)
    await machine.finish()
    await two.start(1, "a", shared=False)
    two.end()
    await two.start(1, "b", shared=False)

    assert (two.running, two.slots.waiting) == (1, 0), "no mark is left to make it wait for a tick"
    await machine.finish()


async def test_an_adaptive_limit_learns_by_what_all_processes_have_in_the_air(machine):
    policy = ConcurrencyPolicy(upstream=10, adaptive=True, least=2)
    one, two = machine.with_policy(policy), machine.with_policy(policy)
    one.slots.finished(5.0, failed=True)
    assert (one.slots.limit, two.slots.limit) == (9, 10)

    await one.start(1)
    for _ in range(50):
        one.slots.finished(0.1, failed=False)
    assert one.slots.limit == 9
    await two.start(5)
    for _ in range(50):
        one.slots.finished(0.1, failed=False)
    assert one.slots.limit == 10
    await machine.finish()


async def test_only_so_many_of_a_process_wait_and_the_rest_are_refused_at_once(machine):
    one, two = (machine.process(upstream=1, queue=2) for _ in range(2))
    await one.start()
    await two.start(5)

    refused = [task for task in two.tasks if task.done()]
    assert len(refused) == 3
    assert all(isinstance(task.exception(), QueueFull) for task in refused)
    await machine.finish()


async def test_one_who_stops_waiting_leaves_no_trace(machine):
    one, two = machine.process(upstream=1, queue=1), machine.process(upstream=1, queue=1)
    await one.start()
    await two.start()
    two.tasks[0].cancel()
    await turns()
    assert two.slots.waiting == 0

    one.end()
    await turns()
    await one.start()  # who has stopped does not make others wait for a tick either
    assert one.running == 1
    await machine.finish()


async def test_one_who_leaves_as_its_turn_comes_lets_the_next_one_go(machine):
    one = machine.process(upstream=1)
    await one.start(3)
    one.end()
    await asyncio.sleep(0)  # the first gives back in this turn, and the second has not noticed yet
    one.tasks[1].cancel()
    await turns()

    assert (one.running, one.order) == (1, [0, 2])
    await machine.finish()


async def test_a_limit_that_was_changed_counts_what_is_in_the_air_already(machine):
    before = machine.process(upstream=5)
    await before.start(4)
    after = machine.with_policy(ConcurrencyPolicy(upstream=5, queue=0), before.page.process)
    await after.start(2)

    assert (after.running, isinstance(after.tasks[1].exception(), QueueFull)) == (1, True)
    await machine.finish()


async def test_nobody_looks_where_nobody_waits(machine):
    one, two = machine.process(upstream=1), machine.process(upstream=1)
    await one.start()
    await two.start()
    await machine.finish()
    await machine.time.advance(TICK)

    assert len(asyncio.all_tasks()) == 1
    assert repr(two.slots) == "<SharedSlots 0 in flight, 0 waiting>"


@contextmanager
def holder(page, process, what):
    """A real process with a page of its own."""
    command = [sys.executable, "-m", "tests.unit.sharing.slot_holder", str(page.fd), str(process), what]
    with subprocess.Popen(command, pass_fds=[page.fd], cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield running
        finally:
            running.kill()


def most_at_once(spans):
    """How many of these were in the air together, at the worst."""
    changes = sorted([(began, 1) for _, began, _ in spans] + [(ended, -1) for _, _, ended in spans])
    count = most = 0
    for _, change in changes:
        count += change
        most = max(most, count)
    return most


def test_real_processes_never_exceed_a_limit_together(machine):
    page = machine.page
    with holder(page, 1, "calls") as one, holder(page, 2, "calls") as two, holder(page, 3, "calls") as three:
        spans = [span for running in (one, two, three) for span in json.loads(running.communicate(timeout=30)[0])]

    assert len(spans) == 3 * CALLS
    assert most_at_once(spans) == POLICY.upstream
    for credential in "abc":
        assert most_at_once([span for span in spans if span[0] == credential]) <= POLICY.credential


async def test_what_a_killed_process_held_is_free_once_its_death_was_seen(machine):
    with holder(machine.page, 1, "hold") as dying:
        assert dying.stdout.readline() == "holding\n"
        heir = machine.with_policy(POLICY, 2)
        await heir.start(4, "a", shared=False)
        assert heir.running == 0
        dying.send_signal(signal.SIGKILL)
        dying.wait()
        await machine.time.advance(TICK)
        assert heir.running == 0

        machine.page.forget_process(1)
        await machine.time.advance(TICK)

        assert heir.running == POLICY.credential
        await machine.finish()
