"""What a write through Larder purges: what its notification would (UPSTREAMS.md §2.9, §3.5)."""

import gzip
import json
from typing import Any
from urllib.parse import urlencode

import pytest
from canvas_samples import course, enrollment, request, section, tags_of, user

from adapters import NOT_JSON, Effect, Link, Received
from adapters.courseworks import adapter

FORM = "application/x-www-form-urlencoded"
EVERYTHING = {"tenant", "tenant:users", "tenant:assignments", "tenant:grades", "tenant:accounts"}


def effect(
    target: str, method: str, body: dict[str, Any] | None = None, answer: Any = None, status: int = 200
) -> Effect:
    """The effect of a write with a form; an answer of None is an outcome nobody knows."""
    assert adapter.write_effect is not None
    sent = request(target, method, urlencode(body or {}).encode(), content_type=FORM)
    return adapter.write_effect(sent, None if answer is None else Received(status, {}, b"", answer))


def purged(target: str, method: str, body: dict[str, Any] | None = None, answer: Any = None) -> set[str]:
    """Tags of a write, less those that only stand for entries of nobody known."""
    return {tag for tag in effect(target, method, body, answer).tags if ":unknown:" not in tag}


A_PERSON_CAME = {
    "user:20064:courses",
    "user:20064:enrollments",
    "course:565:roster",
    "course:565",
    "section:4811:roster",
    "section:4811",
    "user:unknown",
}


def test_enrolling_purges_what_enrollment_created_would_and_teaches_the_index() -> None:
    done = effect("courses/565/enrollments", "POST", {"enrollment[user_id]": 20064}, enrollment())

    assert A_PERSON_CAME | {"enrollment:46825"} == {tag for tag in done.tags if ":unknown:" not in tag}
    assert done.links == (Link("46825", "20064", "565"),)


def test_enrolling_with_an_unknown_outcome_is_known_from_the_form() -> None:
    body = {"enrollment[user_id]": 20064, "enrollment[course_section_id]": 4811}

    assert purged("courses/565/enrollments", "POST", body) == A_PERSON_CAME


def test_enrolling_with_an_unknown_outcome_is_known_from_json() -> None:
    assert adapter.write_effect is not None
    body = json.dumps({"enrollment": {"user_id": 20064, "course_section_id": "4811"}}).encode()
    sent = request("courses/565/enrollments", "POST", body, content_type="application/json; charset=utf-8")

    assert adapter.write_effect(sent, None).tags >= A_PERSON_CAME


@pytest.mark.parametrize("body", [{}, {"enrollment[user_id]": "sis_user_id:as0001"}, {"enrollment[user_id]": "self"}])
def test_enrolling_somebody_nobody_can_name_purges_every_roster_and_course_list(body: dict[str, Any]) -> None:
    assert "tenant" in purged("courses/565/enrollments", "POST", body)


@pytest.mark.parametrize("depth", [3, 200, 900, 960, 985, 5000])
def test_a_body_nested_deep_tells_nothing_and_does_no_harm(depth: int) -> None:
    assert adapter.write_effect is not None
    body = b'{"enrollment": ' * depth + b'{"user_id": 20064}' + b"}" * depth
    sent = request("courses/565/enrollments", "POST", body, content_type="application/json")

    assert "tenant" in adapter.write_effect(sent, None).tags


def test_enrolling_into_a_section_finds_the_course_in_the_answer() -> None:
    assert purged("sections/4811/enrollments", "POST", {}, enrollment()) >= A_PERSON_CAME
    assert "tenant" in purged("sections/4811/enrollments", "POST", {"enrollment[user_id]": 20064})


def test_leaving_is_known_from_the_answer_or_purges_wider() -> None:
    gone = enrollment(enrollment_state="deleted")

    assert A_PERSON_CAME | {"enrollment:46825"} == purged("courses/565/enrollments/46825", "DELETE", {}, gone)
    assert {"enrollment:46825", "course:565:roster", "tenant"} <= purged("courses/565/enrollments/46825", "DELETE")
    assert "tenant" in purged("courses/565/enrollments/46825/accept", "POST", {}, {"success": True})


def test_renaming_a_course_purges_what_course_updated_would() -> None:
    tags = purged("courses/565", "PUT", {"course[name]": "Course 0 (renamed)"}, course(root_account_id=1))

    assert tags == {"course:565", "in:course:565", "account:79:courses", "account:1:courses"}


def test_renaming_a_course_by_its_sis_id_finds_it_in_the_answer() -> None:
    assert {"course:565", "in:course:565"} <= purged("courses/sis_course_id:A%2FB", "PUT", {}, course())
    assert "tenant" in purged("courses/sis_course_id:A%2FB", "PUT")


@pytest.mark.parametrize(("method", "body"), [("DELETE", {"event": "delete"}), ("PUT", {"course[event]": "conclude"})])
def test_a_course_that_is_over_takes_its_collections_with_it(method: str, body: dict[str, Any]) -> None:
    assert {f"course:565:{name}" for name in ("roster", "sections", "assignments", "grades")} <= purged(
        "courses/565", method, body
    )


def test_publishing_a_course_reaches_lists_that_do_not_hold_it_yet() -> None:
    assert "tenant" in purged("courses/565", "PUT", {"course[event]": "offer"}, course())


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (
            b'--x\r\nContent-Disposition: form-data; name="course[event]"\r\n\r\noffer\r\n--x--',
            {"content_type": "multipart/form-data; boundary=x"},
        ),
        (gzip.compress(b"course[event]=delete", mtime=0), {"content_type": FORM, "content_encoding": "gzip"}),
        (b'{"course": {"event": "offer"}, "course": {"event": "delete"}}', {"content_type": "application/json"}),
    ],
    ids=["of several parts", "coded", "of two minds"],
)
@pytest.mark.parametrize(
    ("target", "tags"),
    [
        ("courses/565", {"tenant", "in:course:565", "course:565:roster", "course:565:grades"}),
        ("accounts/79/courses", {"tenant", "tenant:assignments", "tenant:grades"}),
    ],
)
def test_what_a_body_that_is_not_read_may_say_of_a_course_counts_as_said(
    target: str, tags: set[str], body: bytes, headers: dict[str, str]
) -> None:
    assert adapter.write_effect is not None
    sent = request(target, "PUT", body, **headers)

    assert tags <= adapter.write_effect(sent, Received(200, {}, b"", course())).tags


@pytest.mark.parametrize(
    "target", ["users/7/merge_into/20064", "users/7/merge_into/accounts/79/users/20064", "users/7/split"]
)
def test_who_is_merged_or_split_may_be_anywhere(target: str) -> None:
    assert {"user:7", "in:user:7", "tenant", "tenant:users"} <= purged(target, "PUT", {}, user())


def test_a_login_is_its_users() -> None:
    shown = {"user:20064", "in:user:20064", "account:79:users"}

    assert shown <= purged("accounts/79/logins/3", "PUT", {"login[unique_id]": "x"}, {"id": 3, "user_id": 20064})
    assert shown <= purged("accounts/79/logins", "POST", {"user[id]": "20064", "login[unique_id]": "x"})
    assert "tenant:users" in purged("accounts/79/logins/3", "PUT", {"login[unique_id]": "x"})


def test_a_file_says_nothing_of_what_is_kept() -> None:
    assert adapter.write_effect is not None
    sent = request("courses/565/assignments", "POST", b"--x", content_type="multipart/form-data; boundary=x")

    assert "tenant" not in adapter.write_effect(sent, Received(200, {}, b"", {"id": 7})).tags


def test_a_new_course_is_its_accounts() -> None:
    tags = purged("accounts/79/courses", "POST", {"course[name]": "New"}, course(566, root_account_id=1))

    assert {"account:79:courses", "account:1:courses", "course:566"} <= tags
    assert "tenant" not in tags
    assert "tenant" in purged("accounts/79/courses", "POST", {"enroll_me": "true"}, course(566))


def test_a_batch_of_courses_is_each_of_them() -> None:
    assert adapter.write_effect is not None
    body = b"course_ids[]=565&course_ids%5B%5D=566&event=delete"
    sent = request("accounts/79/courses", "PUT", body, content_type=FORM)
    tags = adapter.write_effect(sent, None).tags

    assert {"course:565", "in:course:566", "course:566:roster", "account:79:courses"} <= tags


def test_a_section_made_renamed_or_deleted() -> None:
    expected = {
        "course:565:sections",
        "course:565:roster",
        "section:4811",
        "in:section:4811",
        "section:4811:roster",
    }

    assert purged("courses/565/sections", "POST", {"course_section[name]": "x"}, section()) == expected
    assert purged("sections/4811", "PUT", {}, section()) == expected
    assert purged("sections/4811", "DELETE", {}, section()) == expected
    assert {"section:4811", "in:section:4811", "tenant"} <= purged("sections/4811", "DELETE")


def test_cross_listing_reaches_both_courses() -> None:
    tags = purged("sections/4811/crosslist/566", "POST", {}, section(course_id=566, nonxlist_course_id=565))

    assert {"course:565:roster", "course:566:roster", "in:course:565", "in:course:566", "tenant"} <= tags
    assert {"section:4811", "tenant"} <= purged("sections/4811/crosslist", "DELETE")


def test_assignments_and_what_is_handed_in_for_them() -> None:
    assert purged("courses/565/assignments", "POST", {}, {"id": 9, "course_id": 565}) == {
        "course:565:assignments",
        "assignment:9",
    }
    assert purged("courses/565/assignments/9", "PUT") == {"course:565:assignments", "assignment:9"}
    assert purged("courses/565/assignments/9/submissions/20064", "PUT") == {
        "course:565:grades",
        "user:20064:enrollments",
    }
    assert "tenant:grades" in purged("sections/4811/assignments/9/submissions/20064", "PUT")


def test_people() -> None:
    assert {"user:20064", "in:user:20064"} <= purged("users/20064", "PUT", {"user[name]": "New"})
    assert {"user:20064", "in:user:20064"} <= purged("users/self", "PUT", {}, user())
    assert {"tenant", "tenant:users"} <= purged("users/self", "PUT")
    assert {"account:1:users", "user:20064"} <= purged("accounts/1/users", "POST", {}, user())
    assert {"user:20064:courses", "account:1:users"} <= purged("accounts/1/users/20064", "DELETE", {}, user())


def test_a_nickname_shows_in_the_course_and_in_lists_that_hold_it() -> None:
    assert purged("users/self/course_nicknames/565", "PUT", {"nickname": "x"}) == {"course:565", "in:course:565"}
    assert purged("users/self/favorites/courses/565", "POST") == {"course:565", "in:course:565"}
    assert purged("users/self/course_nicknames", "DELETE") == {"tenant"}


@pytest.mark.parametrize("target", ["courses/565/reset_content", "courses/565/settings", "courses/565/something_new/9"])
def test_a_write_without_a_rule_purges_all_about_the_objects_it_names(target: str) -> None:
    assert {"course:565", "in:course:565", "course:565:roster", "course:565:sections", "course:565:assignments"} <= (
        purged(target, "POST")
    )


@pytest.mark.parametrize("kind", ["courses", "sections", "users", "accounts"])
@pytest.mark.parametrize("one", ["", "/12", "/self", "/sis_x_id:A%2FB", "/12/new_thing", "/sis_x_id:A/new_thing"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_no_write_below_a_known_word_purges_nothing(kind: str, one: str, method: str) -> None:
    assert purged(f"{kind}{one}", method)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429])
def test_a_clear_refusal_purges_nothing(status: int) -> None:
    assert not effect("courses/565", "PUT", {}, {"errors": []}, status).tags


@pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
def test_a_failure_may_have_happened_all_the_same(status: int) -> None:
    assert "course:565" in effect("courses/565", "PUT", {}, NOT_JSON, status).tags


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_a_read_purges_nothing(method: str) -> None:
    assert effect("courses/565", method) == Effect()


@pytest.mark.parametrize("path", ["/login/oauth2/token", "/api/v1/conversations", "/api/v1", "/", "/v1/v1/v1"])
def test_a_write_to_what_is_never_cached_purges_nothing(path: str) -> None:
    assert adapter.write_effect is not None
    sent = request("x", "POST")

    assert adapter.write_effect(type(sent)("POST", path, body=b"grant_type=x"), None) == Effect()


@pytest.mark.parametrize(
    ("body", "media", "expected"),
    [
        (b'{"query": "query { course(id: 1) { name } }"}', "application/json", set()),
        (b'{"query": "mutation { updateCourse(input: {}) { course { id } } }"}', "application/json", EVERYTHING),
        (b"query=mutation+x", FORM, EVERYTHING),
        (b"\xff", "application/json", EVERYTHING),
        (b"--x", "multipart/form-data; boundary=x", EVERYTHING),
    ],
)
def test_a_graphql_mutation_may_change_anything(body: bytes, media: str, expected: set[str]) -> None:
    assert adapter.write_effect is not None
    sent = request("x", "POST", body, content_type=media)

    assert adapter.write_effect(type(sent)("POST", "/api/graphql", (), sent.headers, body), None).tags == expected


def test_new_quizzes_stand_below_another_root() -> None:
    assert adapter.write_effect is not None
    sent = request("x", "POST")
    tags = adapter.write_effect(type(sent)("POST", "/api/quiz/v1/courses/565/quizzes"), None).tags

    assert "course:565:assignments" in tags


def test_a_writer_reads_its_own_write() -> None:
    cached = {
        "own list": tags_of("courses", [course()], me="20064"),
        "course": tags_of("courses/565", course()),
        "stranger's list": tags_of("courses", [course(900)], me="8"),
    }
    tags = effect("courses/565", "PUT", {"course[name]": "x"}, course()).tags

    assert {name for name, held in cached.items() if held & tags} == {"own list", "course"}


@pytest.mark.parametrize("target", ["courses/565", "users/20064"])
def test_a_deletion_in_disguise_purges_what_a_deletion_does(target: str) -> None:
    assert effect(target, "POST", {"_method": "delete"}).tags == effect(target, "DELETE").tags
    assert effect(target, "POST").tags != effect(target, "DELETE").tags
    assert adapter.write_effect is not None
    disguised = request(target, "POST", x_http_method_override="DELETE")
    assert adapter.write_effect(disguised, None).tags == effect(target, "DELETE").tags


def test_a_course_that_is_offered_comes_into_lists_that_do_not_hold_it_yet() -> None:
    assert "tenant" in purged("courses/565", "PUT", {"offer": "true"}, course())
    assert "tenant" not in purged("courses/565", "PUT", {"offer": "false"}, course())


def test_a_body_too_rich_to_be_read_while_others_wait_purges_all_that_its_path_names() -> None:
    """Twelve megabytes of fields took two seconds, in which nobody else was answered."""
    rich = {"course[event]": "delete", **{f"course[x{number}]": "1" for number in range(25_000)}}
    gone = effect("courses/565", "PUT", {"course[event]": "delete"}).tags

    assert effect("courses/565", "PUT", rich).tags >= gone | {"tenant"}
    assert "tenant" not in effect("courses/565", "PUT", {"course[name]": "x" * 1_000_000}).tags
