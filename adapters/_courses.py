"""Courses without a provider: what is read below /v1/courses, /v1/me and /v1/students, whoever keeps them."""

from typing import Literal

from pydantic import AwareDatetime, ConfigDict, Field

from adapters._addresses import Neutral

CourseState = Literal["unpublished", "available", "completed", "deleted"]
Role = Literal["student", "teacher", "ta", "observer", "designer", "test_student"]
EnrollmentState = Literal["active", "invited", "pending", "inactive", "completed", "rejected", "deleted"]


class Record(Neutral):
    """What is known of one thing; a reader who may not see a member, or asked for others, does not get it."""

    model_config = ConfigDict(json_schema_serialization_defaults_required=False)

    id: str = Field(description="Always text, always there: numbers of this size do not survive every JSON parser.")


class OwnEnrollment(Neutral):
    """As what a course's reader, or the person it was asked for, is in it."""

    type: Role | None = None
    role: str | None = Field(default=None, description="The role as the institution calls it.")
    state: EnrollmentState | None = None


class Course(Record):
    """A course, as one reader sees it."""

    name: str | None = None
    code: str | None = None
    state: CourseState | None = Field(default=None, description="null: closed to this reader by its dates.")
    term_id: str | None = None
    account_id: str | None = None
    sis_id: str | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    time_zone: str | None = None
    enrollments: tuple[OwnEnrollment, ...] | None = None


class Section(Record):
    """A section of a course."""

    course_id: str | None = None
    name: str | None = None
    sis_id: str | None = None
    crosslisted_from: str | None = Field(default=None, description="The course it was in before.")
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None


class Membership(Record):
    """Who is in which section of which course, as what. `id` is the enrollment's."""

    user_id: str | None = None
    course_id: str | None = None
    section_id: str | None = None
    type: Role | None = None
    role: str | None = Field(default=None, description="The role as the institution calls it.")
    state: EnrollmentState | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None


class Member(Membership):
    """A row of a roster: an enrollment, and whose it is."""

    name: str | None = None
    sortable_name: str | None = None
    login_id: str | None = None
    sis_user_id: str | None = None


class Profile(Record):
    """A person, as one reader sees them."""

    name: str | None = None
    sortable_name: str | None = None
    short_name: str | None = None
    login_id: str | None = None
    sis_id: str | None = None
    email: str | None = None
