"""What a Canvas answer holds, as it is compared with the stored one."""

import pytest

from adapters import NOT_JSON, Exchange, Sent
from adapters.courseworks import adapter

ROUTES = {endpoint.route: endpoint for endpoint in adapter.endpoints}
COURSES, COURSE = "GET /api/v1/courses", "GET /api/v1/courses/{course}"
TERMS, ENROLLMENTS = "GET /api/v1/accounts/{account}/terms", "GET /api/v1/courses/{course}/enrollments"


def holding(route, json, **params):
    return ROUTES[route].holds(Exchange(Sent("GET", "/", params=params), 200, json))


def test_every_cached_read_says_what_it_holds():
    assert [route for route, endpoint in ROUTES.items() if endpoint.cache is not None and endpoint.holds is None] == []


def test_one_object_is_told_from_a_collection_by_its_route():
    kept = [route for route, endpoint in ROUTES.items() if endpoint.cache is not None]
    objects = [route for route in kept if holding(route, [{"id": 1}, {"id": 2}]).rows is None]

    assert objects == [route for route in kept if route.endswith(("}", "/profile"))]


def test_rows_are_counted_and_known_by_id_and_last_change():
    rows = [{"id": 1, "updated_at": "2026-08-20T10:00:00Z"}, {"id": "2"}, {"id": 3, "updated_at": 7}]

    assert holding(ENROLLMENTS, rows) == (3, {"1": "2026-08-20T10:00:00Z", "2": None, "3": None}, ())


def test_terms_come_wrapped():
    assert holding(TERMS, {"enrollment_terms": [{"id": 83}]}).rows == 1


@pytest.mark.parametrize(
    ("asked", "forms"),
    [
        ("565", ("565",)),
        ("10000000000565", ("565", "10000000000565")),
        ("1~565", ("565", "10000000000565")),
        ("sis_course_id:X", ()),
        ("self", ()),
    ],
)
def test_the_id_that_was_asked_for_is_known_in_all_its_forms(asked, forms):
    told = holding(COURSE, {"id": 565}, course=asked)

    assert (told.rows, tuple(told.asked), dict(told.versions)) == (None, forms, {"565": None})


@pytest.mark.parametrize("json", [NOT_JSON, None, 7, "x", {}, [7], {"id": True}, {"id": []}])
def test_what_says_nothing_holds_nothing(json):
    assert holding(COURSES, json).versions == {}
    assert holding(COURSE, json).versions == {}


def test_a_person_is_all_spellings_of_their_id_and_what_may_be_theirs():
    assert adapter.person("user:1~20064") == adapter.person("user:10000000020064")
    person = adapter.person("user:20064")

    assert person.ids == {"20064"}
    assert {"user:20064", "in:user:20064", "user:20064:courses", "user:20064:enrollments"} <= person.tags
    assert "user:unknown:courses" in person.tags


@pytest.mark.parametrize("name", ["", "user:", "user:self", "user:unknown", "course:565", "in:user:7", "user:0", "7"])
def test_what_is_no_person_is_nobody(name):
    assert adapter.person(name) is None
