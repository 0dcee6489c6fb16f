"""What a good Canvas body parses as: strict about what makes it what it is, lenient about the rest (UPSTREAMS.md §2.3).

Ids are integers, or strings with `Accept: application/json+canvas-string-ids`. What a reader may not see is missing,
and a course closed by its dates is only `{"id": …, "access_restricted_by_date": true}`.
"""

from typing import Annotated, Any

from pydantic import BaseModel, Field, StrictInt, StrictStr, TypeAdapter

Id = Annotated[StrictInt, Field(gt=0)] | Annotated[StrictStr, Field(pattern=r"^[0-9~]{1,32}$")]


class Identified(BaseModel):
    """An object of Canvas: it has an id."""

    id: Id


class Named(Identified):
    """An object with a name, which some readers may not see."""

    name: str | None = None


class Course(Named):
    """A course, as one reader sees it."""

    course_code: str | None = None
    workflow_state: str | None = None
    enrollments: list[dict[str, Any]] | None = None


class Enrollment(Identified):
    """Who is in which course, as what."""

    user_id: Id
    course_id: Id
    type: str
    enrollment_state: str | None = None


class User(Named):
    """A person, as one reader sees them."""

    enrollments: list[dict[str, Any]] | None = None


class Section(Named):
    """A section of a course."""

    course_id: Id


class Terms(BaseModel):
    """The terms of an account: the one collection here that comes wrapped."""

    enrollment_terms: list[Identified]


COURSE = TypeAdapter(Course)
COURSES = TypeAdapter(list[Course])
ENROLLMENT = TypeAdapter(Enrollment)
ENROLLMENTS = TypeAdapter(list[Enrollment])
USER = TypeAdapter(User)
USERS = TypeAdapter(list[User])
SECTION = TypeAdapter(Section)
SECTIONS = TypeAdapter(list[Section])
ASSIGNMENT = TypeAdapter(Named)
ASSIGNMENTS = TypeAdapter(list[Named])
ACCOUNT = TypeAdapter(Named)
ACCOUNTS = TypeAdapter(list[Named])
TERMS = TypeAdapter(Terms)
