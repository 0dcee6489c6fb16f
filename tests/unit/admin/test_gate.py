"""Nobody gets past the gate without the token, from a foreign host, or to a path that is none."""

from hmac import compare_digest

import pytest

from proxy.admin import gate
from proxy.admin.gate import Gate
from proxy.callers.keys import hash_key
from tests.unit.admin.operators import ALICES, BOBS, CANARY, CONFIG, TOKEN, a_store, a_world, plans_from

PATHS = [
    ("POST", "/admin/flush"),
    ("GET", "/admin/entries"),
    ("GET", "/admin/explain"),
    ("GET", "/admin/upstreams"),
    ("GET", "/admin/config"),
    ("POST", "/admin/config/reload"),
    ("GET", "/admin/audit"),
    ("POST", "/admin/undo"),
    ("POST", "/admin/upstreams/courseworks/breaker"),
    ("POST", "/admin/upstreams/courseworks/drain"),
    ("GET", "/metrics"),
    ("GET", "/nowhere"),
    ("DELETE", "/admin/flush"),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
async def test_every_path_wants_the_token_first(operator, method, path):
    heard = await operator.ask(method, path, token="wrong")

    assert heard.status == 401
    assert heard.headers["WWW-Authenticate"] == 'Bearer realm="larder admin", error="invalid_token"'
    assert "path" not in heard.problem["detail"]


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        TOKEN,
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN.upper()}",
        f"Bearer Bearer {TOKEN}",
        "Bearer \u00fc\u20ac",
    ],
)
async def test_nothing_but_the_token_is_the_token(operator, authorization):
    heard = await operator.ask("GET", "/metrics", headers={"Authorization": authorization})

    assert heard.status == 401
    assert heard.problem["title"] == "Unauthorized"


async def test_a_request_without_a_token_is_told_what_to_send(world, operator):
    async with operator._session.get(f"http://127.0.0.1:{world.port}/metrics") as response:
        assert response.status == 401
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="larder admin"'


async def test_a_token_in_the_target_opens_nothing(operator):
    heard = await operator.ask("GET", f"/metrics?token={TOKEN}&access_token={TOKEN}", token="wrong")

    assert heard.status == 401


@pytest.mark.parametrize("second", [f"Bearer {TOKEN}", "Bearer wrong"])
async def test_two_tokens_are_one_too_many(world, operator, second):
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", second)]

    async with operator._session.get(f"http://127.0.0.1:{world.port}/metrics", headers=headers) as response:
        assert response.status == 401


async def test_the_scheme_may_be_written_in_any_case(operator):
    assert (await operator.ask("GET", "/metrics", headers={"Authorization": f"bEaReR {TOKEN}"})).status == 200


@pytest.mark.parametrize("token", [TOKEN, "wrong", ""])
async def test_tokens_are_compared_in_constant_time_and_as_digests(operator, monkeypatch, token):
    compared = []
    monkeypatch.setattr(
        gate, "compare_digest", lambda one, two: compared.append((one, two)) or compare_digest(one, two)
    )

    await operator.ask("GET", "/metrics", token=token)

    assert len(compared) == 3  # the admin token's and two operators'
    assert {len(one) for pair in compared for one in pair} == {32}


async def test_operators_are_known_by_their_own_tokens(world, operator):
    for token in (TOKEN, ALICES, BOBS):
        await operator.ask("POST", "/admin/config/reload", token=token)

    assert [by.who for by in world.reloaded_by] == ["admin", "alice", "bob"]


async def test_an_operator_who_is_taken_out_of_the_config_is_let_in_no_more(world, operator):
    world.plans = plans_from(CONFIG.replace("name: alice", "name: carol").replace(hash_key(ALICES), hash_key("other")))

    assert (await operator.ask("GET", "/metrics", token=ALICES)).status == 401
    assert (await operator.ask("GET", "/metrics", token=BOBS)).status == 200


async def test_the_hash_of_a_token_is_none(operator):
    assert (await operator.ask("GET", "/metrics", token=hash_key(ALICES))).status == 401


def test_without_a_token_there_is_no_gate():
    with pytest.raises(ValueError, match="needs a token"):
        Gate("127.0.0.1", "")


async def test_the_desk_does_not_show_its_token(world):
    assert CANARY not in repr(world.desk).partition("clock=")[0]
    assert TOKEN not in repr(world.desk)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.1", "localhost@evil.example", "a b", ""]
)
async def test_on_loopback_a_foreign_host_is_refused_even_with_the_token(operator, host):
    heard = await operator.ask("GET", "/metrics", headers={"Host": host})

    assert heard.status == 421
    assert "evil" not in heard.text
    assert "127.0.0.1" in heard.problem["detail"]


@pytest.mark.parametrize("host", ["localhost", "localhost:8081", "127.0.0.1:1", "[::1]:8081", "LOCALHOST"])
async def test_loopbacks_own_names_are_welcome(operator, host):
    assert (await operator.ask("GET", "/metrics", headers={"Host": host})).status == 200


async def test_bound_to_another_address_the_host_may_be_any(tmp_path):
    async with a_world(a_store(tmp_path), host="0.0.0.0") as (_, operator):
        assert (await operator.ask("GET", "/metrics", headers={"Host": "larder.internal"})).status == 200
        assert (await operator.ask("GET", "/metrics", headers={"Host": "larder.internal"}, token="wrong")).status == 401


async def test_an_unknown_path_is_told_those_there_are(operator):
    heard = await operator.ask("GET", f"/admin/{CANARY}")

    assert heard.status == 404
    for path in ("/admin/flush", "/admin/entries", "/admin/config/reload", "/metrics"):
        assert path in heard.problem["detail"]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/admin/flush", "POST"),
        ("GET", "/admin/config/reload", "POST"),
        ("POST", "/metrics", "GET, HEAD"),
        ("DELETE", "/admin/entries", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(operator, method, path, allowed):
    heard = await operator.ask(method, path)

    assert heard.status == 405
    assert heard.headers["Allow"] == allowed
    assert allowed in heard.problem["detail"]


async def test_what_nobody_foresaw_is_reported_and_not_shown(world, operator):
    async def failing(_by):
        raise RuntimeError(CANARY)

    world.reload = failing
    object.__setattr__(world.desk, "reload", failing)

    heard = await operator.ask("POST", "/admin/config/reload")

    assert heard.status == 500
    assert heard.problem["detail"] == "Larder failed; its log says where."
    assert [str(error) for error in world.failures] == [CANARY]


async def test_metrics_are_as_prometheus_reads_them(world, operator):
    world.metrics.set("larder_fence", 7)

    heard = await operator.ask("GET", "/metrics")

    assert heard.headers["Content-Type"].startswith("text/plain; version=")
    assert "larder_fence 7.0" in heard.text
