"""Reads of users, rosters and enrollments."""

from collections.abc import Iterable
from typing import Any

from sandbox.canvas import answers
from sandbox.canvas.calls import Call
from sandbox.canvas.course_reads import SHORTEST_SEARCH, found_section
from sandbox.canvas.pages import Listing
from sandbox.canvas.records import Course, Enrollment, User
from sandbox.canvas.shapes import enrollment_json, own_user_json, profile_json, user_json
from sandbox.canvas.world import local_id

DEFAULT_STATES = frozenset({"active", "invited"})
SPECIAL_STATES = {
    "current_and_invited": {"active", "invited"},
    "current_and_creation_pending": {"active", "invited", "creation_pending"},
    "current_and_future": {"active", "invited", "creation_pending"},
    "current_and_concluded": {"active", "invited", "completed"},
}


def one_user(call: Call, raw: str) -> Any:
    user = call.reader.user(raw)
    call.reader.require(allowed=call.reader.knows(user))
    return own_user_json(call.reader, user, call.given)


def profile(call: Call, raw: str) -> Any:
    user = call.reader.user(raw)
    call.reader.require(allowed=call.reader.knows(user))
    return profile_json(call.reader, user)


def users_of_course(call: Call, raw: str) -> Listing[User]:
    course = call.reader.course(raw)
    rosters: dict[int, list[Enrollment]] = {}
    for row in call.reader.world.enrollments_in(course.id):
        if _is_listed(call, row):
            rosters.setdefault(row.user_id, []).append(row)
    found = _found(call, (call.reader.world.users[number] for number in rosters))
    return Listing(
        found,
        lambda user: _roster_user(call, course, user, rosters[user.id]),
        bookmark=lambda user: (user.sortable_name, user.id),
    )


def _roster_user(call: Call, course: Course, user: User, rows: list[Enrollment]) -> Any:
    shown = user_json(call.reader, user, call.given, is_staff=call.reader.is_staff_in(course.id))
    if call.given.asks_for("enrollments"):
        enrollments = [enrollment_json(call.reader, row, call.given) for row in rows]
        shown["enrollments"] = [{name: value for name, value in row.items() if name != "user"} for row in enrollments]
    return shown


def _is_listed(call: Call, row: Enrollment) -> bool:
    """`enrollment_type[]` (student, teacher, …), `enrollment_role[]`, `enrollment_state[]`; students see the active."""
    given = call.given
    types, roles = given.many("enrollment_type"), given.many("enrollment_role")
    if types and row.type.removesuffix("Enrollment").lower() not in types:
        return False
    if roles and row.type not in roles:
        return False
    return row.state in _states(call, row, "enrollment_state")


def _states(call: Call, row: Enrollment, name: str) -> set[str]:
    asked: set[str] = set()
    for state in call.given.many(name):
        asked |= SPECIAL_STATES.get(state, {state})
    asked = asked or set(DEFAULT_STATES)
    if row.user_id != call.reader.user_id and not call.reader.may_design(row.course_id):
        asked &= {"active"}
    return asked


def _found(call: Call, users: Iterable[User]) -> list[User]:
    given = call.given
    term = given.one("search_term")
    if term is not None and len(term) < SHORTEST_SEARCH:
        raise answers.bad_request("search_term of 2 or more characters is required")
    wanted = {local_id(raw) for raw in [*given.many("user_ids"), *given.many("user_id")]}
    return [
        user
        for user in users
        if user.workflow_state != "deleted"
        and (not wanted or user.id in wanted)
        and (term is None or term.casefold() in f"{user.name} {user.login_id}".casefold())
    ]


def enrollments_of_course(call: Call, raw: str) -> Listing[Enrollment]:
    course = call.reader.course(raw)
    return _enrollments(call, call.reader.world.enrollments_in(course.id))


def enrollments_of_section(call: Call, raw: str) -> Listing[Enrollment]:
    section = found_section(call, raw)
    rows = call.reader.world.enrollments_in(section.course_id)
    return _enrollments(call, (row for row in rows if row.section_id == section.id))


def enrollments_of_user(call: Call, raw: str) -> Listing[Enrollment]:
    """A teacher gets those in the courses they teach, others their own."""
    reader = call.reader
    user = reader.user(raw)
    reader.require(allowed=reader.knows(user))
    sees_all = user.id == reader.user_id or reader.observes(user.id)
    rows = reader.world.enrollments_of(user.id)
    return _enrollments(call, (row for row in rows if sees_all or reader.is_staff_in(row.course_id)))


def _enrollments(call: Call, rows: Iterable[Enrollment]) -> Listing[Enrollment]:
    users = call.reader.world.users
    found = [row for row in rows if row.state in _states(call, row, "state") and _fits(call, row)]
    return Listing(
        found,
        lambda row: enrollment_json(call.reader, row, call.given),
        bookmark=lambda row: (row.type, users[row.user_id].sortable_name, row.id),
    )


def _fits(call: Call, row: Enrollment) -> bool:
    given, world = call.given, call.reader.world
    course, section = world.courses[row.course_id], world.sections[row.section_id]
    user_id, term_id = given.one("user_id"), given.one("enrollment_term_id")
    types, roles = given.many("type"), given.many("role")
    return (
        (not types or row.type in types)
        and (not roles or row.type in roles)
        and (user_id is None or world.user(user_id, call.reader.user_id) is world.users[row.user_id])
        and (term_id is None or course.term_id == local_id(term_id))
        and _has_sis(given.many("sis_course_id"), course.sis_course_id)
        and _has_sis(given.many("sis_section_id"), section.sis_section_id)
        and _has_sis(given.many("sis_user_id"), world.users[row.user_id].login_id)
    )


def _has_sis(wanted: list[str], own: str | None) -> bool:
    return not wanted or own in wanted
