"""All rows of one Canvas at one moment, and how its paths name them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar
from urllib.parse import unquote

from sandbox.canvas.records import (
    SHARD,
    SHARD_SIZE,
    Account,
    Assignment,
    Course,
    Enrollment,
    Section,
    Term,
    User,
)

Row = TypeVar("Row", Account, Course, Section, User, Term)
# An enrollment in one of these states lets its user into the course.
PRESENT = frozenset({"active", "invited", "completed"})


@dataclass
class World:
    accounts: dict[int, Account] = field(default_factory=dict)
    terms: dict[int, Term] = field(default_factory=dict)
    courses: dict[int, Course] = field(default_factory=dict)
    sections: dict[int, Section] = field(default_factory=dict)
    users: dict[int, User] = field(default_factory=dict)
    enrollments: dict[int, Enrollment] = field(default_factory=dict)
    assignments: dict[int, Assignment] = field(default_factory=dict)
    next_id: int = 900_001

    def new_id(self) -> int:
        self.next_id += 1
        return self.next_id - 1

    def enrollments_in(self, course_id: int) -> Iterator[Enrollment]:
        return (row for row in self.enrollments.values() if row.course_id == course_id)

    def enrollments_of(self, user_id: int) -> Iterator[Enrollment]:
        return (row for row in self.enrollments.values() if row.user_id == user_id)

    def membership(self, user_id: int, course_id: int) -> list[Enrollment]:
        """The enrollments that let this user into this course."""
        return [row for row in self.enrollments_of(user_id) if row.course_id == course_id and row.state in PRESENT]

    def students_in(self, course_id: int, section_id: int | None = None) -> int:
        return sum(
            row.type == "StudentEnrollment"
            and row.state in ("active", "invited")
            and section_id in (None, row.section_id)
            for row in self.enrollments_in(course_id)
        )

    def sections_of(self, course_id: int) -> list[Section]:
        return [row for row in self.sections.values() if row.course_id == course_id and row.workflow_state != "deleted"]

    def is_admin(self, user_id: int) -> bool:
        return any(user_id in account.admins for account in self.accounts.values())

    def course(self, raw: str) -> Course | None:
        found = _named(raw, self.courses, sis=lambda row: {"sis_course_id": row.sis_course_id})
        return None if found is None or found.workflow_state == "deleted" else found

    def section(self, raw: str) -> Section | None:
        found = _named(raw, self.sections, sis=lambda row: {"sis_section_id": row.sis_section_id})
        return None if found is None or found.workflow_state == "deleted" else found

    def user(self, raw: str, self_id: int) -> User | None:
        if raw == "self":
            return self.users.get(self_id)
        found = _named(raw, self.users, sis=lambda row: {"sis_user_id": row.login_id, "sis_login_id": row.login_id})
        return None if found is None or found.workflow_state == "deleted" else found

    def account(self, raw: str) -> Account | None:
        return self.accounts.get(1) if raw in ("self", "default") else _named(raw, self.accounts, sis=lambda _row: {})


def local_id(raw: str) -> int | None:
    """The local id of `565`, `2107~565` and `21070000000000565`; None when it is none or another shard's."""
    shard, tilde, rest = raw.rpartition("~")
    if tilde:
        ours = shard.isdecimal() and int(shard) == SHARD and rest.isdecimal()
        return int(rest) if ours else None
    if not raw.isdecimal():
        return None
    shard_number, local = divmod(int(raw), SHARD_SIZE)
    return local if shard_number in (0, SHARD) else None


def _named(raw: str, rows: dict[int, Row], *, sis: Callable[[Row], dict[str, str | None]]) -> Row | None:
    """The row that a raw path segment names, by any of the forms of UPSTREAMS.md §2.2."""
    name = unquote(raw)
    kind, colon, value = name.partition(":")
    if not colon:
        local = local_id(name)
        return None if local is None else rows.get(local)
    return _first(row for row in rows.values() if value and sis(row).get(kind) == value)


def _first(rows: Iterable[Row]) -> Row | None:
    return next(iter(rows), None)
