"""What each Live Event purges, row by row (UPSTREAMS.md §3.5)."""

from typing import Any, ClassVar

import pytest
from canvas_samples import FOREIGN, course, effect_of, enrollment, event, glob, section, tags_of, user

from adapters import Link

ENROLLED = {
    "enrollment_id": glob(46825),
    "course_id": glob(565),
    "course_section_id": glob(4811),
    "user_id": glob(20064),
    "type": "StudentEnrollment",
    "workflow_state": "active",
}
A_PERSON_CAME = {
    "user:20064:courses",
    "user:20064:enrollments",
    "course:565:roster",
    "course:565",
    "section:4811:roster",
    "section:4811",
}
WIDER = {"user:unknown", "user:unknown:courses", "user:unknown:enrollments", "course:unknown:roster"}
OF_ACCOUNTS = {"account:79:courses", "account:1:courses", "account:unknown:courses"}


def purged(name: str, body: dict[str, Any], known: dict[str, Link] | None = None, **metadata: Any) -> set[str]:
    """Tags of an event, less those that only stand for entries of nobody known."""
    effect = effect_of(event(name, body, **metadata), known)
    assert effect.known
    return {tag for tag in effect.tags if ":unknown:" not in tag}


def test_an_enrollment_created() -> None:
    assert purged("enrollment_created", ENROLLED) == A_PERSON_CAME | {"user:unknown"}


def test_an_enrollment_updated() -> None:
    expected = A_PERSON_CAME | {"user:unknown", "enrollment:46825"}

    assert purged("enrollment_updated", ENROLLED) == expected
    assert purged("enrollment_updated", ENROLLED | {"workflow_state": "deleted"}) == expected


def test_an_observers_enrollment_reaches_the_observed() -> None:
    observing = ENROLLED | {"type": "ObserverEnrollment", "associated_user_id": glob(9)}

    assert "user:9" in purged("enrollment_updated", observing)
    assert "user:9" not in purged("enrollment_updated", ENROLLED | {"associated_user_id": glob(9)})


@pytest.mark.parametrize("name", ["enrollment_created", "enrollment_updated"])
def test_enrollment_events_teach_the_index(name: str) -> None:
    assert effect_of(event(name, ENROLLED)).links == (Link("46825", "20064", "565"),)


def test_every_enrollment_event_reaches_the_lists_of_nobody_known() -> None:
    assert effect_of(event("enrollment_created", ENROLLED)).tags >= WIDER


@pytest.mark.parametrize("name", ["enrollment_state_created", "enrollment_state_updated"])
class TestAnEnrollmentState:
    BODY: ClassVar[dict[str, Any]] = {"enrollment_id": glob(46825), "state": "active"}

    def test_of_a_known_enrollment_is_resolved_by_the_index(self, name: str) -> None:
        tags = purged(name, self.BODY, {"46825": Link("46825", "20064", "565")}, context_id=None, context_type=None)

        assert tags == {
            "enrollment:46825",
            "user:20064:courses",
            "user:20064:enrollments",
            "course:565:roster",
            "course:565",
            "user:unknown",
        }

    def test_of_an_unknown_one_is_resolved_by_its_context(self, name: str) -> None:
        tags = purged(name, self.BODY)

        assert tags == {"enrollment:46825", "course:565:roster", "course:565", "in:course:565", "user:unknown"}

    @pytest.mark.parametrize("context", [{"context_type": None}, {"context_type": "User"}, {"context_id": "x"}])
    def test_of_an_unknown_one_without_context_drops_all_rosters_and_course_lists(
        self, name: str, context: dict[str, Any]
    ) -> None:
        assert purged(name, self.BODY, **context) >= {"enrollment:46825", "tenant", "user:unknown"}


def test_a_course_created() -> None:
    assert purged("course_created", {"course_id": glob(566), "account_id": glob(79)}) == {
        "account:79:courses",
        "account:1:courses",
        "user:123:courses",
        "course:566",
        "in:course:566",
    }


def test_a_course_updated() -> None:
    tags = effect_of(event("course_updated", {"course_id": glob(565), "account_id": glob(79)})).tags

    assert tags == {"course:565", "in:course:565"} | OF_ACCOUNTS


@pytest.mark.parametrize("state", ["deleted", "completed"])
def test_a_course_that_is_over(state: str) -> None:
    tags = purged("course_updated", {"course_id": glob(565), "account_id": glob(79), "workflow_state": state})

    assert tags == {"course:565", "in:course:565", "account:79:courses", "account:1:courses"} | {
        f"course:565:{collection}" for collection in ("roster", "sections", "assignments", "grades")
    }


def test_a_syllabus_updated() -> None:
    assert purged("syllabus_updated", {"course_id": glob(565)}) == {"course:565", "course:565:syllabus"}


@pytest.mark.parametrize("name", ["course_section_created", "course_section_updated"])
def test_a_section(name: str) -> None:
    body = {"course_section_id": "4811", "course_id": "565", "nonxlist_course_id": None}

    assert purged(name, body) == {
        "course:565:sections",
        "section:4811",
        "in:section:4811",
        "section:4811:roster",
        "course:565:roster",
    }


def test_a_cross_listed_section_moves_people_between_courses() -> None:
    body = {"course_section_id": "4811", "course_id": "565", "nonxlist_course_id": "566"}
    tags = purged("course_section_updated", body)

    assert {"course:566:sections", "course:566:roster", "in:course:565", "in:course:566"} <= tags


def test_a_user_created() -> None:
    assert purged("user_created", {"user_id": glob(8)}) == {"account:79:users", "account:1:users", "user:8"}


def test_a_user_updated() -> None:
    tags = purged("user_updated", {"user_id": glob(8)})

    assert tags == {"user:8", "in:user:8", "account:79:users", "account:1:users"}
    assert "user:8:courses" in purged("user_updated", {"user_id": glob(8), "workflow_state": "deleted"})


def test_a_user_associated_with_an_account() -> None:
    tags = purged("user_account_association_created", {"user_id": glob(8), "account_id": glob(80)})

    assert {"account:80:users", "user:8"} <= tags


def test_a_sis_batch() -> None:
    assert effect_of(event("sis_batch_updated", {"workflow_state": "imported"})).tags == {"tenant"}
    assert effect_of(event("sis_batch_updated", {"workflow_state": "imported_with_messages"})).tags == {"tenant"}
    assert effect_of(event("sis_batch_updated", {"workflow_state": "importing"})).tags == set()
    assert effect_of(event("sis_batch_created", {"workflow_state": "created"})).tags == set()


@pytest.mark.parametrize(
    "name",
    ["assignment_created", "assignment_updated", "assignment_group_updated", "assignment_override_created"],
)
def test_assignments_their_groups_and_overrides(name: str) -> None:
    own_context = {"assignment_id": glob(9), "context_id": glob(566), "context_type": "Course"}

    assert purged(name, own_context) == {"assignment:9", "course:566:assignments"}
    assert purged(name, {}) == {"course:565:assignments"}
    assert purged(name, {}, context_type=None) == {"tenant:assignments"}


@pytest.mark.parametrize("name", ["submission_created", "submission_updated", "grade_change"])
def test_submissions_and_grades(name: str) -> None:
    body = {"submission_id": glob(1), "user_id": glob(20064), "grader_id": glob(3)}

    assert purged(name, body) == {"course:565:grades", "user:20064:enrollments"}
    assert "tenant:grades" in purged(name, body, context_type=None, context_id=None)


def test_the_student_of_a_grade_change_comes_before_anybody_else() -> None:
    assert "user:9:enrollments" in purged("grade_change", {"student_id": glob(9), "user_id": glob(9)})


def test_a_course_grade_change_has_local_ids() -> None:
    tags = purged("course_grade_change", {"user_id": "20064", "course_id": "566"}, context_id=None)

    assert tags == {"course:566:grades", "user:20064:enrollments"}


@pytest.mark.parametrize("name", ["group_created", "group_membership_updated"])
def test_groups(name: str) -> None:
    assert purged(name, {"group_id": glob(5), "user_id": glob(7)}) == {"course:565:groups", "user:7:groups"}


def test_an_account_updated() -> None:
    assert purged("account_updated", {"account_id": glob(79)}) == {"account:79", "in:account:79"}


@pytest.mark.parametrize("name", ["module_created", "quiz_submitted", "logged_in", "", None, 7, ["enrollment_created"]])
def test_an_event_without_a_rule_purges_nothing_and_says_so(name: Any) -> None:
    effect = effect_of(event(name, ENROLLED))

    assert not effect.known
    assert not effect.tags
    assert not effect.links


@pytest.mark.parametrize("body", [{}, {"user_id": None}, {"user_id": glob(7)}, {"course_id": {"x": 1}, "user_id": [1]}])
def test_an_enrollment_event_that_does_not_say_who_or_where_purges_wider(body: dict[str, Any]) -> None:
    assert "tenant" in purged("enrollment_created", body)


def test_foreign_users_keep_their_global_id() -> None:
    tags = purged("enrollment_created", ENROLLED | {"user_id": str(FOREIGN + 7)})

    assert f"user:{FOREIGN + 7}:courses" in tags
    assert "user:7:courses" not in tags


def test_without_a_root_account_a_global_id_stands_for_both_of_its_forms() -> None:
    tags = purged("enrollment_created", ENROLLED | {"user_id": str(FOREIGN + 7)}, root_account_id=None)

    assert {f"user:{FOREIGN + 7}:courses", "user:7:courses", "course:565:roster"} <= tags


# What an event has to reach, and what it must leave alone: the tags of entries against those of events.

ENTRIES = {
    "own list": tags_of("courses", [course(565), course(566)], me="20064"),
    "own list, unbound": tags_of("courses", [course(565)]),
    "classmate's list": tags_of("courses", [course(565), course(567)], me="7"),
    "stranger's list": tags_of("courses", [course(900)], me="8"),
    "course": tags_of("courses/565", course(565)),
    "roster": tags_of("courses/565/search_users?include[]=enrollments", [user(7), user(20064)]),
    "roster by sis id": tags_of("courses/sis_course_id:X/users", []),
    "enrollments": tags_of("courses/565/enrollments", [enrollment(), enrollment(2, 7)]),
    "section roster": tags_of("sections/4811/enrollments", []),
    "own enrollments": tags_of("users/self/enrollments", [enrollment()], me="20064"),
    "sections": tags_of("courses/565/sections", [section()]),
    "self": tags_of("users/self", user()),
    "classmate": tags_of("users/7", user(7)),
    "other roster": tags_of("courses/566/users", [user(7)]),
    "account courses": tags_of("accounts/79/courses", [course(565)]),
    "total students": tags_of("courses?include[]=total_students", [course(565)], me="3"),
    "assignments": tags_of("courses/565/assignments", [{"id": 9, "name": "One"}]),
}
EVERYWHERE = {"own list, unbound", "roster by sis id"}  # nobody knows whose they are


@pytest.mark.parametrize(
    ("name", "body", "reached"),
    [
        (
            "enrollment_created",
            ENROLLED,
            {"own list", "course", "roster", "enrollments", "section roster", "own enrollments", "total students"}
            | EVERYWHERE,
        ),
        (
            "course_updated",
            {"course_id": glob(565), "account_id": glob(79)},
            {
                "own list",
                "own list, unbound",
                "classmate's list",
                "course",
                "own enrollments",
                "account courses",
                "total students",
            },
        ),
        ("user_updated", {"user_id": glob(20064)}, {"self", "roster", "enrollments", "own enrollments"}),
        (
            "course_section_updated",
            {"course_section_id": "4811", "course_id": "565"},
            {
                "sections",
                "roster",
                "enrollments",
                "section roster",
                "roster by sis id",
                "own enrollments",
                "total students",
            },
        ),
        ("assignment_updated", {"assignment_id": glob(9)}, {"assignments"}),
    ],
)
def test_an_event_reaches_what_it_changed_and_nothing_else(name: str, body: dict[str, Any], reached: set[str]) -> None:
    effect = effect_of(event(name, body))

    assert {entry for entry, tags in ENTRIES.items() if effect.tags & tags} == reached
