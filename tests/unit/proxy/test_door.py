"""The door: which targets, hosts and expectations come in, and which fields go no further."""

from itertools import product
from types import SimpleNamespace

import pytest
from aiohttp import HttpVersion, HttpVersion10, HttpVersion11
from multidict import CIMultiDict, CIMultiDictProxy

from proxy.errors import BadRequest, LarderError
from proxy.http.door import admit, check_expectation, check_path, end_to_end_of, host_of, read_target


@pytest.mark.parametrize(
    ("method", "target", "read"),
    [
        ("GET", "/", ("/", None)),
        ("GET", "/a?b=c", ("/a?b=c", None)),
        ("GET", "//a/b", ("//a/b", None)),
        ("GET", "/a%20b%2F[]'|\"<>{}`^", ("/a%20b%2F[]'|\"<>{}`^", None)),
        ("GET", "/a?b=http://c/../d", ("/a?b=http://c/../d", None)),
        ("GET", "http://localhost/a?b", ("/a?b", "localhost")),
        ("GET", "HTTPS://LocalHost:81/a", ("/a", "LocalHost:81")),
        ("GET", "http://localhost", ("/", "localhost")),
        ("GET", "http://localhost?b", ("/?b", "localhost")),
        ("GET", "http://[::1]:80/a", ("/a", "[::1]:80")),
        ("OPTIONS", "*", ("*", None)),
        ("OPTIONS", "http://localhost", ("*", "localhost")),
        ("OPTIONS", "http://localhost/", ("/", "localhost")),
    ],
)
def test_a_target_is_read_in_every_form(method, target, read):
    assert read_target(method, target) == read


@pytest.mark.parametrize(
    "target",
    [
        "",
        "*",
        "a",
        "?a",
        "a:80",
        "/a#b",
        "/#",
        "/a\\b",
        "/a b",
        "/a\tb",
        "/a\x7f",
        "/\0",
        "/é",
        "/\udcff",
        "ftp://localhost/a",
        "http:/a",
        "http:a",
        "http://",
        "http:///a",
        "http://a@localhost/",
        "http://a:b@localhost/",
        "http://@localhost/",
        "http://localhost:99999/",
        "http://localhost:80:80/",
        "http://a,b/",
        "http://a%41/",
        "javascript:x",
    ],
)
def test_any_other_target_is_refused(target):
    with pytest.raises(BadRequest):
        read_target("GET", target)


DOTS = ["%2e", "%2E", ".", "%252e", "%25252e"]
SLASHES = ["/", "%2f", "%2F", "%5c", "%255C", "%252f"]
ENDS = [*SLASHES, "", ";", ";x=y/", "%3bx/", "%00", "%20/", "%3f", "%23"]


@pytest.mark.parametrize("dots", [*DOTS, *(one + other for one in DOTS for other in DOTS)])
def test_a_dot_segment_is_refused_in_every_spelling(dots):
    for before, after in product(SLASHES, ENDS):
        with pytest.raises(BadRequest):
            check_path(f"/a{before}{dots}{after}")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/a/b",
        "/a.b/.c/d.",
        "/...",
        "/..a",
        "/.well-known/x",
        "/a%2Fb",
        "/a%252Fb",
        "/%2e%2ea",
        "/a%2e",
        "/%2e%2e%2e",
        "/;..",
        "/a;../b",
        "/%",
        "/%zz%2",
        "/%ff%fe",
        "/a%2525252Fb",
    ],
)
def test_any_other_path_is_left_alone(path):
    check_path(path)


def test_a_path_encoded_over_and_over_is_refused():
    with pytest.raises(BadRequest):
        check_path("/%" + "25" * 6 + "41")


@pytest.mark.parametrize(
    ("version", "hosts", "authority", "host"),
    [
        (HttpVersion11, ["localhost:80"], None, "localhost:80"),
        (HttpVersion11, ["a.example"], "localhost", "localhost"),
        (HttpVersion10, [], None, ""),
        (HttpVersion10, [], "localhost", "localhost"),
    ],
)
def test_an_authority_counts_and_else_the_host(version, hosts, authority, host):
    assert host_of(version, hosts, authority) == host


@pytest.mark.parametrize(
    ("version", "hosts"),
    [
        (HttpVersion11, []),
        (HttpVersion(1, 2), []),
        (HttpVersion11, ["a", "a"]),
        (HttpVersion10, ["a", "b"]),
        (HttpVersion11, [""]),
        (HttpVersion11, ["a b"]),
        (HttpVersion11, ["a/b"]),
        (HttpVersion11, ["a@b"]),
    ],
)
@pytest.mark.parametrize("authority", [None, "localhost"])
def test_a_host_is_there_once_and_is_one(version, hosts, authority):
    with pytest.raises(BadRequest):
        host_of(version, hosts, authority)


@pytest.mark.parametrize("lines", [[], [""], ["100-continue"], ["100-Continue, 100-continue"], ["100-continue", " ,"]])
def test_one_expectation_is_known(lines):
    check_expectation(lines)


@pytest.mark.parametrize("lines", [["x"], ["100-continue, x"], ["100-continue", "x=y"], ["100 continue"]])
def test_any_other_expectation_fails(lines):
    with pytest.raises(LarderError) as refused:
        check_expectation(lines)

    assert refused.value.problem.status == 417


def names_left(*fields):
    return [name for name, _ in end_to_end_of(CIMultiDictProxy(CIMultiDict(fields))).items()]


@pytest.mark.parametrize(
    "name",
    ["Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Proxy-Connection", "Proxy-Authorization", "X_Key", "_"],
)
def test_what_is_for_this_connection_alone_or_has_an_underscore_goes_no_further(name):
    assert names_left(("A", "1"), (name, "x"), (name.lower(), "y"), ("B", "2")) == ["A", "B"]


def test_what_connection_names_goes_no_further_on_whichever_line():
    fields = [
        ("Connection", "close, X-One,"),
        ("x-one", "1"),
        ("X-Two", "2"),
        ("connection", "\tx-TWO "),
        ("X-Three", "3"),
    ]

    assert names_left(*fields) == ["X-Three"]


def test_a_request_without_any_of_it_costs_no_copy():
    headers = CIMultiDictProxy(CIMultiDict({"Host": "a", "Accept": "b"}))

    assert end_to_end_of(headers) is headers


def asked(method="GET", target="/a", **headers):
    return SimpleNamespace(
        method=method,
        raw_path=target,
        version=HttpVersion11,
        headers=CIMultiDict({"Host": "localhost", **headers}),
    )


def test_what_is_admitted_is_all_that_is_asked_of_it_later():
    request = asked(target="http://localhost:81/a?b", Connection="X-Hop", **{"X-Hop": "1", "X-End": "2"})
    admitted = admit(request)

    assert (admitted.request, admitted.target, admitted.host) == (request, "/a?b", "localhost:81")
    assert list(admitted.headers) == ["Host", "X-End"]


@pytest.mark.parametrize(
    "request_",
    [
        asked(target="/a#b"),
        asked(target="/a/../b"),
        asked(target="http://localhost/%2e%2e/b"),
        asked(Host="a b"),
        asked(Expect="x"),
    ],
)
def test_every_rule_of_the_door_holds(request_):
    with pytest.raises(LarderError):
        admit(request_)


@pytest.mark.parametrize("path", ["/a?b=/../c", "/a?..", "/a?%2e%2e/"])
def test_a_query_has_no_segments(path):
    assert admit(asked(target=path)).target == path
