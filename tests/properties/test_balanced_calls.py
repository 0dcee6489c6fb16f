"""Balancing under any history: healthy places carry the load evenly, and one that is not costs its probes alone."""

from collections import Counter
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from policies import BreakerPolicy, Circuit, CircuitBreaker
from policies.balancing import Balancer, Host

COOLDOWN = 8.0
HEALTHY, SICK = ("a", "b", "c"), ("x", "y")
CONDITIONS = st.lists(
    st.builds(
        lambda in_flight, circuit, rest: (in_flight, circuit, rest if circuit is Circuit.OPEN else 0.0),
        st.integers(0, 5),
        st.sampled_from(Circuit),
        st.sampled_from([0.5, 1.0, 7.0]),
    ),
    min_size=1,
    max_size=6,
)
# Calls begin, one under way ends (which), or time passes.
STEPS = st.lists(
    st.one_of(
        st.just(("begin", 0)),
        st.just(("begin", 0)),
        st.tuples(st.just("end"), st.integers(0, 9)),
        st.tuples(st.just("pass"), st.sampled_from([0.25, 1.0, COOLDOWN])),
    ),
    max_size=80,
)


@given(st.lists(CONDITIONS, min_size=1, max_size=5))
def test_a_place_is_passed_over_only_for_a_better_one(rounds):
    balancer = Balancer()
    for conditions in rounds:
        hosts = [Host(str(number), *condition) for number, condition in enumerate(conditions)]
        picked = hosts[int(balancer.pick(hosts))]
        for other in hosts:
            if other.circuit is picked.circuit is Circuit.OPEN:
                assert picked.rest <= other.rest
            elif other.circuit is picked.circuit:
                assert picked.in_flight <= other.in_flight
            else:
                assert other.circuit is not Circuit.HALF_OPEN, "it was due"
                assert picked.circuit is not Circuit.OPEN, "it rests"


@given(st.integers(1, 7), st.integers(0, 3), st.integers(0, 60))
def test_of_calls_that_do_not_end_no_healthy_place_has_more_than_one_more_than_another(healthy, resting, calls):
    balancer, in_flight = Balancer(), Counter()
    names = range(healthy + resting)
    for _ in range(calls):
        hosts = [
            Host(str(name), in_flight[str(name)], *((Circuit.CLOSED,) if name < healthy else (Circuit.OPEN, 3.0)))
            for name in names
        ]
        in_flight[balancer.pick(hosts)] += 1

    loads = [in_flight[str(name)] for name in names]
    assert max(loads[:healthy]) - min(loads[:healthy]) <= 1
    assert sum(loads[healthy:]) == 0


class Places:
    """Some places that answer, some that fail, each behind a circuit that opens at the first failure."""

    def __init__(self):
        self.now, self.balancer, self.in_flight = 0.0, Balancer(), Counter()
        policy = BreakerPolicy(minimum_calls=1, failure_ratio=0.5, cooldown=COOLDOWN, window=COOLDOWN)
        self.breakers = {name: CircuitBreaker(policy, lambda: self.now) for name in (*SICK, *HEALTHY)}
        self.under_way = []  # (where, since when)
        for name in SICK:
            self.breakers[name].failed(self.now)
        self.probes = {name: [] for name in SICK}

    def step(self, what, argument):
        if what == "pass":
            self.now += argument
        elif what == "begin":
            self.begin()
        elif self.under_way:
            self.end(*self.under_way.pop(argument % len(self.under_way)))

    def begin(self):
        hosts = [Host(name, self.in_flight[name], one.state, one.rest) for name, one in self.breakers.items()]
        name = self.balancer.pick(hosts)
        self.under_way.append((name, self.breakers[name].check()))
        self.in_flight[name] += 1
        if name in SICK:
            self.probes[name].append(self.now)

    def end(self, name, began):
        self.in_flight[name] -= 1
        (self.breakers[name].failed if name in SICK else self.breakers[name].succeeded)(began)


@given(STEPS)
def test_no_call_is_refused_and_a_place_that_fails_has_one_probe_in_a_cooldown_and_no_other_call(steps):
    places = Places()
    for what in steps:
        places.step(*what)  # raises CircuitOpen where a call was given to a place that rests

    for at in places.probes.values():
        assert all(later - earlier >= COOLDOWN for earlier, later in pairwise(at))


@given(STEPS)
def test_a_place_that_is_due_has_its_probe_with_the_next_calls(steps):
    places = Places()
    for what in steps:
        places.step(*what)
    places.now += COOLDOWN

    for _ in SICK:
        places.begin()

    assert {places.under_way[-1][0], places.under_way[-2][0]} == set(SICK)
