"""A config that a single process takes while it serves: what holds at once, and what waits for a restart."""

import json

import pytest

from policies import Circuit
from proxy.operating.reloading import Reloader
from proxy.workers.accepted import accept
from proxy.workers.control import ConfigText
from tests.house import running_larder

CONFIG = {
    "server": {"port": 0},
    "admin": {"token": "t" * 40},
    "store": {"durable": "none"},
    "upstreams": {"courseworks": {"base_url": "http://127.0.0.1:9"}},
}


def accepted(**blocks):
    text = json.dumps({name: CONFIG.get(name, {}) | blocks.get(name, {}) for name in CONFIG | blocks})
    return accept(ConfigText("config.yaml", text), {})


@pytest.fixture
async def larder():
    async with running_larder(CONFIG) as (larder, _):
        yield larder


async def test_a_change_holds_from_the_next_request_on(larder):
    report = await Reloader(larder).take(accepted(server={"max_body": "1MiB"}))

    assert report[:3] == (("server.max_body",), (), ())
    assert larder.plans.settings.server.max_body == 1024**2


async def test_what_waits_for_a_restart_is_said_until_that_comes_and_does_not_hold(larder):
    reloader = Reloader(larder)
    later = {"server": {"drain": "1s"}, "admin": {"port": 1}, "store": {"secret": "s" * 40}, "log": {"level": "error"}}

    for _ in range(2):
        report = await reloader.take(accepted(**later))
        assert report[:2] == ((), ("admin.port", "log.level", "server.drain", "store.secret"))

    settings = larder.plans.settings
    assert (settings.server.drain, settings.admin.port, settings.store.secret) == (10.0, 8081, "")


async def test_operators_hold_without_a_restart(larder):
    operators = [{"name": "alice", "token": f"sha256:{'0' * 64}"}]

    report = await Reloader(larder).take(accepted(admin={"operators": operators}))

    assert report[:2] == (("admin.operators",), ())
    assert [one.name for one in larder.plans.settings.admin.operators] == ["alice"]


async def test_what_cannot_be_made_changes_nothing(larder):
    campus = {"kind": "standard-webhooks", "upstream": "courseworks", "secret": "whsec_a"}

    report = await Reloader(larder).take(accepted(webhooks={"campus": campus}, server={"max_body": "1MiB"}))

    assert "webhooks.campus" in report.problems[0].message
    assert larder.plans.settings.server.max_body != 1024**2


async def test_orders_and_guards_outlive_a_reload(larder):
    before = larder.upstreams["courseworks"]
    before.orders.force("open", 600.0)
    before.breaker.failed(before.breaker.check())

    await Reloader(larder).take(accepted(server={"max_body": "1MiB"}))

    after = larder.upstreams["courseworks"]
    assert after is not before
    assert after.orders.forced is Circuit.OPEN
    assert after.breaker.counts[:2] == (1, 1)
