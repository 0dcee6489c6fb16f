"""Configs that would break a promise, leak a value or crash: each has to be refused in a line, or made safe."""

import pytest

from policies import DAY, Partition, RefreshBehind
from proxy.config.file import ConfigError, ConfigFile
from proxy.config.loading import plans_of
from proxy.plan import policy_for

CANARY = "canary-4711"
ACCEPTED = "terms_accepted: [google-maps-platform 2026-06-10]"
ECHOES = {
    "where a duration is due": "defaults:\n  timeout:\n    attempt: ${CANARY}",
    "where a size is due": "store:\n  max_bytes: ${CANARY}",
    "as an adapter": "upstreams:\n  courseworks:\n    adapter: ${CANARY}",
    "as a host": "server:\n  host: ${CANARY}",
    "as a network": "callers:\n  - name: a\n    networks:\n      - ${CANARY}",
    "as an upstream that is allowed": "callers:\n  - name: a\n    allow:\n      - ${CANARY}",
    "as a webhook's upstream": (
        "webhooks:\n  w:\n    kind: standard-webhooks\n    upstream: ${CANARY}\n    secret: whsec_x"
    ),
    "as a webhook's kind": "webhooks:\n  w:\n    kind: ${CANARY}",
}


@pytest.mark.parametrize("text", ECHOES.values(), ids=ECHOES.keys())
def test_a_value_of_the_environment_in_the_wrong_place_is_not_echoed(problems_of, text):
    assert CANARY not in "\n".join(map(str, problems_of(text, {"CANARY": CANARY})))


@pytest.mark.parametrize("value", [f"*{CANARY}", f"!{CANARY}!x y"])
def test_a_secret_without_quotes_that_yaml_reads_as_its_own_is_not_echoed(problems_of, value):
    assert CANARY not in "\n".join(map(str, problems_of(f"admin:\n  token: {value}")))


def test_a_password_in_an_address_is_refused(problems_of):
    text = f"upstreams:\n  courseworks:\n    base_url: https://user:{CANARY}@canvas.example"

    (problem,) = problems_of(text)

    assert (problem.line, problem.field) == (3, "upstreams.courseworks.base_url")
    assert CANARY not in str(problem)


def test_a_variable_may_stand_in_a_flow_mapping_without_quotes():
    text = "admin: {port: 1, token: ${TOKEN:-}}\nupstreams: {x: {credential: {key: ${KEY}, b: c}}}"

    file = ConfigFile("config.yaml", text, {"KEY": "a, b: {c}"})

    assert file.data["admin"] == {"port": 1, "token": ""}
    assert file.data["upstreams"]["x"]["credential"] == {"key": "a, b: {c}", "b": "c"}


@pytest.mark.parametrize(
    "text",
    [
        "a: &x [*x]",
        "[" * 3000,
        "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(2)) + "c: &c {d: *c}",
    ],
    ids=["a list within itself", "three thousand lists", "a block within itself"],
)
def test_yaml_without_an_end_is_refused(text):
    with pytest.raises(ConfigError):
        plans_of(ConfigFile("config.yaml", text, {}))


def test_a_list_whose_lines_are_all_commented_out_counts_as_not_written(plans_from):
    assert plans_from("callers:\n#  - {name: a}\nupstreams: {courseworks: {}}").settings.callers == ()


def endpoint(plans, upstream, path):
    """The plan of a GET."""
    return plans.upstreams[upstream].match("GET", path)[0]


UNSAFE_SHARING = {
    "students' tokens, by the defaults": "defaults: {cache: {partition: shared}}\nupstreams: {courseworks: {}}",
    "students' tokens, by a route spelt otherwise": (
        'upstreams: {courseworks: {endpoints: {"GET /api/v1/courses/{id}": {cache: {partition: shared}}}}}'
    ),
    "a token that Larder holds but that is one person's": (
        'upstreams: {courseworks: {credential: {token: x}, endpoints: {"GET /api/v1/courses": '
        "{cache: {partition: shared}}}}}"
    ),
    "Google's answers, whose terms forbid it": (
        f'upstreams: {{google: {{credential: {{key: x}}, {ACCEPTED}, endpoints: {{"GET /maps/api/geocode/json": '
        "{cache: {partition: shared}}}}}"
    ),
    "an API that tells users apart by a cookie": (
        'upstreams: {m: {adapter: http, base_url: "http://x", endpoints: {"GET /me": '
        "{cache: {ttl: 1m, partition: shared}}}}}"
    ),
}


@pytest.mark.parametrize("text", UNSAFE_SHARING.values(), ids=UNSAFE_SHARING.keys())
def test_nothing_of_one_principal_is_shared_by_config(problems_of, text):
    assert any("partition" in problem.field for problem in problems_of(text))


def test_sharing_is_allowed_where_larder_holds_the_credential_and_the_data_are_the_same_for_all(plans_from):
    plans = plans_from(
        "upstreams: {smartystreets: {credential: {auth_id: a, auth_token: b}, endpoints: "
        '{"GET /us-street/street-address": {cache: {partition: shared}}}}}'
    )

    assert endpoint(plans, "smartystreets", "/us-street/street-address").cache.partition is Partition.SHARED


SHARED_GEOCODES = 'endpoints: {"GET /maps/api/geocode/json": {cache: {partition: shared}}}'


def test_what_googles_terms_forbid_to_share_is_shared_only_by_an_agreement_that_the_operator_names(plans_from):
    agreed = 'sharing_agreed: "contract 2026-17, §4"'
    plans = plans_from(f"upstreams: {{google: {{credential: {{key: x}}, {ACCEPTED}, {agreed}, {SHARED_GEOCODES}}}}}")

    assert endpoint(plans, "google", GEOCODE).cache.partition is Partition.SHARED
    assert endpoint(plans, "google", "/v1/places/x").cache.partition is Partition.AUTO


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (f'google: {{{ACCEPTED}, sharing_agreed: "a contract", {SHARED_GEOCODES}}}', "partition"),
        (f'google: {{credential: {{key: x}}, {ACCEPTED}, sharing_agreed: " ", {SHARED_GEOCODES}}}', "partition"),
        (f'google: {{{ACCEPTED}, sharing_agreed: "a contract"}}', "sharing_agreed"),
        ('courseworks: {credential: {token: x}, sharing_agreed: "a contract"}', "sharing_agreed"),
    ],
    ids=["callers' own keys", "an agreement without a name", "callers' own keys, nothing shared", "education records"],
)
def test_an_agreement_lifts_the_providers_terms_and_nothing_else(problems_of, text, field):
    assert any(field in problem.field for problem in problems_of(f"upstreams: {{{text}}}"))


GEOCODE = "/maps/api/geocode/json"


def test_defaults_do_not_loosen_what_googles_terms_forbid(plans_from):
    plans = plans_from(f"defaults: {{cache: {{refresh_behind: allowed}}}}\nupstreams: {{google: {{{ACCEPTED}}}}}")

    assert endpoint(plans, "google", GEOCODE).cache.refresh_behind is RefreshBehind.FORBIDDEN


def test_an_endpoint_that_only_the_operator_caches_obeys_googles_terms_too(plans_from):
    legacy = '"GET /maps/api/place/{service}/json": {cache: {ttl: 60d, keep_at_most: 300d}}'
    plan = endpoint(
        plans_from(f"upstreams: {{google: {{{ACCEPTED}, keep_at_most: 365d, endpoints: {{{legacy}}}}}}}"),
        "google",
        "/maps/api/place/details/json",
    )

    assert plan.cache.refresh_behind is RefreshBehind.FORBIDDEN
    assert policy_for(plan, "@place_ids").keep_at_most == 300 * DAY
    assert policy_for(plan, "@coordinates").keep_at_most == 30 * DAY
    assert policy_for(plan, "@other_content").keep_at_most == 0
    assert policy_for(plan, "").keep_at_most == 30 * DAY, "kept by a Larder that did not look at content"


def test_an_outcome_does_not_loosen_what_googles_terms_forbid(problems_of):
    text = (
        f'upstreams: {{google: {{{ACCEPTED}, endpoints: {{"GET {GEOCODE}": '
        "{outcomes: {zero_results: {refresh_behind: allowed}}}}}}"
    )

    assert any("refresh_behind" in problem.field for problem in problems_of(text))


def test_partition_none_is_never_stored_where_headers_would_allow_it(plans_from):
    """`goes_by_headers` is what the engine asks: it has to say no for an endpoint that the operator switched off."""
    text = (
        'upstreams: {m: {adapter: http, base_url: "http://x", endpoints: {"GET /me": '
        "{cache: {ttl: 1m, partition: none}}}}}"
    )

    plan = endpoint(plans_from(text), "m", "/me")

    assert plan.cache is not None or not getattr(plan, "by_headers", plan.upstream.adapter.by_headers)


@pytest.mark.parametrize(
    ("block", "field"),
    [("{cache: {ttl: 8d}}", "cache.ttl"), ("{cache: {refresh_after: 10m}}", "cache.refresh_after")],
    ids=["a ttl beyond keep_at_most", "a refresh after the adapter's ttl"],
)
def test_lifetimes_that_cannot_hold_are_refused(problems_of, block, field):
    text = f'upstreams:\n  courseworks:\n    endpoints:\n      "GET /api/v1/courses":\n        {block}'

    (problem,) = problems_of(text)

    assert problem.field == f'upstreams.courseworks.endpoints."GET /api/v1/courses".{field}'


def test_a_field_emptied_by_null_is_told_with_its_line(problems_of):
    text = 'upstreams:\n  courseworks:\n    endpoints:\n      "GET /api/v1/courses":\n        cache: {ttl: null}'

    (problem,) = problems_of(text)

    assert (problem.line, problem.field.rpartition(".")[2]) == (5, "ttl")


def test_an_endpoint_written_twice_with_other_names_is_refused(problems_of):
    text = 'upstreams: {courseworks: {endpoints: {"GET /api/v1/courses/{a}": {}, "GET /api/v1/courses/{b}": {}}}}'

    (problem,) = problems_of(text)

    assert problem.field.endswith('"GET /api/v1/courses/{b}"')


def test_an_outcome_is_found_whatever_the_routes_names_are_called(plans_from):
    text = 'upstreams: {courseworks: {endpoints: {"GET /api/v1/courses/{id}": {outcomes: {graded: {ttl: 1s}}}}}}'

    assert endpoint(plans_from(text), "courseworks", "/api/v1/courses/5").outcomes["graded"].ttl == 1


def test_a_cache_for_a_write_is_refused(problems_of):
    (problem,) = problems_of('upstreams: {courseworks: {endpoints: {"POST /api/v1/courses": {cache: {ttl: 5m}}}}}')

    assert problem.field.endswith('"POST /api/v1/courses".cache')


def test_two_callers_with_one_key_are_refused(problems_of):
    key = "sha256:" + "a" * 64

    (problem,) = problems_of(f'callers: [{{name: a, key: "{key}"}}, {{name: b, key: "{key}"}}]')

    assert problem.field == "callers.1.key"
    assert key not in str(problem)


def test_live_events_that_are_both_signed_and_unsigned_are_refused(problems_of):
    (problem,) = problems_of(
        "upstreams: {courseworks: {}}\n"
        "webhooks: {w: {kind: canvas-live-events, upstream: courseworks, root_account_uuid: u, unsigned: true, "
        'jwks_url: "https://keys.example"}}'
    )

    assert problem.field.startswith("webhooks.w")


def test_the_schema_lets_editors_write_a_duration_as_the_shipped_config_does():
    from proxy.settings import settings_schema  # noqa: PLC0415 - the one test of the schema here

    drain = settings_schema()["$defs"]["Server"]["properties"]["drain"]

    assert "string" in {drain.get("type"), *(choice.get("type") for choice in drain.get("anyOf", ()))}
