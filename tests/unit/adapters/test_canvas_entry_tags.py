"""Under which tags Canvas answers are kept (UPSTREAMS.md §3.5)."""

import pytest
from canvas_samples import FOREIGN, HOME, course, endpoint_of, enrollment, exchange, section, tags_of, user

from adapters import NOT_JSON, Link
from adapters.courseworks import GRADES, ROSTER, adapter


def test_an_own_course_list_is_its_users_and_holds_its_courses() -> None:
    tags = tags_of("courses?per_page=100", [course(565), course(566)], me="20064")

    assert tags == {"user:20064:courses", "in:course:565", "in:course:566", "tenant"}


def test_the_own_list_under_its_other_name_is_the_same_collection() -> None:
    assert tags_of("users/self/courses", [course()], me="20064") == tags_of("courses", [course()], me="20064")


def test_an_own_list_of_nobody_known_waits_for_any_enrollment_event() -> None:
    assert {"user:unknown", "user:unknown:courses", "tenant"} <= tags_of("courses", [])


@pytest.mark.parametrize("acting", ["9", "2107~9", str(HOME + 9)])
def test_acting_as_another_user_makes_it_that_users_list(acting: str) -> None:
    tags = tags_of(f"courses?as_user_id={acting}", [], me="20064")

    assert "user:9:courses" in tags
    assert "user:20064:courses" not in tags


def test_acting_as_somebody_named_by_a_sis_id_is_acting_as_nobody_known() -> None:
    tags = tags_of("courses?as_user_id=sis_user_id:as0001", [], me="20064")

    assert {"user:unknown", "user:unknown:courses"} <= tags
    assert not any("as0001" in tag or "20064" in tag for tag in tags)


def test_the_last_of_repeated_scalars_counts() -> None:
    assert "user:9:courses" in tags_of("courses?as_user_id=8&as_user_id=9", [])


def test_a_course_list_holds_the_people_in_it() -> None:
    rows = [course(teachers=[{"id": 3, "display_name": "T"}], enrollments=[{"type": "student", "user_id": 20064}])]

    assert {"in:user:3", "in:user:20064"} <= tags_of("courses?include[]=teachers", rows, me="20064")


@pytest.mark.parametrize(
    ("asked", "collection"),
    [
        ("total_students", "roster"),
        ("teachers", "roster"),
        ("sections", "sections"),
        ("syllabus_body", "syllabus"),
        ("needs_grading_count", "grades"),
    ],
)
@pytest.mark.parametrize("target", ["courses", "courses/565"])
def test_what_is_included_changes_with_more_than_the_course(target: str, asked: str, collection: str) -> None:
    answer = course() if target.endswith("565") else [course()]

    assert f"course:565:{collection}" not in tags_of(target, answer)
    assert f"course:565:{collection}" in tags_of(f"{target}?include%5B%5D={asked}", answer)


def test_an_object_and_the_lists_that_hold_it_are_apart() -> None:
    one, many = tags_of("courses/565", course()), tags_of("courses", [course()])

    assert "course:565" in one - many
    assert "in:course:565" in many - one


@pytest.mark.parametrize(
    "path", ["565", "2107~565", str(HOME + 565), "sis_course_id:2026F-MADE%2F1", "sis_course_id%3Ax"]
)
def test_every_name_of_a_course_leads_to_the_same_tag(path: str) -> None:
    tags = tags_of(f"courses/{path}", course())

    assert "course:565" in tags
    assert not any("MADE" in tag for tag in tags)


@pytest.mark.parametrize("collection", ["users", "search_users"])
def test_a_roster_is_its_courses_and_holds_its_people(collection: str) -> None:
    tags = tags_of(f"courses/565/{collection}?per_page=5", [user(7), user(8)])

    assert tags == {"course:565:roster", "in:user:7", "in:user:8", "tenant"}


def test_enrollments_are_a_roster_that_names_its_sections_too() -> None:
    tags = tags_of("courses/565/enrollments", [enrollment(1, user=7), enrollment(2, user=8)])

    assert tags == {"course:565:roster", "in:user:7", "in:user:8", "in:section:4811", "tenant"}


def test_the_id_of_an_enrollment_is_not_taken_for_a_user() -> None:
    assert "in:user:46825" not in tags_of("courses/565/enrollments", [enrollment(46825)])


def test_a_roster_without_people_still_belongs_to_its_course() -> None:
    assert tags_of("courses/565/users", []) == {"course:565:roster", "tenant"}


def test_a_roster_of_a_course_that_only_a_sis_id_names_is_reached_by_every_roster_purge() -> None:
    assert "course:unknown:roster" in tags_of("courses/sis_course_id:X/users", [user(7)])
    assert "course:565:roster" in tags_of("courses/sis_course_id:X/enrollments", [enrollment()])


def test_a_sections_roster_is_also_a_part_of_its_courses() -> None:
    assert {"section:4811:roster", "course:565:roster"} <= tags_of("sections/4811/enrollments", [enrollment()])
    assert {"section:4811:roster", "course:unknown:roster"} <= tags_of("sections/4811/enrollments", [])


def test_a_users_enrollments_are_the_users_and_hold_courses() -> None:
    tags = tags_of("users/20064/enrollments", [enrollment(), enrollment(2, course_id=566)])

    assert {"user:20064:enrollments", "in:course:565", "in:course:566", "in:user:20064", "tenant"} <= tags
    assert "user:20064:enrollments" in tags_of("users/self/enrollments", [], me="20064")
    assert {"user:unknown", "user:unknown:enrollments"} <= tags_of("users/self/enrollments", [])


def test_all_of_a_large_roster_is_tagged() -> None:
    tags = tags_of("courses/565/users", [user(one) for one in range(1, 501)])

    assert {f"in:user:{one}" for one in range(1, 501)} <= tags


@pytest.mark.parametrize("path", ["users/self", "users/20064", "users/self/profile", "users/sis_user_id:as0001"])
def test_a_person_is_an_object_whatever_the_path_calls_them(path: str) -> None:
    assert tags_of(path, user()) == {"user:20064", "tenant:users"}


def test_people_of_another_shard_keep_their_global_id() -> None:
    assert f"in:user:{FOREIGN + 7}" in tags_of("courses/565/users", [user(FOREIGN + 7)])


def test_an_id_is_tagged_in_one_form_however_it_is_written() -> None:
    assert f"in:user:{FOREIGN + 7}" in tags_of("courses/565/users", [user("2108~7")])
    assert "in:user:7" in tags_of("courses/565/users", [user("007")])


def test_string_ids_make_the_same_tags() -> None:
    row = {**enrollment(), "id": "46825", "user_id": "20064", "course_id": "565", "course_section_id": "4811"}
    row["user"] = {"id": "20064"}

    assert tags_of("courses/565/enrollments", [row]) == tags_of("courses/565/enrollments", [enrollment()])


def test_an_accounts_courses_belong_to_it_and_to_the_accounts_below() -> None:
    tags = tags_of("accounts/1/courses", [course()])

    assert {"account:1:courses", "account:79:courses", "in:course:565", "tenant"} <= tags


def test_accounts_their_people_and_terms() -> None:
    assert {"account:1:users", "in:user:20064", "tenant"} <= tags_of("accounts/1/users", [user()])
    assert "account:1:terms" in tags_of("accounts/1/terms", {"enrollment_terms": [{"id": 83}]})
    assert "account:79" in tags_of("accounts/79", {"id": 79, "name": "Sample School"})
    assert "in:account:79" in tags_of("accounts", [{"id": 79}])
    assert "account:unknown:courses" in tags_of("accounts/self/courses", [])


def test_sections_are_their_courses() -> None:
    assert tags_of("courses/565/sections", [section()]) == {"course:565:sections", "in:section:4811", "tenant"}
    assert tags_of("sections/4811", section()) == {"section:4811", "course:565:sections", "tenant"}
    assert {"course:565:roster", "in:user:7"} <= tags_of(
        "courses/565/sections?include[]=students", [section(students=[user(7)])]
    )


def test_assignments_are_their_courses() -> None:
    assert {"course:565:assignments", "assignment:9"} <= tags_of("courses/565/assignments", [{"id": 9, "name": "One"}])
    assert {"course:565:assignments", "assignment:9"} <= tags_of("courses/565/assignments/9", {"id": 9, "name": "One"})


GRADED = {"grades": {"current_score": 91.5, "final_grade": "A-"}}
UNGRADED = {"grades": {"current_score": None, "final_grade": None, "html_url": "https://h/x"}}


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        ("courses/565/enrollments", [enrollment(**GRADED)]),
        ("courses/565/users", [user(enrollments=[enrollment(**GRADED)])]),
        ("sections/4811/enrollments", [enrollment(**GRADED)]),
        ("users/20064/enrollments", [enrollment(**GRADED)]),
        ("courses", [course(enrollments=[{"type": "student", "computed_current_score": 91.5}])]),
        ("courses?include[]=total_scores", [course()]),
        ("courses/565?include[]=total_scores", course()),
        ("courses/565/assignments?include[]=submission", [{"id": 9, "course_id": 565, "name": "One"}]),
    ],
)
def test_grades_are_tagged_as_grades_and_never_served_stale(target: str, answer: object) -> None:
    endpoint = endpoint_of(target)
    assert endpoint.outcome is not None
    outcome = endpoint.outcome(exchange(target, answer))

    assert outcome is not None
    policy = endpoint.outcomes[outcome]
    assert policy == GRADES
    assert (policy.ttl, policy.stale_while_revalidate, policy.stale_if_error) == (60, 0, 0)
    assert {"course:565:grades", "tenant:grades"} <= tags_of(target, answer)


def test_a_score_that_nobody_has_yet_is_no_grade() -> None:
    endpoint = endpoint_of("courses/565/enrollments")
    assert endpoint.outcome is not None

    assert endpoint.outcome(exchange("courses/565/enrollments", [enrollment(**UNGRADED)])) is None


def test_sections_with_their_students_live_as_long_as_rosters() -> None:
    endpoint = endpoint_of("courses/565/sections")
    assert endpoint.outcome is not None

    assert endpoint.outcome(exchange("courses/565/sections", [section()])) is None
    outcome = endpoint.outcome(exchange("courses/565/sections?include[]=students", [section()]))
    assert outcome is not None
    assert endpoint.outcomes[outcome] == ROSTER


def test_links_are_read_from_enrollments_wherever_they_stand() -> None:
    assert adapter.links is not None

    assert list(adapter.links([enrollment(1, 7), enrollment(2, 8)])) == [Link("1", "7", "565"), Link("2", "8", "565")]
    assert list(adapter.links([user(7, enrollments=[enrollment(1, 7)])])) == [Link("1", "7", "565")]
    assert list(adapter.links(enrollment(1, FOREIGN + 7))) == [Link("1", str(FOREIGN + 7), "565")]
    assert list(adapter.links([course(enrollments=[{"type": "student", "user_id": 7}])])) == []
    assert list(adapter.links(NOT_JSON)) == []


def test_the_user_is_learned_from_users_self() -> None:
    assert adapter.whoami is not None
    assert adapter.whoami.path == "/api/v1/users/self"
    assert adapter.whoami.user(user(7)) == "7"
    assert adapter.whoami.user({"id": "7"}) == "7"
    assert adapter.whoami.user({"errors": []}) is None


def test_an_answer_that_says_nothing_is_still_tagged_by_its_path() -> None:
    missing = exchange("courses/565", {"errors": [{"message": "The specified resource does not exist."}]})
    endpoint = endpoint_of("courses/565")
    assert endpoint.tags is not None

    assert "course:565" in set(endpoint.tags(missing))


def test_a_course_closed_by_its_dates_is_still_a_course() -> None:
    assert "in:course:565" in tags_of("courses", [{"id": 565, "access_restricted_by_date": True}])


def test_assignments_are_found_by_whoever_handed_in_may_see_or_graded_them() -> None:
    row = {
        "id": 1,
        "course_id": 565,
        "assignment_visibility": ["7", 8],
        "submission": {"id": 3, "user_id": 20064, "grader_id": 9},
        "overrides": [{"id": 4, "student_ids": [10]}],
        "submissions": [{"user_id": 11, "user": {"id": 12, "sortable_name": "Sample, Ada"}}],
    }

    found = tags_of("courses/565/assignments?include[]=submission", [row])

    assert {tag for tag in found if tag.startswith("in:user:")} == {
        f"in:user:{one}" for one in (7, 8, 9, 10, 11, 12, 20064)
    }
