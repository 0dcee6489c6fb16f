"""Validations and searches that Larder takes for the same are the same to Google, and no others."""

import json

from hypothesis import given
from hypothesis import strategies as st

from adapters._google_requests import canonical_header, canonical_query, canonical_validation
from sandbox.google.judging import judge

LINES = ["12 Example Place", "12 Example Place Apt 3", "1 Nomatch Way", "Sampleton NY 10099"]
PLAIN = {"regionCode": "US", "locality": "Sampleton", "administrativeArea": "NY", "postalCode": "10099"}


@st.composite
def spelled(draw, text):
    """The same text in other case, with other spaces."""
    words = [draw(st.sampled_from([word, word.upper(), word.lower()])) for word in text.split()]
    return draw(st.sampled_from(["", " "])) + draw(st.sampled_from([" ", "  "])).join(words)


@st.composite
def two_spellings(draw):
    """A request, and the same again as another client may write it: its bytes."""
    address = {name: value for name, value in PLAIN.items() if draw(st.booleans())}
    address["addressLines"] = draw(st.lists(st.sampled_from(LINES), min_size=1, max_size=2))
    cass = draw(st.booleans())
    again = {
        name: [draw(spelled(line)) for line in value]
        if isinstance(value, list)
        else draw(spelled(value) if name != "regionCode" else st.just(value))
        for name, value in draw(st.permutations(list(address.items())))
    }
    again |= {name: "" for name in PLAIN if name not in (*address, "regionCode") and draw(st.booleans())}
    other = draw(
        st.permutations(
            [
                ("address", again),
                *([("enableUspsCass", cass)] if cass or draw(st.booleans()) else []),
                *draw(st.sampled_from([[], [("languageOptions", {})], [("previousResponseId", None)]])),
                *draw(st.sampled_from([[], [("languageOptions", {"returnEnglishLatinAddress": False})]])),
            ]
        )
    )
    return {"address": address, "enableUspsCass": cass}, dict(other)


def said(request):
    """What the stand-in makes of it."""
    address = {name: value for name, value in request["address"].items() if value}
    return judge(address, uses_cass=bool(request.get("enableUspsCass")))


@given(two_spellings(), st.sampled_from([None, 2]))
def test_what_is_spelled_otherwise_is_kept_once_and_answered_alike(spellings, indent):
    one, other = spellings

    written = json.dumps(one).encode(), json.dumps(other, indent=indent).encode()
    assert canonical_validation(written[0]) == canonical_validation(written[1])
    assert said(one)["verdict"] == said(other)["verdict"]
    assert said(one).get("uspsData") == said(other).get("uspsData")


FIELDS = st.dictionaries(
    st.sampled_from(["regionCode", "locality", "postalCode", "languageCode", "organization"]),
    st.sampled_from(["US", "us", "FR", "10099", "10099-0001", "Sampleton"]),
)


@given(FIELDS, FIELDS, st.lists(st.sampled_from(LINES), max_size=2), st.lists(st.sampled_from(LINES), max_size=2))
def test_nothing_but_case_and_spaces_is_taken_for_the_same(one, other, lines, more):
    first, second = ({"address": {**fields, "addressLines": some}} for fields, some in ((one, lines), (other, more)))
    if canonical_validation(json.dumps(first).encode()) == canonical_validation(json.dumps(second).encode()):
        assert lines == more
        assert {name: value.lower() for name, value in one.items()} == {
            name: value.lower() for name, value in other.items()
        }
        assert one.get("languageCode") == other.get("languageCode")
        assert one.get("regionCode") == other.get("regionCode")


@given(st.lists(st.sampled_from(["places.id", "places.location", "routes"]), min_size=1, unique=True), st.randoms())
def test_a_field_mask_has_no_order_wherever_it_stands(paths, random):
    mixed = random.sample(paths, len(paths))

    one, other = ",".join(paths), ",".join(mixed)
    assert canonical_header("x-goog-fieldmask", one) == canonical_header("x-goog-fieldmask", other)
    assert canonical_query((("fields", one),)) == canonical_query((("fields", other),))


def test_a_field_mask_with_brackets_stays_as_it_is():
    assert canonical_query((("fields", "a(b,f),d(e,c)"),)) != canonical_query((("fields", "a(b,c),d(e,f)"),))
