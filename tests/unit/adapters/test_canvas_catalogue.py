"""Canvas' rows in nobody's words: every state and role, and what a reader may not see."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import Course, Member, Membership, Profile, Section
from adapters._canvas_catalogue import CATALOGUE, course, member, membership, people_in, profile, section

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.just("\ud83d"),  # half of a character
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
MEMBERS = st.sampled_from(
    ["id", "name", "enrollments", "user", "type", "workflow_state", "enrollment_state", "start_at", "course_id", "role"]
)


@pytest.mark.parametrize(
    ("canvas", "neutral"),
    [
        ("StudentEnrollment", "student"),
        ("TeacherEnrollment", "teacher"),
        ("TaEnrollment", "ta"),
        ("ObserverEnrollment", "observer"),
        ("DesignerEnrollment", "designer"),
        ("StudentViewEnrollment", "test_student"),
        ("student", "student"),
        ("NovelEnrollment", None),
        (None, None),
    ],
)
def test_every_kind_of_enrollment_has_its_word(canvas, neutral):
    assert membership({"id": 1, "type": canvas}).type == neutral


@pytest.mark.parametrize(
    ("canvas", "neutral"),
    [
        ("active", "active"),
        ("invited", "invited"),
        ("creation_pending", "pending"),
        ("inactive", "inactive"),
        ("completed", "completed"),
        ("rejected", "rejected"),
        ("deleted", "deleted"),
        ("novel", None),
    ],
)
def test_every_state_of_an_enrollment_has_its_word_and_is_asked_for_by_canvas_own(canvas, neutral):
    assert membership({"id": 1, "enrollment_state": canvas}).state == neutral
    if neutral not in ("active", "invited", None):
        assert people_in([neutral]) == (("state[]", canvas),)


@pytest.mark.parametrize(
    ("canvas", "neutral"),
    [
        ("created", "unpublished"),
        ("claimed", "unpublished"),
        ("unpublished", "unpublished"),
        ("available", "available"),
        ("completed", "completed"),
        ("deleted", "deleted"),
        ("novel", None),
    ],
)
def test_every_state_of_a_course_has_its_word(canvas, neutral):
    assert course({"id": 1, "workflow_state": canvas}).state == neutral


def test_a_course_that_is_closed_by_its_dates_is_its_id():
    assert course({"id": 565, "access_restricted_by_date": True}) == Course(id="565")


def test_an_id_is_text_in_whichever_form_it_came():
    assert [course({"id": one}).id for one in (565, "565", 21070000000000565, "2107~565")] == [
        "565",
        "565",
        "21070000000000565",
        "21070000000000565",
    ]


def test_what_is_listed_unasked_is_not_asked_for():
    assert people_in([]) == people_in(["active"]) == people_in(["invited", "active"]) == ()
    assert CATALOGUE.courses.states(["available"]) == ()
    assert CATALOGUE.courses.states(["deleted", "available"]) == (("state[]", "available"), ("state[]", "deleted"))


@pytest.mark.parametrize("text", ["565", "2107~565", "self", "sis_course_id:2026F/SAND/012", "lti_context_id:a1"])
def test_what_canvas_takes_for_an_id_is_one(text):
    assert CATALOGUE.is_id(text)


@pytest.mark.parametrize(
    "text", ["", "..", "565/users", "me", "sis_course_id:", "565?x", "5 6", "sis_course_id:\n", "x:1"]
)
def test_what_is_none_is_none(text):
    assert not CATALOGUE.is_id(text)


@given(st.dictionaries(MEMBERS, JSON) | JSON)
def test_whatever_a_row_holds_it_is_read(row):
    kinds = {course: Course, section: Section, member: Member, membership: Membership, profile: Profile}
    for read, model in kinds.items():
        told = read(row)
        assert model.model_validate_json(told.model_dump_json()) == told
