"""Reads of courses, sections, assignments and accounts."""

from collections.abc import Iterable
from typing import Any

from sandbox.canvas import answers
from sandbox.canvas.access import Reader
from sandbox.canvas.calls import Call
from sandbox.canvas.pages import Listing
from sandbox.canvas.records import (
    ROOT_ACCOUNT,
    ROOT_ACCOUNT_UUID,
    Account,
    Assignment,
    Course,
    Enrollment,
    Section,
    Term,
    User,
)
from sandbox.canvas.shapes import assignment_json, course_json, section_json, term_json, user_json
from sandbox.canvas.world import local_id

SHORTEST_SEARCH = 2


def own_courses(call: Call) -> Listing[Course]:
    return _courses_of(call, call.reader.user_id)


def courses_of_user(call: Call, raw: str) -> Listing[Course]:
    user = call.reader.user(raw)
    reader = call.reader
    reader.require(allowed=reader.is_admin or user.id == reader.user_id or reader.observes(user.id))
    return _courses_of(call, user.id)


def _courses_of(call: Call, user_id: int) -> Listing[Course]:
    reader = call.reader
    joined = {row.course_id for row in reader.world.enrollments_of(user_id) if _is_asked_for(call, row)}
    # The subject's own rights decide what is in their list, the reader's what is shown of it.
    subject = Reader(reader.world, user_id, reader.settings, reader.clock)
    rows = [
        course
        for course in reader.world.courses.values()
        if course.id in joined and subject.sees(course) and _in_state(call, course, subject)
    ]
    ordered = sorted(rows, key=lambda course: course.id)
    return Listing(ordered, lambda course: course_json(reader, course, call.given, user_id))


def _is_asked_for(call: Call, row: Enrollment) -> bool:
    kind, state = call.given.one("enrollment_type"), call.given.one("enrollment_state")
    states = {
        "active": {"active"},
        "invited_or_pending": {"invited", "creation_pending"},
        "completed": {"completed"},
    }.get(state or "", {"active", "invited", "completed"})
    return row.state in states and (kind is None or row.type.lower() == f"{kind}enrollment")


def _in_state(call: Call, course: Course, subject: Reader) -> bool:
    """By default `available` for students and observers, anything but deleted for others (Canvas' courses API)."""
    states = call.given.many("state")
    if states:
        return course.workflow_state in states
    return course.workflow_state == "available" or subject.may_design(course.id)


def one_course(call: Call, raw: str) -> Any:
    return course_json(call.reader, call.reader.course(raw), call.given)


def sections_of_course(call: Call, raw: str) -> Listing[Section]:
    course = call.reader.course(raw)
    rows = sorted(call.reader.world.sections_of(course.id), key=lambda row: row.id)
    return Listing(rows, lambda row: section_json(call.reader, row, call.given))


def found_section(call: Call, raw: str) -> Section:
    section = call.reader.world.section(raw)
    if section is None:
        raise answers.not_found()
    course = call.reader.world.courses[section.course_id]
    call.reader.require(allowed=call.reader.sees(course))
    return section


def one_section(call: Call, raw: str) -> Any:
    return section_json(call.reader, found_section(call, raw), call.given)


def _visible_assignments(call: Call, course: Course) -> list[Assignment]:
    rows = (row for row in call.reader.world.assignments.values() if row.course_id == course.id)
    may_design = call.reader.may_design(course.id)
    return [row for row in rows if row.workflow_state != "deleted" and (row.published or may_design)]


def assignments_of_course(call: Call, raw: str) -> Listing[Assignment]:
    rows = _visible_assignments(call, call.reader.course(raw))
    by_name = call.given.one("order_by") == "name"
    ordered = sorted(rows, key=lambda row: (row.name if by_name else "", row.position))
    found = _matching(call, ordered, lambda row: row.name)
    return Listing(found, lambda row: assignment_json(call.reader, row, call.given))


def one_assignment(call: Call, raw_course: str, raw: str) -> Any:
    wanted = local_id(raw)
    for row in _visible_assignments(call, call.reader.course(raw_course)):
        if row.id == wanted:
            return assignment_json(call.reader, row, call.given)
    raise answers.not_found()


def _matching(call: Call, rows: Iterable[Any], name: Any) -> list[Any]:
    """Filtered by `search_term`; raises Refused (400) when that is too short."""
    term = call.given.one("search_term")
    if not term:
        return list(rows)
    if len(term) < SHORTEST_SEARCH and not term.isdecimal():
        raise answers.bad_request("search_term of 2 or more characters is required")
    return [row for row in rows if term.casefold() in name(row).casefold()]


def _administered(call: Call, raw: str) -> Account:
    account = call.reader.world.account(raw)
    if account is None:
        raise answers.not_found()
    call.reader.require(allowed=call.reader.is_admin)
    return account


def accounts(call: Call) -> Listing[Account]:
    """Those the reader administers: none for most, and that is no error."""
    rows = [row for row in call.reader.world.accounts.values() if call.reader.user_id in row.admins]
    return Listing(rows, _account_json)


def one_account(call: Call, raw: str) -> Any:
    return _account_json(_administered(call, raw))


def _account_json(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "name": account.name,
        "workflow_state": "active",
        "parent_account_id": account.parent_account_id,
        "root_account_id": None if account.parent_account_id is None else ROOT_ACCOUNT,
        "uuid": ROOT_ACCOUNT_UUID if account.id == ROOT_ACCOUNT else f"Ax{account.id:038}",
        "default_time_zone": "America/New_York",
    }


def _is_under(call: Call, course: Course, account: Account) -> bool:
    own = call.reader.world.accounts[course.account_id]
    return account.id in (own.id, own.parent_account_id)


def courses_of_account(call: Call, raw: str) -> Listing[Course]:
    account = _administered(call, raw)
    states = set(call.given.many("state")) or {"unpublished", "available", "completed"}
    published, term = call.given.one("published"), call.given.one("enrollment_term_id")
    rows = [
        course
        for course in call.reader.world.courses.values()
        if _is_under(call, course, account)
        and course.workflow_state in states
        and (published is None or (course.workflow_state != "unpublished") == (published in ("true", "1")))
        and (term is None or course.term_id == local_id(term))
    ]
    found = _matching(call, sorted(rows, key=lambda row: row.id), lambda row: f"{row.name} {row.course_code}")
    return Listing(found, lambda course: course_json(call.reader, course, call.given))


def users_of_account(call: Call, raw: str) -> Listing[User]:
    _administered(call, raw)
    rows = [user for user in call.reader.world.users.values() if user.workflow_state != "deleted"]
    found = _matching(call, rows, lambda user: f"{user.name} {user.login_id}")
    return Listing(
        found,
        lambda user: user_json(call.reader, user, call.given, is_staff=True),
        bookmark=lambda user: (user.sortable_name, user.id),
    )


def terms_of_account(call: Call, raw: str) -> Listing[Term]:
    _administered(call, raw)
    rows = sorted(call.reader.world.terms.values(), key=lambda term: term.id)
    return Listing(
        rows,
        lambda term: term_json(term) | {"sis_term_id": term.sis_term_id, "workflow_state": "active"},
        wrapped_in="enrollment_terms",
    )
