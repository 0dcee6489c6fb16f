"""One circuit over several processes, under any history: together they never do what one breaker would not."""

from contextlib import nullcontext
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from policies import BreakerPolicy, Circuit, CircuitOpen
from proxy.sharing.guard_reports import GuardReports
from proxy.sharing.report_ring import CAPACITY, SLOT_BYTES, ReportRing

PROCESSES = 3
POLICIES = st.builds(
    BreakerPolicy,
    window=st.sampled_from([1.0, 5.0, 30.0]),
    failure_ratio=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    minimum_calls=st.integers(1, 5),
    cooldown=st.sampled_from([2.0, 5.0, 10.0]),
    probes=st.integers(1, 3),
    slow_after=st.sampled_from([0.0, 1.0]),
    slow_ratio=st.sampled_from([0.0, 0.5, 0.8, 1.0]),
)
LONG = 1.5  # seconds that a slow answer takes
# A step is a process's: it begins a call, ends one under way (which, how), or is started again; or time passes.
WHO = st.integers(0, PROCESSES - 1)
BEGIN = st.tuples(st.just("begin"), WHO)
STEPS = st.lists(
    st.one_of(
        BEGIN,
        BEGIN,
        st.tuples(st.sampled_from(["failed", "failed", "slow", "slow", "succeeded", "abandoned"]), st.integers(0, 9)),
        st.tuples(st.just("broke_off"), WHO),
        st.tuples(st.just("start again"), WHO),
        st.tuples(st.just("say"), WHO),
        # Whole eighths: sums of them are exact, so that "a cooldown later" is neither a bit more nor less.
        st.tuples(st.just("pass"), st.sampled_from([0.125, 1.0, 2.0, 3.75, 10.0])),
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
    """What happened to a circuit, and what a reader may check after each step."""

    def __init__(self, policy):
        self.clock, self.policy = Clock(), policy
        cells, slots = memoryview(bytearray(8)).cast("Q"), memoryview(bytearray(CAPACITY * SLOT_BYTES))
        self.ring = ReportRing(cells, slots, nullcontext)
        self.reports, self.breakers = [None] * PROCESSES, [None] * PROCESSES
        for process in range(PROCESSES):
            self.start(process)
        self.under_way = []  # (process, when it began, its probe or None)
        self.probes = []  # [when it went out, whether it was given up]

    def start(self, process):
        page = SimpleNamespace(reports=self.ring, process=process)
        self.reports[process] = GuardReports(page, clock=self.clock)
        self.breakers[process] = self.reports[process].breaker("there", "http://there", self.policy)

    def step(self, what, argument):
        if what == "begin":
            self.begin(argument)
        elif what == "broke_off":
            self.breakers[argument].broke_off()
        elif what == "start again":  # what it had under way is gone, and nobody hears of it
            self.under_way = [call for call in self.under_way if call[0] != argument]
            self.start(argument)
        elif what == "say":
            self.reports[argument].say_who_rests()
        elif what == "pass":
            self.clock.now += argument
        elif self.under_way:
            self.end(what, self.under_way.pop(argument % len(self.under_way)))

    def open(self):
        """Fail, each process in its turn, until it opens; and rest until probes may go out."""
        for call in range(self.policy.minimum_calls):
            breaker = self.breakers[call % PROCESSES]
            breaker.failed(breaker.check())
        self.clock.now += self.policy.cooldown

    def begin(self, process):
        breaker = self.breakers[process]
        before = breaker.state
        try:
            began = breaker.check()
        except CircuitOpen as resting:
            self.refused(before, resting.retry_after)
            return
        assert before is not Circuit.OPEN
        probe = [self.clock.now, False] if before is Circuit.HALF_OPEN else None
        if probe is not None:
            self.probes.append(probe)
        self.under_way.append((process, began, probe))

    def refused(self, before, retry_after):
        assert before is Circuit.OPEN
        assert 0 < retry_after <= self.policy.cooldown

    def end(self, how, call):
        process, began, probe = call
        if how == "slow":
            self.breakers[process].succeeded(began, LONG)
        else:
            getattr(self.breakers[process], how)(began)
        if how == "abandoned" and probe is not None and self.clock.now - probe[0] < self.policy.cooldown:
            probe[1] = True

    @property
    def state(self):
        return self.breakers[0].state


@given(POLICIES, STEPS)
def test_all_processes_see_the_same_circuit_also_those_that_were_started_later(policy, steps):
    history = History(policy)
    for what in steps:
        history.step(*what)
        seen = {(breaker.state, breaker.rest, breaker.counts) for breaker in history.breakers}
        assert len(seen) == 1


@given(POLICIES, STEPS)
def test_they_agree_though_some_of_them_looked_away_for_long(policy, steps):
    history = History(policy)
    for what in steps:
        history.step(*what)

    assert len({repr(breaker) for breaker in history.breakers}) == 1


@given(POLICIES, STEPS)
def test_while_open_no_more_than_the_probes_go_out_within_a_cooldown_from_all_of_them(policy, steps):
    history = History(policy)
    history.open()
    for what in (step for step in steps if step[0] != "abandoned"):
        closed_before = history.state is Circuit.CLOSED
        history.step(*what)
        if closed_before and history.state is not Circuit.CLOSED:
            history.probes.clear()
        recent = [at for at, _ in history.probes if at > history.clock.now - policy.cooldown]
        if history.state is not Circuit.CLOSED:
            assert len(recent) <= policy.probes


@given(POLICIES, st.lists(st.tuples(st.integers(0, 9), WHO), max_size=8))
def test_a_probe_given_up_makes_room_for_one_other_in_any_process(policy, given_up):
    history = History(policy)
    history.open()
    for which, process in ((None, 0), *given_up):
        if which is not None and history.under_way:
            history.end("abandoned", history.under_way.pop(which % len(history.under_way)))
        for _ in range(policy.probes + 2):
            history.begin(process)
        assert sum(not was_given_up for _, was_given_up in history.probes) == policy.probes


@given(POLICIES, STEPS)
def test_it_opens_only_by_a_failure_or_a_slow_answer(policy, steps):
    history = History(policy)
    for what in steps:
        before = history.state
        history.step(*what)
        if before is Circuit.CLOSED and history.state is not Circuit.CLOSED:
            assert what[0] in ("failed", "broke_off", "slow")
            assert what[0] != "slow" or policy.slow_after


@given(POLICIES, STEPS, WHO)
def test_once_the_cooldown_is_over_a_call_may_always_go_out(policy, steps, process):
    history = History(policy)
    for what in steps:
        history.step(*what)
    history.clock.now += policy.cooldown

    history.breakers[process].check()
