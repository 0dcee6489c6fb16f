"""Lookups that Larder takes for the same are the same to Smarty: what it says to one, it says to the other."""

from hypothesis import given
from hypothesis import strategies as st

from adapters._smarty_requests import canonical_lookup
from sandbox.smarty import street, zipcode
from sandbox.smarty.calls import Call
from sandbox.smarty.state import ACCOUNTS, State

STREETS = ["12 Example Place", "12 Example Place Apt 3", "1 Nomatch Way", "12 Exampel Pl #3", ""]
TOWNS = ["Sampleton", "sampleton", "Nowhere", ""]
MATCHES = ["strict", "invalid", "enhanced"]


def said(api, query):
    """What the stand-in answers, made of these parameters alone."""
    call = Call("GET", api, (), dict(query), {}, b"", ACCOUNTS[0], State(lambda: 0.0))
    try:
        return {"us-street": street, "us-zipcode": zipcode}[api].answer(call)
    except Exception as error:  # noqa: BLE001 - a refusal is an answer here
        return repr(error)


@st.composite
def spelled(draw, text):
    """The same text in other case, with other spaces."""
    words = [draw(st.sampled_from([word, word.upper(), word.lower(), word.title()])) for word in text.split()]
    gap = draw(st.sampled_from([" ", "  ", "\t "]))
    return draw(st.sampled_from(["", " "])) + gap.join(words) + draw(st.sampled_from(["", " "]))


@st.composite
def two_spellings(draw):
    """A lookup, and the same again as another caller may write it."""
    fields = {
        "street": draw(st.sampled_from(STREETS)),
        "city": draw(st.sampled_from(TOWNS)),
        "state": draw(st.sampled_from(["NY", ""])),
        "zipcode": draw(st.sampled_from(["10099", "00000", ""])),
        "match": draw(st.sampled_from(MATCHES)),
    }
    again = [(name, value if name == "match" else draw(spelled(value))) for name, value in fields.items()]
    order = draw(st.permutations([pair for pair in again if pair[1]]))
    return tuple(fields.items()), tuple(order)


@given(two_spellings(), st.sampled_from(["us-street", "us-zipcode"]))
def test_what_is_spelled_otherwise_is_kept_once_and_answered_alike(spellings, api):
    one, other = spellings

    assert canonical_lookup(one) == canonical_lookup(other)
    assert said(api, one) == said(api, other)


@given(
    st.dictionaries(
        st.sampled_from(["street", "secondary", "addressee", "zipcode", "candidates", "format"]),
        st.sampled_from(["12 Example Place", "# 3", "#3", "3", "10099", "10099-0001", "Ada", "ADA", "1", "5"]),
    ),
    st.dictionaries(
        st.sampled_from(["street", "secondary", "addressee", "zipcode", "candidates", "format"]),
        st.sampled_from(["12 Example Place", "# 3", "#3", "3", "10099", "10099-0001", "Ada", "ADA", "1", "5"]),
    ),
)
def test_nothing_but_case_and_spaces_is_taken_for_the_same(one, other):
    if canonical_lookup(tuple(one.items())) == canonical_lookup(tuple(other.items())):
        assert {name: value.lower() for name, value in one.items()} == {
            name: value.lower() for name, value in other.items()
        }
        assert one.get("addressee") == other.get("addressee")


def test_lines_are_not_words():
    """A whole address in one field may stand in lines."""
    two_lines, one_line = ((("street", f"12 Example Pl{gap}Apt 3"),) for gap in ("\n", " "))

    assert canonical_lookup(two_lines) != canonical_lookup(one_line)
