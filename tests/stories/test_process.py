"""A real `larder run`: it starts, reloads, drains, survives kill -9, and says why it cannot start."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
import yaml

from tests.house import ADA, STUDENT_COURSES, bearer, config_for, merged, running_sandbox
from tests.ports import free_port

ROOT = Path(__file__).parents[2]


def written(folder, sandbox_url, **more):
    server = {"port": free_port(), "watch_config": False}  # a test says itself when it is read again
    ports = {"server": server, "admin": {"port": free_port(), "token": "t" * 40}}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(merged(merged(config_for(sandbox_url, folder), ports), more)))
    return path


async def started(config):
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "proxy", "run", "--config", str(config), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )


async def refused(config):
    """The exit status and the words of a Larder that should not start."""
    process = await started(config)
    try:
        async with asyncio.timeout(20):
            _, told = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, told.decode()


@asynccontextmanager
async def running(config) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    process = await started(config)
    try:
        assert process.stderr is not None
        while b"larder serves" not in (line := await process.stderr.readline()):
            assert line, "it ended before it served"
        yield process, f"http://127.0.0.1:{yaml.safe_load(config.read_text())['server']['port']}"
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
async def sandbox_url():
    async with running_sandbox() as (_, url):
        yield url


async def read(session, url, path=STUDENT_COURSES, **headers):
    async with session.get(url + path, headers=bearer(ADA, **headers)) as response:
        return response.status, response.headers.get("Cache-Status", ""), await response.read()


async def admin(session, config, method, path, body=None):
    port = yaml.safe_load(config.read_text())["admin"]["port"]
    url, headers = f"http://127.0.0.1:{port}{path}", {"Authorization": f"Bearer {'t' * 40}"}
    async with session.request(method, url, json=body, headers=headers) as response:
        return response.status, await response.read()


async def under_way(session, config):
    """Reads that Larder has taken in, and not answered."""
    _, body = await admin(session, config, "GET", "/admin/upstreams")
    [upstream] = [one for one in json.loads(body)["upstreams"] if one["name"] == "courseworks"]
    return upstream["in_flight"] + upstream["waiting"]


async def test_sigterm_under_load_fails_no_caller_and_exits_zero(tmp_path, sandbox_url):
    config = written(tmp_path, sandbox_url)
    async with running(config) as (process, url), aiohttp.ClientSession() as session:
        await session.post(
            f"{sandbox_url}/_sandbox/faults", json={"upstream": "courseworks", "kind": "latency", "seconds": 0.3}
        )
        reads = [asyncio.create_task(read(session, url, f"{STUDENT_COURSES}?n={number}")) for number in range(1, 41)]
        while await under_way(session, config) < len(reads):
            await asyncio.sleep(0)
        process.send_signal(signal.SIGTERM)

        answers = await asyncio.gather(*reads)

        assert {status for status, _, _ in answers} == {200}
        assert await process.wait() == 0


async def test_an_acknowledged_flush_survives_kill_9_and_what_was_known_is_a_hit(tmp_path, sandbox_url):
    config = written(tmp_path, sandbox_url)
    async with aiohttp.ClientSession() as session:
        async with running(config) as (process, url):
            await read(session, url)
            await read(session, url, "/courseworks/api/v1/courses/565")
            while b'"entries": []' in (await admin(session, config, "GET", "/admin/entries"))[1]:
                await asyncio.sleep(0)
            status, body = await admin(session, config, "POST", "/admin/flush", {"tag": "courseworks/course:565"})
            assert status == 200
            assert b'"durable": true' in body
            await asyncio.sleep(0)
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
        async with running(config) as (_, url):
            assert "fwd=" in (await read(session, url, "/courseworks/api/v1/courses/565"))[1]


async def test_sighup_takes_a_good_config_and_refuses_a_bad_one_as_a_whole(tmp_path, sandbox_url):
    config = written(tmp_path, sandbox_url)
    async with running(config) as (process, url), aiohttp.ClientSession() as session:
        await read(session, url)
        good = yaml.safe_load(config.read_text())
        route = {"GET /api/v1/courses": {"cache": {"ttl": 0, "refresh_after": 0, "stale_while_revalidate": 0}}}
        changed = merged(good, {"upstreams": {"courseworks": {"endpoints": route}}})

        config.write_text(yaml.safe_dump(merged(changed, {"servr": {}})))
        process.send_signal(signal.SIGHUP)
        line = await process.stderr.readline()
        while b"config reload" not in line:
            line = await process.stderr.readline()
        assert b"did you mean server?" in line
        assert "hit" in (await read(session, url))[1]

        config.write_text(yaml.safe_dump(changed))
        process.send_signal(signal.SIGHUP)
        while b"taken" not in await process.stderr.readline():
            pass
        assert "fwd=stale" in (await read(session, url))[1]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"server": {"prot": 1}}, "did you mean port?"),
        ({"server": {"host": "0.0.0.0"}}, "callers"),
        ({"upstreams": {"courseworks": {"credential": {"token": "${NOT_SET_ANYWHERE}"}}}}, "NOT_SET_ANYWHERE"),
        ({"webhooks": {"campus": {"secret": "whsec_short"}}}, "webhooks.campus"),
    ],
)
async def test_what_cannot_start_says_why_in_one_line_and_ends_with_2(tmp_path, change, said):
    config = written(tmp_path, "http://127.0.0.1:9", **change)

    status, told = await refused(config)

    assert status == 2
    assert said in told
    assert "Traceback" not in told


@pytest.mark.parametrize("listener", ["server", "admin"])
async def test_a_port_in_use_is_one_line_and_2(tmp_path, listener):
    config = written(tmp_path, "http://127.0.0.1:9")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", yaml.safe_load(config.read_text())[listener]["port"]))
        taken.listen()
        status, told = await refused(config)

    assert status == 2
    assert told.strip().splitlines()[-1].startswith("larder: cannot listen on 127.0.0.1:")


async def test_a_broken_database_is_moved_aside_loudly_and_started_fresh(tmp_path, sandbox_url):
    (tmp_path / "larder.db").write_bytes(b"this is no database, whatever it was before" * 200)
    config = written(tmp_path, sandbox_url)
    async with running(config) as (_, url), aiohttp.ClientSession() as session:
        assert (await read(session, url))[0] == 200
    assert list(tmp_path.glob("larder.db.broken-*"))


async def test_a_config_that_cannot_be_read_is_one_line_and_2(tmp_path):
    status, told = await refused(tmp_path / "nowhere.yaml")

    assert status == 2
    assert "cannot be read" in told
