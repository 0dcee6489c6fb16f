"""What happened to a row, as the body of the Live Event that tells of it (UPSTREAMS.md §3.3)."""

from dataclasses import dataclass
from typing import Any

from sandbox.canvas.records import ROOT_ACCOUNT, Assignment, Course, Enrollment, Section, User, global_id
from sandbox.canvas.world import World


@dataclass(frozen=True)
class Happening:
    """An event before its envelope. `course_id` (local) is its context; `about` names it for a Standard Webhook."""

    event: str
    body: dict[str, Any]
    course_id: int | None
    about: tuple[str, int]  # ("course.updated", local id)


def _global(local: int | None) -> str | None:
    return None if local is None else str(global_id(local))


def enrollment_happened(world: World, row: Enrollment, *, is_new: bool = False) -> Happening:
    body = {
        "enrollment_id": _global(row.id),
        "course_id": _global(row.course_id),
        "course_section_id": _global(row.section_id),
        "user_id": _global(row.user_id),
        "user_name": world.users[row.user_id].name,
        "type": row.type,
        "workflow_state": row.state,
        "associated_user_id": _global(row.associated_user_id),
        "limit_privileges_to_course_section": False,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
    }
    verb = "created" if is_new else "updated"
    return Happening(f"enrollment_{verb}", body, row.course_id, (f"enrollment.{verb}", row.id))


def enrollment_state_happened(row: Enrollment, *, is_new: bool = False) -> Happening:
    """Names neither course nor user: that is how Canvas sends it."""
    is_active = row.state == "active"
    body = {
        "enrollment_id": _global(row.id),
        "state": "pending_invited" if row.state == "invited" else row.state,
        "state_is_current": True,
        "access_is_current": is_active,
        "restricted_access": False,
        "state_started_at": row.updated_at,
        "state_valid_until": None,
    }
    verb = "created" if is_new else "updated"
    return Happening(f"enrollment_state_{verb}", body, row.course_id, (f"enrollment.{verb}", row.id))


def course_happened(course: Course, now: str, *, is_new: bool = False) -> Happening:
    body = {
        "course_id": _global(course.id),
        "account_id": _global(course.account_id),
        "name": course.name,
        "uuid": f"Qx{course.id:038}",
        "workflow_state": "claimed" if course.workflow_state == "unpublished" else course.workflow_state,
        "created_at": course.created_at,
        "updated_at": now,
    }
    verb = "created" if is_new else "updated"
    return Happening(f"course_{verb}", body, course.id, (f"course.{verb}", course.id))


def syllabus_happened(course: Course, old: str) -> Happening:
    body = {"course_id": _global(course.id), "syllabus_body": course.syllabus_body, "old_syllabus_body": old}
    return Happening("syllabus_updated", body, course.id, ("course.updated", course.id))


def section_happened(world: World, section: Section, *, is_new: bool = False) -> Happening:
    """Local ids, unlike most others (UPSTREAMS.md §3.3)."""
    body = {
        "course_section_id": str(section.id),
        "course_id": str(section.course_id),
        "name": section.name,
        "workflow_state": section.workflow_state,
        "nonxlist_course_id": None if section.nonxlist_course_id is None else str(section.nonxlist_course_id),
        "default_section": section.is_default,
        "start_at": None,
        "end_at": None,
        "enrollment_term_id": str(world.courses[section.course_id].term_id),
        "root_account_id": str(ROOT_ACCOUNT),
        "sis_source_id": section.sis_section_id,
    }
    verb = "created" if is_new else "updated"
    return Happening(f"course_section_{verb}", body, section.course_id, (f"section.{verb}", section.id))


def user_happened(user: User, now: str, *, is_new: bool = False) -> Happening:
    body = {
        "user_id": _global(user.id),
        "name": user.name,
        "short_name": user.short_name,
        "workflow_state": user.workflow_state,
        "user_login": user.login_id,
        "user_sis_id": user.login_id,
        "uuid": f"Ux{user.id:038}",
        "created_at": user.created_at,
        "updated_at": now,
    }
    verb = "created" if is_new else "updated"
    return Happening(f"user_{verb}", body, None, (f"user.{verb}", user.id))


def assignment_happened(row: Assignment, now: str, *, is_new: bool = False) -> Happening:
    body = {
        "assignment_id": _global(row.id),
        "context_id": _global(row.course_id),
        "context_type": "Course",
        "title": row.name,
        "workflow_state": "published" if row.published else "unpublished",
        "due_at": row.due_at,
        "points_possible": row.points_possible,
        "updated_at": now,
    }
    verb = "created" if is_new else "updated"
    return Happening(f"assignment_{verb}", body, row.course_id, (f"assignment.{verb}", row.id))


def grade_happened(row: Enrollment, assignment_id: int, grader_id: int, old: float | None) -> Happening:
    """The course stands in the metadata only."""
    body = {
        "submission_id": _global(row.id + assignment_id),
        "assignment_id": _global(assignment_id),
        "student_id": _global(row.user_id),
        "user_id": _global(row.user_id),
        "grader_id": _global(grader_id),
        "score": row.score,
        "old_score": old,
        "points_possible": 10.0,
        "grading_complete": True,
    }
    return Happening("grade_change", body, row.course_id, ("grade.updated", row.user_id))


def course_grade_happened(row: Enrollment, old: float | None) -> Happening:
    """Local ids, as in the docs' example."""
    body = {
        "user_id": str(row.user_id),
        "course_id": str(row.course_id),
        "workflow_state": row.state,
        "current_score": row.score,
        "old_current_score": old,
        "final_score": row.score,
        "old_final_score": old,
    }
    return Happening("course_grade_change", body, row.course_id, ("grade.updated", row.user_id))


def import_happened(batch_id: int, account_id: int) -> Happening:
    body = {"sis_batch_id": str(batch_id), "account_id": str(account_id), "workflow_state": "imported"}
    return Happening("sis_batch_updated", body, None, ("import.updated", batch_id))
