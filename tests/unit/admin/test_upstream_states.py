"""How the upstreams are shown: their circuits, their load and what went wrong, as the guards themselves know it."""

import asyncio
from math import nan

import pytest

from proxy.upstream.view import UpstreamState
from tests.unit.admin.operators import CONFIG, COURSE, plans_from


@pytest.fixture
def courseworks(world):
    return world.upstreams["courseworks"]


async def state_of(operator, name="courseworks"):
    heard = await operator.ask("GET", "/admin/upstreams")
    assert heard.status == 200
    (found,) = [row for row in heard.json["upstreams"] if row["name"] == name]
    return found


async def test_an_upstream_that_was_never_called_is_at_rest(operator):
    assert await state_of(operator) == {
        "name": "courseworks",
        "circuit": "closed",
        "rest": 0.0,
        "calls": 0,
        "failures": 0,
        "slow": 0,
        "circuits": [
            {
                "host": "https://canvas.example",
                "endpoint": None,
                "state": "closed",
                "rest": 0.0,
                "calls": 0,
                "failures": 0,
                "slow": 0,
            }
        ],
        "forced": None,
        "forced_left": 0.0,
        "draining": None,
        "in_flight": 0,
        "waiting": 0,
        "queue": {"interactive": 0, "notified": 0, "behind": 0, "watch": 0},
        "limit": 100,
        "quota_left": None,
        "retries_left": 10.0,
        "credentials_resting": 0,
        "credentials_paused": 0,
        "payloads_refused": len("courseworks"),
        "failures_by_kind": {},
        "last_error": None,
    }


async def test_all_upstreams_are_shown_by_name(operator):
    heard = await operator.ask("GET", "/admin/upstreams")

    assert [row["name"] for row in heard.json["upstreams"]] == ["courseworks", "mirror"]


async def test_a_circuit_is_shown_open_with_the_seconds_left_and_then_half_open(world, operator, courseworks):
    courseworks.breaker.failed(courseworks.breaker.check())
    world.clock.advance(10)
    opened = await state_of(operator)
    world.clock.advance(20)
    half_open = await state_of(operator)

    assert (opened["circuit"], opened["rest"]) == ("open", 20.0)
    assert (half_open["circuit"], half_open["rest"]) == ("half-open", 0.0)
    assert (await state_of(operator, "mirror"))["circuit"] == "closed"


async def test_calls_and_failures_of_the_window_are_counted(operator, courseworks):
    for _ in range(3):
        courseworks.breaker.succeeded(courseworks.breaker.check())
    courseworks.breaker.failed(courseworks.breaker.check())

    state = await state_of(operator)

    assert (state["calls"], state["failures"]) == (4, 1)


async def test_calls_in_the_air_and_waiting_are_counted(operator, courseworks):
    most, landed = courseworks.slots.policy.credential, asyncio.Event()

    async def call():
        async with courseworks.slots.taken("a digest", shared=False):
            await landed.wait()

    calls = [asyncio.create_task(call()) for _ in range(most + 2)]
    while courseworks.slots.in_flight + courseworks.slots.waiting < most + 2:
        await asyncio.sleep(0)
    state = await state_of(operator)
    landed.set()
    await asyncio.gather(*calls)

    assert (state["in_flight"], state["waiting"]) == (most, 2)


async def test_retries_and_quota_that_are_left_are_shown(operator, courseworks):
    courseworks.guards.pacer.told("a digest", 641.25, None)
    courseworks.budget.spend()

    state = await state_of(operator)

    assert (state["quota_left"], state["retries_left"]) == (641.25, 9.0)


async def test_a_quota_that_is_no_number_is_not_known(world, operator):
    object.__setattr__(world.desk, "states", lambda: [UpstreamState(name="courseworks", quota_left=nan)])

    assert (await state_of(operator))["quota_left"] is None


async def test_the_last_error_is_a_kind_and_an_age(world, operator, courseworks):
    courseworks.last_error, courseworks.last_error_at = "timeout", world.clock()
    world.clock.advance(12.5)

    assert (await state_of(operator))["last_error"] == {"kind": "timeout", "age": 12.5}


async def test_failures_are_told_by_kind_the_latest_first_and_not_without_end(world, operator, courseworks):
    courseworks.failures = {f"kind-{number}": (number, world.clock() + number) for number in range(1, 61)}
    world.clock.advance(60.5)

    shown = (await state_of(operator))["failures_by_kind"]

    assert list(shown)[:2] == ["kind-60", "kind-59"]
    assert shown["kind-60"] == {"count": 60, "age": 0.5}
    assert len(shown) == 50


async def test_credentials_that_rest_or_pause_are_counted(operator, courseworks):
    courseworks.guards.credentials.refused(("a digest", "https://canvas.example"), None)
    courseworks.guards.pacer.throttled("another digest", 30.0)

    state = await state_of(operator)

    assert (state["credentials_resting"], state["credentials_paused"]) == (1, 1)


async def test_an_endpoint_with_guards_of_its_own_has_a_circuit_of_its_own(world, operator):
    own = CONFIG.replace("{cache: {ttl: 5m}}", "{cache: {ttl: 5m}, breaker: {cooldown: 5s}}")
    world.upstreams.follow(plans_from(own).upstreams.values())
    apart = world.upstreams["courseworks"].apart[COURSE].hosts.circuit("https://canvas.example")
    apart.failed(apart.check())

    state = await state_of(operator)

    assert [(one["endpoint"], one["state"]) for one in state["circuits"]] == [(None, "closed"), (COURSE, "open")]


async def test_orders_that_hold_are_shown_with_the_seconds_left(world, operator, courseworks):
    courseworks.orders.force("open", 600.0)
    courseworks.orders.drain(90.0)
    world.clock.advance(30)

    state = await state_of(operator)

    assert (state["forced"], state["forced_left"], state["draining"]) == ("open", 570.0, 60.0)


async def test_a_parameter_that_means_nothing_is_refused(operator):
    heard = await operator.ask("GET", "/admin/upstreams?upstream=courseworks")

    assert heard.status == 400
    assert "upstream: found an unknown field; it has to be left out" in heard.problem["detail"]
