"""What writes to Canvas take: strict on what rosters, courses and sections hang on, tolerant of all else.

https://developerdocs.instructure.com/services/canvas (Enrollments, Courses, Sections) and UPSTREAMS.md §2.2, §2.9.
Texts name what would be right, never what was sent.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, model_validator

from adapters._rack import given, spelled
from adapters._vocabulary import Takes

LONGEST_NAME = 255  # characters, of courses and sections

_ISO_8601 = re.compile(
    r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
    r"([T ]([01]\d|2[0-4]):[0-5]\d(:[0-6]\d([.,]\d+)?)?\s?(Z|z|UTC|[+-]\d{2}(:?\d{2})?)?)?",
    re.ASCII,
)  # a zone may be missing, and so may the time of day: Canvas has its own for both
_ID = re.compile(r"self|[0-9]{1,20}|[0-9]{1,9}~[0-9]{1,20}|(?:hex:)?[a-z][a-z0-9_]*:.+", re.ASCII)


def _id(value: object) -> str:
    """An object, as a write names it: any of the spellings of UPSTREAMS.md §2.2."""
    if isinstance(value, str) and _ID.fullmatch(value.strip()):
        return value
    raise ValueError("has to be an id such as 565, 2107~565 or sis_user_id:…")


def _id_or_blank(value: object) -> str | None:
    return None if value in (None, "") else _id(value)


def _name(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("has to be a text that is not blank")
    if len(value) > LONGEST_NAME:
        raise ValueError(f"has to have at most {LONGEST_NAME} characters")
    return value


def _instant(value: object) -> str | None:
    if value in (None, ""):  # it takes back what was set
        return None
    if isinstance(value, str) and _ISO_8601.fullmatch(value.strip()):
        return value
    raise ValueError("has to be an instant as ISO 8601 writes it, such as 2026-09-08T13:00:00Z")


def _unless_blank(value: object) -> object:
    """Blank takes back what was set."""
    return None if value == "" else value


# Whatever is given has to fit; None is what is not given.
Id = Annotated[str | None, BeforeValidator(_id)]
MaybeId = Annotated[str | None, BeforeValidator(_id_or_blank)]
Name = Annotated[str | None, BeforeValidator(_name)]
Text = Annotated[str | None, Field(max_length=LONGEST_NAME)]
Instant = Annotated[str | None, BeforeValidator(_instant)]
Flag = Annotated[bool | None, BeforeValidator(_unless_blank)]
EnrollmentType = Literal[
    "StudentEnrollment", "TeacherEnrollment", "TaEnrollment", "ObserverEnrollment", "DesignerEnrollment"
]
EnrollmentState = Literal["active", "invited", "inactive", "completed", "creation_pending", "rejected"]


class Given(BaseModel):
    """A part of what a write says. Members that are not named here are the provider's business."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)


class NewEnrollment(Given):
    """Who is to be enrolled, and as what."""

    user_id: Id
    type: Annotated[EnrollmentType | None, BeforeValidator(_unless_blank)] = None
    role_id: MaybeId = None
    enrollment_state: Annotated[EnrollmentState | None, BeforeValidator(_unless_blank)] = None
    course_section_id: MaybeId = None
    associated_user_id: MaybeId = None
    limit_privileges_to_course_section: Flag = None
    notify: Flag = None
    start_at: Instant = None
    end_at: Instant = None

    @model_validator(mode="before")
    @classmethod
    def _by_sis_id(cls, value: Any) -> Any:
        """`sis_user_id` names the user as well as `user_id` does."""
        if isinstance(value, dict) and "user_id" not in value and isinstance(value.get("sis_user_id"), str):
            return {**value, "user_id": f"sis_user_id:{value['sis_user_id']}"}
        return value


class Enroll(Given):
    """POST …/enrollments."""

    enrollment: NewEnrollment


class EndEnrollment(Given):
    """DELETE …/enrollments/{enrollment}; `task` says what its end is to be."""

    task: Annotated[
        Literal["conclude", "delete", "inactivate", "deactivate"] | None, BeforeValidator(_unless_blank)
    ] = None  # blank: its usual end


class ChangedCourse(Given):
    """What of a course is to change."""

    name: Name = None
    course_code: Text = None
    event: Literal["claim", "offer", "conclude", "delete", "undelete"] | None = None
    start_at: Instant = None
    end_at: Instant = None
    account_id: MaybeId = None
    enrollment_term_id: MaybeId = None


class ChangeCourse(Given):
    """PUT courses/{course}."""

    course: ChangedCourse | None = None


class SectionFields(Given):
    """A section, new or changed; Canvas names one that has no name after its course."""

    name: Name = None
    start_at: Instant = None
    end_at: Instant = None
    restrict_enrollments_to_section_dates: Flag = None


class ChangeSection(Given):
    """POST courses/{course}/sections, PUT sections/{section}."""

    course_section: SectionFields | None = None


class Crosslist(Given):
    """POST sections/{section}/crosslist/{course}: all that matters stands in the path."""

    override_sis_stickiness: Flag = None


def _takes(model: type[Given]) -> Takes:
    return Takes(read=given, model=TypeAdapter(model), spelled=spelled)


ENROLL = _takes(Enroll)
END_ENROLLMENT = _takes(EndEnrollment)
CHANGE_COURSE = _takes(ChangeCourse)
CHANGE_SECTION = _takes(ChangeSection)
CROSSLIST = _takes(Crosslist)
