"""Which guards a call goes through, and which keep their state when the config changes."""

import weakref
from dataclasses import replace

import pytest

from adapters import Endpoint
from policies import BreakerPolicy, Circuit, ConcurrencyPolicy, GuardPolicies, PacingPolicy, RetryPolicy
from proxy.upstream.calls import Tools
from proxy.upstream.registry import Upstreams
from tests.unit.proxy.conftest import PlanOf, Script, Seen

RARE = BreakerPolicy(minimum_calls=1_000)
OWN = ConcurrencyPolicy(upstream=2)


class EndpointPlan:
    """As much of an endpoint's Plan as its guards read."""

    def __init__(self, name, guards, apart):
        self.name, self.guards, self.apart = name, guards, frozenset(apart)
        self.endpoint = Endpoint(route=name)


@pytest.fixture
def upstreams(clock):
    return Upstreams(Tools(Script(200).send, Seen(), clock, clock, None, lambda: 0.0))


def follow(upstreams, guards=GuardPolicies(), apart=(), bases=("http://there",), credential=None, **own):  # noqa: B008
    plan = PlanOf(guards, bases, endpoints=(EndpointPlan("GET /own", replace(guards, **own), apart),))
    plan.credential = credential
    upstreams.follow([plan])
    return upstreams["there"]


PARTS = ("hosts", "pacer", "slots", "credentials")


def kept(before, after):
    return {part for part in PARTS if getattr(before, part) is getattr(after, part)}


@pytest.mark.parametrize(
    ("changed", "lost"),
    [
        ({}, set()),
        ({"retry": RetryPolicy(attempts=9)}, set()),
        ({"breaker": RARE}, {"hosts", "credentials"}),
        ({"pacing": PacingPolicy(rate=1)}, {"pacer"}),
        ({"concurrency": OWN}, {"slots"}),
    ],
)
def test_a_reload_keeps_the_state_of_guards_whose_policy_did_not_change(upstreams, changed, lost):
    before = follow(upstreams).guards

    after = follow(upstreams, replace(GuardPolicies(), **changed)).guards

    assert kept(before, after) == set(PARTS) - lost


def test_a_place_that_moved_is_judged_anew_and_its_calls_under_way_still_count(upstreams):
    before = follow(upstreams).guards

    after = follow(upstreams, bases=("http://elsewhere",)).guards

    assert kept(before, after) == {"slots"}


def test_another_credential_is_not_the_one_that_was_refused(upstreams):
    before = follow(upstreams, credential={"key": "a"}).guards
    same = follow(upstreams, credential={"key": "a"}).guards
    other = follow(upstreams, credential={"key": "b"}).guards

    assert same.credentials is before.credentials
    assert other.credentials is not before.credentials


@pytest.mark.parametrize(("word", "part"), [("breaker", "hosts"), ("pacing", "pacer"), ("concurrency", "slots")])
def test_an_endpoint_that_names_a_guard_has_that_one_for_itself_and_shares_the_others(upstreams, word, part):
    there = follow(upstreams, apart=[word])

    assert kept(there.guards, there.apart["GET /own"]) == set(PARTS) - {part}


def test_an_endpoint_that_names_no_guard_has_none_for_itself(upstreams):
    assert follow(upstreams).apart == {}


def test_what_an_endpoint_has_for_itself_keeps_its_state_over_a_reload(upstreams):
    before = follow(upstreams, apart=["breaker", "concurrency"]).apart["GET /own"]
    after = follow(upstreams, apart=["breaker", "concurrency"]).apart["GET /own"]

    assert kept(before, after) == set(PARTS)


def test_slots_that_were_the_upstreams_do_not_become_an_endpoints_own(upstreams):
    before = follow(upstreams, apart=["breaker"])
    after = follow(upstreams, apart=["breaker", "concurrency"])

    assert after.apart["GET /own"].slots is not after.guards.slots
    assert after.guards.slots is before.guards.slots


def test_a_body_that_broke_off_counts_where_its_endpoint_has_its_circuit(upstreams):
    once = BreakerPolicy(minimum_calls=1)
    there = follow(upstreams, apart=["breaker"], breaker=once)

    there.broke_off("http://there", "GET /own")
    assert there.apart["GET /own"].hosts.worst.state is Circuit.OPEN
    assert there.breaker.counts.failures == 0

    there.broke_off("http://there", "GET /another")
    assert there.breaker.counts.failures == 1


def test_an_upstream_that_was_taken_out_is_there_as_long_as_asks_under_its_plan_are(upstreams):
    first, later = PlanOf(GuardPolicies()), PlanOf(GuardPolicies(breaker=RARE))
    for plans in ([first], [later], []):
        upstreams.follow(plans)
    there = weakref.ref(upstreams.under(later))

    assert list(upstreams) == []
    assert upstreams.under(first) is there()
    assert upstreams.under(first).guards.policies.breaker == RARE

    del first, later, plans
    assert there() is None
