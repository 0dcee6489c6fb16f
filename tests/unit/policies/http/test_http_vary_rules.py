"""Vary: the names an answer depends on, and which values of them mean the same (RFC 9111 §4.1)."""

import pytest

from policies.http.vary import canonical, has_star, vary_names


@pytest.mark.parametrize(
    ("vary", "names"),
    [
        ("Accept", ("accept",)),
        ("B , a,,A", ("a", "b")),
        ("accept-language, Accept-Encoding", ("accept-encoding", "accept-language")),
        ("", ()),
        (" , ", ()),
        ("*", ("*",)),
        ("Accept, *", ("*", "accept")),
        ("a b, c", ("*", "c")),
        ('"accept"', ("*",)),
        ("accept;q=1", ("*",)),
        ("accépt", ("*",)),
        ("\N{KELVIN SIGN}", ("*",)),  # in lower case it would be a k
    ],
)
def test_vary_is_a_set_of_names_and_what_is_no_name_is_a_star(vary, names):
    assert vary_names({"vary": vary}) == names
    assert has_star({"vary": vary}) is ("*" in names)


def test_an_answer_without_vary_depends_on_no_field():
    assert vary_names({}) == ()
    assert not has_star({})


@pytest.mark.parametrize("name", ["x-any", "accept-language", "accept-encoding", "user-agent"])
def test_a_missing_field_is_not_an_empty_one(name):
    assert canonical(name, None) is None
    assert canonical(name, "") == ""


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("x-any", "a,b", " a ,\tb "),
        ("x-any", "a", " a "),
        ("accept", "a/b;q=0.5,c/d", "a/b;q=0.5 , c/d"),
        ("X-Any", "a,b", "a, b"),
        ("user-agent", "a", " a "),
        ("accept-language", "en, de", "EN,De"),
        ("accept-language", "en;q=0.5, de", "de, en;q=0.5"),
        ("accept-language", "en;q=0.5, de", "de;q=1, en ; q=0.50"),
        ("accept-language", "de-AT, *;q=0.1", "de-at;Q=1.000,*;q=0.100"),
        ("accept-language", "da, en-gb;q=0.8, en;q=0.7", "en;q=0.7,en-gb;q=0.8,da"),
        ("accept-language", "en, ,de,,", "en,de"),
        ("accept-encoding", "gzip;q=1.0, identity; q=0.5, *;q=0", "*;q=0.000,identity;q=0.5,GZIP"),
        ("accept-encoding", "gzip, br", "gzip ,\tbr;q=1."),
        ("Accept-Encoding", "gzip;q=0", "gzip;q=0.0"),
        ("accept-encoding", "", " , "),
    ],
)
def test_values_that_mean_the_same_are_written_one_way(name, one, other):
    assert canonical(name, one) == canonical(name, other)


@pytest.mark.parametrize(
    ("name", "one", "other"),
    [
        ("x-any", "a,b", "b,a"),
        ("x-any", "a b", "a  b"),
        ("x-any", "A", "a"),
        ("x-any", "a,,b", "a,b"),
        ("x-any", '"a, b"', '"a,b"'),
        ("x-any", 'a, "b"', 'a,"b"'),
        ("x-any", "(a, b)", "(a,b)"),
        ("accept", "A/b", "a/b"),
        ("user-agent", "a, b", "a,b"),
        ("cookie", "a=1, 2", "a=1,2"),
        ("authorization", "Digest a=1, b=2", "Digest a=1,b=2"),
        ("accept-language", "en, de", "de, en"),  # of equal weight: the order may be a preference
        ("accept-language", "en;q=0.5, de", "en;q=0.6, de"),
        ("accept-language", "en", "en;q=0"),
        ("accept-language", "en", "en-gb"),
        ("accept-language", "en, en;q=0.5", "en;q=0.5, en"),  # which one holds?
        ("accept-language", "en_GB", "en_gb"),
        ("accept-language", "en;q=.5", "en;q=0.5"),
        ("accept-encoding", "gzip;q=2", "gzip"),
        ("accept-encoding", "gzip;q=0.5000", "gzip;q=0.5"),
        ("accept-encoding", "gzip;level=1", "gzip; level=1"),
        ("accept-encoding", "gzip;", "gzip"),
        ("accept-encoding", "gzip", "gzip, br"),
    ],
)
def test_values_that_may_mean_something_else_stay_apart(name, one, other):
    assert canonical(name, one) != canonical(name, other)


@pytest.mark.parametrize(
    ("name", "value", "written"),
    [
        ("accept-language", "En;q=0.5 , DE-at , fr ;q=0.500", "de-at,en;q=0.5,fr;q=0.5"),
        ("accept-encoding", "gzip;q=0.123, br;q=0.001, *;q=0", "gzip;q=0.123,br;q=0.001,*;q=0"),
        ("accept-language", " en ; q = 0.5 ", "en ; q = 0.5"),  # does not parse: only stripped
        ("accept-encoding", "GZIP, br;x", "GZIP, br;x"),
        ("accept-encoding", "GZIP, br, gzip", "GZIP, br, gzip"),
        ("accept-encoding", "GZIP (fast), br", "GZIP (fast), br"),
    ],
)
def test_a_weighted_list_is_in_order_and_one_that_does_not_parse_as_it_came(name, value, written):
    assert canonical(name, value) == written
