"""What is kept of a refusal and said again: to the caller it was said to, its own words; of what Larder holds, ours."""

import json
from dataclasses import replace

import pytest

from adapters import Adapter, Endpoint, Kind, Verdict
from policies import Demand, GuardPolicies
from policies.http.fields import as_mapping
from proxy.upstream.calls import Call
from proxy.upstream.messages import Outgoing, Reply, Stream
from proxy.upstream.refusing import LONGEST, remembered_of, said_again

REFUSED = Verdict(Kind.CREDENTIAL_REFUSED, detail="credential-refused")
FIELDS = (("WWW-Authenticate", "Bearer"), ("Set-Cookie", "session=1"), ("Content-Type", "application/json"))
SECRET = b'{"error": "key k-123 of ann is not known"}'


def call(credential, method="GET"):
    outgoing = Outgoing(method, "http://there/v1/courses?page=2", (), b"", is_safe=True, decode=True)
    bases, guards = ("http://there",), GuardPolicies()
    return Call(outgoing, Endpoint(route="GET /"), "GET /", credential, guards, lambda *_: 1_000, Demand(), bases)


def refusal(status=401, body=SECRET, **more):
    return Reply(status, FIELDS, as_mapping(FIELDS), body, verdict=REFUSED, **more)


def shaped(problem, path):
    return json.dumps([problem.status, problem.title, path]).encode()


def again(reply, credential, adapter=None):
    asked = call(credential)
    return said_again(remembered_of(reply, asked), asked, adapter or Adapter(shape_error=shaped), "there")


def test_a_caller_hears_the_upstreams_own_words_again_and_that_no_call_was_made():
    said = again(refusal(calls=2, base="http://there"), "ann")

    assert (said.status, said.body, said.verdict, said.calls) == (401, SECRET, REFUSED, 0)
    assert said.headers["www-authenticate"] == "Bearer"


def test_a_cookie_is_for_the_one_who_asked():
    said = again(refusal(), "ann")

    assert "Set-Cookie" not in dict(said.fields)
    assert "set-cookie" not in said.headers


@pytest.mark.parametrize(("length", "is_kept"), [(LONGEST, True), (LONGEST + 1, False)])
def test_words_that_are_too_long_are_not_kept(length, is_kept):
    assert (remembered_of(refusal(body=b"x" * length), call("ann")) is not None) is is_kept


def test_words_that_are_still_under_way_or_were_not_asked_for_are_not_kept():
    assert remembered_of(refusal(stream=Stream(None, None)), call("ann")) is None
    assert remembered_of(refusal(body=b""), call("ann", "HEAD")) is None


def test_of_a_credential_that_larder_holds_nothing_is_kept_of_what_was_said_to_one_caller():
    kept = remembered_of(replace(refusal(), stream=Stream(None, None)), call("held"))

    assert (kept.status, kept.verdict, kept.calls) == (401, REFUSED, 0)
    assert (kept.body, kept.fields, dict(kept.headers), kept.stream) == (b"", (), {}, None)


@pytest.mark.parametrize(
    ("status", "detail", "shape"),
    [
        (401, "credential-refused", 401),
        (402, "quota-used-up", 402),
        (200, "credential-refused", 403),
        (200, "quota-used-up", 402),
    ],
)
def test_it_is_told_with_the_same_status_in_the_shape_that_its_sdk_knows(status, detail, shape):
    said = again(replace(refusal(status), verdict=Verdict(Kind.CREDENTIAL_REFUSED, detail=detail)), "held")

    assert said.status == status
    assert json.loads(said.body) == [shape, "Credential refused", "/v1/courses"]
    assert said.headers["content-type"].startswith("application/json")
    assert said.verdict.detail == detail


@pytest.mark.parametrize("adapter", [Adapter(), Adapter(shape_error=lambda *_: None)])
def test_where_there_is_no_such_shape_it_is_told_in_plain_words(adapter):
    said = again(refusal(), "held", adapter)

    assert said.body == b"there refused the credential that Larder holds, and is not asked again for a while."
    assert said.headers["content-type"].startswith("text/plain")
