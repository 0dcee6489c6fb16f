"""The config as operators see it, without a secret in it; why a value is what it is; and reading it anew."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.admin.desk import ReloadReport
from proxy.admin.redaction import redacted
from proxy.config.file import ConfigError, ConfigProblem
from proxy.settings import Settings
from tests.unit.admin.operators import CANARY, CONFIG, COURSE, plans_from

SECRET_NAMES = ["credential", "key", "keys", "password", "secret", "token", "Token"]


async def test_the_config_is_shown_with_defaults_and_without_secrets(operator):
    heard = await operator.ask("GET", "/admin/config")

    config = heard.json["config"]
    assert config["server"]["port"] == 8080
    assert config["upstreams"]["courseworks"]["endpoints"][COURSE] == {
        "cache": {"ttl": 300.0},
        "outcomes": {},
        "collection": {},
        "batch": {},
        "timeout": {},
        "retry": {},
        "breaker": {},
        "concurrency": {},
        "pacing": {},
        "hedge": {},
        "egress": {},
        "payload": {},
        "writes": {},
    }
    assert config["admin"] == {
        "host": "127.0.0.1",
        "port": 8081,
        "token": "***",
        "operators": [{"name": "alice", "token": ["***"]}, {"name": "bob", "token": ["***"]}],
        "audit": "",
    }
    assert config["store"]["secret"] == "***"
    assert config["callers"][0]["key"] == ["***"]
    assert config["upstreams"]["courseworks"]["credential"] == {"token": "***"}
    assert config["upstreams"]["courseworks"]["base_url"] == "https://canvas.example"
    assert config["webhooks"]["campus"]["secret"] == ["***"]


async def test_the_config_shown_is_the_one_that_holds_now(world, operator):
    world.plans = plans_from(CONFIG.replace("ttl: 5m", "ttl: 7m"))

    endpoints = (await operator.ask("GET", "/admin/config")).json["config"]["upstreams"]["courseworks"]["endpoints"]

    assert endpoints[COURSE]["cache"]["ttl"] == 420.0


SECRETS = st.just(CANARY) | st.lists(st.just(CANARY)) | st.dictionaries(st.text(max_size=5), st.just(CANARY))
HARMLESS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10)
DOCUMENTS = st.recursive(
    HARMLESS | st.dictionaries(st.sampled_from(SECRET_NAMES), SECRETS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(DOCUMENTS)
def test_no_secret_is_left_wherever_it_stands(document):
    assert CANARY not in repr(redacted(document))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://canvas.example/api?x=a@b", "https://canvas.example/api?x=a@b"),
        (f"https://{CANARY}@canvas.example", "https://***@canvas.example"),
        (f"redis://:{CANARY}@localhost:6379/0", "redis://***@localhost:6379/0"),
        (f"https://a:{CANARY}@b@canvas.example/x", "https://***@canvas.example/x"),
        ("courses@campus.example", "courses@campus.example"),
    ],
)
def test_what_stands_before_the_host_of_a_url_is_hidden(url, shown):
    assert redacted({"base_url": url}) == {"base_url": shown}


def test_what_is_not_set_is_seen_to_be_empty():
    config = {"token": "", "secret": None, "credential": {}, "keys": []}

    assert redacted(config) == config


async def test_a_reload_says_what_changed(world, operator):
    notice = ConfigProblem("config.yaml", 2, "server.max_body", "read as 10B: write the unit")
    world.report = ReloadReport(("upstreams.courseworks.endpoints",), ("server.port",), notices=(notice,))

    heard = await operator.ask("POST", "/admin/config/reload")

    assert heard.status == 200
    assert heard.json == {
        "changed": ["upstreams.courseworks.endpoints"],
        "needs_restart": ["server.port"],
        "change": None,
        "audited": True,
        "notices": ["config.yaml:2: server.max_body: read as 10B: write the unit"],
    }


async def test_a_bad_config_is_told_with_every_problem(world, operator):
    with pytest.raises(ConfigError) as caught:
        plans_from(CONFIG.replace("ttl: 5m", "tll: 5m").replace("minimum_calls: 1", "minimum_calls: none"))
    world.report = ReloadReport(problems=tuple(caught.value.problems))

    heard = await operator.ask("POST", "/admin/config/reload")

    assert heard.status == 422
    assert "2 problems" in heard.problem["detail"]
    assert {(row["file"], row["line"]) for row in heard.problem["problems"]} == {
        ("config.yaml", 5),
        ("config.yaml", 10),
    }
    assert any("did you mean ttl?" in row["message"] for row in heard.problem["problems"])


async def test_one_problem_is_one(world, operator):
    world.report = ReloadReport(problems=(ConfigProblem("config.yaml", 3, "server.port", "is taken"),))

    heard = await operator.ask("POST", "/admin/config/reload")

    assert "has 1 problem;" in heard.problem["detail"]
    assert heard.problem["problems"] == [
        {"file": "config.yaml", "line": 3, "field": "server.port", "message": "is taken"}
    ]


async def test_one_reload_at_a_time(world, operator):
    under_way, may_end = asyncio.Event(), asyncio.Event()

    async def slow(_by):
        under_way.set()
        await may_end.wait()
        return ReloadReport()

    object.__setattr__(world.desk, "reload", slow)
    first = asyncio.create_task(operator.ask("POST", "/admin/config/reload"))
    await under_way.wait()
    second = await operator.ask("POST", "/admin/config/reload")
    may_end.set()

    assert second.status == 409
    assert "under way" in second.problem["detail"]
    assert (await first).status == 200
    assert (await operator.ask("POST", "/admin/config/reload")).status == 200


async def test_a_reload_that_failed_does_not_bar_the_next(world, operator):
    async def failing(_by):
        raise OSError(CANARY)

    object.__setattr__(world.desk, "reload", failing)
    assert (await operator.ask("POST", "/admin/config/reload")).status == 500

    object.__setattr__(world.desk, "reload", world.reload)
    assert (await operator.ask("POST", "/admin/config/reload")).status == 200


async def test_a_path_is_explained_by_its_endpoint(operator):
    heard = await operator.ask("GET", "/admin/explain?upstream=courseworks&method=get&path=/api/v1/courses/565%3Fa=b")

    assert (heard.json["upstream"], heard.json["endpoint"]) == ("courseworks", COURSE)
    assert {"field": "cache.ttl", "value": "5m", "source": "config.yaml:10"} in heard.json["values"]
    assert "565" not in heard.text


async def test_a_path_that_nobody_declared_is_explained_as_such(operator):
    heard = await operator.ask("GET", "/admin/explain?upstream=courseworks&method=PUT&path=/elsewhere")

    assert heard.json["endpoint"] == "*"
    assert heard.json["note"].startswith("no endpoint is declared for this")
    assert any(row["field"] == "timeout.total" for row in heard.json["values"])


async def test_an_upstream_is_explained_with_all_its_endpoints(operator):
    heard = await operator.ask("GET", "/admin/explain?upstream=courseworks")

    fields = {row["field"]: row for row in heard.json["values"]}
    assert heard.json["endpoint"] is None
    assert fields["breaker.minimum_calls"]["source"] == "config.yaml:5"
    assert fields[f"{COURSE} cache.ttl"]["value"] == "5m"


@pytest.mark.parametrize(
    ("query", "found", "right"),
    [
        ("", "upstream: found none", "the name of one"),
        ("?upstream=coursework", "unknown upstream", "did you mean courseworks?"),
        ("?upstream=courseworks&method=GET", "path: found none", "both method and path, or neither"),
        ("?upstream=courseworks&path=/a", "method: found none", "both method and path, or neither"),
        (f"?upstream=courseworks&method=GET&path={CANARY}", "path: found", "such as /api/v1/courses"),
        (f"?upstream=courseworks&method={CANARY}&path=/a", "method: found", "such as GET"),
        ("?upstram=courseworks", "upstram: found an unknown field", "did you mean upstream?"),
    ],
)
async def test_a_wrong_question_is_told_what_would_be_right(operator, query, found, right):
    heard = await operator.ask("GET", f"/admin/explain{query}")

    assert heard.status == 400
    assert found in heard.problem["detail"]
    assert right in heard.problem["detail"]


def secret_fields(schema_of, place=()):
    """The fields of a config that are marked as secret, as they stand in it."""
    for name, field in schema_of.model_fields.items():
        if field.repr is False:
            yield (*place, name)
        if isinstance(field.annotation, type) and hasattr(field.annotation, "model_fields"):
            yield from secret_fields(field.annotation, (*place, name))


@pytest.mark.parametrize("place", list(secret_fields(Settings)), ids=".".join)
def test_every_field_that_is_marked_as_secret_is_hidden(place):
    value = "redis://operator:canary-1@redis.example:6379/0?password=canary-2" if place[-1] == "durable" else "canary-3"
    document = value
    for name in reversed(place):
        document = {name: document}

    assert "canary" not in str(redacted(document))
