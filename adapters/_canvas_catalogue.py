"""Canvas' courses and people in nobody's words: what is asked as canvasapi asks it, and what the answer says
(UPSTREAMS.md §2.2, §2.3). Members that change by themselves, and grades, are left out.
"""

import re
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import AwareDatetime, TypeAdapter, ValidationError

from adapters._canvas_ids import id_forms, id_in_answer
from adapters._courses import (
    Course,
    CourseState,
    EnrollmentState,
    Member,
    Membership,
    OwnEnrollment,
    Profile,
    Role,
    Section,
)
from adapters._exchanges import Query
from adapters._findings import sayable
from adapters._json import mapping, rows
from adapters._vocabulary import Catalogue, Reading

ID = re.compile(
    r"self|(?:[0-9]{1,6}~)?[0-9]{1,19}|(?:sis_[a-z_]{1,30}|lti_[a-z0-9_]{1,30}):[^\x00-\x1f\x7f\ud800-\udfff]{1,255}"
)
ID_IS = "a Canvas id, such as 565 or sis_course_id:…"

_COURSE_STATES: Mapping[str, CourseState] = {
    "created": "unpublished",
    "claimed": "unpublished",
    "unpublished": "unpublished",
    "available": "available",
    "completed": "completed",
    "deleted": "deleted",
}
_ROLES: Mapping[str, Role] = {
    "student": "student",
    "teacher": "teacher",
    "ta": "ta",
    "observer": "observer",
    "designer": "designer",
    "studentview": "test_student",
}
_STATES: Mapping[str, EnrollmentState] = {
    "active": "active",
    "invited": "invited",
    "creation_pending": "pending",
    "inactive": "inactive",
    "completed": "completed",
    "rejected": "rejected",
    "deleted": "deleted",
}
_IN_CANVAS: Mapping[str, str] = {ours: theirs for theirs, ours in _STATES.items()}
_INSTANT = TypeAdapter(AwareDatetime)


def courses_in(states: Collection[str]) -> Query:
    """Without a word Canvas lists the available ones to everybody, and others to some."""
    return () if not {*states} - {"available"} else tuple(("state[]", state) for state in sorted(states))


def people_in(states: Collection[str]) -> Query:
    """Without a word Canvas lists those who are active or invited."""
    if not {*states} - {"active", "invited"}:
        return ()
    return tuple(("state[]", _IN_CANVAS.get(state, state)) for state in sorted(states))


def course(json: Any) -> Course:
    """A course; one that is closed by its dates is little more than its id."""
    row = mapping(json)
    held = row.get("enrollments")
    return Course(
        id=_id(row.get("id")) or "",
        name=sayable(row.get("name")),
        code=sayable(row.get("course_code")),
        state=_COURSE_STATES.get(str(row.get("workflow_state"))),
        term_id=_id(row.get("enrollment_term_id")),
        account_id=_id(row.get("account_id")),
        sis_id=sayable(row.get("sis_course_id")),
        starts_at=_instant(row.get("start_at")),
        ends_at=_instant(row.get("end_at")),
        time_zone=sayable(row.get("time_zone")),
        enrollments=tuple(map(_own_enrollment, rows(held))) if isinstance(held, list) else None,
    )


def section(json: Any) -> Section:
    """A section."""
    row = mapping(json)
    return Section(
        id=_id(row.get("id")) or "",
        course_id=_id(row.get("course_id")),
        name=sayable(row.get("name")),
        sis_id=sayable(row.get("sis_section_id")),
        crosslisted_from=_id(row.get("nonxlist_course_id")),
        starts_at=_instant(row.get("start_at")),
        ends_at=_instant(row.get("end_at")),
    )


def membership(json: Any) -> Membership:
    """An enrollment, without whose it is."""
    return Membership(**_enrollment(mapping(json)))


def member(json: Any) -> Member:
    """An enrollment, with whose it is."""
    row = mapping(json)
    user = mapping(row.get("user"))
    return Member(
        **_enrollment(row),
        name=sayable(user.get("name")),
        sortable_name=sayable(user.get("sortable_name")),
        login_id=sayable(user.get("login_id")),
        sis_user_id=sayable(user.get("sis_user_id")),
    )


def profile(json: Any) -> Profile:
    """A person."""
    row = mapping(json)
    return Profile(
        id=_id(row.get("id")) or "",
        name=sayable(row.get("name")),
        sortable_name=sayable(row.get("sortable_name")),
        short_name=sayable(row.get("short_name")),
        login_id=sayable(row.get("login_id")),
        sis_id=sayable(row.get("sis_user_id")),
        email=sayable(row.get("email") or row.get("primary_email")),
    )


def _enrollment(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": _id(row.get("id")) or "",
        "user_id": _id(row.get("user_id")),
        "course_id": _id(row.get("course_id")),
        "section_id": _id(row.get("course_section_id")),
        "starts_at": _instant(row.get("start_at")),
        "ends_at": _instant(row.get("end_at")),
        **dict(_own_enrollment(row)),
    }


def _own_enrollment(row: Mapping[str, Any]) -> OwnEnrollment:
    """A course says `student` where an enrollment says `StudentEnrollment`."""
    kind = (sayable(row.get("type")) or "").removesuffix("Enrollment").lower()
    return OwnEnrollment(
        type=_ROLES.get(kind), role=sayable(row.get("role")), state=_STATES.get(str(row.get("enrollment_state")))
    )


def _id(value: object) -> str | None:
    return id_in_answer(value) or sayable(value)


def _instant(value: object) -> AwareDatetime | None:
    try:
        return _INSTANT.validate_python(value) if isinstance(value, str) else None
    except ValidationError:
        return None


def _get(path: str) -> str:
    return f"GET /api/v1/{path}"


CATALOGUE = Catalogue(
    headers={"accept": "*/*"},  # as canvasapi's session sends it: it is part of the key
    is_id=lambda text: ID.fullmatch(text) is not None,
    id_is=ID_IS,
    forms=id_forms,
    me="self",
    courses=Reading(route=_get("courses"), read=course, states=courses_in),
    course=Reading(route=_get("courses/{course}"), read=course),
    roster=Reading(route=_get("courses/{course}/enrollments"), read=member, states=people_in),
    sections=Reading(route=_get("courses/{course}/sections"), read=section),
    profile=Reading(route=_get("users/{user}"), read=profile),
    courses_of=Reading(route=_get("users/{user}/courses"), read=course),
    sections_of=Reading(route=_get("users/{user}/enrollments"), read=membership),
)
