"""Routing: which endpoint a raw path is, and what its {names} stand for."""

import pytest

from proxy.routing import Router, decoded_segments, parse_route

ROUTES = (
    "GET /api/v1/courses",
    "GET /api/v1/courses/{course}",
    "GET /api/v1/users/self/courses",
    "GET /api/v1/users/{user}/courses",
    "GET /api/v1/{rest...}",
    "POST /v1:validateAddress",
    "GET /{anything}/{else}/fixed",
    "GET /{anything}/known/{else}",
    "GET /",
)
ROUTER = Router([(route, route) for route in ROUTES])


def found(method, path, router=ROUTER):
    match = router.find(method, decoded_segments(path))
    return None if match is None else (match.target, dict(match.params))


@pytest.mark.parametrize(
    ("path", "route", "params"),
    [
        ("/api/v1/courses", "GET /api/v1/courses", {}),
        ("/api/v1/courses/565", "GET /api/v1/courses/{course}", {"course": "565"}),
        ("/api/v1/courses/sis_course_id:A%2FB", "GET /api/v1/courses/{course}", {"course": "sis_course_id:A/B"}),
        ("/api/v1/courses/sis_course_id%3A7", "GET /api/v1/courses/{course}", {"course": "sis_course_id:7"}),
        ("/api/v1/c%6Furses", "GET /api/v1/courses", {}),
        ("/api/v1/users/self/courses", "GET /api/v1/users/self/courses", {}),
        ("/api/v1/users/7/courses", "GET /api/v1/users/{user}/courses", {"user": "7"}),
        ("/api/v1/users/7/other", "GET /api/v1/{rest...}", {"rest": "users/7/other"}),
        ("/api/v1/a%2Fb/c", "GET /api/v1/{rest...}", {"rest": "a/b/c"}),
        ("/api/v1/", "GET /api/v1/{rest...}", {"rest": ""}),
        ("/api/v1/courses/", "GET /api/v1/{rest...}", {"rest": "courses/"}),
        ("/one/known/fixed", "GET /{anything}/known/{else}", {"anything": "one", "else": "fixed"}),
        ("/", "GET /", {}),
    ],
)
def test_the_most_literal_route_wins(path, route, params):
    assert found("GET", path) == (route, params)


@pytest.mark.parametrize("path", ["/v1:validateAddress", "/v1%3AvalidateAddress", "/v1%3avalidateAddress"])
def test_an_encoded_colon_is_a_colon(path):
    assert found("POST", path) == ("POST /v1:validateAddress", {})


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/v1/courses"),
        ("get", "/api/v1/courses"),
        ("GET", "/api/v2/courses"),
        ("GET", "/api%2Fv1%2Fcourses"),
        ("GET", "/API/V1/courses"),
        ("GET", "/one//fixed"),
        ("GET", "//"),
    ],
)
def test_what_nobody_declared_is_not_found(method, path):
    assert found(method, path) is None


def test_the_order_of_declaration_does_not_matter():
    backwards = Router([(route, route) for route in reversed(ROUTES)])
    for path in ("/api/v1/courses", "/api/v1/users/self/courses", "/one/known/fixed", "/api/v1/x"):
        assert found("GET", path, backwards) == found("GET", path)


def test_bytes_that_are_no_utf_8_stay_apart():
    assert decoded_segments("/%FF") != decoded_segments("/%FE")
    assert decoded_segments("/%EF%BF%BD") != decoded_segments("/%FF")


@pytest.mark.parametrize("route", ["", "GET", "GET things", "get /things", "/things", "GET /{rest...}/more"])
def test_what_is_no_route_is_refused(route):
    with pytest.raises(ValueError, match=r"is not a route|only the last segment"):
        parse_route(route)
