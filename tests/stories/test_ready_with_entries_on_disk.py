"""Readiness after a restart: what lies on disk can be served, so unreachable upstreams are no cause to be taken out."""

from pathlib import Path

import aiohttp

from tests.house import ADA, STUDENT_COURSES, bearer, config_for, running_larder, running_sandbox


async def test_a_restarted_larder_with_entries_on_disk_is_ready_though_no_upstream_can_be_reached(tmp_path: Path):
    async with running_sandbox() as (_, sandbox_url):
        config = config_for(sandbox_url, tmp_path)
        async with running_larder(config) as (larder, _), aiohttp.ClientSession() as session:
            url = f"http://127.0.0.1:{larder.listener.port}"
            async with session.get(url + STUDENT_COURSES, headers=bearer(ADA)) as response:
                assert response.status == 200
            await larder.engine.drain()
            await larder.durable.flush()

    async with running_larder(config) as (larder, _), aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{larder.listener.port}"
        await larder._housekeeping.knock()
        async with session.get(url + "/-/ready") as response:
            ready, said = response.status, await response.text()
        async with session.get(url + STUDENT_COURSES, headers=bearer(ADA)) as response:
            served = response.status

    assert served == 200
    assert ready == 200, said
