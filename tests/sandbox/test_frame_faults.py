"""Faults on demand, as they look on the wire."""

import asyncio
import json

import aiohttp
import pytest

ADA = "sandbox-student-ada"
COURSES = "/courseworks/api/v1/courses"


async def order(sandbox, **plan):
    answer = await sandbox.post("/_sandbox/faults", json={"upstream": "courseworks", **plan})
    assert answer.status == 201
    return answer.json["id"]


async def test_the_next_n_calls_fail_then_all_is_well(sandbox):
    await order(sandbox, kind="status", status=503, times=2)

    statuses = [(await sandbox.get(COURSES, ADA)).status for _ in range(3)]
    assert statuses == [503, 503, 200]
    assert [entry["fault"] for entry in await sandbox.journal()] == ["status", "status", None]


async def test_a_fault_keeps_to_its_path_method_and_upstream(sandbox):
    await order(sandbox, kind="status", status=500, path="/api/v1/courses*", method="GET")

    assert (await sandbox.get(COURSES + "/565", ADA)).status == 500
    assert (await sandbox.get("/courseworks/api/v1/users/self", ADA)).status == 200
    assert (await sandbox.post(COURSES + "/565/sections", ADA)).status == 401
    assert (await sandbox.get("/google/api/v1/courses")).status != 500


async def test_faults_are_listed_and_cleared_singly_or_all(sandbox):
    first = await order(sandbox, kind="status")
    await order(sandbox, kind="html_502")

    assert (await sandbox.get("/_sandbox/faults")).json["count"] == 2
    assert (await sandbox.ask("DELETE", f"/_sandbox/faults/{first}")).status == 200
    assert (await sandbox.ask("DELETE", f"/_sandbox/faults/{first}")).status == 404
    assert (await sandbox.ask("DELETE", "/_sandbox/faults")).json == {"cleared": 1}
    assert (await sandbox.get(COURSES, ADA)).status == 200


@pytest.mark.parametrize(
    ("plan", "named"),
    [
        ({"upstream": "courseworks", "kind": "fire"}, "throttle"),
        ({"upstream": "canvas", "kind": "down"}, "courseworks"),
        ({"upstream": "google", "kind": "down", "time": 3}, "times"),
        ({"upstream": "google", "kind": "latency", "seconds": "long"}, "seconds"),
        ({"kind": "down"}, "upstream"),
    ],
)
async def test_a_wrong_fault_is_refused_and_named(sandbox, plan, named):
    answer = await sandbox.post("/_sandbox/faults", json=plan)
    assert answer.status == 400
    assert named in answer.json["error"]
    assert (await sandbox.get("/_sandbox/faults")).json["count"] == 0


async def test_latency_waits_and_then_answers_and_adds_up_with_another_fault(sandbox):
    await order(sandbox, kind="latency", seconds=2.5)
    assert (await sandbox.get(COURSES, ADA)).status == 200
    await order(sandbox, kind="status", status=500)
    assert (await sandbox.get(COURSES, ADA)).status == 500

    assert sandbox.slept.seconds == [2.5, 2.5]
    assert [entry["fault"] for entry in await sandbox.journal()] == ["latency", "latency+status"]


@pytest.mark.parametrize("kind", ["down", "reset"])
async def test_a_connection_ends_without_an_answer(sandbox, kind):
    await order(sandbox, kind=kind, times=1)

    # POST: aiohttp itself asks again when a kept-alive connection fails a GET.
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await sandbox.post(COURSES, ADA)
    (entry,) = await sandbox.journal()
    assert (entry["status"], entry["fault"]) == (None, kind)


async def test_an_answer_breaks_off_in_its_middle(sandbox):
    await order(sandbox, kind="reset_mid_body", times=1)

    with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientOSError)):
        await sandbox.get(COURSES, ADA)


async def test_a_hanging_request_ends_when_the_fault_is_cleared(sandbox):
    number = await order(sandbox, kind="hang")
    asking = asyncio.create_task(sandbox.post(COURSES, ADA))
    while not await sandbox.journal():
        continue
    assert not asking.done()

    await sandbox.ask("DELETE", f"/_sandbox/faults/{number}")
    with pytest.raises((aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)):
        await asking


async def test_a_malformed_body_is_well_framed_and_does_not_parse(sandbox):
    await order(sandbox, kind="malformed", times=1)
    answer = await sandbox.get(COURSES, ADA)

    assert answer.status == 200
    with pytest.raises(json.JSONDecodeError):
        _ = answer.json


async def test_the_real_answer_may_come_in_chunks(sandbox):
    whole = (await sandbox.get(COURSES, ADA)).body
    await order(sandbox, kind="chunked", times=1)
    answer = await sandbox.get(COURSES, ADA)

    assert answer.headers["transfer-encoding"] == "chunked"
    assert answer.body == whole


async def test_a_collection_may_be_empty_and_a_balancer_may_speak_html(sandbox):
    await order(sandbox, kind="empty_list", times=1)
    assert (await sandbox.get(COURSES, ADA)).json == []

    await order(sandbox, kind="html_502", times=1)
    answer = await sandbox.get(COURSES, ADA)
    assert (answer.status, answer.headers["content-type"].split(";")[0]) == (502, "text/html")


async def test_an_error_comes_in_the_words_of_its_upstream(sandbox):
    for upstream in ("courseworks", "smartystreets", "google"):
        await sandbox.post("/_sandbox/faults", json={"upstream": upstream, "kind": "status", "status": 500})

    canvas = (await sandbox.get(COURSES, ADA)).json
    assert canvas["errors"][0]["error_code"] == "internal_server_error"
    assert isinstance((await sandbox.get("/smartystreets/us-street/street-address")).json["errors"], list)
    assert (await sandbox.get("/google/v1/places/x")).json["error"]["status"] == "INTERNAL"


async def test_a_scripted_body_and_headers_are_sent_as_given(sandbox):
    await order(sandbox, kind="status", status=418, body={"a": 1}, headers={"X-Told": "yes"})
    answer = await sandbox.get(COURSES, ADA)
    assert (answer.status, answer.json, answer.headers["x-told"]) == (418, {"a": 1}, "yes")


async def test_each_upstream_throttles_in_its_own_way(sandbox):
    for upstream in ("courseworks", "smartystreets", "google"):
        await sandbox.post("/_sandbox/faults", json={"upstream": upstream, "kind": "throttle"})

    canvas = await sandbox.get(COURSES, ADA)
    assert (canvas.status, canvas.body) == (429, b"429 Too Many Requests (Rate Limit Exceeded)\n")
    assert "retry-after" not in canvas.headers
    smarty = await sandbox.get("/smartystreets/us-street/street-address")
    assert (smarty.status, smarty.headers["retry-after"]) == (429, "1")
    classic = await sandbox.get("/google/maps/api/geocode/json")
    assert (classic.status, classic.json["status"]) == (200, "OVER_QUERY_LIMIT")
    assert (await sandbox.post("/google/v1:validateAddress")).json["error"]["status"] == "RESOURCE_EXHAUSTED"
