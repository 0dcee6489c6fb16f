"""Holds the Canvas stand-in to the traffic that was recorded of canvasapi 3.6.0 (SDK_REQUESTS.md §1)."""

import pytest

HEADERS = {
    "User-Agent": "python-canvasapi/3.6.0",
    "Accept": "*/*",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "keep-alive",
}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
THROTTLED_NOW = {"canvas": {"request_cost": 700, "throttle_status": 429}}
THROTTLED_THEN = {"canvas": {"request_cost": 700, "throttle_status": 403}}

READ = [
    ("/canvas/api/v1/users/self", 200),
    ("/canvas/api/v1/users/7/profile", 200),
    ("/canvas/api/v1/courses?per_page=100", 200),
    (
        "/canvas/api/v1/courses?include%5B%5D=term&include%5B%5D=total_students&state%5B%5D=available"
        "&enrollment_type=student&per_page=100",
        200,
    ),
    ("/canvas/api/v1/courses?page=2&per_page=2", 200),
    ("/canvas/api/v1/courses?per_page=2&per_page=100", 200),
    ("/canvas/api/v1/courses/100", 200),
    (
        "/canvas/api/v1/courses/100/search_users?enrollment_type%5B%5D=student&include%5B%5D=email"
        "&include%5B%5D=enrollments&per_page=100",
        200,
    ),
    ("/canvas/api/v1/courses/100/search_users?per_page=5&enrollment_type%5B%5D=student", 200),
    ("/canvas/api/v1/courses/100/search_users?enrollment_type%5B%5D=student&page=bookmark%3A2&per_page=5", 200),
    ("/canvas/api/v1/courses/100/enrollments?type%5B%5D=StudentEnrollment&state%5B%5D=active&per_page=100", 200),
    ("/canvas/api/v1/courses/100/sections?per_page=100", 200),
    ("/canvas/api/v1/courses/100/assignments?per_page=100", 200),
    ("/canvas/api/v1/users/7", 200),
    ("/canvas/api/v1/users/7/courses?per_page=100", 200),
    ("/canvas/api/v1/courses/987654321", 404),
]
WRITTEN = [
    ("PUT", "/canvas/api/v1/courses/100", "course%5Bname%5D=Course+0+%28renamed%29", ("name", "Course 0 (renamed)")),
    ("PUT", "/canvas/api/v1/courses/100", "course%5Bname%5D=Course+0", ("name", "Course 0")),
    ("POST", "/canvas/api/v1/courses/100/sections", "course_section%5Bname%5D=Made+by+SDK", ("course_id", 100)),
]
# The recorder refused these by what it was told; here the token or the switches bring about the same.
REFUSED = [
    ("/canvas/api/v1/users/self", "not-a-token", {}, 401),
    ("/canvas/api/v1/courses/100", "sandbox-student-ben", {}, 401),
    ("/canvas/api/v1/users/self", "sandbox-token", THROTTLED_NOW, 429),
    ("/canvas/api/v1/users/self", "sandbox-token", THROTTLED_THEN, 403),
]


def here(target):
    return target.replace("/canvas/", "/courseworks/", 1)


@pytest.mark.parametrize(("target", "status"), READ)
async def test_a_recorded_read_gets_its_recorded_status(sandbox, target, status):
    answer = await sandbox.get(here(target), "sandbox-token", headers=HEADERS)

    assert answer.status == status
    if status == 200 and isinstance(answer.json, list) and "enrollment_type=student" not in target:
        assert answer.json


@pytest.mark.parametrize(("method", "target", "body", "shown"), WRITTEN)
async def test_a_recorded_write_gets_its_recorded_status(sandbox, method, target, body, shown):
    answer = await sandbox.ask(method, here(target), "sandbox-token", headers={**HEADERS, **FORM}, data=body)

    assert answer.status == 200
    assert answer.json[shown[0]] == shown[1]


@pytest.mark.parametrize(("target", "token", "switches", "status"), REFUSED)
async def test_a_recorded_refusal_gets_its_recorded_status(sandbox, target, token, switches, status):
    if switches:
        await sandbox.post("/_sandbox/settings", json=switches)
        await sandbox.get(here(target), token, headers=HEADERS)  # fills the bucket
    answer = await sandbox.get(here(target), token, headers=HEADERS)

    assert answer.status == status


async def test_the_journal_shows_the_recorded_targets_as_they_were(sandbox):
    for target, _ in READ:
        await sandbox.get(here(target), "sandbox-token", headers=HEADERS)

    journal = await sandbox.journal(upstream="courseworks")
    targets = [entry["path"] + (f"?{entry['query']}" if entry["query"] else "") for entry in journal]
    assert targets == [here(target) for target, _ in READ]
