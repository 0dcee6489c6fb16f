"""Ranges against the slices they stand for: what is answered, held and joined is always a slice of the whole."""

from hypothesis import example, given
from hypothesis import strategies as st

from policies.http.partial import Held, covered, is_whole, joined, missing
from policies.http.ranges import (
    Part,
    Wanted,
    if_range_holds,
    parse_content_range,
    parse_range,
    part_fields,
    wanted,
)

BODIES = st.binary(min_size=1, max_size=40)
NUMBERS = st.integers(0, 50)
PIECES = st.text(st.sampled_from("bytesBYTES=-,0123456789 */\t²٣é\ud800"), max_size=30)
ANY_TEXT = st.one_of(st.text(max_size=40), PIECES, PIECES.map(lambda text: f"bytes={text}"))


@st.composite
def specs(draw):
    """A range as it is written, and the slice of a body that it stands for."""
    first, length = draw(NUMBERS), draw(NUMBERS)
    return draw(
        st.sampled_from(
            [
                (f"{first}-{first + length}", slice(first, first + length + 1)),
                (f"{first}-", slice(first, None)),
                (f"-{length}", slice(-length, None) if length else slice(0, 0)),
            ]
        )
    )


@st.composite
def stretches(draw, body):
    """A stretch of a body, as one holds it: with or without knowing how long the whole is."""
    first = draw(st.integers(0, len(body) - 1))
    last = draw(st.integers(first, len(body) - 1))
    return Held(first, last, draw(st.sampled_from([len(body), None]))), body[first : last + 1]


def cut(body, part):
    return body[part.first : part.last + 1]


@given(st.none() | ANY_TEXT, st.integers(0, 100))
def test_whatever_range_says_the_answer_is_a_part_within_the_whole_or_none(value, length):
    answer = wanted(value, length)

    if isinstance(answer, Part):
        assert 0 <= answer.first <= answer.last < length
        assert parse_range(value)
    if parse_range(value) is None:
        assert answer is Wanted.WHOLE


@given(st.none() | ANY_TEXT)
def test_whatever_content_range_says_it_is_a_part_or_none(value):
    said = parse_content_range(value)

    if said is not None:
        assert 0 <= said.first <= said.last
        assert said.complete is None or said.last < said.complete


@given(st.text(max_size=40), st.dictionaries(st.sampled_from(["etag", "last-modified", "date"]), st.text(max_size=40)))
def test_an_if_range_holds_only_for_a_validator_of_the_same_text(value, stored):
    if if_range_holds(value, stored, now=0.0):
        assert value.strip(" \t") in {stored.get("etag"), stored.get("last-modified")}


@given(BODIES, specs())
def test_one_range_is_the_slice_it_stands_for(body, spec):
    text, where = spec
    answer = wanted(f"bytes={text}", len(body))

    if body[where]:
        assert cut(body, answer) == body[where]
    else:
        assert answer is Wanted.UNSATISFIABLE


@given(BODIES, st.lists(specs(), min_size=1, max_size=5))
@example(b"0123456789", [("0-0", slice(0, 1)), ("2-2", slice(2, 3))])
def test_several_ranges_are_one_part_exactly_if_they_leave_no_gap(body, several):
    answer = wanted("bytes=" + ", ".join(text for text, _ in several), len(body))
    asked = {at for _, where in several for at in range(len(body))[where]}

    if not asked:
        assert answer is Wanted.UNSATISFIABLE
    elif asked == set(range(min(asked), max(asked) + 1)):
        assert answer == Part(min(asked), max(asked))
    else:
        assert answer is Wanted.WHOLE


@given(BODIES, st.data())
def test_what_is_said_of_a_part_is_read_back_as_that_part(body, data):
    held, piece = data.draw(stretches(body))
    fields = dict(part_fields((("Content-Length", "1"),), Part(held.first, held.last), len(body)))

    assert parse_content_range(fields["Content-Range"]) == (held.first, held.last, len(body))
    assert fields["Content-Length"] == str(len(piece))


@given(BODIES, specs(), st.data())
def test_a_held_part_answers_with_the_bytes_that_the_whole_would_have(body, spec, data):
    held, piece = data.draw(stretches(body))
    text, where = spec
    part = covered(held, f"bytes={text}")

    if part is not None:
        assert piece[part.first - held.first : part.last - held.first + 1] == body[where]
    elif held.complete is not None and body[where]:
        wished = range(len(body))[where]
        assert wished[0] < held.first or wished[-1] > held.last


@given(st.none() | ANY_TEXT, BODIES, st.data())
def test_whatever_range_says_a_held_part_never_answers_beyond_itself(value, body, data):
    held, _ = data.draw(stretches(body))
    part = covered(held, value)

    assert part is None or held.first <= part.first <= part.last <= held.last


@given(BODIES, st.data())
def test_joined_parts_are_the_stretch_they_cover_and_gaps_are_never_joined(body, data):
    one, other = data.draw(stretches(body)), data.draw(stretches(body))
    whole = joined(*one, *other)
    covers = {*range(one[0].first, one[0].last + 1), *range(other[0].first, other[0].last + 1)}
    first, last = min(covers), max(covers)

    assert whole == joined(*other, *one)
    if len(covers) == last - first + 1:
        assert whole == (Held(first, last, one[0].complete or other[0].complete), body[first : last + 1])
    else:
        assert whole is None


@given(BODIES.filter(lambda body: len(body) > 1), st.data())
def test_the_missing_rest_makes_a_beginning_whole(body, data):
    last = data.draw(st.integers(0, len(body) - 2))
    held, piece = Held(0, last, len(body)), body[: last + 1]
    rest = missing(held)
    part = wanted(rest, len(body))
    whole = joined(held, piece, Held(part.first, part.last, len(body)), cut(body, part))

    assert whole == (Held(0, len(body) - 1, len(body)), body)
    assert is_whole(whole[0])
    assert missing(whole[0]) is None
