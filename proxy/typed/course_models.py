"""What is asked and answered below /v1/courses, /v1/me and /v1/students."""

from collections.abc import Callable
from typing import Annotated, Any, Self, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from adapters import Course, CourseState, EnrollmentState, Member, Membership, Neutral, Profile, Record, Role, Section
from proxy.settings import nearest
from proxy.typed.address_models import NAMED, ItemProblem, Provenance
from proxy.typed.patterns import ID, NO_COMMA

T = TypeVar("T")

_WANTED = "Which members are wanted; usually all. `id` always is."

# What those roles are that every institution has.
_ROLES: dict[str, Role] = {
    "StudentEnrollment": "student",
    "TeacherEnrollment": "teacher",
    "TaEnrollment": "ta",
    "ObserverEnrollment": "observer",
    "DesignerEnrollment": "designer",
    "StudentViewEnrollment": "test_student",
}


def _listed(value: object) -> object:
    return tuple(value.split(",")) if isinstance(value, str) else value


def _once(value: tuple[T, ...]) -> tuple[T, ...]:
    if len(set(value)) < len(value):
        raise ValueError("the same stands there twice")
    return value


def _member_of(model: type[Record]) -> Callable[[object], object]:
    def checked(value: object) -> object:
        if value not in model.model_fields:
            raise ValueError(f"unknown field; {nearest(str(value)[:64], list(model.model_fields))}")
        return value

    return checked


def _names(model: type[Record]) -> Any:
    return Field(json_schema_extra={"enum": list(model.model_fields)})


_Listed = Annotated[tuple[T, ...], BeforeValidator(_listed), AfterValidator(_once), Field(json_schema_extra=NAMED)]
_OfCourse = Annotated[str, BeforeValidator(_member_of(Course)), _names(Course)]
_OfMember = Annotated[str, BeforeValidator(_member_of(Member)), _names(Member)]
_OfSection = Annotated[str, BeforeValidator(_member_of(Section)), _names(Section)]
_OfProfile = Annotated[str, BeforeValidator(_member_of(Profile)), _names(Profile)]
_Id = Annotated[str, StringConstraints(pattern=ID)]
_Text = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=NO_COMMA)]


class Asked(Neutral):
    """Who is asked."""

    upstream: Annotated[
        str,
        Field(default="", max_length=64, description="Who is asked; usually whom `v1.courses.upstream` names."),
    ]


class AskedCourse(Asked):
    """What of a course is wanted."""

    fields: _Listed[_OfCourse] = Field(default=(), max_length=20, description=_WANTED)


class AskedCourses(AskedCourse):
    """Which courses are wanted; without `state` those that the upstream lists unasked."""

    state: _Listed[CourseState] = Field(default=(), max_length=20, description="Courses in any of these states.")
    term: _Listed[_Id] = Field(default=(), max_length=20, description="Courses of any of these terms, by id.")
    enrollment_type: _Listed[Role] = Field(
        default=(), max_length=20, description="Courses in which one is any of these."
    )

    def fits(self, course: Course) -> bool:
        """Whether it is among those that are wanted."""
        kinds = {enrollment.type for enrollment in course.enrollments or ()}
        return (
            (not self.state or course.state in self.state)
            and (not self.term or course.term_id in self.term)
            and (not self.enrollment_type or not kinds.isdisjoint(self.enrollment_type))
        )


class AskedRoster(Asked):
    """Who of a course is wanted; without `state` those who are active or invited."""

    fields: _Listed[_OfMember] = Field(default=(), max_length=20, description=_WANTED)
    type: _Listed[Role] = Field(default=(), max_length=20, description="Those who are any of these.")
    role: _Listed[_Text] = Field(
        default=(), max_length=20, description="Those in any of these roles, as the institution calls them."
    )
    section: _Listed[_Id] = Field(default=(), max_length=20, description="Those in any of these sections, by id.")
    state: _Listed[EnrollmentState] = Field(
        default=(), max_length=20, description="Those whose enrollment is in any of these states."
    )

    @model_validator(mode="after")
    def _is_no_contradiction(self) -> Self:
        known = {_ROLES[role] for role in self.role if role in _ROLES}
        if self.type and len(known) == len(self.role) and known and known.isdisjoint(self.type):
            raise ValueError("type and role contradict each other: nobody is both")
        return self

    def fits(self, member: Member) -> bool:
        """Whether they are among those that are wanted."""
        return (
            (not self.type or member.type in self.type)
            and (not self.role or member.role in self.role)
            and (not self.section or member.section_id in self.section)
            and (not self.state or member.state in self.state)
        )


class AskedSections(Asked):
    """What of the sections is wanted."""

    fields: _Listed[_OfSection] = Field(default=(), max_length=20, description=_WANTED)


class AskedProfile(Asked):
    """What of a person is wanted."""

    fields: _Listed[_OfProfile] = Field(default=(), max_length=20, description=_WANTED)


class Read(Neutral):
    """What was read, and where it comes from. An ETag is of `data` alone."""

    data: Any
    upstream: str = Field(description="Who said so, as it is configured.")
    cache: Provenance


class OneCourse(Read):
    """One course."""

    data: Course


class Courses(Read):
    """Courses, in the upstream's order."""

    data: tuple[Course, ...]


class Roster(Read):
    """Who is in a course: a row for each enrollment, in the upstream's order."""

    data: tuple[Member, ...]


class Sections(Read):
    """The sections of a course, in the upstream's order."""

    data: tuple[Section, ...]


class OneProfile(Read):
    """One person."""

    data: Profile


class Part(Neutral):
    """A part of an overview: `data` where it came (status 200), else `problem`."""

    status: int
    data: Any = None
    problem: ItemProblem | None = None
    cache: Provenance | None = None


class ProfilePart(Part):
    """Who it is."""

    data: Profile | None = None


class CoursesPart(Part):
    """Their courses."""

    data: tuple[Course, ...] | None = None


class SectionsPart(Part):
    """The sections they are in, as what."""

    data: tuple[Membership, ...] | None = None


class Overview(Neutral):
    """A student, in parts that come or fail each by itself."""

    upstream: str
    profile: ProfilePart
    courses: CoursesPart
    sections: SectionsPart
