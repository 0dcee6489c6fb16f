"""What an origin does when it is asked: it says something, serves a resource, or hangs up."""

import re
from dataclasses import dataclass
from typing import Protocol

from tests.origin import Seen
from tests.stories.http.scene import Fields, Scene, Value


class Reply(Protocol):
    """What an origin does when it is asked."""

    @property
    def repeats(self) -> bool:
        """Whether it does so however often it is asked."""

    def bytes_for(self, seen: Seen, scene: Scene) -> tuple[bytes, bool]:
        """What it writes, and whether the connection stays open."""


@dataclass(frozen=True)
class Says:
    """One answer. `framing`: length, chunked or close; cut and cut-chunked break off before their end."""

    status: int
    body: str
    fields: Fields
    takes: float = 0  # seconds until it comes
    framing: str = "length"
    before: str = ""  # raw bytes of 1xx answers
    trailer: str = ""  # raw lines behind the last chunk
    repeats: bool = False

    def bytes_for(self, seen: Seen, scene: Scene) -> tuple[bytes, bool]:
        scene.clock.advance(self.takes)
        lines = scene.lines({"date": scene.now, **self.fields})
        length = self._length()
        if length is not None:
            lines.append(("Content-Length", str(length)))
        elif "chunked" in self.framing:
            lines.append(("Transfer-Encoding", "chunked"))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines)
        content = b"" if seen.method == "HEAD" or not self.has_body else self._content()
        start = f"{self.before}HTTP/1.1 {self.status} Whatever\r\n{head}\r\n"
        return start.encode() + content, self.framing in ("length", "chunked")

    @property
    def has_body(self) -> bool:
        return self.status not in (204, 304)

    def _length(self) -> int | None:
        if not self.has_body or self.framing not in ("length", "cut"):
            return None
        return len(self.body.encode()) + (7 if self.framing == "cut" else 0)

    def _content(self) -> bytes:
        body = self.body.encode()
        if "chunked" not in self.framing:
            return body
        chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
        return chunk if self.framing == "cut-chunked" else chunk + f"0\r\n{self.trailer}\r\n".encode()


def says(
    status: int,
    body: str = "",
    *,
    takes: float = 0,
    framing: str = "length",
    before: str = "",
    trailer: str = "",
    **fields: Value,
) -> Says:
    """An answer. Its Date is the moment it is given, unless said otherwise."""
    return Says(status, body, fields, takes, framing, before, trailer)


@dataclass(frozen=True)
class HangsUp:
    """The connection closes without an answer."""

    repeats: bool = True

    def bytes_for(self, seen: Seen, scene: Scene) -> tuple[bytes, bool]:
        return b"", False


def hangs_up(*, once: bool = False) -> HangsUp:
    """The origin cannot be reached, however often Larder tries; `once`: and it must try only once."""
    return HangsUp(repeats=not once)


@dataclass(frozen=True)
class Serves:
    """A resource that heeds conditions and ranges, whichever of them Larder asks with."""

    body: str
    fields: Fields
    repeats: bool = True

    def bytes_for(self, seen: Seen, scene: Scene) -> tuple[bytes, bool]:
        tag = str(self.fields.get("etag"))
        if tag in ", ".join(seen.all("If-None-Match")):
            return Says(304, "", self.fields).bytes_for(seen, scene)
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", "".join(seen.all("Range")))
        if match is None or seen.all("If-Range") not in ([], [tag]):
            return Says(200, self.body, self.fields).bytes_for(seen, scene)
        size = len(self.body)
        first = int(match[1]) if match[1] else size - int(match[2])
        last = min(int(match[2]), size - 1) if match[1] and match[2] else size - 1
        part = {**self.fields, "content_range": f"bytes {first}-{last}/{size}"}
        return Says(206, self.body[first : last + 1], part).bytes_for(seen, scene)


def serves(body: str, **fields: Value) -> Serves:
    """A resource with an `etag`, asked once or more often."""
    return Serves(body, fields)
