"""canvasapi through Larder: every refusal is the SDK's own exception, and what may be covered is covered."""

import pytest
from canvasapi import exceptions as refused

from tests.house import ADA, BEN, CY, bearer
from tests.sdk.clients import in_canvas, in_pages_of, switch

COURSE = "/courseworks/api/v1/courses/565"
REST = 5 * 60  # seconds that a refused credential is not tried again
HOUR = 3600
THROTTLED_NOW = {"request_cost": 700, "throttle_status": 429}
THROTTLED_THEN = {"request_cost": 700, "throttle_status": 403}
ERROR_INSIDE = {"errors": [{"message": "An error occurred."}]}


def course_name(canvas):
    return canvas.get_course(565).name


@pytest.mark.parametrize(
    ("token", "switches", "error"),
    [
        ("sandbox-noscope", {}, refused.Unauthorized),
        (BEN, {}, refused.Unauthorized),
        (BEN, {"api_auth_error_updates": True}, refused.Forbidden),
    ],
)
async def test_each_missing_permission_is_the_sdks_own_exception_and_is_not_kept(home, token, switches, error):
    await switch(home, canvas=switches)

    for asked in (1, 2):
        with pytest.raises(error) as caught:
            await in_canvas(home.url, lambda canvas: canvas.get_course(100), token)
        assert type(caught.value) is error
        assert await home.calls("/courseworks/api/v1/courses/100") == asked


async def test_a_missing_course_is_missing_and_canvas_is_not_asked_again_at_once(home):
    for _ in range(2):
        with pytest.raises(refused.ResourceDoesNotExist):
            await in_canvas(home.url, lambda canvas: canvas.get_course(987654321))

    assert await home.calls("/courseworks/api/v1/courses/987654321") == 1


@pytest.mark.parametrize(
    ("switches", "error"),
    [(THROTTLED_NOW, refused.RateLimitExceeded), (THROTTLED_THEN, refused.Forbidden)],
    ids=["429", "403"],
)
async def test_both_forms_of_throttling_reach_the_sdk_when_nothing_is_kept(home, switches, error):
    await switch(home, canvas=switches)
    await in_canvas(home.url, lambda canvas: canvas.get_current_user())

    with pytest.raises(error) as caught:
        await in_canvas(home.url, course_name)

    assert type(caught.value) is error
    assert await home.calls(COURSE) == 1


@pytest.mark.parametrize("token", ["not-a-token", "sandbox-expired", "sandbox-revoked"])
async def test_a_token_that_is_no_good_rests_and_the_sdk_hears_why_without_a_call(home, token):
    for _ in range(3):
        with pytest.raises(refused.InvalidAccessToken):
            await in_canvas(home.url, lambda canvas: canvas.get_course(100), token)

    assert await home.calls("/courseworks/api/v1/courses/100") == 1
    home.clock.advance(REST)
    with pytest.raises(refused.InvalidAccessToken):
        await in_canvas(home.url, lambda canvas: canvas.get_course(100), token)
    assert await home.calls("/courseworks/api/v1/courses/100") == 2


@pytest.mark.parametrize("switches", [THROTTLED_NOW, THROTTLED_THEN], ids=["429", "403"])
async def test_both_forms_of_throttling_are_covered_by_what_is_kept(home, switches):
    await in_canvas(home.url, course_name)
    await home.settled()
    home.clock.advance(HOUR)
    await switch(home, canvas=switches)
    await in_canvas(home.url, lambda canvas: canvas.get_course(101).name)
    before = await home.calls(COURSE)

    assert await in_canvas(home.url, course_name) == "Made-up Methods"
    assert await home.calls(COURSE) == before  # its token is left alone for a while


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, refused.BadRequest),
        (409, refused.Conflict),
        (422, refused.UnprocessableEntity),
        (500, refused.CanvasException),
        (502, refused.CanvasException),
        (503, refused.CanvasException),
    ],
)
async def test_each_failure_is_the_sdks_own_exception_when_nothing_is_kept(home, status, error):
    await home.fail(status=status)

    with pytest.raises(error):
        await in_canvas(home.url, course_name)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 200, "body": ERROR_INSIDE},
        {"kind": "malformed"},
        {"kind": "empty_list"},
        {"kind": "html_502"},
        {"kind": "reset"},
        {"kind": "down"},
        {"kind": "status", "status": 503},
    ],
    ids=lambda fault: str(fault.get("status", fault["kind"])),
)
async def test_a_bad_answer_never_takes_the_place_of_a_good_one(home, fault):
    await in_canvas(home.url, course_name)
    await home.settled()
    home.clock.advance(HOUR)
    before = await home.calls(COURSE)
    await home.fail(**fault)

    assert await in_canvas(home.url, course_name) == "Made-up Methods"
    assert await home.calls(COURSE) > before


async def test_a_student_still_has_the_courses_when_canvas_is_down_for_a_day_less_a_minute(home):
    def story(canvas):
        return [course.id for course in canvas.get_courses()], canvas.get_course(565).name

    before = await in_canvas(home.url, story)
    await home.settled()
    await home.fail(kind="down")
    home.clock.advance(24 * HOUR - 60)

    assert await in_canvas(home.url, story) == before
    answer = await home.get(COURSE, headers=bearer(ADA))
    assert "ttl=-" in answer.cache

    home.clock.advance(20 * 60)  # past the quarter of an hour it was fresh, and the day
    with pytest.raises(refused.CanvasException):
        await in_canvas(home.url, course_name)


async def test_every_page_of_a_roster_is_still_there_when_canvas_is_down_for_ten_minutes(home):
    def roster(canvas):
        return [row.id for row in in_pages_of(25, canvas.get_course(565).get_users())]

    before = await in_canvas(home.url, roster, CY)
    await home.settled()
    await home.fail(kind="down")
    home.clock.advance(10 * 60)

    assert len(before) > 50
    assert await in_canvas(home.url, roster, CY) == before


async def test_when_canvas_is_down_and_nothing_is_kept_the_sdk_says_so_in_its_own_words(home):
    await home.fail(kind="down")

    with pytest.raises(refused.CanvasException):
        await in_canvas(home.url, course_name)


async def test_a_refused_token_gets_nothing_that_was_kept_for_it(home):
    await in_canvas(home.url, course_name)
    await home.settled()
    home.clock.advance(HOUR)
    body = {"errors": [{"message": "Revoked access token."}]}
    await home.fail(status=401, body=body, headers={"WWW-Authenticate": 'Bearer realm="canvas-lms"'}, times=1)
    with pytest.raises(refused.InvalidAccessToken):
        await in_canvas(home.url, course_name)

    await home.fail(kind="down")
    home.clock.advance(REST)

    with pytest.raises(refused.CanvasException) as caught:
        await in_canvas(home.url, course_name)
    assert not isinstance(caught.value, refused.InvalidAccessToken)
