"""The rows of the Canvas stand-in, with local ids; what a reader may see of them is decided in `shapes`."""

from dataclasses import dataclass, field
from typing import Literal

SHARD = 2107
SHARD_SIZE = 10**13  # global id = shard × 10^13 + local id (UPSTREAMS.md §3.4)
ROOT_ACCOUNT = 1
ROOT_ACCOUNT_UUID = "VicSandboxRootAccountUuid000000000000001"
HOST = "https://canvas.sandbox.invalid"  # in bodies only; page links use the request's own host

EnrollmentType = Literal[
    "StudentEnrollment", "TeacherEnrollment", "TaEnrollment", "ObserverEnrollment", "DesignerEnrollment"
]
TokenState = Literal["active", "expired", "revoked", "no_scopes"]

ROLE_IDS: dict[str, int] = {
    "StudentEnrollment": 3,
    "TeacherEnrollment": 4,
    "TaEnrollment": 5,
    "DesignerEnrollment": 6,
    "ObserverEnrollment": 7,
}


def global_id(local: int) -> int:
    return SHARD * SHARD_SIZE + local


@dataclass
class Account:
    id: int
    name: str
    parent_account_id: int | None
    admins: set[int] = field(default_factory=set)


@dataclass
class Term:
    id: int
    name: str
    sis_term_id: str
    start_at: str | None = None
    end_at: str | None = None


@dataclass
class Course:
    """`workflow_state`: unpublished (Canvas says claimed in events), available, completed, deleted."""

    id: int
    name: str
    course_code: str
    sis_course_id: str | None
    account_id: int
    term_id: int
    workflow_state: str
    created_at: str
    syllabus_body: str = ""
    start_at: str | None = None
    end_at: str | None = None


@dataclass
class Section:
    id: int
    course_id: int
    name: str
    sis_section_id: str | None
    nonxlist_course_id: int | None = None
    is_default: bool = False
    workflow_state: str = "active"


@dataclass
class User:
    id: int
    name: str
    sortable_name: str
    short_name: str
    login_id: str
    created_at: str
    workflow_state: str = "registered"
    nicknames: dict[int, str] = field(default_factory=dict)  # course id → the name this reader gave it

    @property
    def email(self) -> str:
        return f"{self.login_id}@example.edu"


@dataclass
class Enrollment:
    """`state`: active, invited, creation_pending, completed, inactive, rejected, deleted."""

    id: int
    course_id: int
    section_id: int
    user_id: int
    type: EnrollmentType
    state: str
    created_at: str
    updated_at: str
    score: float | None = None
    associated_user_id: int | None = None


@dataclass
class Assignment:
    id: int
    course_id: int
    name: str
    points_possible: float
    due_at: str | None
    position: int
    published: bool = True
    workflow_state: str = "active"


@dataclass(frozen=True)
class Token:
    value: str
    user_id: int
    state: TokenState = "active"
