"""What a caller must get: its status, body and fields, and whether it came from the store."""

import re
from dataclasses import dataclass, field

from tests.stories.http.scene import ANY, Fields, Has, Scene, Value, named
from tests.stories.http.wires import Got

# Larder's own member of Cache-Status (RFC 9211 §2).
_MEMBER = re.compile(
    r"larder(; (hit|fwd=(bypass|method|uri-miss|vary-miss|miss|request|stale|partial)|fwd-status=[1-5]\d\d|ttl=-?\d+"
    r"|stored|collapsed|detail=[a-z][a-z0-9-]*))*"
)


@dataclass(frozen=True)
class Expected:
    """What must hold of an answer."""

    statuses: tuple[int, ...] = ()  # any of them; none said: any at all
    body: str | None = None  # None: any
    cache: str = ""  # a pattern to be found in Larder's member of Cache-Status
    fields: Fields = field(default_factory=dict)
    is_complete: bool = True

    def check(self, got: Got, scene: Scene) -> None:
        """Assert it, and what holds of every Cache-Status."""
        if not self.is_complete:
            assert not got.is_complete or got.status in (502, 504), f"it looks whole: {got}"
            return
        assert got.is_complete, f"it broke off: {got}"
        member = (got.value("Cache-Status") or "").split(", ")[-1]
        told = f"the caller got {got.status} {got.body!r} ({member})"
        assert not self.statuses or got.status in self.statuses, told
        assert self.body is None or got.body == self.body.encode(), told
        assert _MEMBER.fullmatch(member), told
        assert not ("; hit" in member and "; fwd=" in member), told
        assert re.search(self.cache, member), f"{told}, which does not say {self.cache!r}"
        for key, value in self.fields.items():
            scene.check(named(key), got.value(named(key)), value)


def cached(body: str, status: int = 200, **fields: Value) -> Expected:
    """From the store, without asking first, and it says so; with its Age (RFC 9111 §4, §5.1)."""
    return Expected((status,), body, "; hit", {"age": ANY, **fields})


def fetched(body: str, status: int = 200, **fields: Value) -> Expected:
    """From the origin, and it says so."""
    return Expected((status,), body, "; fwd=", fields)


def validated(body: str, status: int = 200, **fields: Value) -> Expected:
    """From the store, after the origin said 304."""
    return Expected((status,), body, "; fwd-status=304", fields)


def stands_in(body: str, **fields: Value) -> Expected:
    """From the store and stale, because the origin failed."""
    return Expected((200,), body, "; ttl=-", {"age": ANY, **fields})


def gets(*statuses: int, body: str | None = None, cache: str = "", **fields: Value) -> Expected:
    """One of these statuses, wherever it is from."""
    return Expected(statuses, body, cache, fields)


def fails(*statuses: int) -> Expected:
    """An error of Larder's own: nothing stored may be given."""
    return Expected(statuses or (502, 503, 504), cache=r"^(?!.*; hit)")


def breaks_off() -> Expected:
    """Anything but what looks like a whole answer."""
    return Expected(is_complete=False)


def has(*parts: str) -> Has:
    """A field that says all of these, among other things."""
    return Has(parts)
