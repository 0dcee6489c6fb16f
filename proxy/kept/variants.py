"""Variants: several answers of one target side by side, and what tells them apart (RFC 9111 §4.1).

Under the plain key lies an entry without a body, the *marker*. It says by which request fields answers of this target
were chosen, the latest set first, and where the latest variants lie, for they are all worth naming when the upstream is
asked whether one of them still holds (§4.3.1).
"""

from collections.abc import Callable, Iterator

from policies.http.fields import Fields
from proxy.asking import Ask
from proxy.messages import Entry, pack_head

VARIES = 0  # the status of a marker
MOST_SETS = 4  # field sets that are tried
MOST_VARIANTS = 16  # variants that are named to the upstream

Look = Callable[[bytes], Entry | None]


def is_marker(entry: Entry | None) -> bool:
    """Whether an entry only says which variants there are."""
    return entry is not None and entry.status == VARIES


def chosen(ask: Ask, key: bytes, look: Look) -> Entry | None:
    """What is stored under a key for this ask: the answer itself, or the variant that its fields choose; of several,
    the most recent one (RFC 9111 §4.1).
    """
    entry = look(key)
    if entry is None or entry.status != VARIES:
        return entry
    found = [look(variant) for variant in variant_keys(ask, entry)]
    return max((one for one in found if one is not None), key=lambda one: one.stored_at, default=None)


def variant_keys(ask: Ask, marker: Entry) -> Iterator[bytes]:
    """Where variants that this ask's fields choose would lie, the latest way of telling them apart first."""
    for vary in _sets(marker):
        yield ask.key_in(marker.partition, vary)


def marker_of(entry: Entry, ask: Ask, vary: tuple[str, ...], before: Entry | None) -> Entry:
    """The marker after `entry` was kept as a variant; `before` is what lay in its place."""
    sets, keys, life = [vary], [entry.key], entry.life
    if before is not None and before.status == VARIES:
        sets += [one for one in _sets(before) if one != vary]
        keys += [key for key in _keys(before) if key != entry.key]
        life = life.no_shorter_than(before.life)
    fields: Fields = (
        *(("vary", ", ".join(one)) for one in sets[:MOST_SETS]),
        *(("variant", key.hex()) for key in keys[:MOST_VARIANTS]),
    )
    return Entry(
        key=ask.key_in(entry.partition),
        status=VARIES,
        head=pack_head(fields),
        body=b"",
        stored_at=entry.stored_at,
        life=life,
        fence=entry.fence,
        sequence=entry.sequence,
        upstream=entry.upstream,
        endpoint=entry.endpoint,
        partition=entry.partition,
        tagged=entry.tagged,
        plan=entry.plan,
        outcome=entry.outcome,
    )


def siblings(marker: Entry | None, look: Look) -> list[Entry]:
    """The variants a marker names that are still there, newest first."""
    if marker is None or marker.status != VARIES:
        return []
    found = [look(key) for key in _keys(marker)]
    return [entry for entry in found if entry is not None]


def named_keys(marker: Entry | None) -> list[bytes]:
    """Where the variants lie that a marker names."""
    return [] if marker is None or marker.status != VARIES else _keys(marker)


def _sets(marker: Entry) -> list[tuple[str, ...]]:
    return [tuple(value.split(", ")) for name, value in marker.fields if name == "vary"]


def _keys(marker: Entry) -> list[bytes]:
    return [bytes.fromhex(value) for name, value in marker.fields if name == "variant"]
