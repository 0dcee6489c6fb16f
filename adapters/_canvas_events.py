"""What a Canvas Live Event means for the cache, row by row (UPSTREAMS.md §3.3–§3.5)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters._canvas_changes import (
    TENANT,
    account_changed,
    assignments_changed,
    collections,
    course_changed,
    enrollment_changed,
    grades_changed,
    groups_changed,
    objects,
    section_changed,
    someone_in_course_changed,
    user_changed,
)
from adapters._canvas_ids import SHARD, Ids, id_forms, id_number
from adapters._json import mapping
from adapters._vocabulary import Effect, Link

Find = Callable[[str], Link | None]

GONE = frozenset({"deleted", "completed"})  # a course that is deleted or concluded leaves its members' lists


@dataclass(frozen=True, slots=True)
class Told:
    """An event, with its ids in the forms that tags have."""

    metadata: Mapping[str, Any]
    body: Mapping[str, Any]
    home: int | None  # this Canvas' shard, where the event says it
    find: Find

    def ids(self, *names: str) -> Ids:
        """The object that the first usable of these members of the body names."""
        return next((ids for name in names if (ids := id_forms(self.body.get(name), self.home))), ())

    def meta_ids(self, name: str) -> Ids:
        """The object that a member of the metadata names."""
        return id_forms(self.metadata.get(name), self.home)

    @property
    def state(self) -> object:
        """The workflow_state: there are no deletion events, only updates to `deleted`."""
        return self.body.get("workflow_state")

    @property
    def context(self) -> Ids:
        """The course an event happened in: the body's own context first; job events often have none."""
        for part in (self.body, self.metadata):
            if part.get("context_type") == "Course" and (ids := id_forms(part.get("context_id"), self.home)):
                return ids
        return ()

    @property
    def root(self) -> Ids:
        """The root account, whose lists reach down into every sub-account."""
        return self.meta_ids("root_account_id")

    @property
    def accounts(self) -> Ids:
        """Every account that is named as the place of the event, and the root."""
        named = (self.ids("account_id"), self.meta_ids("context_account_id"), self.root)
        context = self.meta_ids("context_id") if self.metadata.get("context_type") == "Account" else ()
        return tuple({*context, *(one for ids in named for one in ids)})


def event_effect(event: Mapping[str, Any], find: Find) -> Effect:
    """What to purge and to learn for one event; `find` looks an enrollment up in the learned index."""
    metadata = mapping(mapping(event).get("metadata"))
    number = id_number(metadata.get("root_account_id"))
    told = Told(metadata, mapping(event.get("body")), None if number is None else number // SHARD or None, find)
    name = metadata.get("event_name")
    rule = _rule(name) if isinstance(name, str) else None
    if rule is None:
        return Effect(known=False)
    return Effect(tags=frozenset(rule(told)), links=tuple(_links(told)) if rule in _ENROLLMENT_RULES else ())


def _enrollment_created(told: Told) -> set[str]:
    return enrollment_changed(
        users=told.ids("user_id"), courses=told.ids("course_id"), sections=told.ids("course_section_id")
    )


def _enrollment_updated(told: Told) -> set[str]:
    tags = _enrollment_created(told) | objects("enrollment", told.ids("enrollment_id"))
    if told.body.get("type") == "ObserverEnrollment":
        tags |= objects("user", told.ids("associated_user_id"))
    return tags


def _enrollment_state(told: Told) -> set[str]:
    """The body names neither course nor user: the index, else the context, else every roster and course list."""
    enrollments = told.ids("enrollment_id")
    for one in enrollments:
        link = told.find(one)
        if link is not None:
            return enrollment_changed(enrollments, id_forms(link.user, told.home), id_forms(link.course, told.home))
    if told.context:
        return someone_in_course_changed(enrollments, told.context)
    return enrollment_changed(enrollments)


def _course_created(told: Told) -> set[str]:
    # The actor's own list may gain it; the course's own tags, since "not found" may be kept under them.
    actor = collections("user", told.meta_ids("user_id"), "courses")
    return course_changed(told.ids("course_id"), told.accounts) | actor


def _course_updated(told: Told) -> set[str]:
    return course_changed(told.ids("course_id"), told.accounts, is_gone=told.state in GONE)


def _syllabus_updated(told: Told) -> set[str]:
    courses = told.ids("course_id") or told.context
    return objects("course", courses) | collections("course", courses, "syllabus")


def _section(told: Told) -> set[str]:
    return section_changed(told.ids("course_section_id"), told.ids("course_id"), told.ids("nonxlist_course_id"))


def _user_created(told: Told) -> set[str]:
    return collections("account", told.accounts, "users") | objects("user", told.ids("user_id"))


def _user_updated(told: Told) -> set[str]:
    return user_changed(told.ids("user_id"), told.accounts, is_gone=told.state == "deleted")


def _sis_batch_updated(told: Told) -> set[str]:
    """`imported`, `imported_with_messages`: a bulk change, thousands of events, of which some are lost."""
    return {TENANT} if isinstance(told.state, str) and told.state.startswith("imported") else set()


def _sis_batch_created(_: Told) -> set[str]:
    return set()


def _assignment(told: Told) -> set[str]:
    return assignments_changed(told.ids("assignment_id"), told.context)


def _grade(told: Told) -> set[str]:
    return grades_changed(told.ids("student_id", "user_id"), told.ids("course_id") or told.context)


def _group(told: Told) -> set[str]:
    return groups_changed(told.ids("user_id"), told.context)


def _account(told: Told) -> set[str]:
    return account_changed(told.ids("account_id"))


def _links(told: Told) -> Iterable[Link]:
    """The row of the index that an event teaches; of several forms the local one, which REST answers carry too."""
    enrollment, user, course = (told.ids(name) for name in ("enrollment_id", "user_id", "course_id"))
    if enrollment and user and course:
        yield Link(enrollment[0], user[0], course[0])


Rule = Callable[[Told], set[str]]

_ENROLLMENT_RULES: tuple[Rule, ...] = (_enrollment_created, _enrollment_updated)

_RULES: Mapping[str, Rule] = {
    "enrollment_created": _enrollment_created,
    "enrollment_updated": _enrollment_updated,
    "enrollment_state_created": _enrollment_state,
    "enrollment_state_updated": _enrollment_state,
    "course_created": _course_created,
    "course_updated": _course_updated,
    "syllabus_updated": _syllabus_updated,
    "course_section_created": _section,
    "course_section_updated": _section,
    "user_created": _user_created,
    "user_updated": _user_updated,
    "user_account_association_created": _user_created,
    "sis_batch_created": _sis_batch_created,
    "sis_batch_updated": _sis_batch_updated,
    "grade_change": _grade,
    "course_grade_change": _grade,
    "account_created": _account,
    "account_updated": _account,
}

_FAMILIES: tuple[tuple[str, Rule], ...] = (
    ("assignment_", _assignment),  # also assignment_group_* and assignment_override_*
    ("submission_", _grade),
    ("group_", _group),  # also group_membership_*
)


def _rule(name: str) -> Rule | None:
    if name in _RULES:
        return _RULES[name]
    return next((rule for prefix, rule in _FAMILIES if name.startswith(prefix)), None)
