"""How Smarty says no: the status, and a body that is an object with a list of errors, or empty (UPSTREAMS.md §4.5)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType

from aiohttp import web

_FIRST_ERROR_ID = 1000


class Refusal(Exception):
    """A request that gets an error status. An empty `message` gives an empty body, as Smarty does on 401."""

    def __init__(self, status: int, message: str = "", headers: Mapping[str, str] = MappingProxyType({})) -> None:
        super().__init__(f"{status} {message}".strip())
        self.status = status
        self.message = message
        self.headers = headers

    def response(self) -> web.Response:
        if not self.message:
            return web.Response(status=self.status, headers=self.headers)
        body = {"errors": [{"id": _FIRST_ERROR_ID + self.status, "message": self.message}]}
        return web.Response(
            status=self.status, headers=self.headers, text=json.dumps(body), content_type="application/json"
        )
