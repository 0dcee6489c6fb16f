"""Invalidation: by which methods and answers, and of which other targets (RFC 9111 §4.4)."""

import pytest

from policies.http.invalidation import SAFE_METHODS, invalidates, other_targets

BASE = "https://api.example.com/v1"


def test_the_safe_methods_are_those_of_the_registry():
    assert {"GET", "HEAD", "OPTIONS", "TRACE", "QUERY", "PROPFIND", "REPORT", "SEARCH", "PRI"} == SAFE_METHODS


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "MKCOL", "FROBNICATE", "get", ""])
@pytest.mark.parametrize(
    ("status", "invalid"),
    [(199, False), (200, True), (204, True), (299, True), (303, True), (399, True), (400, False), (500, False)],
)
def test_an_unsafe_or_unknown_method_invalidates_where_it_did_not_fail(method, status, invalid):
    assert invalidates(method, status) is invalid


@pytest.mark.parametrize("method", sorted(SAFE_METHODS))
@pytest.mark.parametrize("status", [200, 303, 500])
def test_a_safe_method_invalidates_nothing(method, status):
    assert not invalidates(method, status)


def named(reference, *, base_url=BASE, path="/users/7"):
    return other_targets({"location": reference}, base_url=base_url, path=path)


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("https://api.example.com/v1/users/8", ("/users/8", "")),
        ("https://api.example.com/v1/users/8?x=1&y#top", ("/users/8", "x=1&y")),
        ("HTTPS://API.Example.COM:443/v1/a", ("/a", "")),
        ("https://api.example.com:/v1/a", ("/a", "")),
        ("https://api.example.com/v1", ("", "")),
        ("https://api.example.com/v1/", ("/", "")),
        ("https://someone@api.example.com/v1/a", ("/a", "")),
        ("//api.example.com/v1/a?b", ("/a", "b")),
        ("/v1/users/8", ("/users/8", "")),
        ("/v1//a", ("//a", "")),
        ("/v1/users/../a", ("/a", "")),
        ("/v1/./a/.", ("/a/", "")),
        ("/v2/../v1/a", ("/a", "")),
        ("https://api.example.com/v2/../v1/a", ("/a", "")),
        ("8", ("/users/8", "")),
        ("./8", ("/users/8", "")),
        ("8/", ("/users/8/", "")),
        ("8?x", ("/users/8", "x")),
        ("../a", ("/a", "")),
        ("..", ("/", "")),
        (".", ("/users/", "")),
        ("8/../9/./a", ("/users/9/a", "")),
        ("?x=1", ("/users/7", "x=1")),
        ("?", ("/users/7", "")),
        ("#top", ("/users/7", "")),
        ("", ("/users/7", "")),
        (" 8 ", ("/users/8", "")),
        ("/v1/a%2Fb%7e", ("/a%2Fb%7e", "")),
    ],
)
def test_a_target_of_the_same_origin_is_named(reference, target):
    assert named(reference) == (target,)


@pytest.mark.parametrize(
    "reference",
    [
        "http://api.example.com/v1/a",
        "https://api.example.com:8443/v1/a",
        "https://other.example.com/v1/a",
        "https://api.example.com.evil.test/v1/a",
        "https://api.example.com@evil.test/v1/a",
        "//evil.test/v1/a",
        "https://api.example.com/a",
        "https://api.example.com/v10/a",
        "https://api.example.com/v1/../a",
        "https://api.example.com",
        "/a",
        "/v1/../a",
        "../../a",
        "../../../../v2",
        "mailto:someone@api.example.com",
        "https:/v1/a",
        "https:v1/a",
        "https:///v1/a",
        "https://[::1/v1/a",
        "https://[]]/v1/a",
        "https://api.example.com:port/v1/a",
        "https://api.example.com:99999999/v1/a",
        "https://api.example.com:٤٤٣/v1/a",
        "https://a@b@api.example.com/v1/a",
        "javascript:alert(1)",
        "//",
        "///",
    ],
)
def test_what_is_elsewhere_or_no_target_is_left_out(reference):
    assert named(reference) == ()


@pytest.mark.parametrize(
    "reference", ["::::", "%", "a b", "\\\\evil.test\\", "\x00\ud800\u2028", "[", "@", "/v1/a, /v1/b"]
)
def test_what_is_no_reference_at_all_never_leads_out_of_the_upstream(reference):
    assert len(named(reference)) == 1


@pytest.mark.parametrize(
    ("base_url", "reference", "target"),
    [
        ("http://host", "http://host", ("/", "")),
        ("http://host", "http://host:80/a", ("/a", "")),
        ("http://host", "http://host?x", ("/", "x")),
        ("http://host", "//host/a", ("/a", "")),
        ("http://host", "b", ("/users/b", "")),
        ("http://host", "../../b", ("/b", "")),
        ("http://host/", "/b", ("/b", "")),
        ("http://host:8080", "http://host:8080/a", ("/a", "")),
        ("http://host:8080", "http://host:08080/a", ("/a", "")),
        ("http://[::1]:8080", "http://[::1]:8080/a", ("/a", "")),
        ("http://[::1]", "http://[::1]:80/a", ("/a", "")),
        ("http://host/a/b", "/a/b/c", ("/c", "")),
    ],
)
def test_base_urls_of_any_form_are_compared(base_url, reference, target):
    assert named(reference, base_url=base_url) == (target,)


def test_a_reference_is_resolved_against_a_target_without_a_path():
    assert named("b", base_url="http://host", path="") == (("/b", ""),)
    assert named("v1/b", path="") == (("/b", ""),)


def test_both_fields_name_targets_and_each_target_comes_once():
    def targets(location, content_location):
        headers = {"location": location, "content-location": content_location, "link": "</v1/c>"}
        return other_targets(headers, base_url=BASE, path="/users")

    assert targets("/v1/a", "/v1/b") == (("/a", ""), ("/b", ""))
    assert targets("/v1/a", "https://api.example.com/v1/a") == (("/a", ""),)
    assert targets("https://evil.test/", "/v1/b") == (("/b", ""),)


def test_without_either_field_there_are_no_other_targets():
    assert other_targets({"content-type": "a/b"}, base_url=BASE, path="/users") == ()
