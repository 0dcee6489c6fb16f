"""How the admin listener writes: JSON that any reader takes, and that no cache keeps."""

import json
from math import isfinite
from typing import Any

from aiohttp import web

from proxy.errors import JSON


def json_bytes(document: Any) -> bytes:
    """A document as JSON (RFC 8259), a member a line, so that it can be read where it arrives: in a terminal.

    All in ASCII: a tag may hold what is no UTF-8, and has to come back as it is when it is sent to be flushed.
    """
    return json.dumps(document, indent=2, allow_nan=False).encode() + b"\n"


def answer(document: Any) -> web.Response:
    """A 200 with a JSON document."""
    return web.Response(body=json_bytes(document), headers={"Content-Type": JSON, "Cache-Control": "no-store"})


def number(value: float | None) -> float | None:
    """A number as JSON can say it: null for what is unknown or has no end; three decimals are enough."""
    if value is None or not isfinite(value):
        return None
    return round(value, 3)
