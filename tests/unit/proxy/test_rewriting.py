"""Links: an upstream's address below its base becomes the caller's; every other stays what it is."""

import pytest

from proxy.http.links import Bases, rewritten

HERE = "http://127.0.0.1:8080/courseworks"


def location(address, upstream):
    [(_, value)] = rewritten((("Location", address),), Bases(upstream, HERE))
    return value


@pytest.mark.parametrize(
    ("upstream", "address", "rest"),
    [
        ("https://there", "https://there", ""),
        ("https://there", "https://there/", "/"),
        ("https://there", "https://there/a?b=c#d", "/a?b=c#d"),
        ("https://there", "https://there?b=c", "?b=c"),
        ("https://there", "/a/b", "/a/b"),
        ("https://there", "https://there/a%2Fb%3a?c[]=%5B", "/a%2Fb%3a?c[]=%5B"),
        ("https://there", "HTTPS://There/a", "/a"),
        ("https://there", "https://there:443/a", "/a"),
        ("http://there", "http://there:80/a", "/a"),
        ("https://there:443", "https://there/a", "/a"),
        ("https://there", "https://THERE?b=/c", "?b=/c"),
        ("https://there/canvas", "https://there/canvas/api", "/api"),
        ("https://there/canvas", "/canvas/api", "/api"),
        ("https://there/canvas", "/canvas", ""),
        ("http://there:3000", "http://there:3000/a", "/a"),
    ],
)
def test_an_address_below_the_base_begins_with_the_callers_base(upstream, address, rest):
    assert location(address, upstream) == HERE + rest


@pytest.mark.parametrize(
    ("upstream", "address"),
    [
        ("https://there", "https://elsewhere/a"),
        ("https://there", "https://there.example/a"),
        ("https://there", "https://there@elsewhere/a"),
        ("https://there", "https://there:8443/a"),
        ("https://there", "http://there/a"),
        ("https://there", "//there/a"),
        ("https://there", "relative/a"),
        ("https://there", "?page=2"),
        ("https://there", ""),
        ("https://there", "https://[there/a"),
        ("https://there/canvas", "https://there/canvasx"),
        ("https://there/canvas", "https://there/other"),
        ("https://there/canvas", "/other"),
        ("https://there/canvas", "/canvasx"),
    ],
)
def test_any_other_address_stays_what_it_is(upstream, address):
    assert location(address, upstream) == address


def test_every_link_of_a_field_is_rewritten_and_its_parameters_are_not():
    link = '<https://there/a?page=2>; rel="next", <https://else/a>; rel="help",<https://there/a?page=1>;rel=first'

    [(name, value)] = rewritten((("LINK", link),), Bases("https://there", HERE))

    assert name == "LINK"
    assert value == f'<{HERE}/a?page=2>; rel="next", <https://else/a>; rel="help",<{HERE}/a?page=1>;rel=first'


@pytest.mark.parametrize("upstream", ["http://there", "http://there:3000"])
def test_a_page_link_over_tls_that_ends_before_the_upstream_leads_here_and_a_redirect_to_it_does_not(upstream):
    page, moved = '<https://there/a?page=2>; rel="next"', "https://there/a"

    fields = rewritten((("Link", page), ("Location", moved)), Bases(upstream, HERE))

    assert fields == (("Link", f'<{HERE}/a?page=2>; rel="next"'), ("Location", moved))  # it would lead to itself


def test_no_other_field_is_touched():
    fields = (("X-Link", "https://there/a"), ("Refresh", "0; url=https://there/a"), ("Content-Location", "/a"))

    assert rewritten(fields, Bases("https://there", HERE)) == (*fields[:2], ("Content-Location", f"{HERE}/a"))


OTHERS = ("https://mirror", "https://there:8443/canvas")


@pytest.mark.parametrize(
    ("address", "seen"),
    [
        ("https://there/a", f"{HERE}/a"),
        ("https://mirror/a?b=c", f"{HERE}/a?b=c"),
        ("https://MIRROR:443/a", f"{HERE}/a"),
        ("https://there:8443/canvas/a", f"{HERE}/a"),
        ("https://there:8443/other", "https://there:8443/other"),
        ("https://mirror.example/a", "https://mirror.example/a"),
        ("/a", f"{HERE}/a"),
        ("/canvas/a", f"{HERE}/canvas/a"),
    ],
)
def test_an_address_below_any_of_the_bases_begins_with_the_callers(address, seen):
    [(_, value)] = rewritten((("Location", address),), Bases("https://there", HERE, OTHERS))

    assert value == seen


def test_a_path_is_one_of_the_base_that_answered():
    [(_, value)] = rewritten((("Location", "/canvas/a"),), Bases("https://there:8443/canvas", HERE, ("https://there",)))

    assert value == f"{HERE}/a"
