"""Header fields: what ends at a proxy, both ways (RFC 9110 §7.6.1), and what never leaves Larder."""

import pytest

from policies.http.fields import as_mapping, without
from proxy.http.headers import HOP_BY_HOP, end_to_end, from_upstream

KEPT = (("Accept", "a/b"), ("X-Anything", "1"), ("Authorization", "Bearer t"), ("Cookie", "a=b"))


@pytest.mark.parametrize("strip", [end_to_end, from_upstream])
@pytest.mark.parametrize("name", sorted(HOP_BY_HOP))
def test_hop_by_hop_fields_end_here_both_ways(strip, name):
    assert strip((*KEPT, (name.title(), "x"))) == KEPT


@pytest.mark.parametrize("strip", [end_to_end, from_upstream])
def test_what_connection_names_ends_here_too(strip):
    fields = (("Connection", "close, X-One"), ("connection", "x-two ,,"), ("X-One", "1"), ("x-TWO", "2"))

    assert strip((*KEPT, *fields)) == KEPT


@pytest.mark.parametrize(
    "name",
    [
        "Host",
        "Content-Length",
        "Expect",
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Original-URL",
        "X-Rewrite-URL",
        "X-Host",
        "X-Larder-Key",
        "traceparent",
    ],
)
def test_what_larder_says_anew_or_keeps_to_itself_never_goes_upstream(name):
    assert end_to_end((*KEPT, (name, "x"), (name.upper(), "y"))) == KEPT


def test_an_upstreams_own_words_stay_in_their_order_with_repeats():
    fields = (("Link", "<a>"), ("Set-Cookie", "a=b"), ("Set-Cookie", "c=d"), ("Link", "<b>"), ("Age", "5"))

    assert from_upstream((*fields, ("Content-Length", "3"))) == fields


def test_the_field_that_larder_keeps_its_own_tags_in_comes_from_nobody():
    assert from_upstream((*KEPT, ("larder-tag", '"forged"'))) == KEPT


def test_names_are_compared_without_case():
    assert without((("AcCept", "1"), ("B", "2")), {"accept"}) == (("B", "2"),)


def test_repeats_are_one_list_in_a_mapping():
    assert as_mapping((("Vary", "a"), ("X", "1"), ("VARY", "b"))) == {"vary": "a, b", "x": "1"}
