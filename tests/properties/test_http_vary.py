"""Vary under any text: one value, one way of writing it; and nothing is ever made equal that was not."""

from hypothesis import given
from hypothesis import strategies as st

from policies.http.vary import canonical, has_star, vary_names

NAMES = st.sampled_from(["accept", "accept-encoding", "accept-language", "user-agent", "cookie", "x-any"])
PIECES = st.text(st.sampled_from('abAB-*,;=q.01 \t"()é\x00\ud800'), max_size=30)
MEMBERS = st.sampled_from(["gzip", "br;q=0.5", "GZIP ; Q=1.000", "de-AT", "*;q=0", "en;q=", "en_GB", "", '"', "x;y=z"])
VALUES = st.one_of(st.text(max_size=40), PIECES, st.lists(MEMBERS, max_size=5).map(", ".join))
SPACE = st.text(" \t", max_size=2)


@st.composite
def weighted(draw):
    """Names and their weights in thousandths."""
    names = draw(st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), unique=True, max_size=5))
    return [(name, draw(st.sampled_from([0, 1, 10, 123, 500, 999, 1000]))) for name in names]


@st.composite
def spelt(draw, members):
    """A list of weighted names in one of the many ways to write it."""
    return ",".join(draw(_member(name, weight)) for name, weight in members)


@st.composite
def _member(draw, name, weight):
    written = draw(st.sampled_from([name, name.upper(), name.title()]))
    digits = f"{weight / 1000:.3f}"
    number = draw(st.sampled_from([digits, digits.rstrip("0"), f"{weight / 1000:g}"]))
    space = [draw(SPACE) for _ in range(4)]
    if weight == 1000 and draw(st.booleans()):
        return f"{space[0]}{written}{space[1]}"
    letter = draw(st.sampled_from("qQ"))
    return f"{space[0]}{written}{space[1]};{space[2]}{letter}={number}{space[3]}"


def by_weight(members):
    return sorted(members, key=lambda member: -member[1])


@given(NAMES, st.none() | VALUES)
def test_a_canonical_value_is_canonical_already(name, value):
    once = canonical(name, value)

    assert canonical(name, once) == once
    assert (once is None) is (value is None)


@given(NAMES, VALUES)
def test_a_canonical_value_has_the_members_it_came_with(name, value):
    def members(text):
        return [member.strip(" \t") for member in text.split(",")]

    if name in {"accept-encoding", "accept-language"}:
        assert {member.partition(";")[0].rstrip(" \t").lower() for member in members(value)} - {""} == {
            member.partition(";")[0].rstrip(" \t").lower() for member in members(canonical(name, value))
        } - {""}
    else:
        assert members(canonical(name, value)) == members(value)


@given(NAMES, VALUES, SPACE, SPACE)
def test_white_space_around_a_value_never_counts(name, value, before, after):
    assert canonical(name, f"{before}{value}{after}") == canonical(name, value)


@given(st.sampled_from(["accept-encoding", "accept-language"]), weighted(), st.data())
def test_every_spelling_of_a_weighted_list_is_one_value(name, members, data):
    shuffled = data.draw(st.permutations(members))
    # Of equal weight the order stays: it may be a preference.
    as_sent = [member for weight in {weight for _, weight in shuffled} for member in members if member[1] == weight]

    assert canonical(name, data.draw(spelt(members))) == canonical(name, data.draw(spelt(as_sent)))


@given(st.sampled_from(["accept-encoding", "accept-language"]), weighted(), weighted(), st.data())
def test_lists_of_other_names_weights_or_preference_are_never_one_value(name, one, other, data):
    same = canonical(name, data.draw(spelt(one))) == canonical(name, data.draw(spelt(other)))

    assert same is (by_weight(one) == by_weight(other))


@given(VALUES)
def test_vary_is_sorted_distinct_and_in_lower_case(value):
    names = vary_names({"vary": value})

    assert list(names) == sorted(set(names))
    assert all(name == name.lower() and name.isascii() for name in names)
    assert has_star({"vary": value}) is ("*" in names)


@given(VALUES, VALUES)
def test_two_lines_of_vary_are_the_names_of_both(one, other):
    both = vary_names({"vary": f"{one}, {other}"})

    assert set(both) == {*vary_names({"vary": one}), *vary_names({"vary": other})}
