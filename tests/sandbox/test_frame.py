"""The sandbox's control paths: journal, clock, settings, reset, state."""

import asyncio
import signal
import socket
import sys

import pytest

ADA = "sandbox-student-ada"


async def test_every_request_to_an_upstream_is_journalled_with_its_raw_path_and_query(sandbox):
    await sandbox.get("/courseworks/api/v1/courses/sis_course_id%3A2026F%2FSAND%2F012?b=2&a=1&b=3", ADA)
    await sandbox.get("/_sandbox/state")

    (entry,) = await sandbox.journal()
    assert entry["upstream"] == "courseworks"
    assert entry["path"] == "/courseworks/api/v1/courses/sis_course_id%3A2026F%2FSAND%2F012"
    assert entry["query"] == "b=2&a=1&b=3"
    assert (entry["n"], entry["method"], entry["status"], entry["fault"]) == (1, "GET", 200, None)


async def test_credentials_stand_in_the_journal_as_hashes_only(sandbox):
    await sandbox.get("/courseworks/api/v1/courses?access_token=sandbox-student-ben&page=1", ADA)
    await sandbox.get("/google/maps/api/geocode/json?address=x&key=AIzaSandboxKey")

    answer = await sandbox.get("/_sandbox/journal")
    assert ADA.encode() not in answer.body
    assert b"sandbox-student-ben" not in answer.body
    assert b"AIzaSandboxKey" not in answer.body
    assert answer.json["requests"][0]["query"].endswith("&page=1")
    assert answer.json["requests"][0]["headers"]["authorization"].startswith("sha256:")


async def test_the_journal_is_filtered_by_upstream_path_method_and_number(sandbox):
    await sandbox.get("/courseworks/api/v1/courses", ADA)
    await sandbox.get("/courseworks/api/v1/courses/565", ADA)
    await sandbox.get("/google/maps/api/geocode/json")

    assert len(await sandbox.journal(upstream="courseworks")) == 2
    assert len(await sandbox.journal(path="/courseworks/api/v1/courses")) == 1
    assert len(await sandbox.journal(path="/courseworks/api/v1/courses*")) == 2
    assert len(await sandbox.journal(method="post")) == 0
    assert [entry["n"] for entry in await sandbox.journal(since="2")] == [3]
    assert (await sandbox.get("/_sandbox/journal?paht=x")).status == 400
    assert (await sandbox.get("/_sandbox/journal?since=x")).status == 400


async def test_an_emptied_journal_counts_on(sandbox):
    await sandbox.get("/courseworks/api/v1/courses", ADA)
    assert (await sandbox.ask("DELETE", "/_sandbox/journal")).status == 204
    await sandbox.get("/courseworks/api/v1/courses", ADA)

    assert [entry["n"] for entry in await sandbox.journal()] == [2]


async def test_a_reset_brings_everything_back_to_the_start(sandbox):
    await sandbox.post("/_sandbox/change", json={"kind": "rename_course", "course_id": 565, "name": "Other"})
    await sandbox.post("/_sandbox/faults", json={"upstream": "courseworks", "kind": "status"})
    await sandbox.post("/_sandbox/settings", json={"sign": True, "canvas": {"replica_lag": 5}})
    await sandbox.post("/_sandbox/clock", json={"advance": 60})
    await sandbox.post("/_sandbox/reset")

    assert (await sandbox.get("/courseworks/api/v1/courses/565", ADA)).json["name"] == "Made-up Methods"
    settings = (await sandbox.get("/_sandbox/settings")).json
    assert (settings["sign"], settings["canvas"]["replica_lag"]) == (False, 0)
    assert (await sandbox.get("/_sandbox/state")).json["now"] == sandbox.clock.now
    assert (await sandbox.get("/_sandbox/events")).json["count"] == 0


async def test_two_sandboxes_start_with_the_same_rows(sandbox):
    first = (await sandbox.get("/courseworks/api/v1/courses/565/enrollments?per_page=100", ADA)).body
    await sandbox.post("/_sandbox/reset")
    second = (await sandbox.get("/courseworks/api/v1/courses/565/enrollments?per_page=100", ADA)).body

    assert first == second


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"notifi": []}, "notify"),
        ({"sign": "perhaps"}, "sign"),
        ({"canvas": {"replica_lagg": 1}}, "replica_lag"),
        ({"canvas": {"throttle_status": 500}}, "throttle_status"),
        ({"canvas": 7}, "canvas"),
        ([], "object"),
    ],
)
async def test_a_wrong_setting_is_refused_whole_and_named(sandbox, body, named):
    before = (await sandbox.get("/_sandbox/settings")).json
    if isinstance(body, dict):
        body = {"webhooks": ["http://127.0.0.1:1/"], **body}
    answer = await sandbox.post("/_sandbox/settings", json=body)

    assert answer.status == 400
    assert named in answer.json["error"]
    assert (await sandbox.get("/_sandbox/settings")).json == before


async def test_the_clock_moves_only_by_a_number(sandbox):
    start = sandbox.clock.now
    assert (await sandbox.post("/_sandbox/clock", json={"advance": 90})).json == {"now": start + 90}
    for wrong in ({"advance": "1"}, {"advance": True}, {"ahead": 1}, {}):
        assert (await sandbox.post("/_sandbox/clock", json=wrong)).status == 400


async def test_an_unknown_upstream_is_404_and_the_known_ones_are_named(sandbox):
    answer = await sandbox.get("/canvas/api/v1/courses")
    assert answer.status == 404
    assert "/courseworks/" in answer.json["error"]


async def test_large_answers_are_gzipped_for_those_who_accept_it(sandbox):
    packed = await sandbox.get("/courseworks/api/v1/courses", ADA, headers={"Accept-Encoding": "gzip"})
    plain = await sandbox.get("/courseworks/api/v1/courses", ADA, headers={"Accept-Encoding": "identity"})

    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.body == plain.body


async def _started(*arguments: str) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(sys.executable, "-m", "sandbox", *arguments, stdout=pipe, stderr=pipe)


async def test_as_a_program_it_says_when_it_is_ready_and_stops_when_told():
    process = await _started("--port", "0")
    line = await process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    _, complaints = await process.communicate()

    assert line.startswith(b"sandbox ready on http://127.0.0.1:")
    assert (process.returncode, complaints) == (0, b"")


async def test_a_port_in_use_is_one_clear_line_and_status_2():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        process = await _started("--port", str(taken.getsockname()[1]))
        _, complaint = await process.communicate()

    assert process.returncode == 2
    assert complaint.startswith(b"sandbox: cannot listen on 127.0.0.1:")
    assert complaint.count(b"\n") == 1
