"""What one worker refused, all of them can be told to accept, also those that came after it died."""

import asyncio

import aiohttp

from tests.house import running_sandbox
from tests.stories.machines import a_machine, kill, written

COURSE = "/courseworks/api/v1/courses/565"
ENOUGH = 16  # connections
OTHER = {
    "upstream": "courseworks",
    "kind": "status",
    "path": "/api/v1/courses/565",
    "status": 200,
    "body": {"id": 566, "name": "canary-566"},
}


async def test_what_was_refused_outlasts_its_workers_and_is_accepted_once(tmp_path):
    async with running_sandbox() as (_, sandbox_url), a_machine(written(tmp_path, sandbox_url)) as machine:
        async with aiohttp.ClientSession() as session, machine.callers(1) as callers:
            await (await session.post(f"{sandbox_url}/_sandbox/faults", json=OTHER)).read()
            await callers[0].ask(COURSE)
        _, before = await machine.admin("GET", "/admin/quarantine")
        _, kept = await machine.admin("GET", "/admin/entries?tag=courseworks/quarantined")
        for worker in machine.workers:
            lines = len(machine.lines)
            kill(worker)
            await machine.told("a worker serves again", after=lines)

        _, shown = await machine.admin("GET", "/admin/quarantine")
        [one] = shown["quarantined"]
        words = [machine.admin("POST", f"/admin/quarantine/{one['id']}/accept") for _ in range(2)]
        decided = sorted([status for status, _ in await asyncio.gather(*words)])
        async with machine.callers(ENOUGH) as callers:
            answers = [await caller.ask(COURSE) for caller in callers]
        _, after = await machine.admin("GET", "/admin/quarantine")

    assert (shown, shown["complete"]) == (before, True)
    assert [entry["tiers"] for entry in kept["entries"]] == [["durable"]]
    assert decided[0] == 200
    assert decided[1] in (404, 409)
    assert all("hit" in cache and b"canary-566" in body for _, cache, body in answers), answers
    assert after == {"quarantined": [], "complete": True}
