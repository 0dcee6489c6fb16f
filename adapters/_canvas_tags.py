"""Under which tags an answer of Canvas is kept: whose collection it is, and what it holds (UPSTREAMS.md §3.5).

Ids come from the path and from the answer: `sis_course_id:…` and `self` in a path name the same objects, and only the
answer tells which (§2.2).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from adapters._canvas_changes import ALL_ACCOUNTS, ALL_ASSIGNMENTS, ALL_GRADES, ALL_USERS, TENANT, UNKNOWN
from adapters._canvas_grades import included, is_graded
from adapters._canvas_ids import Ids, id_forms, id_in_answer
from adapters._canvas_people import people
from adapters._exchanges import Exchange
from adapters._json import mapping, rows

Row = Mapping[str, Any]

_PEOPLE = ("teachers", "students", "observed_users")  # members that hold them

# What an `include[]` puts into a course makes the entry change with more than the course (UPSTREAMS.md §2.2).
_INCLUDES = {
    "sections": "sections",
    "total_students": "roster",
    "teachers": "roster",
    "students": "roster",
    "observed_users": "roster",
    "enrollments": "roster",
    "needs_grading_count": "grades",
    "syllabus_body": "syllabus",
}


def acting(named: Callable[[Exchange], Iterable[str]]) -> Callable[[Exchange], Iterable[str]]:
    """Tags as `named` has them, and of whom the asker acts as: what they see is theirs (UPSTREAMS.md §2.1)."""

    def tags(exchange: Exchange) -> Iterable[str]:
        acting_as = exchange.sent.last("as_user_id")
        if acting_as is None:
            return named(exchange)
        return {*named(exchange), *(_in_users(id_forms(acting_as)) or {f"user:{UNKNOWN}"})}

    return tags


def own_courses(exchange: Exchange) -> Iterable[str]:
    """The course list of the user who asks."""
    return _whose(exchange, "courses") | _held_courses(exchange) | {TENANT}


def user_courses(exchange: Exchange) -> Iterable[str]:
    """The course list of the user in the path."""
    return _of(exchange, "user", "courses") | _held_courses(exchange) | {TENANT}


def account_courses(exchange: Exchange) -> Iterable[str]:
    """The course list of an account; it holds courses of its sub-accounts too."""
    below = {f"account:{one}:courses" for row in rows(exchange.json) for one in _ids(row.get("account_id"))}
    return _of(exchange, "account", "courses") | below | _held_courses(exchange) | {TENANT, ALL_ACCOUNTS}


def course(exchange: Exchange) -> Iterable[str]:
    """One course."""
    row = mapping(exchange.json)
    ids = {*_path(exchange, "course"), *_ids(row.get("id"))}
    tags = {f"course:{one}" for one in ids}
    return tags | _included(exchange, ids) | _in_users(_users_in(row)) | {TENANT} | _graded(exchange, ids)


def course_users(exchange: Exchange) -> Iterable[str]:
    """The people of a course: users, or users with their enrollments."""
    tags = _of(exchange, "course", "roster", _courses_of_enrollments(exchange.json))
    courses = {*_path(exchange, "course"), *_courses_of_enrollments(exchange.json)}
    return tags | _held_people(exchange) | {TENANT} | _graded(exchange, courses)


def course_enrollments(exchange: Exchange) -> Iterable[str]:
    """The enrollments of a course."""
    return course_users(exchange)


def section_enrollments(exchange: Exchange) -> Iterable[str]:
    """The enrollments of a section: a part of its course's roster."""
    courses = set(_courses_of_enrollments(exchange.json))
    tags = _of(exchange, "section", "roster") | _named("course", courses, "roster")
    return tags | _held_people(exchange) | {TENANT} | _graded(exchange, courses)


def user_enrollments(exchange: Exchange) -> Iterable[str]:
    """The enrollments of the user in the path."""
    return _of(exchange, "user", "enrollments") | _held_enrollments(exchange)


def own_enrollments(exchange: Exchange) -> Iterable[str]:
    """The enrollments of the user who asks."""
    return _whose(exchange, "enrollments") | _held_enrollments(exchange)


def enrollment(exchange: Exchange) -> Iterable[str]:
    """One enrollment: also a part of its course's roster."""
    row = mapping(exchange.json)
    ids = {*_path(exchange, "enrollment"), *_ids(row.get("id"))}
    courses = set(_ids(row.get("course_id")))
    tags = {f"enrollment:{one}" for one in ids} | _named("course", courses, "roster")
    return tags | _held_people(exchange) | {TENANT} | _graded(exchange, courses)


def user(exchange: Exchange) -> Iterable[str]:
    """One person, or their profile."""
    ids = {*_path(exchange, "user"), *_ids(mapping(exchange.json).get("id"))}
    return {f"user:{one}" for one in ids} | {ALL_USERS}


def account_users(exchange: Exchange) -> Iterable[str]:
    """The people of an account."""
    return _of(exchange, "account", "users") | _in_users(_ids_of_rows(exchange.json)) | {TENANT, ALL_ACCOUNTS}


def course_sections(exchange: Exchange) -> Iterable[str]:
    """The sections of a course."""
    courses = {*_path(exchange, "course"), *(one for row in rows(exchange.json) for one in _ids(row.get("course_id")))}
    held = {f"in:section:{one}" for one in _ids_of_rows(exchange.json)}
    people = _in_users(one for row in rows(exchange.json) for one in _users_in(row))
    tags = _named("course", courses, "sections") | _included(exchange, courses)
    return tags | held | people | {TENANT} | _graded(exchange, courses)


def section(exchange: Exchange) -> Iterable[str]:
    """One section."""
    row = mapping(exchange.json)
    ids = {*_path(exchange, "section"), *_ids(row.get("id"))}
    courses = {*_path(exchange, "course"), *_ids(row.get("course_id"))}
    tags = {f"section:{one}" for one in ids} | _named("course", courses, "sections") | _included(exchange, courses)
    return tags | _in_users(_users_in(row)) | {TENANT} | _graded(exchange, courses)


def assignments(exchange: Exchange) -> Iterable[str]:
    """The assignments of a course, or one of them; and who handed it in, may see it or graded it, if asked for."""
    courses = {*_path(exchange, "course"), *(one for row in rows(exchange.json) for one in _ids(row.get("course_id")))}
    ids = {*_path(exchange, "assignment"), *_ids_of_rows(exchange.json)}
    tags = _named("course", courses, "assignments") | {f"assignment:{one}" for one in ids}
    return tags | people(exchange.json) | {ALL_ASSIGNMENTS} | _graded(exchange, courses)


def account(exchange: Exchange) -> Iterable[str]:
    """One account."""
    ids = {*_path(exchange, "account"), *_ids(mapping(exchange.json).get("id"))}
    return {f"account:{one}" for one in ids} | {ALL_ACCOUNTS}


def accounts(exchange: Exchange) -> Iterable[str]:
    """The accounts that the user who asks may see."""
    return {f"in:account:{one}" for one in _ids_of_rows(exchange.json)} | {f"account:{UNKNOWN}:accounts", ALL_ACCOUNTS}


def terms(exchange: Exchange) -> Iterable[str]:
    """The terms of an account."""
    return _of(exchange, "account", "terms") | {ALL_ACCOUNTS}


def _ids(value: object) -> Ids:
    one = id_in_answer(value) if value is not None else None
    return () if one is None else (one,)


def _path(exchange: Exchange, kind: str) -> Ids:
    return id_forms(exchange.sent.params.get(kind))


def _ids_of_rows(json: object) -> set[str]:
    return {one for row in rows(json) for one in _ids(row.get("id"))}


def _named(kind: str, ids: Iterable[str], collection: str) -> set[str]:
    """The tags of a collection; where nobody knows whose it is, the one that every purge of its like reaches."""
    return {f"{kind}:{one}:{collection}" for one in ids} or {f"{kind}:{UNKNOWN}:{collection}"}


def _of(exchange: Exchange, kind: str, collection: str, also: Iterable[str] = ()) -> set[str]:
    return _named(kind, {*_path(exchange, kind), *also}, collection)


def _whose(exchange: Exchange, collection: str) -> set[str]:
    """The asking user's collection; `as_user_id` says who that is (UPSTREAMS.md §2.1)."""
    acting_as = exchange.sent.last("as_user_id")
    ids = id_forms(exchange.me if acting_as is None else acting_as)
    return _named("user", ids, collection) if ids else {f"user:{UNKNOWN}", f"user:{UNKNOWN}:{collection}"}


def _enrollments_of(row: Row) -> Sequence[Row]:
    return rows(row["enrollments"]) if "enrollments" in row else ()


def _users_in(row: Row) -> Iterator[str]:
    """Everyone a row names or holds."""
    yield from _ids(row.get("user_id"))
    yield from _ids(row.get("associated_user_id"))
    yield from _ids(mapping(row.get("user")).get("id"))
    for name in _PEOPLE:
        if name in row:
            yield from _ids_of_rows(row[name])
    for held in _enrollments_of(row):
        yield from _ids(held.get("user_id"))
        yield from _ids(held.get("associated_user_id"))


def _in_users(ids: Iterable[str]) -> set[str]:
    return {f"in:user:{one}" for one in ids}


def _held_courses(exchange: Exchange) -> set[str]:
    ids = _ids_of_rows(exchange.json)
    people = _in_users(one for row in rows(exchange.json) for one in _users_in(row))
    return {f"in:course:{one}" for one in ids} | people | _included(exchange, ids) | _graded(exchange, ids)


def _held_people(exchange: Exchange) -> set[str]:
    """People and sections that a roster holds. A user's own `id` names them; an enrollment's does not."""
    tags = set()
    for row in rows(exchange.json):
        tags |= _in_users(_users_in(row) if "user_id" in row else {*_users_in(row), *_ids(row.get("id"))})
        for held in (row, *_enrollments_of(row)):
            tags |= {f"in:section:{one}" for one in _ids(held.get("course_section_id"))}
    return tags


def _held_enrollments(exchange: Exchange) -> set[str]:
    courses = set(_courses_of_enrollments(exchange.json))
    holding = {f"in:course:{one}" for one in courses}
    return holding | _held_people(exchange) | {TENANT} | _graded(exchange, courses)


def _courses_of_enrollments(json: object) -> Iterator[str]:
    for row in rows(json):
        yield from _ids(row.get("course_id"))
        for held in _enrollments_of(row):
            yield from _ids(held.get("course_id"))


def _included(exchange: Exchange, courses: Iterable[str]) -> set[str]:
    wanted = {_INCLUDES[name] for name in included(exchange.sent) if name in _INCLUDES}
    return {f"course:{one}:{collection}" for one in courses for collection in wanted}


def _graded(exchange: Exchange, courses: Iterable[str]) -> set[str]:
    """Scores stand in the answer: grade events are about it."""
    return _named("course", courses, "grades") | {ALL_GRADES} if is_graded(exchange) else set()
