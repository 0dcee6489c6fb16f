"""Retry-After: seconds or a date, clamped to a day; what cannot be read says nothing (RFC 9110 §10.2.3)."""

import pytest

from policies import DAY
from policies.retry_after import retry_after

NOW = 784_111_777.0  # Sun, 06 Nov 1994 08:49:37 GMT


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 120 ", 120),
        ("999999999", DAY),
        ("9" * 400, DAY),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10),
        ("Sun, 06 Nov 1994 08:49:27 GMT", 0),
        ("Sun, 06 Nov 2094 08:49:37 GMT", DAY),
        (None, None),
        ("", None),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 08:49:37 +0100", None),
    ],
)
def test_a_wait_is_read_or_nothing_is(value, seconds):
    assert retry_after(value, NOW) == seconds
