"""Hops: how far TRACE and OPTIONS may still go, and what comes back from here."""

from types import SimpleNamespace

import pytest
from multidict import CIMultiDict

from adapters import Place
from proxy.http.hops import answer_here, hops_left, one_hop_less


@pytest.mark.parametrize("method", ["TRACE", "OPTIONS"])
@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("0", 0),
        ("1", 1),
        ("000", 0),
        ("12", 12),
        ("999999999", 999_999_999),
        ("1" + "0" * 5000, 999_999_999),
        ("", None),
        ("-1", None),
        ("+1", None),
        ("1.0", None),
        ("1, 1", None),
        ("x", None),
        ("²", None),
        ("１", None),
    ],
)
def test_hops_are_counted_where_they_can_be_read(method, said, left):
    assert hops_left(method, CIMultiDict({"max-forwards": said})) == left


@pytest.mark.parametrize("method", ["GET", "POST", "trace", "FOO"])
def test_other_methods_are_not_counted(method):
    assert hops_left(method, CIMultiDict({"Max-Forwards": "0"})) is None


def test_nobody_counts_where_nothing_is_said():
    assert hops_left("TRACE", CIMultiDict()) is None


def test_one_hop_less_changes_nothing_else():
    headers = CIMultiDict([("A", "1"), ("max-forwards", "3"), ("A", "2")])

    assert list(one_hop_less(headers, 3).items()) == [("A", "1"), ("Max-Forwards", "2"), ("A", "2")]
    assert headers["Max-Forwards"] == "3"


def traced(*fields, target="/mirror/x", places=()):
    request = SimpleNamespace(method="TRACE", raw_path=target, raw_headers=fields)
    return answer_here(request, places)


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "Cookie",
        "proxy-authorization",
        "X-Larder-Key",
        "x-api-key",
        "X-AUTH-TOKEN",
        "X-Client-Secret",
        "X-Session-Id",
        "X-Amz-Signature",
        "Password",
        "Auth-Id",
        "X-Place",
    ],
)
def test_what_may_be_a_credential_does_not_come_back(name):
    answer = traced(
        (b"Host", b"a"), (name.encode(), b"s3cret"), places=[Place("header", "x-place"), Place("query", "host")]
    )

    assert answer.body == b"TRACE /mirror/x HTTP/1.1\r\nHost: a\r\n\r\n"


def test_the_rest_comes_back_as_it_came():
    answer = traced((b"Host", b"a"), (b"x-odd", b"caf\xe9"), (b"Host-Two", b""))

    assert (answer.status, dict(answer.fields)["Content-Type"]) == (200, "message/http")
    assert answer.body == b"TRACE /mirror/x HTTP/1.1\r\nHost: a\r\nx-odd: caf\xe9\r\nHost-Two: \r\n\r\n"


@pytest.mark.parametrize(
    ("target", "line"),
    [
        ("/mirror/x?key=s3cret", b"TRACE /mirror/x HTTP/1.1"),
        ("/@s3cret/mirror/x", b"TRACE /@-/mirror/x HTTP/1.1"),
        ("/%40s3cret/mirror/x?a", b"TRACE /@-/mirror/x HTTP/1.1"),
        ("http://localhost/@s3cret/mirror/x", b"TRACE http://localhost/@-/mirror/x HTTP/1.1"),
    ],
)
def test_no_key_and_no_query_comes_back_in_the_target(target, line):
    assert traced(target=target).body.split(b"\r\n")[0] == line


def test_options_names_the_methods_and_has_no_body():
    answer = answer_here(SimpleNamespace(method="OPTIONS"), ())

    assert (answer.status, answer.body) == (204, b"")
    assert {"GET", "POST", "DELETE", "OPTIONS", "TRACE"} <= set(dict(answer.fields)["Allow"].split(", "))
