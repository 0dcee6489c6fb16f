"""Tuning a Larder that runs: its config file is watched; changes are undone, compared with a file, and on record."""

import asyncio
import gc
import json
import signal
import sys
from contextlib import asynccontextmanager

import pytest
import yaml

from proxy.plan import Plans
from tests.house import ADA, STUDENT_COURSES, bearer, merged, running_sandbox
from tests.stories.machines import PATIENCE, ROOT, Caller, a_machine, kill, written

BREAKER, DRAIN = "/admin/upstreams/courseworks/breaker", "/admin/upstreams/courseworks/drain"
SECRET = "canary-9f3a"
AT_ONCE = {"GET /api/v1/courses": {"cache": {"ttl": 0, "refresh_after": 0, "stale_while_revalidate": 0}}}

each_number_of_workers = pytest.mark.parametrize("workers", [1, 2])


@asynccontextmanager
async def a_watched_machine(folder, workers):
    """A Larder in front of a sandbox, which looks at its config file, and a caller."""
    async with running_sandbox() as (_, sandbox_url):
        config = written(folder, sandbox_url, server={"workers": workers, "watch_config": True})
        async with a_machine(config) as machine:
            caller = Caller(machine.port)
            yield machine, caller
            await caller.close()


def replace(config, text):
    """As an editor does: another file in its place."""
    other = config.with_suffix(".new")
    other.write_text(text)
    other.replace(config)


def with_changes(config, **changes):
    return yaml.safe_dump(merged(yaml.safe_load(config.read_text()), changes))


async def check(config, against="running"):
    """Exit status and words of `larder check --against`."""
    command = (sys.executable, "-m", "proxy", "check", "--config", str(config), "--against", against)
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(PATIENCE):
        told, _ = await process.communicate()
    return process.returncode, told.decode()


async def on_record(machine):
    """The changes, newest first."""
    return (await machine.admin("GET", "/admin/audit"))[1]["changes"]


@each_number_of_workers
async def test_a_changed_file_holds_without_a_word_and_undone_the_one_before_does(tmp_path, workers):
    async with a_watched_machine(tmp_path, workers) as (machine, caller):
        await caller.ask(STUDENT_COURSES)
        assert "hit" in (await caller.ask(STUDENT_COURSES))[1]
        changes = {"upstreams": {"courseworks": {"endpoints": AT_ONCE}}}
        before = len(machine.lines)

        replace(machine.config, with_changes(machine.config, **changes))
        assert (await machine.told("config reload", after=before))["outcome"] == "taken"
        assert "fwd=stale" in (await caller.ask(STUDENT_COURSES))[1]
        assert await check(machine.config) == (0, nothing_but_secrets(machine.config))

        status, undone = await machine.admin("POST", "/admin/undo")
        assert (status, undone["what"], undone["file"]) == (200, "reload", "differs")
        await caller.ask(STUDENT_COURSES)
        assert "hit" in (await caller.ask(STUDENT_COURSES))[1]
        status, told = await check(machine.config)
        assert (status, "upstreams.courseworks.endpoints.GET /api/v1/courses: (not set) → " in told) == (1, True)

        undo, reload, _ = await on_record(machine)
        assert (reload["what"], reload["who"], reload["how"]) == ("reload", "-", "file")
        assert (undo["what"], undo["who"], undo["how"], undo["undoes"]) == ("undo", "admin", "admin", reload["id"])


def nothing_but_secrets(config):
    secrets = "admin.token, upstreams.google.credential.key, upstreams.smartystreets.credential.auth_id, "
    secrets += "upstreams.smartystreets.credential.auth_token, webhooks.campus.secret"
    return (
        f"whether these differ cannot be told, since they are secret: {secrets}\n{config}: nothing else would change.\n"
    )


@pytest.mark.parametrize("workers", [1])  # the same watch as a supervisor's
async def test_a_bad_or_missing_file_is_told_once_and_changes_nothing(tmp_path, workers):
    async with a_watched_machine(tmp_path, workers) as (machine, caller):
        good, before = machine.config.read_text(), len(machine.lines)
        replace(machine.config, with_changes(machine.config, servr={}))
        refused = await machine.told("config reload", after=before)
        assert (refused["outcome"], "did you mean server?" in refused["first"]) == ("refused", True)

        before = len(machine.lines)
        machine.config.unlink()
        gone = await machine.told("config reload", after=before)
        assert "cannot be read" in gone["first"]

        before = len(machine.lines)
        replace(machine.config, f"{good}\n# as it was\n")
        taken = await machine.told("config reload", after=before)
        assert (taken["outcome"], taken["changed"]) == ("taken", [])
        assert (await caller.ask(STUDENT_COURSES))[0] == 200
        assert [line["outcome"] for line in machine.lines if line["event"] == "config reload"] == [
            "refused",
            "refused",
            "taken",
        ]


@each_number_of_workers
async def test_orders_hold_in_every_worker_also_in_one_that_comes_later_and_are_undone(tmp_path, workers):
    async with a_watched_machine(tmp_path, workers) as (machine, _):
        status, given = await machine.admin("POST", BREAKER, {"state": "open", "for": "10m"})
        assert (status, given["everywhere"], given["after"]) == (200, True, {"state": "open", "for": 600.0})
        assert (await machine.admin("POST", DRAIN, {"for": "30m"}))[0] == 200
        if workers > 1:
            before = len(machine.lines)
            for pid in machine.workers:
                kill(pid)
            for process in range(1, workers + 1):
                await machine.told("a worker serves again", after=before, process=process)

        _, shown = await machine.admin("GET", "/admin/upstreams")
        [row] = [row for row in shown["upstreams"] if row["name"] == "courseworks"]
        assert (row["forced"], 500 < row["forced_left"] <= 600, 1700 < row["draining"] <= 1800) == ("open", True, True)

        await machine.admin("POST", "/admin/undo")
        await machine.admin("POST", "/admin/undo")
        _, shown = await machine.admin("GET", "/admin/upstreams")
        [row] = [row for row in shown["upstreams"] if row["name"] == "courseworks"]
        assert (row["forced"], row["draining"]) == (None, None)


@pytest.mark.parametrize("workers", [2])  # the same record as a single process's
async def test_what_was_on_record_is_there_after_a_restart_without_secrets(tmp_path, workers):
    async with a_watched_machine(tmp_path, workers) as (machine, _):
        before = len(machine.lines)
        credential = {"auth_id": SECRET, "auth_token": SECRET}
        replace(machine.config, with_changes(machine.config, upstreams={"smartystreets": {"credential": credential}}))
        await machine.told("config reload", after=before)
        await machine.admin("POST", BREAKER, {"state": "open", "for": 60})
        machine.process.send_signal(signal.SIGTERM)
        assert await machine.ended() == 0
        assert SECRET not in json.dumps(machine.lines)

        async with a_machine(machine.config) as again:
            changes = await on_record(again)

    assert [change["what"] for change in changes] == ["start", "end", "breaker", "reload", "start"]
    assert [change["undoable"] for change in changes] == [False] * 5
    assert changes[3]["after"] == {
        "upstreams.smartystreets.credential.auth_id": "***",
        "upstreams.smartystreets.credential.auth_token": "***",
    }
    assert SECRET not in (tmp_path / "larder-audit.jsonl").read_text()


async def test_nothing_that_held_before_a_reload_is_kept_for_the_requests_it_answered(larder):
    async with larder() as home:
        for number in range(5):
            home.reload(defaults={"cache": {"settle": f"{41 + number}s"}})
            for _ in range(3):  # nobody asks for just this again
                assert (await home.get(f"{STUDENT_COURSES}?per_page={1 + number}", headers=bearer(ADA))).status == 200
        await home.settled()
        gc.collect()

        kept = {one.settings.defaults.cache.settle for one in gc.get_objects() if isinstance(one, Plans)}
        assert kept & set(range(41, 46)) == {45}


@pytest.mark.parametrize("workers", [2])  # a single process says it by the same words
async def test_an_endpoint_that_nobody_declared_is_noticed_in_the_log_and_in_the_answer(tmp_path, workers):
    async with a_watched_machine(tmp_path, workers) as (machine, _):
        before = len(machine.lines)
        own = {"upstreams": {"courseworks": {"endpoints": {"GET /api/v1/coursez": {}}}}}

        replace(machine.config, with_changes(machine.config, **own))
        said = (await machine.told("config", after=before))["notice"]
        answer = (await machine.admin("POST", "/admin/config/reload"))[1]

        assert 'nearest: "GET /api/v1/courses"' in said
        assert answer["notices"] == [said]
