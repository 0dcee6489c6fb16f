"""Faults on demand, as they look on the wire."""

import asyncio
import gzip
import json
import zlib

import aiohttp
import pytest

ADA = "sandbox-student-ada"
COURSES = "/courseworks/api/v1/courses"


async def order(sandbox, **plan):
    answer = await sandbox.post("/_sandbox/faults", json={"upstream": "courseworks", **plan})
    assert answer.status == 201
    return answer.json["id"]


def raw(sandbox):
    """A request whose answer is read as it comes, and not decoded."""
    headers = {"Authorization": f"Bearer {ADA}"}
    return sandbox.http.get(sandbox.url + COURSES, headers=headers, auto_decompress=False)


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
        ({"upstream": "google", "kind": "down", "every": 0}, "every"),
        ({"upstream": "google", "kind": "bomb", "size": 1}, "size"),
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


@pytest.mark.parametrize("kind", ["reset_mid_body", "reset_after_headers"])
async def test_an_answer_breaks_off_in_its_middle_or_behind_its_head(sandbox, kind):
    whole = (await sandbox.get(COURSES, ADA)).body
    await order(sandbox, kind=kind, times=1)

    async with raw(sandbox) as answer:
        assert answer.status == 200
        if kind == "reset_mid_body":
            assert await answer.content.readexactly(len(whole) // 2) == whole[: len(whole) // 2]
        with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientOSError)):
            await answer.content.read()


@pytest.mark.parametrize(("kind", "share"), [("hang_after_headers", 0), ("hang_mid_body", 0.5)])
async def test_an_answer_hangs_behind_its_head_or_in_its_middle_until_the_fault_is_cleared(sandbox, kind, share):
    whole = (await sandbox.get(COURSES, ADA)).body
    number = await order(sandbox, kind=kind)

    async with raw(sandbox) as answer:
        came = int(len(whole) * share)
        assert await answer.content.readexactly(came) == whole[:came]
        reading = asyncio.ensure_future(answer.content.read())
        await sandbox.get("/_sandbox/state")
        assert not reading.done()
        await sandbox.ask("DELETE", f"/_sandbox/faults/{number}")
        with pytest.raises((aiohttp.ClientPayloadError, aiohttp.ClientOSError)):
            await reading


async def test_an_answer_drips_a_byte_at_a_time(sandbox):
    whole = (await sandbox.get(COURSES, ADA)).body
    await order(sandbox, kind="drip", seconds=0.5, times=1)

    assert (await sandbox.get(COURSES, ADA)).body == whole
    assert sandbox.slept.seconds == [0.5] * len(whole)


async def test_a_gzip_lacks_its_end_and_is_well_framed(sandbox):
    whole = (await sandbox.get(COURSES, ADA)).body
    await order(sandbox, kind="truncated_gzip", times=1)

    async with raw(sandbox) as answer:
        body = await answer.read()
        assert (answer.headers["content-encoding"], int(answer.headers["content-length"])) == ("gzip", len(body))
    unpacker = zlib.decompressobj(31)
    assert whole.startswith(unpacker.decompress(body))
    assert not unpacker.eof


@pytest.mark.parametrize("size", [2, 3, 5_000_000])
async def test_a_bomb_is_small_until_it_is_inflated(sandbox, size):
    await order(sandbox, kind="bomb", size=size, times=1)

    async with raw(sandbox) as answer:
        body = await answer.read()
    assert answer.headers["content-encoding"] == "gzip"
    assert len(gzip.decompress(body)) == size
    assert json.loads(gzip.decompress(body)) == []
    assert len(body) < 100 + size / 900


async def test_a_body_without_an_end_goes_on_until_the_caller_leaves(sandbox):
    await order(sandbox, kind="endless", times=1)

    async with raw(sandbox) as answer:
        await answer.content.readexactly(5_000_000)
    assert (await sandbox.get(COURSES, ADA)).status == 200


async def test_a_body_without_an_end_ends_when_the_fault_is_cleared(sandbox):
    number = await order(sandbox, kind="endless")

    async with raw(sandbox) as answer:
        await answer.content.readexactly(1_000_000)
        await sandbox.ask("DELETE", f"/_sandbox/faults/{number}")
        await answer.read()


async def test_an_upstream_flaps_up_and_down(sandbox):
    await order(sandbox, kind="status", status=500, every=2)
    assert [(await sandbox.get(COURSES, ADA)).status for _ in range(6)] == [200, 500] * 3

    await sandbox.ask("DELETE", "/_sandbox/faults")
    await order(sandbox, kind="status", status=500, every=3, times=1)
    assert [(await sandbox.get(COURSES, ADA)).status for _ in range(6)] == [200, 200, 500, 200, 200, 200]


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
    validation = (await sandbox.post("/google/v1:validateAddress")).json["error"]
    assert validation["status"] == "RESOURCE_EXHAUSTED"
    assert [detail.get("retryDelay") for detail in validation["details"]] == [None, "2s"]


@pytest.mark.parametrize(("said", "seen"), [(403, 403), (429, 429), (503, 429)])
async def test_courseworks_throttles_as_it_does_and_as_it_did(sandbox, said, seen):
    await order(sandbox, kind="throttle", status=said)
    answer = await sandbox.get(COURSES, ADA)

    assert (answer.status, b"(Rate Limit Exceeded)" in answer.body) == (seen, True)


async def test_a_fault_may_be_of_one_address_alone_wherever_it_stands(sandbox):
    street = "/smartystreets/us-street/street-address?auth-id=sandbox-id&auth-token=sandbox-token"
    fault = {"upstream": "smartystreets", "kind": "status", "status": 400, "containing": "13 Canary Way"}
    await sandbox.ask("POST", "/_sandbox/faults", json=fault)

    others = await sandbox.ask("POST", street, json=[{"street": "12 Example Place"}])
    batch = await sandbox.ask("POST", street, json=[{"street": "12 Example Place"}, {"street": "13 Canary Way"}])
    alone = await sandbox.ask("GET", f"{street}&street=13+Canary%20Way")

    assert [answer.status for answer in (others, batch, alone)] == [200, 400, 400]
