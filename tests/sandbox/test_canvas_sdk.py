"""The real canvasapi against the stand-in: it must not be able to tell (SDK_REQUESTS.md §5)."""

import asyncio
import warnings
from contextlib import contextmanager

import pytest
from canvasapi import Canvas
from canvasapi import exceptions as refused

THROTTLED_NOW = {"request_cost": 700, "throttle_status": 429}
THROTTLED_THEN = {"request_cost": 700, "throttle_status": 403}


@contextmanager
def canvas_of(sandbox, token):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Canvas may respond unexpectedly")  # said of any http:// base
        canvas = Canvas(sandbox.url + "/courseworks", token)
    try:
        yield canvas
    finally:
        canvas._Canvas__requester._session.close()  # the SDK offers no other way


def in_pages_of(size, pages):
    """The SDK's own 100 wins over its user's `per_page`, so small pages must be forced on it."""
    pages._first_params["per_page"] = size
    return pages


async def in_sdk(sandbox, token, story):
    """Runs the blocking story in a thread, beside the server's loop."""

    def run():
        with canvas_of(sandbox, token) as canvas:
            return story(canvas)

    return await asyncio.to_thread(run)


async def test_it_reads_users_courses_sections_and_assignments(sandbox):
    def story(canvas):
        course = canvas.get_course(565)
        user = canvas.get_current_user()
        return (
            user.name,
            user.get_profile()["primary_email"],
            course.name,
            [section.id for section in course.get_sections()],
            len(list(course.get_assignments())),
            len(list(user.get_courses())),
        )

    answers = await in_sdk(sandbox, "sandbox-student-ada", story)
    assert answers == ("Ada Sample", "as0001@example.edu", "Made-up Methods", [4811, 4812], 11, 14)
    paths = [entry["path"] for entry in await sandbox.journal()]
    assert "/courseworks/api/v1/users/20064/profile" in paths


async def test_it_walks_numbered_pages(sandbox):
    def story(canvas):
        return [course.id for course in in_pages_of(5, canvas.get_courses())]

    found = await in_sdk(sandbox, "sandbox-student-ada", story)
    assert len(found) == len(set(found)) == 14
    assert len(await sandbox.journal()) == 3


async def test_its_own_page_size_wins_over_its_users(sandbox):
    found = await in_sdk(sandbox, "sandbox-student-ada", lambda canvas: list(canvas.get_courses(per_page=2)))

    assert len(found) == 14
    (entry,) = await sandbox.journal()
    assert entry["query"] == "per_page=2&per_page=100"


async def test_it_walks_bookmarked_pages_of_users_and_enrollments(sandbox):
    def story(canvas):
        course = canvas.get_course(565)
        collections = (course.get_users(enrollment_type=["student"]), course.get_enrollments())
        return [[row.id for row in in_pages_of(25, pages)] for pages in collections]

    users, enrollments = await in_sdk(sandbox, "sandbox-teacher-cy", story)
    assert len(users) == len(set(users)) == 66
    assert len(enrollments) == len(set(enrollments)) == 71
    assert await sandbox.journal(path="/courseworks/api/v1/courses/565/search_users")


async def test_a_slice_stops_after_the_pages_it_needs(sandbox):
    await in_sdk(sandbox, "sandbox-student-ada", lambda canvas: canvas.get_courses()[0])
    assert len(await sandbox.journal()) == 1


@pytest.mark.parametrize(
    ("token", "switches", "error"),
    [
        ("not-a-token", {}, refused.InvalidAccessToken),
        ("sandbox-expired", {}, refused.InvalidAccessToken),
        ("sandbox-revoked", {}, refused.InvalidAccessToken),
        ("sandbox-noscope", {}, refused.Unauthorized),
        ("sandbox-student-ben", {}, refused.Unauthorized),
        ("sandbox-student-ben", {"api_auth_error_updates": True}, refused.Forbidden),
        ("sandbox-token", THROTTLED_NOW, refused.RateLimitExceeded),
        ("sandbox-token", THROTTLED_THEN, refused.Forbidden),
    ],
)
async def test_each_refusal_is_the_sdks_own_exception(sandbox, token, switches, error):
    await sandbox.post("/_sandbox/settings", json={"canvas": switches})
    if "request_cost" in switches:
        await sandbox.get("/courseworks/api/v1/users/self", token)

    with pytest.raises(error) as caught:
        await in_sdk(sandbox, token, lambda canvas: canvas.get_course(100))
    assert type(caught.value) is error


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, refused.BadRequest),
        (404, refused.ResourceDoesNotExist),
        (409, refused.Conflict),
        (422, refused.UnprocessableEntity),
        (500, refused.CanvasException),
        (502, refused.CanvasException),
    ],
)
async def test_each_fault_is_the_sdks_own_exception(sandbox, status, error):
    await sandbox.post("/_sandbox/faults", json={"upstream": "courseworks", "kind": "status", "status": status})
    with pytest.raises(error):
        await in_sdk(sandbox, "sandbox-token", lambda canvas: canvas.get_course(100))


async def test_unknown_and_unprocessable_things_are_told_apart(sandbox):
    with pytest.raises(refused.ResourceDoesNotExist):
        await in_sdk(sandbox, "sandbox-token", lambda canvas: canvas.get_course(987654321))
    with pytest.raises(refused.UnprocessableEntity):
        await in_sdk(sandbox, "sandbox-token", lambda canvas: canvas.get_course(100).update(course={"name": " "}))


async def test_it_writes(sandbox):
    def story(canvas):
        course = canvas.get_course(100)
        course.update(course={"name": "Course 0 (renamed)"})
        section = course.create_course_section(course_section={"name": "Made by SDK"})
        enrollment = course.enroll_user(20065, enrollment={"type": "StudentEnrollment", "enrollment_state": "active"})
        gone = enrollment.deactivate("delete")
        return canvas.get_course(100).name, str(section), enrollment.enrollment_state, gone.enrollment_state

    name, section, state, gone = await in_sdk(sandbox, "sandbox-token", story)
    assert name == "Course 0 (renamed)"
    assert section.startswith("Made by SDK - 100 (")
    assert (state, gone) == ("active", "deleted")


async def test_it_asks_graphql(sandbox):
    query = "query($id: ID!) { course(id: $id) { _id name } }"
    answer = await in_sdk(sandbox, "sandbox-token", lambda canvas: canvas.graphql(query, {"id": "100"}))
    assert answer["data"]["course"]["name"] == "Course 0"


async def test_it_reads_accounts_as_an_admin(sandbox):
    def story(canvas):
        account = canvas.get_account(1)
        return [course.id for course in account.get_courses()], len(list(account.get_users()))

    courses, users = await in_sdk(sandbox, "sandbox-admin", story)
    assert 565 in courses
    assert users == 75
