"""Pages, validators, throttling and time in the Canvas stand-in."""

import asyncio
import re
from urllib.parse import urlsplit

import pytest

API = "/courseworks/api/v1"
ADA, BEN, CY = "sandbox-student-ada", "sandbox-student-ben", "sandbox-teacher-cy"
LINK = re.compile(r'<([^>]+)>; rel="(\w+)"')


def links(answer):
    return {rel: url for url, rel in LINK.findall(answer.headers["link"])}


async def walk(sandbox, path, token):
    """All rows, following `next`, and the number of pages."""
    rows, pages = [], 0
    while path:
        answer = await sandbox.get(path, token)
        rows += answer.json
        pages += 1
        following = links(answer).get("next")
        path = following and following.removeprefix(sandbox.url)
    return rows, pages


async def test_numbered_pages_lead_through_the_whole_collection(sandbox):
    rows, pages = await walk(sandbox, f"{API}/courses?per_page=5", ADA)
    assert len(rows) == 14
    assert pages == 3
    assert len({row["id"] for row in rows}) == 14


async def test_bookmarked_pages_lead_through_the_whole_collection(sandbox):
    for what in ("enrollments", "users", "search_users"):
        rows, pages = await walk(sandbox, f"{API}/courses/565/{what}?per_page=25", CY)
        assert len({row["id"] for row in rows}) == len(rows) == 71
        assert pages == 3


async def test_a_bookmark_survives_a_row_that_goes_before_it(sandbox):
    first = await sandbox.get(f"{API}/courses/565/search_users?per_page=10", CY)
    following = links(first)["next"].removeprefix(sandbox.url)
    expected = (await sandbox.get(following, CY)).json
    gone = first.json[0]["id"]
    await sandbox.post("/_sandbox/change", json={"kind": "unenroll", "user_id": gone, "course_id": 565})

    assert [row["id"] for row in (await sandbox.get(following, CY)).json] == [row["id"] for row in expected]


async def test_the_link_header_is_written_as_canvas_writes_it(sandbox):
    query = "per_page=2&include%5B%5D=term&access_token=secret&include[]=sections&page=2&enrollment_type=student"
    answer = await sandbox.get(f"{API}/courses?{query}", ADA)

    kept = "enrollment_type=student&include%5B%5D=term&include%5B%5D=sections"
    base = f"{sandbox.url}{API}/courses?{kept}"
    parts = [("current", 2), ("next", 3), ("prev", 1), ("first", 1), ("last", 7)]
    assert answer.headers["link"] == ",".join(f'<{base}&page={page}&per_page=2>; rel="{rel}"' for rel, page in parts)


async def test_links_begin_with_the_host_the_caller_named(sandbox):
    answer = await sandbox.get(f"{API}/courses", ADA, headers={"Host": "larder.example:8080"})
    assert all(url.startswith(f"http://larder.example:8080{API}/courses?") for url in links(answer).values())


async def test_bookmarked_pages_have_neither_last_nor_prev(sandbox):
    first = await sandbox.get(f"{API}/courses/565/enrollments?per_page=10", CY)
    second = await sandbox.get(links(first)["next"].removeprefix(sandbox.url), CY)

    assert "page=first" in links(first)["current"]
    assert set(links(second)) == {"current", "next", "first"}
    assert "page=bookmark%3A" in links(second)["current"]


@pytest.mark.parametrize("page", ["bookmark:nonsense", "bookmark:WzFd", "bookmark:", "7"])
async def test_an_invalid_bookmark_is_404(sandbox, page):
    assert (await sandbox.get(f"{API}/courses/565/enrollments?page={page}", CY)).status == 404


async def test_a_page_past_the_end_is_empty(sandbox):
    answer = await sandbox.get(f"{API}/courses?page=99", ADA)
    assert (answer.status, answer.json) == (200, [])
    assert "next" not in links(answer)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 10),
        ("?per_page=5", 5),
        ("?per_page=0", 1),
        ("?per_page=1000", 71),
        ("?per_page=2&per_page=7", 7),
        ("?per_page=x", 1),
    ],
)
async def test_per_page_is_clamped_and_the_last_of_repeated_ones_wins(sandbox, query, count):
    assert len((await sandbox.get(f"{API}/courses/565/users{query}", CY)).json) == count


async def test_long_queries_cost_links_and_next_is_the_last_to_go(sandbox):
    filler = "&".join(f"search_{number}=" + "x" * 50 for number in range(50))
    answer = await sandbox.get(f"{API}/courses?per_page=5&{filler}", ADA)
    assert set(links(answer)) == {"next"}


async def test_an_unchanged_body_is_304_and_a_changed_one_is_not(sandbox):
    first = await sandbox.get(f"{API}/courses/565", ADA)
    condition = {"If-None-Match": first.headers["etag"]}
    same = await sandbox.get(f"{API}/courses/565", ADA, headers=condition)
    other_reader = await sandbox.get(f"{API}/courses/565", BEN, headers=condition)
    await sandbox.post("/_sandbox/change", json={"kind": "rename_course", "course_id": 565, "name": "New"})
    changed = await sandbox.get(f"{API}/courses/565", ADA, headers=condition)

    assert first.headers["etag"].startswith('W/"')
    assert first.headers["cache-control"] == "max-age=0, private, must-revalidate"
    assert (same.status, same.body) == (304, b"")
    assert same.headers["etag"] == first.headers["etag"]
    assert "x-request-cost" in same.headers
    assert (other_reader.status, changed.status) == (200, 200)


async def test_last_activity_moves_with_the_clock_and_no_event(sandbox):
    path = f"{API}/courses/565/enrollments?user_id=20064"
    first = await sandbox.get(path, ADA)
    sandbox.clock.now += 3600
    later = await sandbox.get(path, ADA, headers={"If-None-Match": first.headers["etag"]})

    assert later.status == 200
    assert later.json[0]["last_activity_at"] != first.json[0]["last_activity_at"]
    assert (await sandbox.get("/_sandbox/events")).json["count"] == 0


async def test_header_names_are_lower_case_on_the_wire(sandbox):
    reader, writer = await asyncio.open_connection(urlsplit(sandbox.url).hostname, urlsplit(sandbox.url).port)
    writer.write(f"GET {API}/courses?access_token={ADA} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head = (await reader.read()).partition(b"\r\n\r\n")[0]
    writer.close()
    await writer.wait_closed()

    for name in (b"link", b"etag", b"cache-control", b"x-request-cost", b"x-rate-limit-remaining"):
        assert b"\r\n" + name + b": " in head


async def test_the_bucket_charges_what_a_request_costs_and_leaks(sandbox):
    first = await sandbox.get(f"{API}/users/self", ADA)
    assert (first.headers["x-request-cost"], first.headers["x-rate-limit-remaining"]) == ("0.0300", "599.97")

    await sandbox.post("/_sandbox/settings", json={"canvas": {"request_cost": 300}})
    statuses = [(await sandbox.get(f"{API}/users/self", ADA)).status for _ in range(4)]
    assert statuses == [200, 200, 429, 429]
    assert (await sandbox.get(f"{API}/users/self", BEN)).status == 200  # a bucket of its own
    sandbox.clock.now += 10
    assert (await sandbox.get(f"{API}/users/self", ADA)).status == 200


async def test_requests_in_flight_hold_their_up_front_charge(sandbox):
    full, release = asyncio.Event(), asyncio.Event()
    waiting = []

    async def hold(seconds):
        waiting.append(seconds)
        if len(waiting) == 12:
            full.set()
        await release.wait()

    await sandbox.post("/_sandbox/settings", json={"canvas": {"latency": 1}})
    sandbox.state.sleep = hold
    asking = [asyncio.create_task(sandbox.get(f"{API}/users/self", ADA)) for _ in range(12)]
    await full.wait()
    refused = await sandbox.get(f"{API}/users/self", ADA)
    release.set()

    assert refused.status == 429
    assert [answer.status for answer in await asyncio.gather(*asking)] == [200] * 12
    assert float((await sandbox.get(f"{API}/users/self", ADA)).headers["x-rate-limit-remaining"]) > 599


@pytest.mark.parametrize(("status", "words"), [(429, "Too Many Requests"), (403, "Forbidden")])
async def test_the_throttled_form_can_be_switched(sandbox, status, words):
    await sandbox.post("/_sandbox/settings", json={"canvas": {"throttle_status": status, "request_cost": 700}})
    await sandbox.get(f"{API}/users/self", ADA)
    answer = await sandbox.get(f"{API}/users/self", ADA)

    assert answer.status == status
    assert answer.body == f"{status} {words} (Rate Limit Exceeded)\n".encode()
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-rate-limit-remaining"] == "0.0"
    assert "retry-after" not in answer.headers
    assert "x-request-cost" not in answer.headers


async def test_replicas_show_a_change_late_and_the_writer_sees_it_at_once(sandbox):
    await sandbox.post("/_sandbox/settings", json={"canvas": {"replica_lag": 10}})
    written = await sandbox.ask("PUT", f"{API}/courses/565", CY, data={"course[name]": "First"})
    sandbox.clock.now += 6
    await sandbox.ask("PUT", f"{API}/courses/565", CY, data={"course[name]": "Second"})

    names = [(await sandbox.get(f"{API}/courses/565", ADA)).json["name"]]
    for _ in range(2):
        sandbox.clock.now += 5
        names.append((await sandbox.get(f"{API}/courses/565", ADA)).json["name"])
    assert written.json["name"] == "First"
    assert names == ["Made-up Methods", "First", "Second"]
