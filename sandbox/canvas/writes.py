"""Writes: each checks the right and the values, makes one change, and answers with the row as it now is."""

from typing import Any, get_args

from sandbox.canvas import answers, changes
from sandbox.canvas.calls import Call
from sandbox.canvas.happenings import Happening
from sandbox.canvas.records import Course, Enrollment, EnrollmentType, Section
from sandbox.canvas.shapes import course_json, enrollment_json, own_user_json, section_json
from sandbox.canvas.world import local_id

Written = tuple[Any, list[Happening]]
TYPES: tuple[str, ...] = get_args(EnrollmentType)
LONGEST_NAME = 255
COURSE_EVENTS = {
    "claim": "unpublished",
    "offer": "available",
    "conclude": "completed",
    "delete": "deleted",
    "undelete": "unpublished",
}
TASKS = {"conclude": "completed", "delete": "deleted", "inactivate": "inactive", "deactivate": "inactive"}


def _name(call: Call, parameter: str) -> str | None:
    """The name given, None when there is none; raises Refused (422) when it does not fit."""
    name = call.given.one(parameter)
    if name is not None and not name.strip():
        raise answers.invalid("name", "can't be blank")
    if name is not None and len(name) > LONGEST_NAME:
        raise answers.invalid("name", f"is too long (maximum is {LONGEST_NAME} characters)")
    return name


def _taught(call: Call, raw: str) -> Course:
    course = call.reader.course(raw)
    call.reader.require(allowed=call.reader.is_staff_in(course.id))
    return course


def _section(call: Call, raw: str) -> Section:
    section = call.reader.world.section(raw)
    if section is None:
        raise answers.not_found()
    call.reader.require(allowed=call.reader.is_staff_in(section.course_id))
    return section


def update_course(call: Call, raw: str) -> Written:
    course = _taught(call, raw)
    if not call.given.has_any("course") and call.given.one("offer") is None:
        raise answers.bad_request("course is missing")
    name, event = _name(call, "course[name]"), call.given.one("course[event]")
    if event is not None and event not in COURSE_EVENTS:
        raise answers.bad_request("course[event] is invalid")
    columns = ("course_code", "start_at", "end_at")
    values = {column: call.given.one(f"course[{column}]") for column in columns}
    values |= {"name": name, "workflow_state": COURSE_EVENTS.get(event or "")}
    news = []
    given = {column: value for column, value in values.items() if value is not None}
    if given:
        news.append(changes.update_course(call.state, course.id, **given)[1])
    syllabus = call.given.one("course[syllabus_body]")
    if syllabus is not None:
        news.append(changes.set_syllabus(call.state, course.id, syllabus)[1])
    return course_json(call.reader, course, call.given), news


def add_section(call: Call, raw: str) -> Written:
    course = _taught(call, raw)
    name = _name(call, "course_section[name]") or course.name
    sis = call.given.one("course_section[sis_section_id]")
    section, happening = changes.add_section(call.state, course.id, name, sis)
    return section_json(call.reader, section, call.given), [happening]


def crosslist_section(call: Call, raw: str, raw_course: str) -> Written:
    section, course = _section(call, raw), _taught(call, raw_course)
    moved, happening = changes.crosslist(call.state, section.id, course.id)
    return section_json(call.reader, moved, call.given), [happening]


def decrosslist_section(call: Call, raw: str) -> Written:
    section = _section(call, raw)
    if section.nonxlist_course_id is None:
        raise answers.bad_request("section is not cross-listed")
    moved, happening = changes.crosslist(call.state, section.id, section.nonxlist_course_id)
    return section_json(call.reader, moved, call.given), [happening]


def update_user(call: Call, raw: str) -> Written:
    user = call.reader.user(raw)
    call.reader.require(allowed=call.reader.is_admin)
    if not call.given.has_any("user"):
        raise answers.bad_request("user is missing")
    values = {name: call.given.one(f"user[{name}]") for name in ("short_name", "sortable_name")}
    values["name"] = _name(call, "user[name]")
    given = {name: value for name, value in values.items() if value is not None}
    changed, happening = changes.update_user(call.state, user.id, **given)
    return own_user_json(call.reader, changed, call.given), [happening]


def enroll(call: Call, raw: str) -> Written:
    """New enrollments are invitations unless `enrollment[enrollment_state]` says active."""
    course, given = _taught(call, raw), call.given
    user_id = given.one("enrollment[user_id]")
    if not user_id:
        raise answers.bad_request("Can't create an enrollment without a user. Include enrollment[user_id] to proceed")
    user = call.reader.user(user_id)
    kind: Any = given.one("enrollment[type]") or "StudentEnrollment"
    if kind not in TYPES:
        raise answers.bad_request("Invalid type")
    section = _section_for(call, course)
    status = "active" if given.one("enrollment[enrollment_state]") == "active" else "invited"
    row, happening = changes.enroll(call.state, user.id, section.id, kind, status)
    return enrollment_json(call.reader, row, given), [happening]


def _section_for(call: Call, course: Course) -> Section:
    raw = call.given.one("enrollment[course_section_id]")
    if raw is None:
        return min(call.reader.world.sections_of(course.id), key=lambda section: section.id)
    section = _section(call, raw)
    if section.course_id != course.id:
        raise answers.not_found()
    return section


def _enrollment(call: Call, course: Course, raw: str) -> Enrollment:
    row = call.reader.world.enrollments.get(local_id(raw) or 0)
    if row is None or row.course_id != course.id:
        raise answers.not_found()
    return row


def end_enrollment(call: Call, raw: str, raw_enrollment: str) -> Written:
    """`task`: conclude (default), delete, inactivate or deactivate."""
    course = _taught(call, raw)
    row = _enrollment(call, course, raw_enrollment)
    status = TASKS.get(call.given.one("task") or "conclude")
    if status is None or row.state == "deleted":
        raise answers.bad_request("unable to conclude or delete this enrollment")
    row, happening = changes.set_enrollment_state(call.state, row.id, status)
    return enrollment_json(call.reader, row, call.given), [happening]


def reactivate_enrollment(call: Call, raw: str, raw_enrollment: str) -> Written:
    course = _taught(call, raw)
    row, happening = changes.set_enrollment_state(call.state, _enrollment(call, course, raw_enrollment).id, "active")
    return enrollment_json(call.reader, row, call.given), [happening]
