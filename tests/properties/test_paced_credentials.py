"""Pacing under any history, over several processes: together no more than the rate, and nobody within a pause."""

from contextlib import nullcontext
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from policies import Demand, PacingPolicy, Priority
from policies.pacing import Paced
from proxy.sharing.guard_reports import GuardReports
from proxy.sharing.report_ring import CAPACITY, SLOT_BYTES, ReportRing

PROCESSES = 2
CREDENTIALS = ("me", "you")
POLICIES = st.builds(
    PacingPolicy,
    rate=st.sampled_from([0.0, 0.3, 1.0, 7.0]),
    burst=st.integers(1, 6),
    low=st.sampled_from([0.0, 200.0]),
    reserve=st.sampled_from([0.0, 100.0]),
    refill=st.sampled_from([0.0, 10.0]),
    charge=st.sampled_from([0.0, 50.0]),
)
WHO = st.integers(0, PROCESSES - 1)
CREDENTIAL = st.sampled_from(CREDENTIALS)
TAKE = st.tuples(
    st.just("take"), WHO, CREDENTIAL, st.sampled_from(Priority), st.booleans(), st.sampled_from([0.0, 1.0, 9.0, 1e9])
)
STEPS = st.lists(
    st.one_of(
        TAKE,
        TAKE,
        TAKE,
        st.tuples(
            st.just("told"),
            WHO,
            CREDENTIAL,
            st.sampled_from([None, 0.0, 40.0, 150.0, 600.0]),
            st.sampled_from([None, 0.0, 0.5, 30.0]),
        ),
        st.tuples(st.just("throttled"), WHO, CREDENTIAL, st.sampled_from([None, 0.5, 3.0, 1_000.0])),
        st.tuples(st.just("succeeded"), WHO, CREDENTIAL),
        st.tuples(st.just("start again"), WHO),
        st.tuples(st.just("pass"), st.sampled_from([0.01, 0.3, 1.0, 4.0, 40.0])),
    ),
    max_size=80,
)


class Clock:
    """Seconds."""

    def __init__(self):
        self.now = 1_000.0

    def __call__(self):
        return self.now


class History:
    """What a credential's callers did, in processes that share a ring."""

    def __init__(self, policy):
        self.policy, self.clock = policy, Clock()
        cells, slots = memoryview(bytearray(8)).cast("Q"), memoryview(bytearray(CAPACITY * SLOT_BYTES))
        self.ring = ReportRing(cells, slots, nullcontext)
        self.pacers = [None] * PROCESSES
        for process in range(PROCESSES):
            self.start(process)
        self.departures = {credential: [] for credential in CREDENTIALS}
        self.pauses = dict.fromkeys(CREDENTIALS, 0.0)  # until when, as asked

    def start(self, process):
        page = SimpleNamespace(reports=self.ring, process=process)
        self.pacers[process] = GuardReports(page, clock=self.clock).pacer("there", "http://there", self.policy)

    def step(self, what, *arguments):
        if what == "pass":
            self.clock.now += arguments[0]
        elif what == "start again":
            self.start(arguments[0])
        elif what == "take":
            self.take(*arguments)
        else:
            process, credential, *said = arguments
            getattr(self.pacers[process], what)(credential, *said)
            if what == "throttled":
                until = self.clock.now + min(said[0] or 1.0, 300.0)
                self.pauses[credential] = max(self.pauses[credential], until)

    def take(self, process, credential, priority, has_fallback, patience):
        demand = Demand(priority, self.clock.now + patience, has_fallback)
        before = self.seen()
        wait = wait_of(self.pacers[process], credential, demand)
        if wait is None:
            assert self.seen() == before, "nothing was taken"
            return
        assert 0 <= wait <= patience + 1e-9
        assert wait == 0 or not (priority.is_background or has_fallback), "who need not call does not wait"
        self.departures[credential].append(self.clock.now + wait)
        assert self.clock.now + wait >= self.pauses[credential] - 1e-9, "nobody calls within a pause"

    def seen(self):
        return [self.seen_by(pacer) for pacer in self.pacers]

    def seen_by(self, pacer):
        """All that can be learned without taking anything: also when the next call could go out."""
        said = [(pacer.left(credential), pacer.rest(credential)) for credential in CREDENTIALS]
        opens = {name: account.opens(self.clock.now, account.needed) for name, account in pacer._accounts.items()}
        return said, pacer.lowest_left, pacer.paused, opens


def wait_of(pacer, credential, demand):
    """Seconds; None for who is refused."""
    try:
        return pacer.take(credential, demand)
    except Paced:
        return None


@given(POLICIES, STEPS)
def test_in_any_time_no_more_than_the_rate_and_a_burst_go_out(policy, steps):
    history = History(policy)
    for what in steps:
        history.step(*what)
    for departures in history.departures.values():
        departures.sort()
        for first, begins in enumerate(departures if policy.rate else ()):
            for last in range(first, len(departures)):
                allowed = policy.rate * (departures[last] - begins) + policy.burst
                assert last - first + 1 <= allowed + 1e-6


@given(POLICIES, STEPS)
def test_all_processes_see_the_same_also_those_that_were_started_later(policy, steps):
    history = History(policy)
    for what in steps:
        history.step(*what)
        one, two = history.seen()
        assert one == two


@given(POLICIES, STEPS, CREDENTIAL)
def test_who_slept_and_asks_again_never_calls_within_a_pause(policy, steps, credential):
    history = History(policy)
    for what in steps:
        history.step(*what)
        if history.clock.now < history.pauses[credential]:
            rests = [pacer.rest(credential) for pacer in history.pacers]
            assert min(rests) >= history.pauses[credential] - history.clock.now - 1e-9


@given(POLICIES, STEPS, CREDENTIAL)
def test_a_pause_is_over_some_day_and_then_even_a_watch_may_call(policy, steps, credential):
    history = History(policy)
    for what in steps:
        history.step(*what)
    history.clock.now += 10_000

    assert history.pacers[0].take(credential, Demand(Priority.WATCH)) == 0
