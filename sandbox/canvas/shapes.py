"""The JSON of each row as this reader may see it (UPSTREAMS.md §2.3)."""

from datetime import UTC, datetime
from typing import Any

from sandbox.canvas.access import Reader
from sandbox.canvas.parameters import Given
from sandbox.canvas.records import HOST, ROLE_IDS, ROOT_ACCOUNT, Assignment, Course, Enrollment, Section, Term, User

Json = dict[str, Any]
ACTIVITY_STEP = 60  # seconds; last_activity_at moves in these, without any event


def timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def course_json(reader: Reader, course: Course, given: Given, whose: int | None = None) -> Json:
    """`whose`: the user whose enrollments are shown in it; by default the reader's."""
    user_id = reader.user_id if whose is None else whose
    own = reader.world.users.get(reader.user_id)
    nickname = None if own is None else own.nicknames.get(course.id)
    shown: Json = {
        "id": course.id,
        "name": nickname or course.name,
        "course_code": course.course_code,
        "workflow_state": course.workflow_state,
        "account_id": course.account_id,
        "root_account_id": ROOT_ACCOUNT,
        "enrollment_term_id": course.term_id,
        "uuid": f"Qx{course.id:038}",
        "start_at": course.start_at,
        "end_at": course.end_at,
        "created_at": course.created_at,
        "default_view": "modules",
        "is_public": False,
        "time_zone": "America/New_York",
        "blueprint": False,
        "calendar": {"ics": f"{HOST}/feeds/calendars/course_{course.id}.ics"},
        "enrollments": [_own_enrollment(row, given) for row in reader.world.membership(user_id, course.id)],
    }
    if nickname:
        shown["original_name"] = course.name
    if reader.is_staff_in(course.id):
        shown["sis_course_id"] = course.sis_course_id
    return shown | _course_extras(reader, course, given)


def _course_extras(reader: Reader, course: Course, given: Given) -> Json:
    world = reader.world
    teachers = (row for row in world.enrollments_in(course.id) if row.type == "TeacherEnrollment")
    extras: dict[str, Any] = {
        "term": lambda: term_json(world.terms[course.term_id]),
        "total_students": lambda: world.students_in(course.id),
        "teachers": lambda: [
            {"id": row.user_id, "display_name": world.users[row.user_id].name, "avatar_image_url": None}
            for row in teachers
            if row.state == "active"
        ],
        "sections": lambda: [
            {"id": row.section_id, "name": world.sections[row.section_id].name, "enrollment_role": row.type}
            for row in world.membership(reader.user_id, course.id)
        ],
        "syllabus_body": lambda: course.syllabus_body,
        "needs_grading_count": lambda: 0,
        "favorites": lambda: False,
        "course_image": lambda: None,
        "concluded": lambda: course.workflow_state == "completed",
        "permissions": lambda: {"create_announcement": reader.is_staff_in(course.id)},
        "account": lambda: {"id": course.account_id, "name": world.accounts[course.account_id].name},
    }
    names = {"favorites": "is_favorite", "course_image": "image_download_url"}
    return {names.get(name, name): make() for name, make in extras.items() if given.asks_for(name)}


def _own_enrollment(row: Enrollment, given: Given) -> Json:
    shown: Json = {
        "type": row.type.removesuffix("Enrollment").lower(),
        "role": row.type,
        "role_id": ROLE_IDS[row.type],
        "user_id": row.user_id,
        "enrollment_state": row.state,
        "limit_privileges_to_course_section": False,
    }
    if row.associated_user_id is not None:
        shown["associated_user_id"] = row.associated_user_id
    if given.asks_for("total_scores") and row.type == "StudentEnrollment":
        shown |= {f"computed_{name}": value for name, value in _grades(row).items()}
    return shown


def _grades(row: Enrollment) -> Json:
    score = row.score
    grade = None if score is None else next(letter for floor, letter in LETTERS if score >= floor)
    final = None if score is None else round(max(0.0, score - 1.5), 1)
    return {"current_score": score, "current_grade": grade, "final_score": final, "final_grade": grade}


LETTERS = ((93, "A"), (90, "A-"), (87, "B+"), (83, "B"), (80, "B-"), (70, "C"), (60, "D"), (0, "F"))


def enrollment_json(reader: Reader, row: Enrollment, given: Given) -> Json:
    is_own = row.user_id == reader.user_id or reader.observes(row.user_id)
    is_staff = reader.is_staff_in(row.course_id)
    url = f"{HOST}/courses/{row.course_id}/users/{row.user_id}"
    shown: Json = {
        "id": row.id,
        "course_id": row.course_id,
        "course_section_id": row.section_id,
        "user_id": row.user_id,
        "type": row.type,
        "role": row.type,
        "role_id": ROLE_IDS[row.type],
        "enrollment_state": row.state,
        "limit_privileges_to_course_section": False,
        "associated_user_id": row.associated_user_id,
        "root_account_id": ROOT_ACCOUNT,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "start_at": None,
        "end_at": None,
        "html_url": url,
        "user": user_json(reader, reader.world.users[row.user_id], Given(""), is_staff=is_staff),
    }
    if is_own or is_staff:
        shown |= _activity(reader, row)
        if row.type == "StudentEnrollment":
            shown["grades"] = {"html_url": f"{HOST}/courses/{row.course_id}/grades/{row.user_id}", **_grades(row)}
    if is_staff:
        shown["sis_course_id"] = reader.world.courses[row.course_id].sis_course_id
        shown["sis_section_id"] = reader.world.sections[row.section_id].sis_section_id
    if given.asks_for("can_be_removed"):
        shown["can_be_removed"] = is_staff
    return shown


def _activity(reader: Reader, row: Enrollment) -> Json:
    """Moves with the clock and with nothing else: no event tells of it."""
    if row.state != "active":
        return {"last_activity_at": None, "total_activity_time": 0}
    steps = int(reader.clock() // ACTIVITY_STEP)
    return {"last_activity_at": timestamp(steps * ACTIVITY_STEP), "total_activity_time": 260 + steps % 1000}


def user_json(reader: Reader, user: User, given: Given, *, is_staff: bool = False) -> Json:
    """`is_staff`: whether the reader teaches where this user is shown."""
    is_own = user.id == reader.user_id
    shown: Json = {
        "id": user.id,
        "name": user.name,
        "created_at": user.created_at,
        "sortable_name": user.sortable_name,
        "short_name": user.short_name,
    }
    if is_own or is_staff or reader.is_admin:
        shown["login_id"] = user.login_id
        if given.asks_for("email"):
            shown["email"] = user.email
    if is_staff or reader.is_admin:
        shown |= {"sis_user_id": user.login_id, "integration_id": None}
    if given.asks_for("avatar_url"):
        shown["avatar_url"] = f"{HOST}/images/messages/avatar-50.png"
    if given.asks_for("locked"):
        shown["locked"] = False
    return shown


def own_user_json(reader: Reader, user: User, given: Given) -> Json:
    """`users/self` and `users/:id`: the user with locale and permissions."""
    is_staff = reader.is_admin or user.id != reader.user_id
    permissions = {
        "can_update_name": reader.is_admin,
        "can_update_avatar": user.id == reader.user_id,
        "limit_parent_app_web_access": False,
    }
    return user_json(reader, user, given, is_staff=is_staff) | {
        "avatar_url": f"{HOST}/images/messages/avatar-50.png",
        "pronouns": None,
        "locale": None,
        "effective_locale": "en",
        "permissions": permissions,
    }


def profile_json(reader: Reader, user: User) -> Json:
    shown = own_user_json(reader, user, Given(""))
    return shown | {
        "primary_email": user.email,
        "integration_id": None,
        "time_zone": "America/New_York",
        "title": None,
        "bio": None,
        "calendar": {"ics": f"{HOST}/feeds/calendars/user_{user.id}.ics"},
    }


def section_json(reader: Reader, section: Section, given: Given) -> Json:
    shown: Json = {
        "id": section.id,
        "course_id": section.course_id,
        "name": section.name,
        "start_at": None,
        "end_at": None,
        "created_at": reader.world.courses[section.course_id].created_at,
        "restrict_enrollments_to_section_dates": None,
        "nonxlist_course_id": section.nonxlist_course_id,
    }
    if reader.is_staff_in(section.course_id):
        shown |= {"sis_section_id": section.sis_section_id, "integration_id": None}
    if given.asks_for("total_students"):
        shown["total_students"] = reader.world.students_in(section.course_id, section.id)
    if given.asks_for("students") and reader.is_staff_in(section.course_id):
        students = (
            row
            for row in reader.world.enrollments_in(section.course_id)
            if row.section_id == section.id and row.type == "StudentEnrollment" and row.state == "active"
        )
        shown["students"] = [
            user_json(reader, reader.world.users[row.user_id], given, is_staff=True) for row in students
        ]
    return shown


def assignment_json(_reader: Reader, row: Assignment, _given: Given) -> Json:
    return {
        "id": row.id,
        "course_id": row.course_id,
        "name": row.name,
        "description": None,
        "points_possible": row.points_possible,
        "due_at": row.due_at,
        "lock_at": None,
        "unlock_at": None,
        "position": row.position,
        "grading_type": "points",
        "submission_types": ["online_text_entry"],
        "published": row.published,
        "workflow_state": "published" if row.published else "unpublished",
        "html_url": f"{HOST}/courses/{row.course_id}/assignments/{row.id}",
    }


def term_json(term: Term) -> Json:
    return {"id": term.id, "name": term.name, "start_at": term.start_at, "end_at": term.end_at}
