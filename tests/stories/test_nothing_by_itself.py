"""Larder asks an upstream what its callers ask, and nothing else: no address that it made up ever reaches Google.

Sending artificially created addresses lets Google stop validating and report the customer (UPSTREAMS.md §7, SST B.1.2).
"""

import ast
import socket
from pathlib import Path

import pytest

import proxy
from adapters.google import adapter
from proxy.housekeeping import Housekeeping
from tests.loopback_only import NotThisMachine

MINUTE, DAY = 60, 86_400
ADDRESS = {"address": {"regionCode": "US", "addressLines": ["12 Example Place"], "locality": "Sampleton"}}
OTHER = {"address": {"regionCode": "US", "addressLines": ["14 Example Place"], "locality": "Sampleton"}}
FRAIL = {"breaker": {"minimum_calls": 2, "cooldown": "30s"}, "retry": {"attempts": 1}}
VALIDATE = "/google/v1:validateAddress"

# Where a request begins, and why: each has a caller who made it, or one whose token is being learned.
BEGINNINGS = {
    "app.py": "a request that came",
    "typed/asking.py": "an address of a typed request that came",
    "typed/catalogues.py": "a course that a typed request asks for",
    "works.py": "whose a caller's token is, where the adapter says how that is asked (Canvas: `users/self`)",
}


async def behind_the_scenes(house):
    """All that Larder does while nobody asks, and all that its own health is asked by."""
    keeping: Housekeeping = house.larder._housekeeping
    for work in (keeping.knock, keeping.sweep, keeping.scrub, keeping.try_again):
        await work()
    for path in ("/-/health", "/-/ready", "/openapi.json"):
        assert (await house.get(path)).status == 200
    await house.settled()


async def test_starting_and_being_asked_for_its_health_sends_nothing_to_google(larder):
    async with larder() as house:
        await behind_the_scenes(house)

        assert await house.calls("/google/*") == 0


async def test_what_is_stale_waits_for_its_caller(larder):
    async with larder() as house:
        await house.ask("POST", VALIDATE, json=ADDRESS)
        for days in (6, 2, 12, 20):
            house.clock.advance(days * DAY)
            await behind_the_scenes(house)

        assert await house.calls("/google/*") == 1


async def test_an_open_circuit_is_tried_with_a_callers_own_request_and_with_nothing_else(larder):
    async with larder(upstreams={"google": FRAIL}) as house:
        await house.fail("google")
        for number in range(4):
            await house.ask("POST", VALIDATE, json={**ADDRESS, "languageOptions": {"n": number}})
        await house.heal()
        before = await house.calls("/google/*")
        house.clock.advance(MINUTE)
        await behind_the_scenes(house)
        assert await house.calls("/google/*") == before

        answer = await house.ask("POST", VALIDATE, json=OTHER)

        assert answer.status == 200
        assert "14 Example" in answer.json["result"]["address"]["formattedAddress"]
        assert await house.calls("/google/*") == before + 1


def test_whoever_begins_a_request_is_known():
    """A health check that asks an upstream something would begin here: of Google, it would ask what nobody asked."""
    begun = set()
    root = Path(proxy.__path__[0])
    for file in root.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Incoming":
                begun.add(str(file.relative_to(root)))

    assert begun == BEGINNINGS.keys()
    assert adapter.whoami is None
    assert all(policy.refresh_behind == "forbidden" for one in adapter.endpoints if (policy := one.cache) is not None)


@pytest.mark.parametrize("connect", ["connect", "connect_ex"])
def test_no_test_reaches_another_machine(connect):
    with socket.socket() as sock, pytest.raises(NotThisMachine):
        getattr(sock, connect)(("203.0.113.7", 443))
