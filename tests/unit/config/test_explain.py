"""`larder explain`: every value, who said it, and nothing secret. What it prints stands in tests/golden."""

import pytest

from proxy.config.explain import UnknownName, explain, explanation, spoken

CONFIG = """
defaults:
  breaker: {failure_ratio: 25%}
upstreams:
  courseworks:
    credential:
      token: ${TOKEN}
    endpoints:
      "GET /api/v1/courses": {cache: {ttl: 90s}}
  google: {}
  mirror: {adapter: http, base_url: "http://127.0.0.1:1"}
"""


@pytest.fixture
def plans(plans_from):
    return plans_from(CONFIG, {"TOKEN": "canary-2"})


def told(rows, field):
    """Value and source of a field, as they are printed."""
    return next((spoken(row.field, row.value), row.source) for row in rows if row.field == field)


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("cache.ttl", 0.0, "0s"),
        ("retry.wait", 0.1, "0.1s"),
        ("timeout.attempt", 30.0, "30s"),
        ("cache.ttl", 90.0, "90s"),
        ("cache.ttl", 300.0, "5m"),
        ("cache.stale_if_error", 3_600.0, "1h"),
        ("cache.stale_if_error", 129_600.0, "36h"),
        ("keep_at_most", 2_592_000.0, "30d"),
        ("retry.budget", 0.2, "20%"),
        ("breaker.failure_ratio", 0.5, "50%"),
        ("retry.floor", 1.0, "1/s"),
        ("retry.attempts", 3, "3"),
        ("cache.refresh_after", None, "–"),
    ],
)
def test_a_value_is_written_as_an_operator_writes_it(field, value, text):
    assert spoken(field, value) == text


def test_every_value_of_an_endpoint_has_its_source(plans):
    rows = explain(plans, "courseworks", "GET", "/api/v1/courses")

    assert all(row.source for row in rows)
    assert told(rows, "cache.ttl") == ("90s", "config.yaml:9")
    assert told(rows, "cache.refresh_after") == ("2m", "adapters/courseworks.py")
    assert told(rows, "outcomes.graded.ttl") == ("1m", "adapters/courseworks.py")
    assert told(rows, "timeout.attempt") == ("30s", "adapters/courseworks.py")


@pytest.mark.parametrize(
    ("upstream", "method", "path", "instead"),
    [
        ("courseworks", "GET", "/api/v1/coursez", "; nearest: GET /api/v1/courses"),
        ("courseworks", "DELETE", "/api/v1/courses/565/users", "; the path is one for GET"),
        ("courseworks", "GET", "/no/such", "; `larder explain courseworks` lists them"),
        ("mirror", "GET", "/no/such", ""),
    ],
)
def test_that_nobody_declared_an_endpoint_is_said(plans, upstream, method, path, instead):
    _, note, *_ = explanation(plans, upstream, method, path).splitlines()

    assert note == f"  no endpoint is declared for this: what follows holds for everything that is not{instead}"


def test_nothing_is_said_of_an_endpoint_that_there_is(plans):
    assert "no endpoint" not in explanation(plans, "courseworks", "GET", "/api/v1/courses/565")


def test_every_value_of_an_upstream_has_its_source(plans):
    rows = explain(plans, "courseworks")

    assert all(row.source for row in rows)
    assert told(rows, "breaker.failure_ratio") == ("25%", "config.yaml:3")
    assert told(rows, "breaker.minimum_calls") == ("20", "built-in")
    assert told(rows, "keep_at_most") == ("7d", "adapters/courseworks.py")


def test_an_upstream_is_explained_with_all_its_endpoints(plans):
    text = explanation(plans, "courseworks")

    assert all(plan.name in text for plan in plans.upstreams["courseworks"].endpoints)


@pytest.mark.parametrize("path", ["/api/v1/courses/565", "/api/v1/courses/{course}", "/api/v1/courses/565?include[]=x"])
def test_one_endpoint_is_found_by_a_real_path_or_by_its_route(plans, path):
    text = explanation(plans, "courseworks", "get", path)

    assert text.splitlines()[0] == "courseworks GET /api/v1/courses/{course}"


def test_a_path_that_nobody_declared_is_explained_as_what_holds_for_the_rest(plans):
    rows = explain(plans, "courseworks", "GET", "/api/v1/nothing/here")

    assert {row.field for row in rows} >= {"timeout.total", "retry.attempts"}
    assert not [row for row in rows if row.field.startswith("cache.")]


def test_an_endpoint_that_is_not_cached_shows_no_lifetime(plans):
    rows = explain(plans, "google", "GET", "/maps/api/geocode/json")

    assert not [row for row in rows if row.field.endswith(".ttl")]


def test_a_name_that_there_is_not_is_told_with_the_nearest(plans):
    with pytest.raises(UnknownName, match=r"no upstream 'coursework'; did you mean courseworks\?"):
        explain(plans, "coursework")


def test_no_credential_is_explained(plans):
    assert "canary" not in "".join(explanation(plans, name) for name in plans.upstreams)


def test_the_columns_of_an_endpoint_are_even(plans):
    rows = explanation(plans, "courseworks", "GET", "/api/v1/courses").splitlines()[1:]

    assert len({line.rindex("  ") for line in rows}) == 1
