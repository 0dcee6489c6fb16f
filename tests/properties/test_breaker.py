"""The breaker and the retry budget under any history: an upstream that rests is left alone, and repeats are earned."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from policies import BreakerPolicy, Circuit, CircuitBreaker, CircuitOpen, RetryBudget, RetryPolicy

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
# A step begins a call, ends one of those under way (which one, how), or lets time pass.
BEGIN = st.just(("begin",))
STEPS = st.lists(
    st.one_of(
        BEGIN,
        BEGIN,
        st.tuples(st.sampled_from(["failed", "failed", "slow", "slow", "succeeded", "abandoned"]), st.integers(0, 9)),
        # Whole eighths: sums of them are exact, so that "a cooldown later" is neither a bit more nor less.
        st.tuples(st.just("pass"), st.sampled_from([0.125, 1.0, 2.0, 3.75, 10.0])),
    ),
    max_size=80,
)


class Clock:
    """Seconds."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class History:
    """What happened to a breaker, and what a reader may check after each step."""

    def __init__(self, policy):
        self.clock = Clock()
        self.policy = policy
        self.breaker = CircuitBreaker(policy, self.clock)
        self.under_way = []  # (period, its probe or None)
        self.probes = []  # [when it went out, whether it was given up]

    def step(self, what):
        before = self.breaker.state
        if what[0] == "begin":
            self.begin(before)
        elif what[0] == "pass":
            self.clock.now += what[1]
        elif self.under_way:
            self.end(what[0], self.under_way.pop(what[1] % len(self.under_way)), before)

    def open(self):
        """Fail until it opens, and rest until probes may go out."""
        for _ in range(self.policy.minimum_calls):
            self.breaker.failed(self.breaker.check())
        self.clock.now += self.policy.cooldown

    def begin(self, before):
        try:
            period = self.breaker.check()
        except CircuitOpen as resting:
            self.refused(before, resting.retry_after)
            return
        assert before is not Circuit.OPEN
        probe = [self.clock.now, False] if before is Circuit.HALF_OPEN else None
        if probe is not None:
            self.probes.append(probe)
        self.under_way.append((period, probe))

    def refused(self, before, retry_after):
        assert before is Circuit.OPEN
        assert 0 < retry_after <= self.policy.cooldown

    def end(self, how, call, before):
        period, probe = call
        counts = self.breaker.counts
        self.report(how, period)
        if how == "abandoned" and probe is not None and self.clock.now - probe[0] < self.policy.cooldown:
            probe[1] = True
        if before is Circuit.CLOSED and self.breaker.state is not Circuit.CLOSED:
            assert counts.calls + 1 >= self.policy.minimum_calls
            assert self.is_over_its_ratio(how, counts)

    def report(self, how, period):
        if how == "slow":
            self.breaker.succeeded(period, LONG)
        else:
            getattr(self.breaker, how)(period)

    def is_over_its_ratio(self, how, before):
        """Whether one more that ended so is too many."""
        policy, calls = self.policy, before.calls + 1
        if how == "slow":
            return 0 < policy.slow_after < LONG and before.slow + 1 >= calls * policy.slow_ratio
        return how == "failed" and before.failures + 1 >= calls * policy.failure_ratio


@given(POLICIES, STEPS)
def test_it_opens_only_by_a_failure_or_a_slow_answer_at_its_ratio_and_never_below_minimum_calls(policy, steps):
    history = History(policy)
    for what in steps:
        history.step(what)


@given(POLICIES, STEPS)
def test_while_open_no_more_than_the_probes_go_out_within_a_cooldown(policy, steps):
    history = History(policy)
    history.open()
    for what in (step for step in steps if step[0] != "abandoned"):
        closed_before = history.breaker.state is Circuit.CLOSED
        history.step(what)
        if closed_before and history.breaker.state is not Circuit.CLOSED:
            history.probes.clear()
        recent = [at for at, _ in history.probes if at > history.clock.now - policy.cooldown]
        if history.breaker.state is not Circuit.CLOSED:
            assert len(recent) <= policy.probes


@given(POLICIES, st.lists(st.integers(0, 9), max_size=8))
def test_a_probe_given_up_makes_room_for_one_other(policy, given_up):
    history = History(policy)
    history.open()
    for which in (None, *given_up):
        if which is not None and history.under_way:
            period, probe = history.under_way.pop(which % len(history.under_way))
            history.breaker.abandoned(period)
            probe[1] = True
        for _ in range(policy.probes + 2):
            history.begin(history.breaker.state)
        assert sum(not was_given_up for _, was_given_up in history.probes) == policy.probes


@given(POLICIES, STEPS)
def test_once_the_cooldown_is_over_a_call_may_always_go_out(policy, steps):
    history = History(policy)
    for what in steps:
        history.step(what)
    history.clock.now += policy.cooldown

    history.breaker.check()


@given(POLICIES, STEPS)
def test_an_upstream_that_only_succeeds_is_never_cut_off(policy, steps):
    history = History(policy)
    for what in steps:
        history.step(("succeeded", *what[1:]) if what[0] in ("failed", "slow", "abandoned") else what)
        assert history.breaker.state is Circuit.CLOSED


@given(POLICIES, STEPS)
def test_where_no_answer_is_too_slow_slow_ones_never_cut_it_off(policy, steps):
    history = History(replace(policy, slow_after=0.0))
    for what in steps:
        history.step(("slow", *what[1:]) if what[0] in ("failed", "abandoned") else what)
        assert history.breaker.state is Circuit.CLOSED
        assert history.breaker.counts.slow == 0


@given(POLICIES, STEPS)
def test_probes_that_are_slow_or_fail_never_close_it(policy, steps):
    history = History(replace(policy, slow_after=1.0))
    history.open()
    for what in steps:
        history.step(("slow", *what[1:]) if what[0] == "succeeded" else what)
        assert history.breaker.state is not Circuit.CLOSED


BUDGETS = st.builds(
    RetryPolicy, budget=st.sampled_from([0.0, 0.1, 0.2, 0.5, 1.0]), floor=st.sampled_from([0.0, 0.05, 0.5, 1.0, 3.0])
)
DEMANDS = st.lists(
    st.one_of(
        st.just(("demand", 1)),
        st.tuples(st.just("spend"), st.integers(1, 30)),
        st.tuples(st.just("pass"), st.floats(0, 100)),
    ),
    max_size=150,
)


@given(BUDGETS, DEMANDS)
def test_retries_never_exceed_their_share_of_demand_the_floor_and_what_was_saved_up(policy, steps):
    clock = Clock()
    budget = RetryBudget(policy, clock)
    saved_up, calls, retries = budget.left, 0, 0
    for what, number in steps:
        if what == "demand":
            budget.demand()
            calls += 1
        elif what == "pass":
            clock.now += number
        else:
            retries += sum(budget.spend() for _ in range(number))
        assert retries <= policy.budget * calls + policy.floor * clock.now + saved_up + 1e-6


@given(BUDGETS, DEMANDS)
def test_what_can_be_saved_up_is_bounded(policy, steps):
    clock = Clock()
    budget = RetryBudget(policy, clock)
    most = max(10 * policy.floor, 10 * policy.budget, 1)
    for what, number in steps:
        if what == "demand":
            budget.demand()
        elif what == "pass":
            clock.now += number
        assert 0 <= budget.left <= most + 1e-9
