"""Shelf life, whatever the policy: ageing never makes an answer fresher, and nothing outlives its hard end."""

from dataclasses import replace
from math import inf
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import astuple

from adapters import Endpoint
from policies import CachePolicy, Freshness, RefreshBehind, ShelfLife
from policies.directives import CallerDirectives
from proxy.kept.storing import life_under
from proxy.messages import Entry
from proxy.plan import UNDER_TERMS, Plan
from tests.unit.store.samples import an_entry

SECONDS = st.floats(0, 1e7)
KEEP_AT_MOST = 1e6  # seconds, of the upstream
INSTANTS = st.floats(0, 4e9)
KINDS = ("", "free", "ends", "never", "nobody knows it")
ENDS = ("fresh_until", "stale_until", "fallback_until")
POLICIES = st.builds(
    CachePolicy,
    ttl=SECONDS,
    refresh_after=st.none() | SECONDS,
    stale_while_revalidate=SECONDS,
    stale_if_error=SECONDS,
    negative_ttl=SECONDS,
    keep_at_most=SECONDS,
    refresh_behind=st.sampled_from(RefreshBehind),
)
JITTERS = st.floats(0, 1)
DIRECTIVES = st.builds(
    CallerDirectives,
    no_cache=st.booleans(),
    max_age=st.none() | SECONDS,
    min_fresh=st.none() | SECONDS,
    max_stale=st.none() | SECONDS,
)


@given(POLICIES, INSTANTS, JITTERS, SECONDS, SECONDS)
def test_ageing_never_makes_an_entry_fresher(policy, stored_at, jitter, age, more):
    life = policy.shelf_life(stored_at, jitter)

    assert life.at(stored_at + age + more).value >= life.at(stored_at + age).value


@given(POLICIES, INSTANTS, JITTERS)
def test_rights_end_in_their_order(policy, stored_at, jitter):
    life = policy.shelf_life(stored_at, jitter)

    assert stored_at <= life.fresh_until <= life.stale_until <= life.fallback_until


@given(POLICIES, INSTANTS, JITTERS, JITTERS)
def test_jitter_only_shortens_and_more_of_it_shortens_more(policy, stored_at, one, two):
    less, more = sorted((one, two))
    plain, early, earlier = (policy.shelf_life(stored_at, jitter) for jitter in (0, less, more))

    for end in (*ENDS, "refresh_at"):
        assert getattr(earlier, end) <= getattr(early, end) <= getattr(plain, end)


@given(POLICIES, INSTANTS)
def test_jitter_takes_a_tenth_of_a_lifetime_at_most(policy, stored_at):
    life = policy.shelf_life(stored_at, 1)

    assert life.fresh_until >= stored_at + min(policy.ttl * 0.9, policy.keep_at_most) - 1e-5


@given(POLICIES, INSTANTS, JITTERS, st.sampled_from(["", "negative", "settling"]))
def test_nothing_extends_keep_at_most(policy, stored_at, jitter, how):
    policy = getattr(policy, how)() if how else policy

    assert policy.shelf_life(stored_at, jitter).fallback_until <= stored_at + policy.keep_at_most


@given(POLICIES, INSTANTS, JITTERS, SECONDS)
def test_where_refreshing_behind_is_forbidden_nothing_ever_asks_for_it(policy, stored_at, jitter, age):
    life = replace(policy, refresh_behind=RefreshBehind.FORBIDDEN).shelf_life(stored_at, jitter)

    assert not life.wants_refresh(stored_at + age)
    assert life.stale_until == life.fresh_until


@given(POLICIES, POLICIES, INSTANTS, INSTANTS)
def test_the_shorter_of_two_lives_gives_no_right_that_either_lacks(one, two, stored_at, now):
    both = one.shelf_life(stored_at).no_longer_than(two.shelf_life(stored_at))

    assert both.at(now).value >= max(one.shelf_life(stored_at).at(now).value, two.shelf_life(stored_at).at(now).value)


@given(POLICIES, DIRECTIVES, INSTANTS, SECONDS)
def test_a_caller_can_only_tighten(policy, directives, stored_at, age):
    life = policy.shelf_life(stored_at)
    now = stored_at + age

    assert directives.tighten(life.at(now), life, age, now).value >= life.at(now).value


@given(POLICIES, DIRECTIVES, INSTANTS, SECONDS, SECONDS)
def test_ageing_never_makes_an_entry_fresher_for_a_caller_with_wishes_either(policy, directives, stored_at, age, more):
    life = policy.shelf_life(stored_at)

    def left(seconds: float) -> int:
        now = stored_at + seconds
        return directives.tighten(life.at(now), life, seconds, now).value

    assert left(age + more) >= left(age)


def plan_with(cache: CachePolicy | None, outcomes: dict[str, CachePolicy]) -> Plan:
    """As much of a plan as lives are reckoned by."""
    upstream = SimpleNamespace(keep_at_most=KEEP_AT_MOST)
    return Plan(upstream, "GET /", Endpoint(route="GET /"), cache, outcomes, None, None, "new")  # type: ignore[arg-type]


def stored(at: float, outcome: str, jitter: float, ceiling: float) -> Entry:
    """An entry under an older plan."""
    entry = an_entry(1, stored_at=at)
    entry.outcome, entry.jitter, entry.ceiling = outcome, jitter, ceiling
    return entry


@given(POLICIES, POLICIES, INSTANTS, st.sampled_from(["", "missing", "graded", "gone from the plan"]), JITTERS, SECONDS)
def test_a_changed_plan_never_goes_past_the_ceiling(cache, graded, at, outcome, jitter, until):
    entry = stored(at, outcome, jitter, at + until)
    life = life_under(plan_with(cache, {"graded": graded}), entry)

    assert life.fresh_until <= entry.ceiling
    assert life.stale_until <= entry.ceiling
    assert life.refresh_at <= entry.ceiling


@given(POLICIES, INSTANTS, st.sampled_from(["", "missing", "graded"]), JITTERS)
def test_under_a_changed_plan_keep_at_most_is_still_a_hard_end(cache, at, outcome, jitter):
    life = life_under(plan_with(cache, {"graded": cache}), stored(at, outcome, jitter, float("inf")))

    assert life.fallback_until <= at + cache.keep_at_most


@given(POLICIES, POLICIES, INSTANTS, st.sampled_from(["", "graded"]), st.sampled_from(KINDS), SECONDS, SECONDS, JITTERS)
def test_no_stale_window_and_no_plan_extends_what_a_providers_terms_end(
    cache, graded, at, outcome, kind, term, age, jitter
):
    """`free` has no end by the terms; what was kept before anybody looked ends with the first of the others, and what
    nobody knows any more at once.
    """
    plan = replace(plan_with(cache, {"graded": graded}), terms={"free": inf, "ends": term, "never": 0.0})
    entry = stored(at, f"{outcome}{UNDER_TERMS}{kind}" if kind else outcome, jitter, inf)
    life = life_under(plan, entry)
    policy = graded if outcome else cache

    ends = {"free": inf, "ends": term, "never": 0.0, "nobody knows it": 0.0, "": term or inf}
    end = min(policy.keep_at_most, ends[kind])
    assert life.gone_at <= at + end
    assert life.at(at + end + age) is Freshness.GONE


@given(st.none() | POLICIES, INSTANTS, st.tuples(SECONDS, SECONDS, SECONDS, SECONDS))
def test_no_plan_lengthens_what_the_upstreams_own_headers_gave(cache, at, ends):
    entry = stored(at, "headers", 0.0, float("inf"))
    entry.life = ShelfLife(*(at + end for end in sorted(ends)))
    life = life_under(plan_with(cache, {}), entry)

    assert all(mine <= given for mine, given in zip(astuple(life), astuple(entry.life), strict=True))
    assert life.fallback_until <= at + KEEP_AT_MOST


@given(INSTANTS, st.sampled_from(["", "missing", "graded"]), JITTERS)
def test_an_entry_of_a_cache_that_was_taken_out_of_the_config_has_no_rights_left(at, outcome, jitter):
    life = life_under(plan_with(None, {}), stored(at, outcome, jitter, float("inf")))

    assert life.fallback_until <= at
