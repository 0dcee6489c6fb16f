"""canvasapi through Larder: what it writes is written once, and read back."""

import pytest
from canvasapi import exceptions as refused

from tests.house import CY
from tests.sdk.clients import in_canvas

API = "/courseworks/api/v1"
TEACHER = "sandbox-token"
NEW_STUDENT = {"type": "StudentEnrollment", "enrollment_state": "active"}


async def test_a_course_renamed_is_read_back_by_its_new_name(home):
    def story(canvas):
        course = canvas.get_course(100)
        names = [row.name for row in canvas.get_courses() if row.id == 100]
        course.update(course={"name": "Course 0 (renamed)"})
        again = [row.name for row in canvas.get_courses() if row.id == 100]
        return course.name, names, canvas.get_course(100).name, again

    *_, single, listed = await in_canvas(home.url, story, TEACHER)

    assert single == "Course 0 (renamed)"
    assert listed == ["Course 0 (renamed)"]
    journal = await home.control("journal?method=PUT", method="GET")
    assert [entry["path"] for entry in journal["requests"]] == [f"{API}/courses/100"]


async def test_a_section_made_is_in_the_list_of_sections(home):
    def story(canvas):
        course = canvas.get_course(100)
        before = [section.name for section in course.get_sections()]
        made = course.create_course_section(course_section={"name": "Made by SDK"})
        return before, str(made), [section.name for section in course.get_sections()]

    before, made, after = await in_canvas(home.url, story, TEACHER)

    assert made.startswith("Made by SDK - 100 (")
    assert after == [*before, "Made by SDK"]


async def test_a_student_enrolled_and_removed_is_in_the_roster_and_out_of_it(home):
    def story(canvas):
        course = canvas.get_course(100)

        def roster():
            return {row.user_id for row in course.get_enrollments()}, {row.id for row in course.get_users()}

        before = roster()
        enrollment = course.enroll_user(20065, enrollment=NEW_STUDENT)
        during = roster()
        gone = enrollment.deactivate("delete")
        return before, during, roster(), gone.enrollment_state

    before, during, after, state = await in_canvas(home.url, story, TEACHER)

    assert all(20065 not in seen for seen in (*before, *after))
    assert all(20065 in seen for seen in during)
    assert after == before
    assert state == "deleted"


async def test_a_change_by_one_teacher_is_read_by_another_who_had_the_old_roster(home):
    def roster(canvas):
        return {row.user_id for row in canvas.get_course(101).get_enrollments()}

    before = await in_canvas(home.url, roster, CY)
    await in_canvas(home.url, lambda canvas: canvas.get_course(101).enroll_user(20065, enrollment=NEW_STUDENT), TEACHER)

    assert await in_canvas(home.url, roster, CY) == before | {20065}


async def test_a_write_that_fails_is_not_sent_a_second_time(home):
    await home.fail(status=503, method="PUT")

    with pytest.raises(refused.CanvasException):
        await in_canvas(home.url, lambda canvas: canvas.get_course(100).update(course={"name": "Lost"}), TEACHER)

    journal = await home.control("journal?method=PUT", method="GET")
    assert journal["count"] == 1


async def test_a_write_that_canvas_refuses_is_refused_in_the_sdks_words_and_changes_nothing_kept(home):
    home.reload(defaults={"writes": {"check_body": False}})  # else Larder would be the one to refuse it
    await in_canvas(home.url, lambda canvas: canvas.get_course(100), TEACHER)
    before = await home.calls(f"{API}/courses/100")

    with pytest.raises(refused.UnprocessableEntity):
        await in_canvas(home.url, lambda canvas: canvas.get_course(100).update(course={"name": " "}), TEACHER)

    assert (await in_canvas(home.url, lambda canvas: canvas.get_course(100).name, TEACHER)) == "Course 0"
    assert await home.calls(f"{API}/courses/100") == before + 1  # the PUT alone


async def test_a_write_that_cannot_be_right_is_refused_in_the_sdks_words_before_it_is_sent(home):
    def story(canvas):
        canvas.get_course(100).enroll_user(20065, enrollment={"type": "StudentEnrolment"})

    with pytest.raises(refused.UnprocessableEntity, match=r"enrollment\[type\]"):
        await in_canvas(home.url, story, TEACHER)

    assert (await home.control("journal?method=POST", method="GET"))["count"] == 0


async def test_graphql_is_passed_on_and_never_kept(home):
    query = "query($id: ID!) { course(id: $id) { _id name } }"

    for asked in (1, 2):
        answer = await in_canvas(home.url, lambda canvas: canvas.graphql(query, {"id": "100"}), TEACHER)
        assert answer["data"]["course"]["name"] == "Course 0"
        assert await home.calls("/courseworks/api/graphql") == asked
