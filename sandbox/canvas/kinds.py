"""The kinds of change `POST /_sandbox/change` knows, and the fields each needs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

from sandbox.canvas import changes, happenings
from sandbox.canvas.happenings import Happening
from sandbox.canvas.records import ROOT_ACCOUNT, Enrollment, EnrollmentType
from sandbox.canvas.seed import ADMIN
from sandbox.canvas.state import State
from sandbox.canvas.world import World, local_id
from sandbox.settings import UnknownField

TYPES: tuple[str, ...] = get_args(EnrollmentType)
STATES = ("active", "invited", "creation_pending", "completed", "inactive", "rejected", "deleted")
UNPUBLISHED, AVAILABLE, COMPLETED, DELETED = "unpublished", "available", "completed", "deleted"


class Fields:
    """The fields of one change, read against the rows; every refusal names its field."""

    def __init__(self, given: dict[str, Any], world: World) -> None:
        self.given = given
        self.world = world

    def has(self, name: str) -> bool:
        return self.given.get(name) is not None

    def row(self, name: str, rows: dict[int, Any]) -> int:
        """The local id under `name`, in any form Canvas knows; raises UnknownField when there is no such row."""
        value = self.given.get(name)
        if isinstance(value, str | int) and not isinstance(value, bool):
            local = local_id(str(value))
            if local in rows:
                return int(str(local))
        raise UnknownField(f"field {name!r}: there is no such row")

    def course(self) -> int:
        return self.row("course_id", self.world.courses)

    def user(self) -> int:
        return self.row("user_id", self.world.users)

    def text(self, name: str) -> str:
        value = self.given.get(name)
        if not isinstance(value, str) or not value:
            raise UnknownField(f"field {name!r}: must be a text")
        return value

    def one_of(self, name: str, allowed: tuple[str, ...], otherwise: str) -> Any:
        value = self.given.get(name, otherwise)
        if value not in allowed:
            raise UnknownField(f"field {name!r}: must be one of {', '.join(allowed)}")
        return value

    def score(self) -> float:
        value = self.given.get("score")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise UnknownField("field 'score': must be a number")
        return float(value)

    def section(self) -> int:
        """`section_id`, or the first section of `course_id`."""
        if self.has("section_id"):
            return self.row("section_id", self.world.sections)
        return min(section.id for section in self.world.sections_of(self.course()))

    def enrollment(self) -> int:
        """`enrollment_id`, or the one of `user_id` in `course_id`."""
        if self.has("enrollment_id"):
            return self.row("enrollment_id", self.world.enrollments)
        user, course = self.user(), self.course()
        for row in self.world.enrollments_of(user):
            if row.course_id == course and row.state != DELETED:
                return row.id
        raise UnknownField("field 'user_id': has no enrollment in this course")


Apply = Callable[[State, Fields], Happening]


@dataclass(frozen=True)
class Kind:
    fields: tuple[str, ...]
    apply: Apply


def _enroll(state: State, fields: Fields) -> Happening:
    kind = fields.one_of("type", TYPES, "StudentEnrollment")
    status = fields.one_of("state", STATES, "active")
    return changes.enroll(state, fields.user(), fields.section(), kind, status)[1]


def _with_state(status: str) -> Apply:
    return lambda state, fields: changes.set_enrollment_state(state, fields.enrollment(), status)[1]


def _enrollment_state(state: State, fields: Fields) -> Happening:
    status = fields.one_of("state", STATES, "active")
    row: Enrollment = changes.set_enrollment_state(state, fields.enrollment(), status)[0]
    return happenings.enrollment_state_happened(row)


def _course_in(workflow_state: str) -> Apply:
    return lambda state, fields: changes.update_course(state, fields.course(), workflow_state=workflow_state)[1]


def _rename_course(state: State, fields: Fields) -> Happening:
    return changes.update_course(state, fields.course(), name=fields.text("name"))[1]


def _add_course(state: State, fields: Fields) -> Happening:
    return changes.add_course(state, fields.text("name"), fields.user() if fields.has("user_id") else None)[1]


def _grade(state: State, fields: Fields) -> Happening:
    row = state.primary.enrollments[fields.enrollment()]
    own = [task.id for task in state.primary.assignments.values() if task.course_id == row.course_id]
    chosen = fields.row("assignment_id", state.primary.assignments) if fields.has("assignment_id") else None
    if chosen is None and not own:
        raise UnknownField("field 'course_id': has no assignment to grade")
    return changes.grade(state, row.id, fields.score(), own[0] if chosen is None else chosen, ADMIN)


def _crosslist(state: State, fields: Fields) -> Happening:
    return changes.crosslist(state, fields.row("section_id", fields.world.sections), fields.course())[1]


def _rename_section(state: State, fields: Fields) -> Happening:
    section = fields.row("section_id", fields.world.sections)
    return changes.rename_section(state, section, fields.text("name"))[1]


def _rename_assignment(state: State, fields: Fields) -> Happening:
    assignment = fields.row("assignment_id", fields.world.assignments)
    return changes.rename_assignment(state, assignment, fields.text("name"))[1]


def _sis_import(state: State, fields: Fields) -> Happening:
    """Many changes, one event: what a nightly import looks like when the single events are lost."""
    parts = fields.given.get("changes", [])
    if not isinstance(parts, list) or not all(isinstance(part, dict) for part in parts):
        raise UnknownField("field 'changes': must be a list of objects")
    prepared = [(chosen(part), Fields(part, state.primary)) for part in parts]
    for kind, inner in prepared:
        kind.apply(state, inner)
    return happenings.import_happened(state.primary.new_id(), ROOT_ACCOUNT)


KINDS: dict[str, Kind] = {
    "enroll": Kind(("user_id", "course_id", "section_id", "type", "state"), _enroll),
    "unenroll": Kind(("enrollment_id", "user_id", "course_id"), _with_state("deleted")),
    "conclude_enrollment": Kind(("enrollment_id", "user_id", "course_id"), _with_state("completed")),
    "enrollment_state": Kind(("enrollment_id", "user_id", "course_id", "state"), _enrollment_state),
    "add_course": Kind(("name", "user_id"), _add_course),
    "rename_course": Kind(("course_id", "name"), _rename_course),
    "publish_course": Kind(("course_id",), _course_in(AVAILABLE)),
    "unpublish_course": Kind(("course_id",), _course_in(UNPUBLISHED)),
    "conclude_course": Kind(("course_id",), _course_in(COMPLETED)),
    "delete_course": Kind(("course_id",), _course_in(DELETED)),
    "syllabus": Kind(
        ("course_id", "text"), lambda state, f: changes.set_syllabus(state, f.course(), f.text("text"))[1]
    ),
    "add_section": Kind(
        ("course_id", "name"), lambda state, f: changes.add_section(state, f.course(), f.text("name"))[1]
    ),
    "rename_section": Kind(("section_id", "name"), _rename_section),
    "crosslist": Kind(("section_id", "course_id"), _crosslist),
    "add_user": Kind(("name",), lambda state, f: changes.add_user(state, f.text("name"))[1]),
    "rename_user": Kind(
        ("user_id", "name"), lambda state, f: changes.update_user(state, f.user(), name=f.text("name"))[1]
    ),
    "delete_user": Kind(
        ("user_id",), lambda state, f: changes.update_user(state, f.user(), workflow_state="deleted")[1]
    ),
    "add_assignment": Kind(
        ("course_id", "name"), lambda state, f: changes.add_assignment(state, f.course(), f.text("name"))[1]
    ),
    "rename_assignment": Kind(("assignment_id", "name"), _rename_assignment),
    "grade": Kind(("enrollment_id", "user_id", "course_id", "assignment_id", "score"), _grade),
    "course_grade": Kind(
        ("enrollment_id", "user_id", "course_id", "score"),
        lambda state, f: changes.grade_course(state, f.enrollment(), f.score()),
    ),
    "sis_import": Kind(("changes",), _sis_import),
}


def chosen(given: dict[str, Any]) -> Kind:
    """The kind a change asks for; raises UnknownField naming the valid kinds, or the valid fields of the kind."""
    name = given.get("kind")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise UnknownField(f"field 'kind': must be one of {', '.join(KINDS)}")
    for field in given:
        if field != "kind" and field not in kind.fields:
            raise UnknownField(f"unknown field {field!r}; {name} takes: {', '.join(kind.fields)}")
    return kind
