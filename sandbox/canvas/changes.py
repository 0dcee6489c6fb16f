"""What can happen to the rows of the stand-in; each change answers with the happening its Live Event tells of.

API writes and `POST /_sandbox/change` both end here, so that a write and a change made "in Canvas" look the same.
"""

from sandbox.canvas import happenings
from sandbox.canvas.happenings import Happening
from sandbox.canvas.records import Assignment, Course, Enrollment, EnrollmentType, Section, User
from sandbox.canvas.shapes import timestamp
from sandbox.canvas.state import State


def _now(state: State) -> str:
    return timestamp(state.clock())


def enroll(
    state: State, user_id: int, section_id: int, kind: EnrollmentType = "StudentEnrollment", status: str = "active"
) -> tuple[Enrollment, Happening]:
    """Enrolling somebody again brings the old enrollment back, as Canvas does."""
    world, now = state.about_to_change(), _now(state)
    course_id = world.sections[section_id].course_id
    for row in world.enrollments_of(user_id):
        if row.section_id == section_id and row.type == kind:
            row.state, row.updated_at = status, now
            return row, happenings.enrollment_happened(world, row)
    row = Enrollment(world.new_id(), course_id, section_id, user_id, kind, status, now, now)
    world.enrollments[row.id] = row
    return row, happenings.enrollment_happened(world, row, is_new=True)


def set_enrollment_state(state: State, enrollment_id: int, status: str) -> tuple[Enrollment, Happening]:
    world = state.about_to_change()
    row = world.enrollments[enrollment_id]
    row.state, row.updated_at = status, _now(state)
    return row, happenings.enrollment_happened(world, row)


def update_course(state: State, course_id: int, **values: str | None) -> tuple[Course, Happening]:
    """Sets the given columns (`name`, `course_code`, `workflow_state`, `start_at`, `end_at`)."""
    course = state.about_to_change().courses[course_id]
    for name, value in values.items():
        setattr(course, name, value)
    if values.get("workflow_state") == "deleted":
        for row in state.primary.enrollments_in(course_id):
            row.state = "deleted"
    return course, happenings.course_happened(course, _now(state))


def set_syllabus(state: State, course_id: int, text: str) -> tuple[Course, Happening]:
    course = state.about_to_change().courses[course_id]
    old, course.syllabus_body = course.syllabus_body, text
    return course, happenings.syllabus_happened(course, old)


def add_course(state: State, name: str, teacher_id: int | None, account_id: int = 79) -> tuple[Course, Happening]:
    """A published course with one section; a teacher, when given, is in it from the start."""
    world, now = state.about_to_change(), _now(state)
    number = world.new_id()
    course = Course(number, name, f"NEW W{number}", f"NEW-{number}", account_id, 83, "available", now)
    world.courses[number] = course
    section = Section(world.new_id(), number, "Section 001", f"NEW-{number}-001", is_default=True)
    world.sections[section.id] = section
    if teacher_id is not None:
        row = Enrollment(world.new_id(), number, section.id, teacher_id, "TeacherEnrollment", "active", now, now)
        world.enrollments[row.id] = row
    return course, happenings.course_happened(course, now, is_new=True)


def add_section(
    state: State, course_id: int, name: str, sis_section_id: str | None = None
) -> tuple[Section, Happening]:
    world = state.about_to_change()
    section = Section(world.new_id(), course_id, name, sis_section_id)
    world.sections[section.id] = section
    return section, happenings.section_happened(world, section, is_new=True)


def rename_section(state: State, section_id: int, name: str) -> tuple[Section, Happening]:
    world = state.about_to_change()
    section = world.sections[section_id]
    section.name = name
    return section, happenings.section_happened(world, section)


def crosslist(state: State, section_id: int, course_id: int) -> tuple[Section, Happening]:
    """Moves the section and its people; back home, `nonxlist_course_id` is empty again."""
    world, now = state.about_to_change(), _now(state)
    section = world.sections[section_id]
    home = section.course_id if section.nonxlist_course_id is None else section.nonxlist_course_id
    section.course_id = course_id
    section.nonxlist_course_id = None if course_id == home else home
    for row in world.enrollments.values():
        if row.section_id == section_id:
            row.course_id, row.updated_at = course_id, now
    return section, happenings.section_happened(world, section)


def update_user(state: State, user_id: int, **values: str) -> tuple[User, Happening]:
    """Sets the given columns; a new `name` brings its sortable and short forms unless they are given."""
    user = state.about_to_change().users[user_id]
    if "name" in values:
        first, _, last = values["name"].partition(" ")
        values = {"sortable_name": f"{last}, {first}" if last else first, "short_name": first, **values}
    for name, value in values.items():
        setattr(user, name, value)
    return user, happenings.user_happened(user, _now(state))


def add_user(state: State, name: str) -> tuple[User, Happening]:
    world, now = state.about_to_change(), _now(state)
    number = world.new_id()
    first, _, last = name.partition(" ")
    user = User(number, name, f"{last}, {first}" if last else first, first, f"nu{number}", now)
    world.users[number] = user
    return user, happenings.user_happened(user, now, is_new=True)


def add_assignment(state: State, course_id: int, name: str) -> tuple[Assignment, Happening]:
    world = state.about_to_change()
    row = Assignment(world.new_id(), course_id, name, 10.0, None, 1_000)
    world.assignments[row.id] = row
    return row, happenings.assignment_happened(row, _now(state), is_new=True)


def rename_assignment(state: State, assignment_id: int, name: str) -> tuple[Assignment, Happening]:
    row = state.about_to_change().assignments[assignment_id]
    row.name = name
    return row, happenings.assignment_happened(row, _now(state))


def grade(state: State, enrollment_id: int, score: float, assignment_id: int, grader_id: int) -> Happening:
    row = state.about_to_change().enrollments[enrollment_id]
    old, row.score = row.score, score
    return happenings.grade_happened(row, assignment_id, grader_id, old)


def grade_course(state: State, enrollment_id: int, score: float) -> Happening:
    row = state.about_to_change().enrollments[enrollment_id]
    old, row.score = row.score, score
    return happenings.course_grade_happened(row, old)
