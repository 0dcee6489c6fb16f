"""What every adapter says of its batches: each thing in them is the same read as it would be alone."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters import NOT_JSON, Adapter, Batch, Endpoint, Kind, Received, Sent
from tests.contracts.every_adapter import ADAPTERS

BATCHES = [
    pytest.param(adapter, endpoint, id=f"{name} {endpoint.route}")
    for name, adapter in ADAPTERS.items()
    for endpoint in adapter.endpoints
    if endpoint.batch is not None
]
each_batch = pytest.mark.parametrize(("adapter", "endpoint"), BATCHES)

THINGS = st.lists(
    st.dictionaries(st.sampled_from(["street", "zipcode", "city", "input_id"]), st.text(max_size=8), max_size=4),
    min_size=1,
    max_size=8,
)


def batch_of(endpoint: Endpoint) -> Batch:
    assert endpoint.batch is not None
    return endpoint.batch


def sent(body: object) -> Sent:
    return Sent("POST", "/any", body=body if isinstance(body, bytes) else json.dumps(body).encode())


def test_there_are_batches() -> None:
    assert [case.id for case in BATCHES] == [
        "smartystreets POST /us-street/street-address",
        "smartystreets POST /us-zipcode/lookup",
    ]


@each_batch
def test_one_of_it_can_be_read_alone_at_the_same_path_and_is_kept_by_the_same_rules(
    adapter: Adapter, endpoint: Endpoint
) -> None:
    single = next(one for one in adapter.endpoints if one.route == batch_of(endpoint).single)

    assert single.route.split(" ")[1] == endpoint.route.split(" ")[1]
    assert (single.cache, single.outcomes, single.model) == (endpoint.cache, endpoint.outcomes, endpoint.model)


@each_batch
@given(things=THINGS)
def test_what_is_split_and_packed_again_is_what_was_asked(
    adapter: Adapter, endpoint: Endpoint, things: list[dict[str, str]]
) -> None:
    batch = batch_of(endpoint)
    queries = batch.split(sent(things))

    packed = [batch.pack(tuple(thing.items())) for thing in things]
    assert (queries is None) is (None in packed)  # what is refused to one alone is the upstream's to judge
    assert queries is None or [batch.pack(query) for query in queries] == things


@each_batch
@given(
    query=st.lists(
        st.tuples(
            st.sampled_from(["street", "candidates", "city"]), st.text(max_size=4) | st.sampled_from(["5", "9" * 5000])
        ),
        max_size=4,
    ).map(tuple)
)
def test_what_can_go_with_others_is_the_same_read_there(
    adapter: Adapter, endpoint: Endpoint, query: tuple[tuple[str, str], ...]
) -> None:
    batch = batch_of(endpoint)
    thing = batch.pack(query)
    single = next(one for one in adapter.endpoints if one.route == batch.single)
    assert single.canonical_query is not None

    if thing is not None:
        queries = batch.split(sent([thing]))
        assert queries is not None
        spelled = [tuple((name, value if name != "candidates" else str(int(value))) for name, value in query)]
        assert list(map(single.canonical_query, queries)) == list(map(single.canonical_query, spelled))


def test_what_is_refused_to_a_get_alone_and_what_no_body_can_say_goes_in_no_batch() -> None:
    street, by_zip = (batch_of(case.values[1]) for case in BATCHES)  # type: ignore[attr-defined]

    assert street.pack((("city", "Sampleton"),)) is None
    assert street.split(sent([{"street": " ", "city": "Sampleton"}])) is None
    assert by_zip.pack((("city", "Sampleton"),)) == {"city": "Sampleton"}
    for value in ("abc", "", "-1", "٣", "1" * 10):
        assert street.pack((("street", "x"), ("candidates", value))) is None
    assert street.pack((("street", "x"), ("street", "y"))) is None
    assert street.pack((("street", "\udcff"),)) is None
    assert street.pack((("street", "x"), ("key", "an embedded one"))) is None
    assert street.pack((("street", "x"), ("candidates", "5"), ("license", "l"))) == {"street": "x", "candidates": 5}


@each_batch
@given(body=st.binary(max_size=64) | st.recursive(st.none() | st.text(), st.lists).map(json.dumps).map(str.encode))
def test_anything_may_be_tried_to_be_split(adapter: Adapter, endpoint: Endpoint, body: bytes) -> None:
    queries = batch_of(endpoint).split(sent(body))

    assert queries is None or all(isinstance(value, str) for query in queries for _, value in query)


@each_batch
@given(counts=st.lists(st.integers(0, 3), min_size=1, max_size=6))
def test_each_gets_its_own_rows_and_all_together_are_the_answer(
    adapter: Adapter, endpoint: Endpoint, counts: list[int]
) -> None:
    batch = batch_of(endpoint)
    answer = [{"input_index": at, "mine": f"{at}/{row}"} for at, count in enumerate(counts) for row in range(count)]
    shares = batch.share(answer, len(counts))

    assert shares is not None
    assert [[row["mine"] for row in share] for share in shares] == [
        [f"{at}/{row}" for row in range(count)] for at, count in enumerate(counts)
    ]
    assert [row for at, share in enumerate(shares) for row in batch.place(share, at)] == answer


@each_batch
@pytest.mark.parametrize("index", [-1, 2, None, "0", 0.5])
def test_an_answer_about_something_else_is_none(adapter: Adapter, endpoint: Endpoint, index: object) -> None:
    assert batch_of(endpoint).share([{"input_index": 0}, {"input_index": index}], 2) is None


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=4) | st.lists(st.text(), max_size=1)
ELEMENTS = VALUES | st.dictionaries(st.sampled_from(["street", "zipcode", "candidates", "input_id", "x"]), VALUES)


@each_batch
@given(elements=st.lists(ELEMENTS, min_size=1, max_size=5))
def test_what_is_sure_to_be_refused_is_never_split_and_the_rest_has_no_faults(
    adapter: Adapter, endpoint: Endpoint, elements: list[object]
) -> None:
    batch, asked = batch_of(endpoint), sent(elements)
    faults = batch.faults(asked)

    assert not faults or batch.split(asked) is None
    assert not batch.faults(batch.less(asked, faults))
    for at, wrong in faults.items():
        assert 0 <= at < len(elements)
        assert all(f"[{at}]" in fault.message for fault in wrong)
        assert json.dumps(batch.mark(asked, at, wrong))


@each_batch
@given(body=st.binary(max_size=64))
def test_what_is_no_batch_at_all_has_no_faults_of_its_elements(
    adapter: Adapter, endpoint: Endpoint, body: bytes
) -> None:
    assert all(wrong for wrong in batch_of(endpoint).faults(sent(body)).values())


@each_batch
@given(
    status=st.sampled_from([200, 304, 401, 402, 403, 404, 408, 429, 500, 502, 503, 504]), body=st.binary(max_size=16)
)
def test_what_is_no_word_on_a_thing_is_no_refusal_of_one(
    adapter: Adapter, endpoint: Endpoint, status: int, body: bytes
) -> None:
    assert batch_of(endpoint).refusal(Received(status, {}, body, NOT_JSON)) is None


@each_batch
@given(
    status=st.sampled_from([400, 413, 422]),
    errors=st.recursive(
        VALUES, lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["message", "errors"]), inner)
    ),
)
def test_a_refusal_is_told_in_the_providers_words_whatever_they_are(
    adapter: Adapter, endpoint: Endpoint, status: int, errors: object
) -> None:
    for found in (errors, {"errors": errors}, {"errors": [{"message": errors}]}):
        received = Received(status, {}, json.dumps(found).encode(), found)
        assert adapter.verdict(received).kind is Kind.CALLER_ERROR
        assert isinstance(batch_of(endpoint).refusal(received), str)


def test_smarty_says_why_as_json_and_as_text() -> None:
    street = batch_of(BATCHES[0].values[1])  # type: ignore[attr-defined]
    found = {"errors": [{"message": "one"}, {"message": "two"}, {"id": 3}]}

    assert street.refusal(Received(400, {}, b"", found)) == "one; two"
    assert street.refusal(Received(400, {}, b"Bad input", NOT_JSON)) == "Bad input"
