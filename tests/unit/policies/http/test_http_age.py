"""Age: what the caches on the way and the origin's clock say, and the larger of both (RFC 9111 §4.2.3, §5.1)."""

import pytest

from policies.http.age import age_value, initial_age

ASKED = 784_111_770.0
CAME = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT, seven seconds later
NOW = "Sun, 06 Nov 1994 08:49:37 GMT"
LATER = "Sun, 06 Nov 1994 09:49:37 GMT"
EARLIER = "Sun, 06 Nov 1994 07:49:37 GMT"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("30", 30),
        ("030", 30),
        ("30, 60", 30),
        ("30 ,60", 30),
        ("60,30", 60),
        ("30, soon", 30),
        ("99999999999", 2**31),
    ],
)
def test_the_first_of_the_ages_is_read(text, seconds):
    assert age_value(text) == seconds


@pytest.mark.parametrize("text", [None, "", " ", ",30", "soon", "soon, 30", "-1", "+1", "1.5", '"30"', "30;60", "٣"])
def test_an_age_that_is_no_whole_number_is_ignored(text):
    assert age_value(text) is None


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 7),
        ({"age": "30"}, 37),
        ({"age": "30, 60"}, 37),
        ({"age": "soon"}, 7),
        ({"age": "-100"}, 7),
        ({"date": NOW}, 7),
        ({"date": EARLIER}, 3_600),
        ({"date": LATER}, 7),
        ({"date": "yesterday"}, 7),
        ({"date": f"{EARLIER}, {EARLIER}"}, 7),
        ({"date": "Sunday, 06-Nov-94 07:49:37 GMT"}, 3_600),
        ({"date": EARLIER, "age": "30"}, 3_600),
        ({"date": EARLIER, "age": "3600"}, 3_607),
        ({"date": EARLIER, "age": "7200"}, 7_207),
        ({"date": LATER, "age": "30"}, 37),
    ],
)
def test_an_answer_is_as_old_as_the_older_of_both_says(headers, seconds):
    assert initial_age(headers, requested_at=ASKED, received_at=CAME) == seconds


def test_a_clock_that_was_set_back_makes_nothing_younger_than_new():
    assert initial_age({}, requested_at=CAME, received_at=ASKED) == 0
    assert initial_age({"age": "30"}, requested_at=CAME, received_at=ASKED) == 30
