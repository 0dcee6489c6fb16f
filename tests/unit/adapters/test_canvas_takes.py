"""What a write to Canvas has to be before it is sent, and that nothing of it stands in what its sender hears."""

import json
from contextlib import suppress
from urllib.parse import urlencode

import pytest
from canvas_samples import ROUTER, request
from hypothesis import given
from hypothesis import strategies as some

from adapters import BadBody
from adapters._rack import nested, spelled
from proxy.routing import decoded_segments
from proxy.writes.checking import faults_in
from proxy.writes.errors import UnreadableBody

FORM, JSON = "application/x-www-form-urlencoded", "application/json"
CANARY = "CanaryJohannaPrivate"
ENROLL, COURSE, SECTIONS = "courses/565/enrollments", "courses/565", "courses/565/sections"


def faults(target, method, body=b"", content_type=FORM, **headers):
    """What is wrong with a write."""
    takes = ROUTER.find(method, decoded_segments("/api/v1/" + target.partition("?")[0])).target.takes
    return faults_in(takes, request(target, method, body, content_type=content_type, **headers))


def form(**fields):
    return urlencode([(name.replace("__", "[") + "]" if "__" in name else name, fields[name]) for name in fields])


def told(target, method, body, content_type=FORM):
    data = body if isinstance(body, bytes) else body.encode()
    return [(fault.field, fault.message.partition(":")[0]) for fault in faults(target, method, data, content_type)]


GOOD = {
    "enrolled by an SDK": (ENROLL, "POST", form(enrollment__user_id="20064", enrollment__type="StudentEnrollment")),
    "as JSON": (ENROLL, "POST", {"enrollment": {"user_id": 20064, "type": "TaEnrollment"}}),
    "by a SIS id": (ENROLL, "POST", form(enrollment__user_id="sis_user_id:as/0001")),
    "by the newer parameter": (ENROLL, "POST", form(enrollment__sis_user_id="as0001")),
    "across shards": (ENROLL, "POST", form(enrollment__user_id="2107~20064")),
    "in the query": (ENROLL + "?enrollment%5Buser_id%5D=20064", "POST", ""),
    "with what nobody knows": (ENROLL, "POST", form(enrollment__user_id="1", enrollment__novel="x", other="y")),
    "with a blank that takes back": (COURSE, "PUT", form(course__start_at="", course__name="Methods")),
    "an instant": (COURSE, "PUT", form(course__end_at="2026-12-20T05:00Z")),
    "an instant of no zone, as a naive datetime has it": (COURSE, "PUT", form(course__start_at="2026-09-08T10:00:00")),
    "a day": (COURSE, "PUT", form(course__start_at="2026-09-08", course__course_code="")),
    "no course at all": (COURSE, "PUT", form(offer="true")),
    "a section without a name": (SECTIONS, "POST", ""),
    "a renamed section": ("sections/7", "PUT", form(course_section__name="Tuesday")),
    "a crosslisting": ("sections/7/crosslist/565", "POST", ""),
    "an end": (ENROLL + "/1", "DELETE", form(task="delete")),
    "an end in the query": (ENROLL + "/1?task=inactivate", "DELETE", ""),
    "the usual end": (ENROLL + "/1?task=", "DELETE", ""),
}


@pytest.mark.parametrize("write", GOOD.values(), ids=GOOD)
def test_what_canvas_takes_passes(write):
    target, method, body = write
    if isinstance(body, dict):
        assert faults(target, method, json.dumps(body).encode(), JSON) == ()
    else:
        assert faults(target, method, body.encode()) == ()


BAD = {
    "nobody": (ENROLL, "POST", form(enrollment__type="StudentEnrollment"), ("user_id", "enrollment[user_id]")),
    "nothing": (ENROLL, "POST", "", ("enrollment", "enrollment")),
    "a kind nobody is": (
        ENROLL,
        "POST",
        form(enrollment__user_id="1", enrollment__type=CANARY),
        ("type", "enrollment[type]"),
    ),
    "a state nothing is in": (
        ENROLL,
        "POST",
        form(enrollment__user_id="1", enrollment__enrollment_state="actif"),
        ("enrollment_state", "enrollment[enrollment_state]"),
    ),
    "an id that is none": (ENROLL, "POST", form(enrollment__user_id="a b"), ("user_id", "enrollment[user_id]")),
    "a blank name": (COURSE, "PUT", form(course__name="  "), ("name", "course[name]")),
    "a long name": (COURSE, "PUT", form(course__name=CANARY * 20), ("name", "course[name]")),
    "a day of no calendar": (COURSE, "PUT", form(course__start_at="tomorrow"), ("start_at", "course[start_at]")),
    "a long code": (COURSE, "PUT", form(course__course_code=CANARY * 20), ("course_code", "course[course_code]")),
    "an unknown event": (COURSE, "PUT", form(course__event="explode"), ("event", "course[event]")),
    "a course that is a text": (COURSE, "PUT", form(course=CANARY), ("course", "course")),
    "a blank section": (SECTIONS, "POST", form(course_section__name=""), ("name", "course_section[name]")),
    "an unknown end": (ENROLL + "/1", "DELETE", form(task="forget"), ("task", "task")),
    "an unknown end in the query": (ENROLL + "/1?task=forget", "DELETE", "", ("task", "task")),
    "a flag that is none": (
        "sections/7/crosslist/565",
        "POST",
        form(override_sis_stickiness="perhaps"),
        ("override_sis_stickiness", "override_sis_stickiness"),
    ),
}


@pytest.mark.parametrize("write", BAD.values(), ids=BAD)
def test_what_cannot_be_right_is_told_by_its_field_and_never_by_its_value(write):
    target, method, body, named = write

    assert told(target, method, body) == [named]
    assert CANARY not in repr(faults(target, method, body.encode()))


def test_json_is_read_as_the_form_would_be():
    body = json.dumps({"enrollment": {"user_id": CANARY + " ", "type": None, "notify": 7}}).encode()

    assert told(ENROLL, "POST", body, JSON) == [
        ("user_id", "enrollment[user_id]"),
        ("notify", "enrollment[notify]"),
    ]


def test_the_body_stands_before_the_query_as_rails_has_it():
    target = ENROLL + "?enrollment%5Buser_id%5D=20064"

    assert told(target, "POST", form(enrollment__type="TaEnrollment")) == [("user_id", "enrollment[user_id]")]


@pytest.mark.parametrize("body", [b"{", b"nonsense", b'{"a":1,"a":2}', b'{"a":NaN}', b"\xff\xfe{}"])
def test_what_says_json_and_is_none_is_unreadable_and_not_quoted(body):
    with pytest.raises(UnreadableBody) as refused:
        faults(COURSE, "PUT", body, JSON)

    assert refused.value.problem.status == 400
    assert "nonsense" not in refused.value.problem.detail


@pytest.mark.parametrize(
    ("content_type", "headers"),
    [("multipart/form-data; boundary=x", {}), ("text/plain", {}), (FORM, {"content_encoding": "gzip"})],
)
def test_a_body_of_a_kind_that_is_not_read_here_is_the_upstreams_business(content_type, headers):
    assert faults(COURSE, "PUT", b"course%5Bname%5D=", content_type, **headers) == ()


def test_names_are_nested_as_rack_nests_them():
    pairs = [
        ("a", "1"),
        ("b[]", "2"),
        ("b[]", "3"),
        ("c[d][e]", "4"),
        ("f[][x]", "5"),
        ("f[][y]", "6"),
        ("f[][x]", "7"),
    ]

    assert nested(pairs) == {
        "a": "1",
        "b": ["2", "3"],
        "c": {"d": {"e": "4"}},
        "f": [{"x": "5", "y": "6"}, {"x": "7"}],
    }


@pytest.mark.parametrize("names", [("a", "a[b]"), ("a", "a[]"), ("a[b]", "a[]"), ("a[]", "a[b]"), ("a[b]", "a[b][c]")])
def test_names_that_contradict_each_other_are_refused(names):
    with pytest.raises(BadBody):
        nested([(name, "x") for name in names])


def test_names_nested_without_end_are_refused():
    with pytest.raises(BadBody):
        nested([("a" + "[b]" * 40, "x")])


plain = some.text("abc_", min_size=1, max_size=4)


@given(some.dictionaries(plain, some.dictionaries(plain, some.text(max_size=5), min_size=1, max_size=3), max_size=4))
def test_what_is_spelled_is_nested_again_into_the_same(value):
    pairs = [(spelled((outer, inner)), text) for outer, members in value.items() for inner, text in members.items()]

    assert nested(pairs) == value


@given(some.lists(some.tuples(some.text("ab[]", max_size=9), some.text(max_size=3)), max_size=8))
def test_whatever_names_come_they_are_nested_or_refused(pairs):
    with suppress(BadBody):
        assert bool(nested(pairs)) is bool(pairs)


@given(some.binary(max_size=200), some.sampled_from([FORM, JSON, ""]))
def test_whatever_comes_it_fits_or_is_refused_with_a_reason(body, content_type):
    try:
        found = faults(ENROLL, "POST", body, content_type)
    except UnreadableBody:
        return
    assert found or body
