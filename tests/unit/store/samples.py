"""What the store tests are made of: entries, a clock that moves when told, and strategies for any entry at all."""

from math import inf

from hypothesis import strategies as st

from policies import ShelfLife
from proxy.messages import Entry

NOW = 1_793_653_653.0


class Clock:
    """Stands still until it is told to move."""

    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


def key(number):
    return number.to_bytes(16, "big")


def an_entry(number=1, *, order=(1, 1), body=b"[]", tags=("courseworks/course:565",), age=0.0, lives=3600.0, **fields):
    """An entry; `number` makes its key."""
    stored_at = NOW - age
    end = stored_at + lives
    return Entry(
        **{
            "key": key(number),
            "status": 200,
            "head": 'Content-Type: application/json\nETag: W/"abc"',
            "body": body,
            "stored_at": stored_at,
            "life": ShelfLife(min(stored_at + 60, end), min(stored_at + 300, end), min(stored_at + 360, end), end),
            "fence": order[0],
            "sequence": order[1],
            "upstream": "courseworks",
            "endpoint": "GET /api/v1/courses/{course}",
            "partition": "principal:00ff",
            "tagged": "\n".join(tag.removeprefix("courseworks/") for tag in tags),
            "plan": "p1",
            **fields,
        }
    )


_names = st.text(st.characters(codec="utf-8"), max_size=30)
_instants = st.floats(allow_nan=False) | st.just(inf)
_numbers = st.integers(0, 2**63 - 1)
_any_text = st.text(max_size=60)  # lone surrogates too, as header bytes that are no UTF-8 are read

any_entries = st.builds(
    Entry,
    key=st.binary(max_size=20),
    status=st.integers(100, 599),
    head=_any_text,
    body=st.binary(max_size=200),
    stored_at=_instants,
    life=st.builds(ShelfLife, _instants, _instants, _instants, _instants, _instants),
    fence=_numbers,
    sequence=_numbers,
    upstream=_names.filter(lambda name: "/" not in name),  # a config cannot name one so
    endpoint=_names,
    partition=_names,
    tagged=_any_text,
    plan=_names,
    outcome=_names,
    jitter=st.floats(0, 1),
    ceiling=_instants,
)
