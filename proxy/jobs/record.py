"""A job's record: where it stands, who is at it, and until when that is believed. Pure: `now` is an argument.

queued ──▶ running ──▶ succeeded | failed
   ▲  ╲       │ ╲────▶ cancelled
   │   ╲──────┼──────▶ cancelled
   └─ put back or ───▶ interrupted: the process ended, and nobody can take it up
      lapsed
"""

import msgspec
from msgspec.structs import replace

LEASE = 15.0  # seconds for which a process is believed to be at it, without another word
MOST_ATTEMPTS = 3  # processes that may end over one job

_OVER = frozenset({"succeeded", "failed", "cancelled", "interrupted"})


class Record(msgspec.Struct, frozen=True, array_like=True):
    """What is written down of a job: nothing that tells who or what. Instants are seconds since the epoch."""

    state: str
    route: str
    created_at: float
    expires_at: float
    total: int
    done: int = 0
    holder: bytes = b""  # the process that is at it, or was last
    leased_until: float = 0.0
    attempts: int = 1
    shares: int = 0  # entries that its result lies in; 0: in the holder's memory alone, or there is none

    @property
    def is_over(self) -> bool:
        """Whether nothing of it will change any more."""
        return self.state in _OVER

    def is_lapsed(self, now: float) -> bool:
        """Whether nobody is at it any more, though it is not over."""
        return not self.is_over and self.leased_until <= now

    def at(self, done: int, total: int, *, runs: bool) -> "Record":
        """How far it has got."""
        return replace(self, state="running" if runs else self.state, done=done, total=total)

    def leased(self, now: float, keep: float) -> "Record":
        """Its process is at it still."""
        return replace(self, leased_until=now + LEASE, expires_at=now + keep + LEASE)

    def taken_by(self, process: bytes, now: float, keep: float) -> "Record":
        """Another process is at it, from its beginning."""
        return replace(
            self,
            state="queued",
            done=0,
            holder=process,
            attempts=self.attempts + 1,
            leased_until=now + LEASE,
            expires_at=now + keep + LEASE,
        )

    def put_back(self) -> "Record":
        """Whoever can may take it up at once; that its process was stopped does not count against it."""
        return replace(self, state="queued", done=0, holder=b"", leased_until=0.0, attempts=self.attempts - 1)

    def ended(self, state: str, now: float, keep: float, *, shares: int = 0) -> "Record":
        """It is over, and known for `keep` seconds more."""
        done = self.total if state in ("succeeded", "failed") else self.done
        return replace(self, state=state, done=done, expires_at=now + keep, leased_until=0.0, shares=shares)


def begun(route: str, total: int, process: bytes, now: float, keep: float) -> Record:
    """A job that `process` begins."""
    return Record("queued", route, now, now + keep + LEASE, total, holder=process, leased_until=now + LEASE)


def wait_for(record: Record, now: float) -> float:
    """Seconds after which it is worth asking again: a tenth of what it took so far, 30 at most."""
    return min(30.0, max(1.0, (now - record.created_at) / 10))


encode = msgspec.msgpack.encode
_decoder = msgspec.msgpack.Decoder(Record)


def decode(note: bytes) -> Record | None:
    """The record in a note; None where there is none that can be read."""
    try:
        return _decoder.decode(note)
    except msgspec.DecodeError:
        return None
