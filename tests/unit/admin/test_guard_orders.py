"""Orders on an upstream: read to the last field, held for their time, and told with what was before."""

import pytest

from policies import Circuit
from proxy.operating.audit import AuditFile
from tests.unit.admin.operators import ALICES, CANARY

BREAKER, DRAIN = "/admin/upstreams/courseworks/breaker", "/admin/upstreams/courseworks/drain"


@pytest.fixture
def orders(world):
    return world.upstreams["courseworks"].orders


@pytest.mark.parametrize("state", ["open", "closed"])
async def test_a_circuit_is_held_for_the_time_that_was_said(world, operator, orders, state):
    heard = await operator.ask("POST", BREAKER, document={"state": state, "for": "10m"}, token=ALICES)

    assert heard.status == 200
    change = world.audit.newest(1)[0]
    assert heard.json == {
        "upstream": "courseworks",
        "before": {"state": "auto"},
        "after": {"state": state, "for": 600.0},
        "everywhere": True,
        "change": change.id,
        "audited": True,
    }
    assert (orders.forced, orders.forced_left) == (Circuit(state), 600.0)
    assert (change.who, change.how, change.what, change.of) == ("alice", "admin", "breaker", "courseworks")
    assert world.upstreams["mirror"].orders.forced is None


async def test_a_circuit_is_let_go(operator, orders):
    orders.force("open", 600.0)

    heard = await operator.ask("POST", BREAKER, document={"state": "auto"})

    assert (heard.json["before"], heard.json["after"]) == ({"state": "open", "for": 600.0}, {"state": "auto"})
    assert orders.forced is None


async def test_background_work_is_stopped_and_goes_on(operator, orders):
    stopped = await operator.ask("POST", DRAIN, document={"for": 1800})
    assert stopped.json["after"] == {"for": 1800.0}
    assert orders.drain_left == 1800.0

    resumed = await operator.ask("POST", DRAIN, document={"resume": True})
    assert (resumed.json["before"], resumed.json["after"]) == ({"for": 1800.0}, {"resume": True})
    assert not orders.is_draining


@pytest.mark.parametrize(("said", "seconds"), [("24h", 86_400.0), ("250ms", 0.25), (0.5, 0.5), ("1d", 86_400.0)])
async def test_times_are_said_as_in_the_config_or_in_seconds(operator, orders, said, seconds):
    assert (await operator.ask("POST", DRAIN, document={"for": said})).status == 200
    assert orders.drain_left == seconds


@pytest.mark.parametrize(
    ("path", "document", "field", "right"),
    [
        (BREAKER, {}, "state: found none", "one of auto, closed, open"),
        (
            BREAKER,
            {"state": CANARY, "for": "1m"},
            f"state: found a string of {len(CANARY)} characters",
            "one of auto, closed, open",
        ),
        (BREAKER, {"state": ["open"], "for": "1m"}, "state: found an array", "one of auto, closed, open"),
        (BREAKER, {"state": "opn", "for": "1m"}, "state: found a string of 3 characters", "did you mean open?"),
        (BREAKER, {"state": "open"}, "for: found none", "10m"),
        (BREAKER, {"state": "auto", "for": "1m"}, "for: found it beside auto", "left out"),
        (BREAKER, {"state": "open", "fro": "1m"}, "fro: found an unknown field", "did you mean for?"),
        (BREAKER, {"state": "open", "for": "24.1h"}, "for: found a time out of range", "at most 24h"),
        (BREAKER, {"state": "open", "for": 0}, "for: found a time out of range", "more than none"),
        (BREAKER, {"state": "open", "for": -5}, "for: found a time out of range", "more than none"),
        (BREAKER, {"state": "open", "for": CANARY}, f"for: found a string of {len(CANARY)} characters", "10m"),
        (BREAKER, {"state": "open", "for": ""}, "for: found an empty string", "10m"),
        (BREAKER, {"state": "open", "for": ["1m"]}, "for: found an array", "10m"),
        (BREAKER, {"stat": "open", "fro": "1m"}, "stat, fro: found unknown fields", "state, for"),
        (BREAKER, {"state": "open", "for": True}, "for: found true", "10m"),
        (BREAKER, {"state": "open", "for": None}, "for: found null", "10m"),
        (DRAIN, {}, "for: found none", "10m"),
        (DRAIN, {"resume": False}, "resume: found false", "true"),
        (DRAIN, {"resume": True, "for": "1m"}, "for: found it beside resume", "left out"),
        (DRAIN, {"resume": True, "state": "open"}, "state: found an unknown field", "one of for, resume"),
    ],
)
async def test_a_wrong_order_is_told_what_would_be_right_and_changes_nothing(
    world, operator, orders, path, document, field, right
):
    heard = await operator.ask("POST", path, document=document)

    assert heard.status == 400
    assert field in heard.problem["detail"]
    assert right in heard.problem["detail"]
    assert (orders.forced, orders.is_draining, len(world.audit)) == (None, False, 0)


@pytest.mark.parametrize("what", ["breaker", "drain"])
async def test_an_unknown_upstream_is_told_the_nearest(operator, what):
    heard = await operator.ask("POST", f"/admin/upstreams/coursework/{what}", document={"for": "1m"})

    assert heard.status == 404
    assert "did you mean courseworks?" in heard.problem["detail"]


async def test_a_body_that_is_no_object_is_refused(operator):
    heard = await operator.ask("POST", BREAKER, body=b"open")

    assert heard.status == 400
    assert '{"state": "open", "for": "10m"}' in heard.problem["detail"]


async def test_an_order_that_cannot_be_written_down_holds_and_says_so(world, operator, orders, tmp_path):
    world.audit._file = AuditFile(tmp_path)

    heard = await operator.ask("POST", BREAKER, document={"state": "open", "for": "10m"})

    assert (heard.status, heard.json["audited"]) == (200, False)
    assert orders.forced is Circuit.OPEN
