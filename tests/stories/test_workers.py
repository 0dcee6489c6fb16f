"""Several workers are one Larder: all serve, none is missed when it dies; a config, a purge and an end are for all."""

import asyncio
import os
import signal
import socket
from contextlib import asynccontextmanager
from itertools import cycle

import aiohttp
import pytest
import pytest_asyncio
import yaml

from tests.house import CY, STUDENT_COURSES, running_sandbox
from tests.stories.machines import PATIENCE, a_machine, gone, kill, started, written

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENOUGH = 16  # connections


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sandbox_url():
    async with running_sandbox() as (_, url):
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def machine(tmp_path_factory, sandbox_url):
    """Two workers, for all tests that leave two behind."""
    defaults = {"breaker": {"minimum_calls": 1_000}}  # failures of one test are not the next one's
    async with a_machine(written(tmp_path_factory.mktemp("machine"), sandbox_url, defaults=defaults)) as built:
        yield built


@asynccontextmanager
async def failing(sandbox_url, **fault):
    """What lets the upstream fail, until the end."""
    faults, told = (
        f"{sandbox_url}/_sandbox/faults",
        {"upstream": "courseworks", "kind": "status", "status": 503, **fault},
    )
    async with aiohttp.ClientSession() as session:

        async def let_fail():
            await (await session.post(faults, json=told)).read()

        try:
            yield let_fail
        finally:
            await (await session.delete(faults)).read()


async def called(session, sandbox_url):
    """How many requests the upstream got."""
    async with session.get(f"{sandbox_url}/_sandbox/journal?path=/courseworks/*") as journal:
        return (await journal.json())["count"]


async def test_a_killed_worker_takes_its_own_callers_with_it_and_no_others_and_is_replaced(machine):
    before, counted = len(machine.lines), await machine.metric("larder_requests_total")
    async with machine.load(kept=ENOUGH) as load:
        kill(machine.workers[0])
        lost = await machine.told("a worker ended", after=before)
        await machine.told("a worker serves again", after=before)

        survivors = [one for one in load if one.lost is None]
        assert 0 < len(survivors) < len(load)  # both had served
        answered = [one.answers for one in survivors]
        while not all(one.answers > some for one, some in zip(survivors, answered, strict=True)):
            await asyncio.sleep(0.01)
        assert all(one.lost is None for one in survivors)

    assert (lost["how"], lost["again_in"]) == ("killed by signal 9", 0.0)
    assert len(machine.workers) == 2
    assert await machine.metric("larder_worker_restarts_total") >= 1
    assert await machine.metric("larder_requests_total") >= counted


async def test_metrics_are_those_of_all_workers(machine):
    async with machine.callers(ENOUGH) as callers:
        before = await machine.metric("larder_requests_total")
        for caller in callers:
            await caller.ask()
        while await machine.metric("larder_requests_total") < before + len(callers):
            await asyncio.sleep(0.01)

    assert await machine.metric("larder_requests_total") == before + len(callers)
    assert await machine.metric("larder_workers") == 2


async def test_a_flush_is_seen_by_all_workers_at_the_next_read(machine, sandbox_url):
    async with machine.callers(ENOUGH) as callers, failing(sandbox_url) as let_fail:
        for _ in range(2):
            assert {(await caller.ask(STUDENT_COURSES))[0] for caller in callers} == {200}
        await let_fail()
        status, flushed = await machine.admin("POST", "/admin/flush", {"all": True, "mode": "hard"})
        answers = [await caller.ask(STUDENT_COURSES) for caller in callers]

    assert (status, flushed["durable"]) == (200, True)
    assert flushed["met"] >= 1
    assert all(status >= 500 for status, _, _ in answers), answers
    assert (await machine.admin("GET", "/admin/entries"))[1] == {"entries": [], "more": False, "complete": True}


async def test_operators_decide_on_refused_answers_in_all_workers_as_one(machine, sandbox_url):
    course = "/courseworks/api/v1/courses/565"
    other = {"path": "/api/v1/courses/565", "status": 200, "body": {"id": 566, "name": "canary-566"}}
    async with machine.callers(ENOUGH) as callers, failing(sandbox_url, **other) as let_fail:
        await machine.admin("POST", "/admin/flush", {"all": True, "mode": "hard"})
        await let_fail()
        for caller in callers:
            await caller.ask(course)

        _, shown = await machine.admin("GET", "/admin/quarantine")
        [one] = shown["quarantined"]
        accepted = await machine.admin("POST", f"/admin/quarantine/{one['id']}/accept")
        answers = [await caller.ask(course) for caller in callers]
        _, after = await machine.admin("GET", "/admin/quarantine")

    assert (one["reason"], one["acceptable"]) == ("other-id", True)
    assert one["seen"] >= 2
    assert (accepted[0], accepted[1]["fate"], accepted[1]["everywhere"]) == (200, "stored", True)
    assert all("hit" in cache or "stored" in cache for _, cache, _ in answers), answers
    assert after == {"quarantined": [], "complete": True}
    assert "canary-566" not in str(shown)
    assert (await machine.admin("POST", f"/admin/quarantine/{one['id']}/discard"))[0] == 404
    await machine.admin("POST", "/admin/flush", {"all": True, "mode": "hard"})


async def test_a_change_that_came_to_one_worker_and_to_another_came_twice(machine, sandbox_url):
    course = "/courseworks/api/v1/courses/565"
    other = {"path": "/api/v1/courses/565", "status": 200, "body": {"id": 567, "name": "canary-567"}}
    often = {"upstreams": {"courseworks": {"payload": {"apart": "0s", "repeats": 3}}}}
    await machine.admin("POST", "/admin/flush", {"all": True, "mode": "hard"})
    await machine.reloaded(**often)
    refused = 0
    async with machine.callers(ENOUGH) as callers, failing(sandbox_url, **other) as let_fail, asyncio.timeout(PATIENCE):
        await let_fail()
        for caller in cycle(callers):
            _, cache, _ = await caller.ask(course)
            if "stored" in cache:
                break
            refused += "detail=other-id" in cache
            await asyncio.sleep(0.01)  # after a refusal each worker lets the upstream rest for a moment

    assert refused == 2
    await machine.reloaded(upstreams={"courseworks": {"payload": {"apart": "10s"}}})
    await machine.admin("POST", "/admin/flush", {"all": True, "mode": "hard"})


async def test_a_person_is_erased_from_all_workers_with_a_receipt_of_each(machine):
    async with machine.callers(ENOUGH) as callers:
        for caller in callers:
            assert (await caller.ask(STUDENT_COURSES))[0] == 200

        status, receipt = await machine.admin("POST", "/admin/erase", {"person": "user:20064"})
        _, entries = await machine.admin("GET", "/admin/entries")
        again = await callers[0].ask(STUDENT_COURSES)

    assert (status, receipt["complete"], receipt["left"]) == (200, True, 0)
    assert [one["process"] for one in receipt["memory"]] == sorted(one["process"] for one in receipt["memory"])
    assert len(receipt["memory"]) == 2
    assert sum(one["entries"] for one in receipt["memory"]) >= 2
    assert (receipt["store"]["tier"], receipt["store"]["principals"]) == ("sqlite", 1)
    assert receipt["store"]["entries"] >= 1
    assert entries["entries"] == []
    assert "fwd=miss" in again[1]
    await machine.admin("POST", "/admin/flush", {"all": True, "mode": "hard"})


async def test_what_a_credential_read_whose_user_no_worker_learned_goes_with_any_person(machine):
    course = "/courseworks/api/v1/courses/565/sections"
    async with machine.callers(ENOUGH) as callers:
        for caller in callers:
            assert (await caller.ask(course, CY))[0] == 200

        status, receipt = await machine.admin("POST", "/admin/erase", {"person": "user:20065"})
        _, entries = await machine.admin("GET", "/admin/entries")
        again = await callers[0].ask(course, CY)

    assert (status, receipt["complete"], receipt["left"]) == (200, True, 0)
    assert sum(one["unlearned"] for one in receipt["memory"]) >= 2
    assert receipt["store"]["unlearned"] == 1
    assert entries["entries"] == []
    assert "fwd=miss" in again[1]
    await machine.admin("POST", "/admin/flush", {"all": True, "mode": "hard"})


async def test_of_an_erased_person_no_file_beside_the_store_holds_anything(machine, sandbox_url):
    """Nor do the database's log, and what a killed worker left; it was read with a credential that none learned of."""
    canary, path = b"canary-of-their-own", "/courseworks/api/v1/courses/565/assignments"
    told = {"status": 200, "body": [{"id": 1, "name": canary.decode()}], "path": "/api/v1/courses/565/assignments"}
    async with machine.callers(ENOUGH) as callers, failing(sandbox_url, **told) as let_fail:
        await let_fail()
        for caller in callers:
            assert canary in (await caller.ask(path, CY))[2]
        before = kept_in(machine.config.parent)
        kill(machine.workers[0])

        async with asyncio.timeout(PATIENCE):
            while True:  # until the worker that takes the place of the killed one answers, too
                _, receipt = await machine.admin("POST", "/admin/erase", {"person": "user:20065"})
                if receipt["complete"]:
                    break
                await asyncio.sleep(0.1)

    assert canary in before
    assert canary not in kept_in(machine.config.parent)
    await machine.admin("POST", "/admin/flush", {"all": True, "mode": "hard"})


def kept_in(folder):
    """All bytes of all files that Larder has there."""
    return b"".join(one.read_bytes() for one in folder.rglob("*") if one.is_file() and one.suffix != ".sock")


async def test_operators_see_entries_and_upstreams_of_all_workers_as_one(machine):
    async with machine.callers(ENOUGH) as callers:
        answers = [await caller.ask("/courseworks/api/v1/courses/565") for caller in callers]
    assert {status for status, _, _ in answers} == {200}

    _, shown = await machine.admin("GET", "/admin/entries?endpoint=courseworks GET /api/v1/courses/{course}")
    _, dry = await machine.admin("POST", "/admin/flush", {"tag": "courseworks/course:565", "dry_run": True})
    _, states = await machine.admin("GET", "/admin/upstreams")

    [entry] = shown["entries"]
    assert "memory" in entry["tiers"]
    assert (dry["met"], dry["met_exact"]) == (1, True)
    assert [state["name"] for state in states["upstreams"]] == ["courseworks", "google", "smartystreets"]
    assert {state["circuit"] for state in states["upstreams"]} == {"closed"}


async def test_sighup_lets_a_good_config_hold_in_all_workers_and_a_bad_one_in_none(machine):
    good = machine.config.read_text()
    route = {"GET /api/v1/courses": {"cache": {"ttl": 0, "refresh_after": 0, "stale_while_revalidate": 0}}}
    changes = {"upstreams": {"courseworks": {"endpoints": route}}}
    path = f"{STUDENT_COURSES}?per_page=7"
    async with machine.callers(ENOUGH) as callers:
        for caller in callers:
            await caller.ask(path)

        refused = await machine.reloaded(**changes, servr={})
        assert "did you mean server?" in refused["first"]
        assert ["hit" in (await caller.ask(path))[1] for caller in callers] == [True] * len(callers)

        machine.config.write_text(good)
        assert (await machine.reloaded(**changes))["outcome"] == "taken"
        answers = [(await caller.ask(path))[1] for caller in callers]
        assert ["fwd=" in answer for answer in answers] == [True] * len(answers), answers

    machine.config.write_text(good)
    assert (await machine.reloaded())["outcome"] == "taken"


async def test_workers_are_replaced_for_what_they_read_once_without_a_failed_request(machine):
    before = machine.workers
    machine.rewrite(store={"memory": {"max_bytes": "32MiB"}}, admin={"host": "127.0.0.2"})
    async with machine.callers(ENOUGH) as idle, machine.load(kept=4, new=4) as load:
        status, report = await machine.admin("POST", "/admin/config/reload")
        for pid in before:
            await gone(pid)

        assert {status for status, _, _ in [await caller.ask() for caller in idle]} == {200}  # on the same connections
        assert [one.lost for one in load] == [None] * len(load)

    assert (status, report["changed"], report["needs_restart"]) == (200, ["store.memory.max_bytes"], ["admin.host"])
    assert not set(before) & set(machine.workers)
    assert len(machine.workers) == 2


async def test_a_worker_that_is_told_to_end_is_drained_and_replaced(machine):
    before, [pid, _] = len(machine.lines), machine.workers

    os.kill(pid, signal.SIGTERM)

    assert (await machine.told("a worker ended", after=before))["how"] == "ended with status 0"
    await machine.told("a worker serves again", after=before)


async def test_sigterm_under_load_fails_no_caller_and_exits_zero(tmp_path, sandbox_url):
    async with a_machine(written(tmp_path, sandbox_url)) as machine, machine.callers(12) as callers:
        async with failing(sandbox_url, kind="latency", seconds=0.2) as let_fail, aiohttp.ClientSession() as session:
            await let_fail()
            before = await called(session, sandbox_url)
            paths = [f"{STUDENT_COURSES}?n={number}" for number in range(1, len(callers) + 1)]
            asked = [asyncio.create_task(caller.ask(path)) for caller, path in zip(callers, paths, strict=True)]
            while await called(session, sandbox_url) < before + 6:  # Larder sends no more at once for one token
                await asyncio.sleep(0.01)
            machine.process.send_signal(signal.SIGTERM)

            answers = await asyncio.gather(*asked)

        assert {status for status, _, _ in answers} == {200}
        assert await machine.ended() == 0


async def test_what_was_known_before_a_restart_is_a_hit_in_every_worker_after_it(tmp_path, sandbox_url):
    config = written(tmp_path, sandbox_url)
    async with aiohttp.ClientSession() as session:
        async with a_machine(config) as machine, machine.callers(1) as callers:
            assert "fwd=miss" in (await callers[0].ask(STUDENT_COURSES))[1]
            machine.process.send_signal(signal.SIGTERM)
            assert await machine.ended() == 0
        before = await called(session, sandbox_url)
        async with a_machine(config) as machine, machine.callers(ENOUGH) as callers:
            statuses = {(await caller.ask(STUDENT_COURSES))[1].split(";")[1] for caller in callers}
        assert statuses == {" hit"}
        assert await called(session, sandbox_url) == before


async def test_workers_end_when_their_supervisor_is_gone(tmp_path, sandbox_url):
    async with a_machine(written(tmp_path, sandbox_url)) as machine:
        workers = machine.workers
        kill(machine.process.pid)

        for pid in workers:
            await gone(pid)

        assert await machine.ended() == -signal.SIGKILL


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, "larder: cannot listen on 127.0.0.1:"),
        ({"server": {"port": 0}, "webhooks": {"campus": {"secret": "whsec_short"}}}, "larder: webhooks.campus: "),
    ],
)
async def test_what_cannot_start_says_why_in_one_line_and_ends_with_2(tmp_path, change, said):
    config = written(tmp_path, "http://127.0.0.1:9", log={"level": "error"}, **change)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", yaml.safe_load(config.read_text())["server"]["port"]))
        taken.listen()
        process = await started(config)
        async with asyncio.timeout(PATIENCE):
            _, told = await process.communicate()

    assert process.returncode == 2
    lines = told.decode().splitlines()
    assert [line[: len(said)] for line in lines] == [said], lines
