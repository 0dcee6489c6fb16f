"""Which content codings a caller can take (RFC 9110 §12.5.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.http.codings import is_acceptable


@pytest.mark.parametrize(
    ("accept_encoding", "coding", "taken"),
    [
        (None, "gzip", True),  # who says nothing takes anything
        (None, "br", True),
        ("gzip", "gzip", True),
        ("GZIP", "gzip", True),
        ("gzip", "x-gzip", True),
        ("x-gzip", "gzip", True),
        ("br, gzip;q=0.5", "gzip", True),
        ("br , gzip ; q=0.5", "gzip", True),
        ("gzip;q=0", "gzip", False),
        ("gzip;q=0.000", "gzip", False),
        ("br", "gzip", False),
        ("", "gzip", False),  # empty: nothing but identity
        ("", "identity", True),
        ("identity", "gzip", False),
        ("*", "gzip", True),
        ("*;q=0", "gzip", False),
        ("*;q=0", "identity", False),
        ("gzip, *;q=0", "gzip", True),
        ("identity;q=0", "identity", False),
        ("identity;q=0", "gzip", False),
        ("gzip;q=much", "br", True),  # it cannot be read
        ("gzip,,deflate", "deflate", True),
    ],
)
def test_what_a_caller_says_it_takes(accept_encoding, coding, taken):
    assert is_acceptable(accept_encoding, coding) is taken


@given(st.none() | st.text(), st.text())
def test_it_never_raises(accept_encoding, coding):
    assert is_acceptable(accept_encoding, coding) in (True, False)
