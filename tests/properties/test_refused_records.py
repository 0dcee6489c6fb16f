"""True: what is accepted is, to the last bit, what was refused, however it was written down in between."""

from hypothesis import given
from hypothesis import strategies as st

from proxy.doubts.records import pack, unpack
from proxy.doubts.sightings import Sighting
from proxy.messages import Entry, key_tag
from tests.unit.store.samples import any_entries

_counts = st.none() | st.integers(0, 10**9)
_instants = st.floats(0, 1e12)


@given(
    st.none() | any_entries,
    any_entries,
    st.binary(max_size=32),
    st.tuples(_instants, _instants, _instants),
    st.tuples(_counts, _counts),
    st.tuples(_counts, st.integers(0, 10**9)),
    st.integers(1, 10**6),
)
def test_a_record_is_read_as_it_was_written(entry, carrier, key, times, rows, sizes, seen):
    at, keep, first_seen = times
    place = entry or carrier
    kept = Entry(
        key=b"record",
        status=200,
        head="",
        body=b"",
        stored_at=at,
        life=place.life,
        fence=place.fence,
        sequence=place.sequence,
        upstream=place.upstream,
        endpoint=place.endpoint,
        partition=place.partition,
        tagged="quarantined",
    )
    sighting = Sighting(
        "00ff",
        key,
        place.upstream,
        place.endpoint,
        place.partition,
        "other-id",
        at,
        keep,
        10.0,
        rows,
        sizes,
        entry,
        tuple(entry.tags) if entry is not None else (key_tag(key), *kept.tags),
        (3, 4),
        kept.order,
    )
    kept.body = pack(sighting, first_seen, seen)

    known = unpack(kept)

    assert known.sighting == sighting
    assert (known.order, known.first_seen, known.seen) == (kept.order, first_seen, seen)


@given(any_entries)
def test_what_another_larder_wrote_is_none(entry):
    assert unpack(entry) is None
