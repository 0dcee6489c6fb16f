"""Audit: every change by operators, on record: who made it, when, how, what was before and what is after.

Records go to a file of JSON lines that only its owner can read. A record that cannot be written is said, and keeps
nobody from changing what has to be changed now. Secrets, and tags of persons, never get here.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import msgspec

from proxy.config.secrets import admin_token_path
from proxy.observing import Observing
from proxy.settings import Settings

KEPT = 1_000  # records that are shown
LONGEST_FILE = 10 * 1024 * 1024  # bytes; then another one is begun
LONGEST_RECORD = 64 * 1024  # bytes


class By(NamedTuple):
    """Who changes something, by name; "-": nobody whose name is known. And how: file, signal, admin or process."""

    who: str
    how: str


FILE, SIGNAL, PROCESS = By("-", "file"), By("-", "signal"), By("-", "process")


class Record(msgspec.Struct, frozen=True, omit_defaults=True):
    """One change. `at`: ISO 8601 in UTC. `of`: the upstream it is about; `undoes`: the change that it takes back."""

    id: str
    at: str
    who: str
    how: str
    what: str  # start, end, reload, flush, breaker, drain, accept, discard, erase, undo
    of: str | None = None
    before: Any = None
    after: Any = None
    undoes: str | None = None


class Noted(NamedTuple):
    """What became of a record: its ID, and whether it is in the file (or nobody wants a file)."""

    change: str
    audited: bool


class AuditFile:
    """Where records are kept: a file, and the one before it as `.1`."""

    def __init__(self, path: Path, longest: int = LONGEST_FILE) -> None:
        """`longest`: bytes."""
        self._path = path
        self._before = path.with_name(f"{path.name}.1")
        self._longest = longest

    def __repr__(self) -> str:
        return f"<AuditFile {self._path}>"

    def append(self, line: bytes) -> None:
        """Write a line behind what is there. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._make_room(len(line) + 1)
        descriptor = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab", buffering=0) as file:
            whole = self._begin(descriptor) + line + b"\n"
            if file.write(whole) != len(whole):
                raise OSError("the disk is full")

    def lines(self) -> Iterator[bytes]:
        """All there are, the oldest first; none where the path leads to no file. Raises OSError."""
        for path in (self._before, self._path):
            if path.is_file():
                yield from path.read_bytes().splitlines()

    def _make_room(self, size: int) -> None:
        try:
            is_full = self._path.stat().st_size + size > self._longest
        except FileNotFoundError:
            return
        if is_full:
            self._path.replace(self._before)

    @staticmethod
    def _begin(descriptor: int) -> bytes:
        """What ends a line that was broken off, so that it spoils no other."""
        size = os.fstat(descriptor).st_size
        return b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""


def audit_file(settings: Settings) -> AuditFile | None:
    """Where records go by this config; None: nowhere."""
    named = settings.admin.audit
    if named == "none":
        return None
    return AuditFile(Path(named) if named else admin_token_path(settings).with_name("larder-audit.jsonl"))


def _printable(value: Any) -> Any:
    """A fact as JSON can say it: a tag may hold what is no UTF-8."""
    if isinstance(value, dict):
        return {_printable(name): _printable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_printable(item) for item in value]
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


class Audit:
    """The records there are, and what becomes of new ones."""

    def __init__(self, file: AuditFile | None, observing: Observing, clock: Callable[[], float]) -> None:
        """`file`: None for none. `clock` tells seconds since the epoch."""
        self._file = file
        self._observing = observing
        self._clock = clock
        self._records: deque[Record] = deque(maxlen=KEPT)
        self._encode = msgspec.json.Encoder().encode

    def __len__(self) -> int:
        return len(self._records)

    def open(self) -> None:
        """Read back what was on record. Lines that are none are passed over; a file that cannot be read is said."""
        if self._file is None:
            return
        decode = msgspec.json.Decoder(Record).decode
        try:
            for line in self._file.lines():
                try:
                    self._records.append(decode(line))
                except (msgspec.MsgspecError, UnicodeDecodeError):
                    continue
        except OSError as error:
            self._failed("read", error)

    def note(self, what: str, by: By, **facts: Any) -> Noted:
        """Put a change on record, now that it holds. `facts`: of, before, after, undoes."""
        record = Record(uuid4().hex[:12], self._now(), by.who, by.how, what, **_printable(facts))
        line = self._encode(record)
        if len(line) > LONGEST_RECORD:
            record = msgspec.structs.replace(record, before="(too long)", after="(too long)")
            line = self._encode(record)
        self._records.append(record)
        self._observing.changed(record.id, who=record.who, how=record.how, what=what, of=record.of)
        return Noted(record.id, self._is_written(line))

    def newest(self, count: int) -> list[Record]:
        """So many records, the newest first."""
        return [record for _, record in zip(range(count), reversed(self._records), strict=False)]

    def find(self, change: str) -> Record | None:
        """The record of a change; None: there is none, or none any more."""
        return next((record for record in self._records if record.id == change), None)

    def _now(self) -> str:
        return datetime.fromtimestamp(self._clock(), UTC).isoformat(timespec="milliseconds")

    def _is_written(self, line: bytes) -> bool:
        if self._file is None:
            return True
        try:
            self._file.append(line)
        except OSError as error:
            self._failed("write", error)
            return False
        return True

    def _failed(self, operation: str, error: OSError) -> None:
        reason = error.strerror or str(error)
        self._observing.log.say("error", "the audit log failed", operation=operation, reason=reason)
