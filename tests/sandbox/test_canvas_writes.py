"""Writes to the Canvas stand-in: what they change, what they refuse, which event they send."""

import pytest

API = "/courseworks/api/v1"
ADA, BEN, CY, ADMIN = "sandbox-student-ada", "sandbox-student-ben", "sandbox-teacher-cy", "sandbox-admin"


async def newest_event(sandbox):
    return (await sandbox.get("/_sandbox/events")).json["events"][-1]["event"]


@pytest.mark.parametrize("how", [{"data": {"course[name]": "New"}}, {"json": {"course": {"name": "New"}}}])
async def test_a_course_is_renamed_by_form_and_by_json(sandbox, how):
    answer = await sandbox.ask("PUT", f"{API}/courses/565", CY, **how)

    assert (answer.status, answer.json["name"]) == (200, "New")
    assert (await sandbox.get(f"{API}/courses/565", ADA)).json["name"] == "New"
    event = await newest_event(sandbox)
    assert event["metadata"]["event_name"] == "course_updated"
    assert event["metadata"]["user_id"] == "21070000000020070"  # the actor
    assert event["body"]["course_id"] == "21070000000000565"


async def test_a_student_changes_nothing(sandbox):
    refused = [
        await sandbox.ask("PUT", f"{API}/courses/565", ADA, data={"course[name]": "Mine"}),
        await sandbox.post(f"{API}/courses/565/sections", ADA, data={"course_section[name]": "Mine"}),
        await sandbox.post(f"{API}/courses/565/enrollments", ADA, data={"enrollment[user_id]": "20066"}),
        await sandbox.ask("DELETE", f"{API}/courses/565/enrollments/46826", ADA),
        await sandbox.ask("PUT", f"{API}/users/20064", ADA, data={"user[name]": "A"}),
    ]
    assert [answer.status for answer in refused] == [401] * 5
    assert (await sandbox.get("/_sandbox/events")).json["count"] == 0


async def test_an_enrollment_is_made_concluded_and_deleted(sandbox):
    form = {
        "enrollment[user_id]": "20065",
        "enrollment[type]": "StudentEnrollment",
        "enrollment[enrollment_state]": "active",
    }
    made = await sandbox.post(f"{API}/courses/101/enrollments", CY, data=form)
    assert made.json["enrollment_state"] == "active"
    assert (await sandbox.get(f"{API}/courses/101", BEN)).status == 200
    event = await newest_event(sandbox)
    assert event["metadata"]["event_name"] == "enrollment_created"
    assert event["body"]["user_id"] == "21070000000020065"

    path = f"{API}/courses/101/enrollments/{made.json['id']}"
    concluded = await sandbox.ask("DELETE", path + "?task=conclude", CY)
    deleted = await sandbox.ask("DELETE", path + "?task=delete", CY)
    assert concluded.json["enrollment_state"] == "completed"
    assert deleted.json["enrollment_state"] == "deleted"
    assert (await newest_event(sandbox))["body"]["workflow_state"] == "deleted"
    assert (await sandbox.get(f"{API}/courses/101", BEN)).status == 401


async def test_an_enrollment_without_a_state_is_an_invitation(sandbox):
    made = await sandbox.post(f"{API}/courses/101/enrollments", CY, json={"enrollment": {"user_id": 20065}})
    assert made.json["enrollment_state"] == "invited"


@pytest.mark.parametrize(
    ("method", "path", "form", "status"),
    [
        ("POST", "courses/565/enrollments", {}, 400),
        ("POST", "courses/565/enrollments", {"enrollment[user_id]": "20066", "enrollment[type]": "King"}, 400),
        ("POST", "courses/565/enrollments", {"enrollment[user_id]": "999999"}, 404),
        ("PUT", "courses/565", {}, 400),
        ("PUT", "courses/565", {"course[name]": " "}, 422),
        ("PUT", "courses/565", {"course[name]": "x" * 256}, 422),
        ("PUT", "courses/565", {"course[event]": "explode"}, 400),
        ("POST", "courses/999999/sections", {"course_section[name]": "x"}, 404),
        ("DELETE", "courses/565/enrollments/1", {}, 404),
        ("DELETE", "courses/565/enrollments/46826?task=eat", {}, 400),
    ],
)
async def test_bad_writes_are_refused_and_change_nothing(sandbox, method, path, form, status):
    answer = await sandbox.ask(method, f"{API}/{path}", CY, data=form)
    assert answer.status == status
    assert answer.json["errors"]
    assert (await sandbox.get("/_sandbox/events")).json["count"] == 0


async def test_a_body_that_does_not_parse_is_400(sandbox):
    answer = await sandbox.ask(
        "PUT", f"{API}/courses/565", CY, data=b'{"course":', headers={"Content-Type": "application/json"}
    )
    assert answer.status == 400


async def test_validation_errors_name_their_field(sandbox):
    answer = await sandbox.ask("PUT", f"{API}/courses/565", CY, data={"course[name]": ""})
    assert answer.json == {"errors": [{"field": "name", "message": "can't be blank", "error_code": "invalid"}]}


async def test_cross_listing_moves_a_section_with_its_people_and_back(sandbox):
    moved = await sandbox.post(f"{API}/sections/4812/crosslist/101", CY)
    assert (moved.json["course_id"], moved.json["nonxlist_course_id"]) == (101, 565)
    assert (await sandbox.get(f"{API}/courses/101", BEN)).status == 200
    assert (await sandbox.get(f"{API}/courses/565", BEN)).status == 401
    event = await newest_event(sandbox)
    assert event["metadata"]["event_name"] == "course_section_updated"
    assert (event["body"]["course_section_id"], event["body"]["nonxlist_course_id"]) == ("4812", "565")

    back = await sandbox.ask("DELETE", f"{API}/sections/4812/crosslist", CY)
    assert (back.json["course_id"], back.json["nonxlist_course_id"]) == (565, None)


async def test_an_admin_renames_a_person(sandbox):
    answer = await sandbox.ask("PUT", f"{API}/users/20064", ADMIN, data={"user[name]": "Ada Renamed"})
    assert (answer.json["name"], answer.json["sortable_name"]) == ("Ada Renamed", "Renamed, Ada")
    assert (await newest_event(sandbox))["metadata"]["event_name"] == "user_updated"


async def test_a_course_is_concluded_and_deleted_by_event(sandbox):
    await sandbox.ask("PUT", f"{API}/courses/565", CY, data={"course[event]": "conclude"})
    ada = {row["id"] for row in (await sandbox.get(f"{API}/courses?per_page=100", ADA)).json}
    await sandbox.ask("PUT", f"{API}/courses/565", CY, data={"course[event]": "delete"})

    assert 565 not in ada
    assert (await newest_event(sandbox))["body"]["workflow_state"] == "deleted"
    assert (await sandbox.get(f"{API}/courses/565", CY)).status == 404


async def test_a_write_tells_the_listeners(sandbox, listener):
    await sandbox.post("/_sandbox/settings", json={"notify": [listener.url]})
    await sandbox.post(f"{API}/courses/565/sections", CY, data={"course_section[name]": "Made here"})
    await listener.arrived.wait()

    assert b'"event_name":"course_section_created"' in listener.got[0][1]


async def test_writes_answer_without_etag(sandbox):
    answer = await sandbox.ask("PUT", f"{API}/courses/565", CY, data={"course[name]": "New"})
    assert "etag" not in answer.headers
