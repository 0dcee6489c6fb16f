"""Guard reports: what one process's calls met with, the guards of all processes know."""

import gc
import os
import weakref
from types import SimpleNamespace

import pytest

from policies import BreakerPolicy, Circuit, CircuitOpen, Demand, PacingPolicy
from proxy.sharing.guard_reports import FOREIGN, REPEATED, GuardReports, Try
from proxy.sharing.page import Page
from proxy.sharing.report_ring import CAPACITY
from tests.passing_time import PassingTime

POLICY = BreakerPolicy(window=30, failure_ratio=0.5, minimum_calls=4, cooldown=10, probes=1)


class Machine:
    """Processes that map one page."""

    def __init__(self):
        self.time = PassingTime()
        self.page = Page.create()
        self.pages = []

    def process(self, number=None):
        page = Page.attach(os.dup(self.page.fd), number or len(self.pages) + 1)
        self.pages.append(page)
        return GuardReports(page, clock=self.time, sleep=self.time.sleep)

    def close(self):
        for page in (*self.pages, self.page):
            page.close()


@pytest.fixture
def machine():
    there = Machine()
    yield there
    there.close()


def breaker_of(reports, name="there", url="http://there", policy=POLICY):
    return reports.breaker(name, url, policy)


def fail(breaker, calls=1):
    for _ in range(calls):
        breaker.failed(breaker.check())


def test_failures_of_all_processes_together_open_the_circuit_for_all(machine):
    one, two = breaker_of(machine.process()), breaker_of(machine.process())
    fail(one, 2)
    fail(two, 2)

    assert one.state is two.state is Circuit.OPEN
    with pytest.raises(CircuitOpen) as resting:
        one.check()
    assert resting.value.retry_after == 10


def test_one_probe_goes_out_whichever_process_sends_it(machine):
    one, two = breaker_of(machine.process()), breaker_of(machine.process())
    fail(one, 4)
    machine.time.now += 10
    assert one.state is two.state is Circuit.HALF_OPEN
    began = one.check()

    assert two.state is Circuit.OPEN
    with pytest.raises(CircuitOpen):
        two.check()
    one.succeeded(began)
    assert two.state is Circuit.CLOSED
    assert two.counts == (0, 0, 0)


def test_who_asked_for_the_probe_a_moment_later_hears_no(machine):
    first, second = machine.process(), machine.process()
    one, two = breaker_of(first), breaker_of(second)
    fail(one, 4)
    machine.time.now += 10
    assert two.state is Circuit.HALF_OPEN
    catching_up, second.read = second.read, lambda: None  # it has just looked; and now the other is quicker
    one.check()
    published = second._ring.publish
    second._ring = SimpleNamespace(
        publish=lambda *report: (published(*report), setattr(second, "read", catching_up)),
        since=second._ring.since,
        position=second._ring.position,
    )
    second._ring.position = -1  # whatever it was: it has moved

    with pytest.raises(CircuitOpen):
        two.check()


def test_a_call_from_before_the_circuit_opened_says_nothing_now_wherever_it_was_made(machine):
    one, two = breaker_of(machine.process()), breaker_of(machine.process())
    early = two.check()
    machine.time.now += 1
    fail(one, 4)
    machine.time.now += 10
    two.succeeded(early)

    assert one.state is Circuit.HALF_OPEN


def test_a_body_that_broke_off_counts_everywhere(machine):
    one, two = breaker_of(machine.process()), breaker_of(machine.process())
    for _ in range(4):
        one.succeeded(one.check())
        two.broke_off()

    assert two.state is Circuit.OPEN


def test_circuits_of_other_upstreams_and_of_other_places_are_others(machine):
    first, second = machine.process(), machine.process()
    fail(breaker_of(first), 4)

    assert breaker_of(second, "elsewhere").state is Circuit.CLOSED
    assert breaker_of(second, url="http://moved").state is Circuit.CLOSED


def test_a_process_that_is_started_again_knows_that_the_upstream_rests(machine):
    fail(breaker_of(machine.process()), 4)
    machine.time.now += 4

    again = breaker_of(machine.process(1))

    assert again.state is Circuit.OPEN
    assert again.rest == 6


def test_who_missed_that_a_circuit_opened_hears_of_it_within_a_second(machine):
    first, second = machine.process(), machine.process()
    one, two = breaker_of(first), breaker_of(second)
    fail(one, 4)
    for _ in range(CAPACITY):  # more than the ring holds, while the other process was held up
        machine.page.reports.publish(b"another upstream", 1, 0.0, 0.0, bytes(16), 1)
    assert two.state is Circuit.CLOSED

    machine.time.now += 1
    first.say_who_rests()

    assert two.state is Circuit.OPEN
    assert two.rest == one.rest == 9


def test_what_is_said_again_is_said_once_whoever_says_it(machine):
    first, second = machine.process(), machine.process()
    fail(breaker_of(first), 4)
    breaker_of(second)
    before = machine.page.reports.position
    for _ in range(3):
        first.say_who_rests()
        second.say_who_rests()

    assert machine.page.reports.position == before + 1


def test_a_closed_circuit_is_not_opened_by_an_old_story(machine):
    first, second = machine.process(), machine.process()
    one, two = breaker_of(first), breaker_of(second)
    fail(one, 4)
    old = one.resting
    machine.time.now += 10
    one.succeeded(one.check())
    second.write(machine.page.reports.since(0)[0][0].upstream, *old)

    assert one.state is two.state is Circuit.CLOSED


async def test_who_asks_for_nothing_hears_all_the_same(machine):
    first, second = machine.process(), machine.process()
    one, two = breaker_of(first), breaker_of(second)
    second.start()
    await machine.time.advance(0.1)
    fail(one, 4)
    await machine.time.advance(1)

    assert second._position == machine.page.reports.position
    assert "open" in repr(two)
    await second.stop()


def test_a_refresh_that_failed_is_tried_by_no_process_until_it_is_due(machine):
    one, two = machine.process().failures, machine.process().failures
    one.failed(b"key", 7.0)

    assert not two.is_due(b"key")
    assert two.is_due(b"another key")
    assert two.is_due(("me", "key"))
    machine.time.now += 7
    assert two.is_due(b"key")


def test_each_failure_in_a_row_waits_longer_whichever_process_failed(machine):
    one, two = machine.process().failures, machine.process().failures
    for failures in (one, two, one):
        failures.failed(b"key", disconnected=failures is two)
    machine.time.now += 3.9
    assert not two.is_due(b"key")
    assert not two.is_disconnected(b"key")

    two.failed(b"key", disconnected=True)
    assert one.is_disconnected(b"key")


def test_a_success_is_forgotten_failure_everywhere_and_no_news_where_none_failed(machine):
    one, two = machine.process().failures, machine.process().failures
    one.failed(("me", "partition"))
    two.succeeded(("me", "partition"))
    assert one.is_due(("me", "partition"))

    before = machine.page.reports.position
    two.succeeded(("me", "partition"))
    assert machine.page.reports.position == before


def test_a_process_that_is_started_again_remembers_what_failed(machine):
    machine.process().failures.failed(b"key")

    assert not machine.process(1).failures.is_due(b"key")


def test_reports_of_other_machines_count_and_unknown_ones_do_not(machine):
    reports = machine.process()
    breaker = breaker_of(reports)
    fail(breaker)
    upstream = machine.page.reports.since(0)[0][0].upstream
    now = machine.time()
    for kind in (2, 2, 99, Try.FAILED, 0):
        machine.page.reports.publish(upstream, kind, now, now, bytes(16), FOREIGN)

    assert breaker.counts == (3, 3, 0)


def test_of_a_circuit_that_no_new_call_meets_nothing_is_said_any_more(machine):
    here = machine.process()
    kept, gone = breaker_of(here), breaker_of(here, "gone")
    fail(gone, 4)
    machine.time.now += REPEATED
    here.say_who_rests()
    said = machine.page.reports.position

    here.keep_only([kept])
    machine.time.now += REPEATED
    here.say_who_rests()

    assert machine.page.reports.position == said
    fail(kept, 4)
    machine.time.now += REPEATED
    here.say_who_rests()
    assert machine.page.reports.position > said + 4


def test_who_is_under_way_when_its_guards_go_hears_the_end_of_it(machine):
    here = machine.process()
    breaker, pacer = breaker_of(here), here.pacer("there", "http://there", PacingPolicy(rate=1, burst=1))
    began = breaker.check()

    here.keep_only([])

    assert pacer.take("held", Demand()) == 0
    assert pacer.take("held", Demand()) == 1
    breaker.failed(began)
    assert breaker.counts[:2] == (1, 1)


def test_guards_that_nobody_holds_any_more_are_forgotten(machine):
    here = machine.process()
    gone = weakref.ref(breaker_of(here))

    here.keep_only([])

    gc.collect()
    assert gone() is None
