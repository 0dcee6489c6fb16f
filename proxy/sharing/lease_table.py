"""The lease table: which process of this machine fetches a thing, so that the others wait for it (promise *once*).

A slot is found by the digest it is about, in one of PROBES places. A lease that lapsed or was released leaves its slot
to whoever comes next; where all places are taken by others, the lease that is given is good for its taker, but not
shared: `renew` then says that it is lost. A slot that its writer did not end counts as free: who wrote it is dead.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from enum import Enum, IntEnum
from struct import Struct
from typing import NamedTuple

from proxy.sharing._checked import CheckedSlots, slot_bytes
from proxy.sharing.fence_ring import FenceRing

_LEASE = Struct("<16sQdII")  # as _Slot
CAPACITY = 8_192  # leases
PROBES = 16
SLOT_BYTES = slot_bytes(_LEASE.size)


class Taken(Enum):
    """Why a lease was not given."""

    HELD = "held"
    UNSHAREABLE = "unshareable"


class _State(IntEnum):
    FREE = 0
    HELD = 1
    UNSHAREABLE = 2


class _Slot(NamedTuple):
    what: bytes
    token: int
    until: float  # seconds of the clock that callers pass in
    state: int
    process: int

    def holds(self, now: float) -> bool:
        return self.state != _State.FREE and now < self.until


_EMPTY = _Slot(b"", 0, 0.0, _State.FREE, 0)


class LeaseTable:
    """A part of the page. `now` is in seconds of a clock that all processes of the machine share."""

    def __init__(
        self, slots: memoryview, fences: FenceRing, locked: Callable[[], AbstractContextManager[None]]
    ) -> None:
        """`slots` are SLOT_BYTES for each lease there is room for; `fences` number the leases."""
        self._slots = CheckedSlots(slots, _LEASE)
        self._fences = fences
        self._locked = locked

    def take(self, what: bytes, now: float, ttl: float, process: int) -> int | Taken:
        """The token of a lease on `what` for `ttl` seconds, or why there is none.

        Tokens are sequence numbers of fetches: higher than those of all earlier leases.
        """
        with self._locked():
            seen = [(place, self._read(place)) for place in self._places(what)]
            own = next((one for one in seen if one[1].what == what), None)
            if own is not None and own[1].holds(now):
                return Taken.UNSHAREABLE if own[1].state == _State.UNSHAREABLE else Taken.HELD
            room = own or next((one for one in seen if not one[1].holds(now)), None)
            token = self._fences.count_on()
            if room is not None:
                self._write(room[0], _Slot(what, token, now + ttl, _State.HELD, process))
            return token

    def renew(self, what: bytes, token: int, now: float, ttl: float) -> bool:
        """Hold it for another `ttl` seconds; False: it lapsed, and somebody else has it."""
        with self._locked():
            found = self._held_under(what, token)
            if found is None:
                return False
            self._write(found[0], found[1]._replace(until=now + ttl))
            return True

    def release(self, what: bytes, token: int, unshareable_until: float = 0.0) -> None:
        """Let others have it; until an instant, tell them that what it brings cannot be shared."""
        with self._locked():
            found = self._held_under(what, token)
            if found is not None:
                state = _State.UNSHAREABLE if unshareable_until else _State.FREE
                self._write(found[0], found[1]._replace(state=state, until=unshareable_until))

    def is_free(self, what: bytes, now: float) -> bool:
        """Whether nobody holds it. Takes no lock, so somebody may be quicker: `take` decides."""
        found = self._find(what)
        return found is None or not found[1].holds(now) or found[1].state != _State.HELD

    def forget_process(self, process: int) -> None:
        """A process died: nobody has to wait for it."""
        for place in range(self._slots.count):
            if self._is_held_by(process, place):  # looked at without the lock: thousands of slots take milliseconds
                with self._locked():
                    if self._is_held_by(process, place):
                        self._write(place, _EMPTY)

    def _is_held_by(self, process: int, place: int) -> bool:
        slot = self._read(place)
        return slot.state == _State.HELD and slot.process == process

    def _held_under(self, what: bytes, token: int) -> tuple[int, _Slot] | None:
        found = self._find(what)
        if found is None or found[1].token != token or found[1].state != _State.HELD:
            return None
        return found

    def _find(self, what: bytes) -> tuple[int, _Slot] | None:
        for place in self._places(what):
            slot = self._read(place)
            if slot.what == what:
                return place, slot
        return None

    def _read(self, place: int) -> _Slot:
        record = self._slots.read(place)
        return _EMPTY if record is None else _Slot._make(_LEASE.unpack(record))

    def _write(self, place: int, slot: _Slot) -> None:
        self._slots.write(place, _LEASE.pack(*slot))

    def _places(self, what: bytes) -> Iterator[int]:
        first, count = int.from_bytes(what[:4], "little"), self._slots.count
        return ((first + step) % count for step in range(min(PROBES, count)))
