"""What adapters declare and what an operator writes, resolved: who wins, who said it, what is off."""

import pytest

from adapters import Adapter, Endpoint, Signature
from policies import DAY, HOUR, MINUTE, BreakerPolicy, CachePolicy, Partition, RefreshBehind, RetryPolicy, TimeoutPolicy
from proxy.config.loading import known_adapters, load_adapter
from proxy.plan import MISSING, UNKNOWN, policy_for

DECLARED = CachePolicy(ttl=10 * MINUTE, stale_if_error=HOUR, partition=Partition.PRINCIPAL)
GRADED = CachePolicy(ttl=1 * MINUTE)
THINGS = Adapter(
    base_url="https://things.example/",
    endpoints=(
        Endpoint(route="GET /things/{thing}", cache=DECLARED, outcomes={"graded": GRADED}),
        Endpoint(route="GET /live"),
    ),
    credential_fields=("token",),
    sign=lambda credential: Signature(headers={"authorization": credential["token"]}),
    timeout=TimeoutPolicy(attempt=30, total=35),
    keep_at_most=7 * DAY,
)
TERMED = Adapter(
    base_url="https://termed.example",
    endpoints=(
        Endpoint(
            route="GET /things/{thing}",
            cache=CachePolicy(ttl=DAY, keep_at_most=30 * DAY, refresh_behind=RefreshBehind.FORBIDDEN),
        ),
    ),
    terms=("terms 1", "terms 2"),
    keep_at_most=30 * DAY,
)
ADAPTERS = {"things": THINGS, "termed": TERMED}
load = ADAPTERS.__getitem__


def thing(plans, upstream="things"):
    """The plan of the one cached endpoint."""
    return plans.upstreams[upstream].match("GET", "/things/1")[0]


def said_by(rows, field):
    """Who said a field."""
    return {row.field: row.source for row in rows}[field]


# What is written under each level of the config; the nearest level that says anything wins.
ATTEMPT = {"defaults": 1, "upstream": 2, "endpoint": 3}


def written(levels):
    """A config that says the timeout of an attempt at some levels."""

    def at(level, indent):
        return f"{indent}timeout: {{attempt: {ATTEMPT[level]}}}\n" if level in levels else ""

    return (
        f"defaults:\n  retry: {{}}\n{at('defaults', '  ')}"
        f"upstreams:\n  things:\n    learn_user: false\n{at('upstream', '    ')}"
        f'    endpoints:\n      "GET /things/{{id}}":\n        retry: {{}}\n{at("endpoint", "        ")}'
    )


@pytest.mark.parametrize(
    ("levels", "attempt", "source"),
    [
        ((), 30, "adapters/things.py"),
        (("defaults",), 1, "config.yaml:3"),
        (("upstream",), 2, "config.yaml:6"),
        (("endpoint",), 3, "config.yaml:9"),
        (("defaults", "upstream"), 2, "config.yaml:7"),
        (("defaults", "endpoint"), 3, "config.yaml:10"),
        (("upstream", "endpoint"), 3, "config.yaml:10"),
        (("defaults", "upstream", "endpoint"), 3, "config.yaml:11"),
    ],
)
def test_the_nearest_word_wins_and_is_known_by_its_line(plans_from, levels, attempt, source):
    plan = thing(plans_from(written(levels), load=load))

    assert plan.timeout.attempt == attempt
    assert said_by(plan.sources, "timeout.attempt") == source


def test_fields_that_no_level_names_stay_what_the_adapter_declares(plans_from):
    plan = thing(plans_from(written(("defaults", "endpoint")), load=load))

    assert plan.timeout.total == 35
    assert said_by(plan.sources, "timeout.total") == "adapters/things.py"


def test_what_nobody_declares_is_built_in(plans_from):
    upstream = plans_from("upstreams: {things: {}}", load=load).upstreams["things"]

    assert (upstream.guards.retry, upstream.guards.breaker) == (RetryPolicy(), BreakerPolicy())
    assert said_by(upstream.sources, "retry.attempts") == "built-in"


def test_fields_of_one_policy_may_come_from_every_level(plans_from):
    plan = thing(
        plans_from(
            """
            defaults: {cache: {settle: 7s, stale_while_revalidate: 3s}}
            upstreams:
              things:
                keep_at_most: 2h
                endpoints:
                  "GET /things/{thing}": {cache: {ttl: 5m, stale_while_revalidate: 4s}}
            """,
            load=load,
        )
    )

    assert plan.cache == CachePolicy(
        ttl=300,
        stale_while_revalidate=4,
        stale_if_error=HOUR,
        settle=7,
        keep_at_most=2 * HOUR,
        partition=Partition.PRINCIPAL,
    )
    assert said_by(plan.sources, "cache.ttl") == "config.yaml:7"
    assert said_by(plan.sources, "cache.settle") == "config.yaml:2"
    assert said_by(plan.sources, "cache.stale_if_error") == "adapters/things.py"
    assert said_by(plan.sources, "cache.keep_at_most") == "config.yaml:5"


def test_defaults_reach_only_endpoints_that_have_a_cache(plans_from):
    upstream = plans_from("defaults: {cache: {ttl: 1h}}\nupstreams: {things: {}}", load=load).upstreams["things"]

    assert thing(plans_from("defaults: {cache: {ttl: 1h}}\nupstreams: {things: {}}", load=load)).cache.ttl == HOUR
    assert upstream.match("GET", "/live")[0].cache is None
    assert upstream.unknown.cache is None


def test_an_operator_may_cache_an_endpoint_that_the_adapter_does_not_know(plans_from):
    plans = plans_from('upstreams: {things: {endpoints: {"GET /new/{a}": {cache: {ttl: 5m}}}}}', load=load)

    plan, params = plans.upstreams["things"].match("GET", "/new/x")

    assert (plan.name, plan.cache.ttl, params) == ("GET /new/{a}", 300, {"a": "x"})


def test_a_route_is_the_adapters_whatever_its_names_are_called(plans_from):
    plans = plans_from('upstreams: {things: {endpoints: {"GET /things/{id}": {cache: {ttl: 5m}}}}}', load=load)

    plan, params = plans.upstreams["things"].match("GET", "/things/7")

    assert (plan.name, plan.cache.ttl, params) == ("GET /things/{thing}", 300, {"thing": "7"})
    assert len(plans.upstreams["things"].endpoints) == 2


def test_an_operator_may_shorten_one_outcome(plans_from):
    text = 'upstreams: {things: {endpoints: {"GET /things/{thing}": {outcomes: {graded: {ttl: 5s}}}}}}'

    plan = thing(plans_from(text, load=load))

    assert (plan.cache.ttl, plan.outcomes["graded"].ttl) == (600, 5)


def test_a_longer_cache_does_not_make_its_outcomes_longer(plans_from):
    text = 'upstreams: {things: {endpoints: {"GET /things/{thing}": {cache: {ttl: 1h, stale_if_error: 1d}}}}}'

    plan = thing(plans_from(text, load=load))

    assert plan.outcomes["graded"].ttl == GRADED.ttl
    assert plan.outcomes["graded"].stale_if_error == 0


def test_keep_at_most_ends_every_endpoint_and_outcome_of_an_upstream(plans_from):
    plan = thing(plans_from("upstreams: {things: {keep_at_most: 1h}}", load=load))

    assert (plan.cache.keep_at_most, plan.outcomes["graded"].keep_at_most) == (HOUR, HOUR)


def test_an_endpoint_may_be_kept_for_less_than_its_upstream(plans_from):
    text = 'upstreams: {things: {keep_at_most: 2h, endpoints: {"GET /things/{t}": {cache: {keep_at_most: 1h}}}}}'

    assert thing(plans_from(text, load=load)).cache.keep_at_most == HOUR


def test_nothing_extends_what_a_providers_terms_end(plans_from):
    plans = plans_from("upstreams: {termed: {terms_accepted: [terms 2], keep_at_most: 365d}}", load=load)

    assert plans.upstreams["termed"].keep_at_most == 30 * DAY
    assert thing(plans, "termed").cache.keep_at_most == 30 * DAY


@pytest.mark.parametrize("accepted", ["", "terms_accepted: [], "])
def test_nothing_is_cached_before_the_terms_are_accepted(plans_from, accepted):
    text = f'upstreams: {{termed: {{{accepted}endpoints: {{"GET /x": {{cache: {{ttl: 1m}}}}}}}}}}'

    upstream = plans_from(text, load=load).upstreams["termed"]

    assert not upstream.terms_accepted
    assert [plan.cache for plan in upstream.endpoints] == [None, None]


@pytest.mark.parametrize("version", ["terms 1", "terms 2"])
def test_any_version_of_the_terms_that_the_adapter_knows_will_do(plans_from, version):
    plans = plans_from(f"upstreams: {{termed: {{terms_accepted: [{version}]}}}}", load=load)

    assert thing(plans, "termed").cache.ttl == DAY


def test_partition_none_is_never_stored(plans_from):
    text = 'upstreams: {things: {endpoints: {"GET /things/{thing}": {cache: {partition: none}}}}}'

    plan = thing(plans_from(text, load=load))

    assert (plan.cache, plan.outcomes) == (None, {})


@pytest.mark.parametrize("value", ["", "${NOBODY_SET_THIS:-}"])
def test_an_empty_credential_is_none(plans_from, value):
    text = f'upstreams: {{things: {{credential: {{token: "{value}"}}}}}}'

    upstream = plans_from(text, load=load).upstreams["things"]

    assert (upstream.credential, upstream.signature) == (None, None)


def test_a_credential_becomes_what_signs_requests(plans_from):
    text = "upstreams:\n  things:\n    credential:\n      token: ${TOKEN}"

    upstream = plans_from(text, {"TOKEN": "secret"}, load=load).upstreams["things"]

    assert upstream.signature == Signature(headers={"authorization": "secret"})


def test_one_adapter_may_serve_several_upstreams(plans_from):
    text = "upstreams: {first: {adapter: things}, second: {adapter: things, base_url: http://127.0.0.1:1/x/}}"

    plans = plans_from(text, load=load)

    assert [upstream.base_url for upstream in plans.upstreams.values()] == [
        "https://things.example",
        "http://127.0.0.1:1/x",
    ]
    assert all(upstream.adapter is THINGS for upstream in plans.upstreams.values())


def test_an_unknown_path_leads_to_the_plan_that_stores_nothing(plans_from):
    upstream = plans_from("upstreams: {things: {}}", load=load).upstreams["things"]

    for method, path in (("POST", "/things/1"), ("GET", "/things"), ("GET", "/")):
        plan, params = upstream.match(method, path)
        assert (plan.name, plan.cache, dict(params)) == (UNKNOWN, None, {})


VERSIONED = 'upstreams: {{things: {{endpoints: {{"GET /things/{{thing}}": {0}}}}}}}'


def version(plans_from, block):
    return thing(plans_from(VERSIONED.format(block), load=load)).version


@pytest.mark.parametrize(
    "block",
    [
        "{cache: {ttl: 599s}}",
        "{cache: {refresh_after: 1m}}",
        "{cache: {stale_if_error: 2h}}",
        "{cache: {negative_ttl: 1s}}",
        "{cache: {keep_at_most: 1d}}",
        "{outcomes: {graded: {ttl: 59s}}}",
    ],
)
def test_a_plans_version_changes_with_every_lifetime(plans_from, block):
    assert version(plans_from, block) != version(plans_from, "{}")


@pytest.mark.parametrize("block", ["{cache: {ttl: 10m}}", "{timeout: {attempt: 1s}}", "{retry: {attempts: 1}}"])
def test_a_plans_version_stays_when_no_lifetime_changes(plans_from, block):
    assert version(plans_from, block) == version(plans_from, "{}")


def test_each_outcome_has_its_policy_and_a_forgotten_one_the_endpoints(plans_from):
    plan = thing(plans_from("upstreams: {things: {}}", load=load))

    assert policy_for(plan, "").ttl == 600
    assert policy_for(plan, "graded").ttl == 60
    assert policy_for(plan, "no longer declared").ttl == 600
    missing = policy_for(plan, MISSING)
    assert (missing.ttl, missing.stale_if_error) == (plan.cache.negative_ttl, 0)


def test_every_adapter_file_can_be_loaded():
    assert {"courseworks", "google", "http", "smartystreets"} <= set(known_adapters())
    assert all(isinstance(load_adapter(name), Adapter) for name in known_adapters())


@pytest.mark.parametrize("name", ["_vocabulary", "__init__", "../proxy/cli", "os", "courseworks.adapter", ""])
def test_nothing_but_adapter_files_can_be_loaded(name):
    with pytest.raises(LookupError):
        load_adapter(name)
