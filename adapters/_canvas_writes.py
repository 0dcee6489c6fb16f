"""What a write to Canvas means for the cache: what its notification would purge (UPSTREAMS.md §2.9, DESIGN.md §4).

Known from the path, from the body and, where there is one, from the answer. What none of them tells purges wider.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters._canvas_bodies import Fields, fields, is_read, path_segments
from adapters._canvas_changes import (
    ALL_ACCOUNTS,
    EVERYTHING,
    TENANT,
    account_changed,
    assignments_changed,
    collections,
    course_changed,
    enrollment_changed,
    everything_of,
    grades_changed,
    holders,
    objects,
    section_changed,
    user_changed,
)
from adapters._canvas_ids import Ids, id_forms
from adapters._canvas_links import links
from adapters._exchanges import Received, Sent
from adapters._json import is_too_rich, mapping
from adapters._vocabulary import Effect

SAFE = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
OVERRIDES = frozenset({"DELETE", "PATCH", "PUT"})
KINDS = {
    "courses": "course",
    "sections": "section",
    "users": "user",
    "accounts": "account",
    "enrollments": "enrollment",
    "assignments": "assignment",
}
LEAVING = frozenset({"delete", "conclude"})  # values of course[event]
APPEARING = frozenset({"offer", "undelete"})  # then the course comes into lists that do not hold it yet
YES = frozenset({"true", "1", "on", "yes"})


@dataclass(frozen=True, slots=True)
class Write:
    """A write, as far as it tells what it is about."""

    method: str
    path: tuple[str, ...]  # below /api/v1
    fields: Fields
    answer: Mapping[str, Any]

    def named(self, kind: str) -> Ids:
        """The object that follows a word in the path, such as `courses`."""
        follow = (id_forms(after) for word, after in zip(self.path, self.path[1:], strict=False) if word == kind)
        return next((ids for ids in follow if ids), ())

    def answered(self, *names: str) -> Ids:
        """The object that the first usable of these members of the answer names."""
        return next((ids for name in names if (ids := id_forms(self.answer.get(name)))), ())

    def given(self, name: str) -> Ids:
        """The objects that a field of the body or query names."""
        return tuple(form for value in self.fields.get(name, ()) for form in id_forms(value))

    def last(self, name: str) -> str:
        """The last value of a field; empty when there is none."""
        return self.fields.get(name, ("",))[-1]


def write_effect(sent: Sent, received: Received | None) -> Effect:
    """What to purge and to learn for one write; a clear refusal changed nothing, an unknown outcome counts as done."""
    if sent.method in SAFE or (received is not None and 400 <= received.status < 500 and received.status != 408):
        return Effect()
    segments = path_segments(sent.path)
    if segments[:2] == ("api", "graphql"):
        return Effect(tags=_graphql(fields(sent)))
    path = segments[segments.index("v1") + 1 :] if "v1" in segments[:4] else ()
    if not path or path[0] not in KINDS:
        return Effect()
    given, answer = fields(sent), {} if received is None else mapping(received.json)
    write = Write(_method(sent, given), path, given, answer)
    rule = _rule(path)
    tags = rule(write)
    if is_too_rich(sent.body) or (rule in _BY_BODY and not is_read(sent)):  # it may say anything of what its path names
        tags = tags | _anything(write) | {TENANT}
    return Effect(tags=frozenset(tags), links=tuple(links(answer)))


def _method(sent: Sent, given: Fields) -> str:
    """Rails takes a POST for another method where the form or a header says so (Rack::MethodOverride)."""
    said = (*given.get("_method", ()), sent.headers.get("x-http-method-override", ""))[0].upper()
    return said if sent.method == "POST" and said in OVERRIDES else sent.method


def _graphql(given: Fields) -> frozenset[str]:
    """A query changes nothing; a mutation may change anything."""
    queries = given.get("query", ())
    reads = queries and not any(re.search(r"\bmutation\b", query) for query in queries)
    return frozenset() if reads else EVERYTHING


def _enrollment(write: Write) -> set[str]:
    is_one = "enrollment_state" in write.answer or "course_section_id" in write.answer
    tags = enrollment_changed(
        enrollments=write.named("enrollments") or (write.answered("id") if is_one else ()),
        users=write.answered("user_id") or write.given("enrollment[user_id]"),
        courses=write.named("courses") or write.answered("course_id"),
        sections=write.named("sections")
        or write.answered("course_section_id")
        or write.given("enrollment[course_section_id]"),
    )
    observed = write.answered("associated_user_id") or write.given("enrollment[associated_user_id]")
    return tags | objects("user", observed)


def _course(write: Write) -> set[str]:
    event = write.last("course[event]")
    accounts = (*write.answered("account_id"), *write.answered("root_account_id"), *write.given("course[account_id]"))
    tags = course_changed(
        write.named("courses") or write.answered("id"), accounts, is_gone=write.method == "DELETE" or event in LEAVING
    )
    is_offered = event in APPEARING or write.last("offer").lower() in YES
    return tags | {TENANT} if is_offered else tags


def _account_courses(write: Write) -> set[str]:
    """One new course, or a batch of known ones (`course_ids[]` and `event`)."""
    event = write.last("event") or write.last("course[event]")
    courses = write.given("course_ids[]") or write.answered("id")
    accounts = (*write.named("accounts"), *write.answered("root_account_id"))
    tags = course_changed(courses, accounts, is_gone=event in LEAVING) | {ALL_ACCOUNTS}
    joins = write.last("enroll_me").lower() in YES
    return tags | {TENANT} if joins or event in APPEARING else tags


def _section(write: Write) -> set[str]:
    return section_changed(
        write.named("sections") or write.answered("id"),
        write.named("courses") or write.answered("course_id"),
        write.answered("nonxlist_course_id"),
    )


def _crosslist(write: Write) -> set[str]:
    """Nobody names the course that the section leaves, unless it is its first one."""
    courses = (*write.named("crosslist"), *write.answered("course_id"))
    return section_changed(write.named("sections"), courses, write.answered("nonxlist_course_id")) | {TENANT}


def _submission(write: Write) -> set[str]:
    students = write.named("submissions") or write.answered("user_id") or write.given("submission[user_id]")
    return grades_changed(students, write.named("courses"))


def _assignment(write: Write) -> set[str]:
    courses = write.named("courses") or write.answered("course_id")
    own = write.answered("id") if write.path[2:] == ("assignments",) else ()
    return assignments_changed(write.named("assignments") or own, courses)


def _user(write: Write) -> set[str]:
    return user_changed(write.named("users") or write.answered("id"), is_gone=write.method == "DELETE") | {ALL_ACCOUNTS}


def _account_user(write: Write) -> set[str]:
    users = write.named("users") or write.answered("id")
    accounts = collections("account", write.named("accounts"), "users") | {ALL_ACCOUNTS}
    return accounts | (user_changed(users, is_gone=True) if write.method == "DELETE" else objects("user", users))


def _merged_user(write: Write) -> set[str]:
    """One who becomes another, or several again: enrollments go along, and not all who had some are named."""
    return _user(write) | user_changed(())


def _login(write: Write) -> set[str]:
    """How a user logs in, and their SIS id: shown wherever they are."""
    users = write.answered("user_id") or write.given("user[id]")
    return user_changed(users, write.named("accounts"))


def _account(write: Write) -> set[str]:
    return account_changed(write.named("accounts") or write.answered("id")) | {ALL_ACCOUNTS}


def _own_course(write: Write) -> set[str]:
    """A nickname or a favourite of the user who asks: shown in the course and in lists that hold it."""
    courses = write.named("course_nicknames") or write.named("courses") or write.answered("course_id")
    return objects("course", courses) | holders("course", courses) if courses else {TENANT}


def _anything(write: Write) -> set[str]:
    """No rule: all that could be about any object in the path."""
    tags: set[str] = set()
    for word, kind in KINDS.items():
        if word in write.path:
            tags |= everything_of(kind, write.named(word))
    return tags


Rule = Callable[[Write], set[str]]

_BY_BODY = frozenset({_course, _account_courses})  # whether a course comes or goes, only the body tells

ANY = "*"
REST = "**"

_RULES: tuple[tuple[tuple[str, ...], Rule], ...] = (
    (("courses", ANY, "enrollments", REST), _enrollment),
    (("sections", ANY, "enrollments", REST), _enrollment),
    (("courses", ANY), _course),
    (("accounts", ANY, "courses", REST), _account_courses),
    (("courses", ANY, "sections"), _section),
    (("sections", ANY), _section),
    (("sections", ANY, "crosslist", REST), _crosslist),
    (("courses", ANY, "assignments", ANY, "submissions", REST), _submission),
    (("sections", ANY, "assignments", ANY, "submissions", REST), _submission),
    (("courses", ANY, "submissions", REST), _submission),
    (("sections", ANY, "submissions", REST), _submission),
    (("courses", ANY, "assignments", REST), _assignment),
    (("courses", ANY, "assignment_groups", REST), _assignment),
    (("users", ANY), _user),
    (("users", ANY, "course_nicknames", REST), _own_course),
    (("users", ANY, "favorites", "courses", REST), _own_course),
    (("users", ANY, "merge_into", REST), _merged_user),
    (("users", ANY, "split"), _merged_user),
    (("accounts", ANY, "users", REST), _account_user),
    (("accounts", ANY, "logins", REST), _login),
    (("accounts", ANY), _account),
)


def _rule(path: tuple[str, ...]) -> Rule:
    return next((rule for pattern, rule in _RULES if _fits(pattern, path)), _anything)


def _fits(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    if pattern[-1] == REST:
        pattern = pattern[:-1]
        path = path[: len(pattern)]
    if len(path) != len(pattern):
        return False
    return all(expected in (ANY, word) for expected, word in zip(pattern, path, strict=True))
