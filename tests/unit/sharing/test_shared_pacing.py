"""Shared pacing: what one process takes of a credential's rate, or hears of its quota, holds for all of them."""

import os
from types import SimpleNamespace

import pytest

from policies import Demand, PacingPolicy, Priority
from policies.pacing import Paced
from policies.pacing_reports import Told
from proxy.sharing.guard_reports import FOREIGN, GuardReports
from proxy.sharing.page import Page
from proxy.sharing.shared_guards import SharedGuards, SharedPacing
from tests.passing_time import PassingTime

RATE = PacingPolicy(rate=1, burst=2)
QUOTA = PacingPolicy(low=200, reserve=100, refill=10, charge=50)
WAITS, BEHIND = Demand(), Demand(Priority.BEHIND)


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

    def pacers(self, policy, count=2):
        return [pacer_of(self.process(), policy) for _ in range(count)]

    def close(self):
        for page in (*self.pages, self.page):
            page.close()


@pytest.fixture
def machine():
    there = Machine()
    yield there
    there.close()


def pacer_of(reports, policy=RATE, upstream="there", url="http://there", apart=""):
    return reports.pacer(upstream, url, policy, apart)


def refused(pacer, demand=BEHIND):
    with pytest.raises(Paced) as paced:
        pacer.take("me", demand)
    return paced.value.word


def test_the_rate_holds_for_the_calls_of_all_processes_together(machine):
    one, two = machine.pacers(RATE)

    assert [pacer.take("me", WAITS) for pacer in (one, two, one, two)] == [0, 0, 1, 2]
    assert two.take("you", WAITS) == 0


def test_upstreams_their_places_and_endpoints_that_are_paced_apart_have_buckets_of_their_own(machine):
    one, two = machine.process(), machine.process()
    for _ in range(2):
        pacer_of(one).take("me", WAITS)

    assert pacer_of(two).take("me", WAITS) == 1
    assert pacer_of(two, upstream="elsewhere").take("me", WAITS) == 0
    assert pacer_of(two, url="http://moved").take("me", WAITS) == 0
    assert pacer_of(two, apart="GET /slow").take("me", WAITS) == 0


def test_what_one_process_hears_of_a_quota_all_go_by(machine):
    one, two = machine.pacers(QUOTA)
    one.told("me", 50, 20)

    assert two.left("me") == two.lowest_left == 50
    assert refused(two) == "quota-low"
    assert [pacer.take("me", WAITS) for pacer in (two, one)] == [5, 7], "by what a call costs, one after the other"


def test_a_pause_holds_for_all_and_a_success_ends_its_doubling_for_all(machine):
    one, two = machine.pacers(RATE)
    one.throttled("me", 3)
    assert (two.rest("me"), two.paused, refused(two)) == (3, 1, "paused")

    machine.time.now += 3
    two.throttled("me", None)
    assert one.rest("me") == 2
    machine.time.now += 2
    one.succeeded("me")
    two.throttled("me", None)
    assert one.rest("me") == 1


def test_a_process_that_is_started_again_knows_what_the_ring_holds(machine):
    one, _ = machine.pacers(RATE)
    for _ in range(3):
        one.take("me", WAITS)
    one.throttled("you", 20)

    again = pacer_of(machine.process(1))

    assert again.take("me", WAITS) == 2
    assert again.rest("you") == 20


def test_who_asks_a_moment_later_than_another_process_is_refused_and_takes_nothing(machine):
    first, second = machine.process(), machine.process()
    one, two = pacer_of(first), pacer_of(second)
    one.take("me", WAITS)
    assert two.left("me") is None  # it has just looked; and now the other is quicker
    catching_up, second.read = second.read, lambda: None
    one.take("me", WAITS)
    published, since = second._ring.publish, second._ring.since
    second._ring = SimpleNamespace(
        publish=lambda *report: (published(*report), setattr(second, "read", catching_up)), since=since, position=-1
    )

    assert refused(two, Demand(deadline=machine.time())) == "paced"
    assert one.take("me", WAITS) == 1


def test_nothing_is_told_to_others_that_makes_no_difference_to_them(machine):
    (one,) = machine.pacers(PacingPolicy(), count=1)
    one.take("me", WAITS)
    one.told("me", 5, 1)
    one.succeeded("me")
    (quota,) = machine.pacers(QUOTA, count=1)
    quota.take("me", WAITS)
    quota.told("me", None, 1)
    assert machine.page.reports.position == 0

    quota.told("me", 500, 1)
    assert [written.kind for written in machine.page.reports.since(0)[0]] == [Told.LEFT]


def test_the_ring_holds_digests_of_credentials_only(machine):
    (one,) = machine.pacers(RATE, count=1)
    one.take("a token of mine", WAITS)
    (written,) = machine.page.reports.since(0)[0]

    assert len(written.key) == len(written.upstream) == 16
    assert b"token" not in written.key


def test_calls_of_other_machines_count_whatever_this_one_would_have_said(machine):
    (one,) = machine.pacers(RATE, count=1)
    one.take("me", WAITS)
    (written,) = machine.page.reports.since(0)[0]
    now = machine.time()
    for _ in range(3):  # at one instant, none of which could wait
        machine.page.reports.publish(written.upstream, Told.TAKEN, now, now, written.key, FOREIGN)

    assert one.take("me", WAITS) == 3


def test_who_asks_a_moment_sooner_has_its_own_place_whatever_was_written_since(machine):
    first, second = machine.process(), machine.process()
    one, two = pacer_of(first), pacer_of(second)
    one.take("me", WAITS)
    published, ring = second._ring.publish, second._ring
    later = []
    second._ring = SimpleNamespace(
        publish=lambda *report: (published(*report), later.append(one.take("me", WAITS))),
        since=ring.since,
        position=-1,
    )

    assert two.take("me", WAITS) == 0
    assert later == [1]


def test_what_an_upstream_said_before_does_not_replace_what_it_said_since(machine):
    (one,) = machine.pacers(QUOTA, count=1)
    one.told("me", 400, None)
    (written,) = machine.page.reports.since(0)[0]
    for left, at in ((300, -1), (200, -2)):
        machine.page.reports.publish(written.upstream, Told.LEFT, left, written.b + at, written.key, FOREIGN)

    assert one.left("me") == 400


def test_reports_of_kinds_that_a_pacer_does_not_know_say_nothing(machine):
    (one,) = machine.pacers(RATE, count=1)
    one.take("me", WAITS)
    (written,) = machine.page.reports.since(0)[0]
    for kind in (2, 16, 99):
        machine.page.reports.publish(written.upstream, kind, 0.0, machine.time(), written.key, FOREIGN)

    assert one.take("me", WAITS) == 0


PLAN = SimpleNamespace(name="there", base_urls=("http://there",))


def test_the_guards_of_processes_make_pacers_that_agree(machine):
    machine.process(), machine.process()
    guards = [SharedGuards(page, 2, clock=machine.time, sleep=machine.time.sleep) for page in machine.pages]
    one, two = (each.pacer(PLAN, RATE) for each in guards)
    apart = guards[0].pacer(PLAN, RATE, "GET /slow")

    assert [pacer.take("me", WAITS) for pacer in (one, two, one, apart)] == [0, 0, 1, 0]


async def test_a_process_that_shares_its_pacing_alone_hears_others_also_while_it_asks_for_nothing(machine):
    other = pacer_of(machine.process())
    guards = SharedPacing(Page.attach(os.dup(machine.page.fd), 7), clock=machine.time, sleep=machine.time.sleep)
    pacer = guards.pacer(PLAN, RATE)
    breaker = guards.breaker("there", "http://there", SimpleNamespace(window=1))
    guards.start()
    await machine.time.advance(0.1)
    other.throttled("me", 9)
    await machine.time.advance(1)

    assert pacer._accounts, "it heard before it was asked"
    assert pacer.rest("me") == 8
    assert breaker._journal is None
    await guards.stop()
