"""Asking Larder as readers, operators, writers and notifiers do, and noting what came of it."""

import base64
import hmac
import json
from collections.abc import Mapping
from time import time
from typing import Any

import aiohttp

from tests.prove.history import History, Purge, Read, Scope
from tests.prove.instances import TOKEN, WEBHOOK_SECRET, Instance
from tests.prove.origin import CALL

_PATIENCE = aiohttp.ClientTimeout(total=20)
_GOOD = 200
_NOT_RECORDED = 503


class Client:
    """One who asks one instance at a time, over connections of their own."""

    def __init__(self, history: History, session: aiohttp.ClientSession) -> None:
        self._history = history
        self._session = session

    async def read(self, instance: Instance, key: str, token: str, **headers: str) -> Read | None:
        """What came, if it is an answer to a reader's question."""
        start, life = self._history.clock(), instance.life
        bearer = {"Authorization": f"Bearer {token}"} if token else {}
        answered = await self._ask("GET", instance.url + key, headers={**bearer, **headers})
        end = self._history.clock()
        if answered is None or answered[0] != _GOOD:
            self._history.unanswered += 1
            return None
        _, said, body = answered
        about = body[0] if isinstance(body, list) else body
        read = Read(
            start=start,
            end=end,
            key=key,
            token=token,
            instance=instance.name,
            life=life if life == instance.life else None,
            said=said.get("Cache-Status", ""),
            call=int(said.get(CALL, 0)),
            version=about["version"],
            seen_key=about["of"],
            seen_token=about["token"],
        )
        self._history.reads.append(read)
        return read

    async def flush(self, instance: Instance, order: Mapping[str, Any], tags: frozenset[str], *, hard: bool) -> Purge:
        """An operator's flush; `tags` are what it reaches."""
        start, life = self._history.clock(), instance.life
        answered = await self._ask(
            "POST",
            f"{instance.admin_url}/admin/flush",
            json={**order, "mode": "hard" if hard else "soft"},
            headers={"Authorization": f"Bearer {TOKEN}"},
        )
        scope = Scope.UNKNOWN
        if answered is not None and "fence" in answered[2]:
            scope = {_GOOD: Scope.EVERYWHERE, _NOT_RECORDED: Scope.HERE}[answered[0]]
        return self._noted(start, tags, "flush", instance, life, scope, hard=hard)

    async def write(self, instance: Instance, method: str, key: str, token: str, tags: frozenset[str]) -> Purge:
        """A write through the proxy. Its purge begins when the truth has changed: who wrote reads the new one."""
        start, life = self._history.clock(), instance.life
        headers = {"Authorization": f"Bearer {token}"}
        answered = await self._ask(method, instance.url + key, json={"course": {"name": "new"}}, headers=headers)
        scope, changed = Scope.UNKNOWN, start
        if answered is not None and answered[0] == _GOOD:
            changed = self._history.calls[int(answered[1][CALL])].at
            scope = Scope.EVERYWHERE
        return self._noted(changed, tags, "write", instance, life, scope, hard=False)

    async def notify(
        self, instance: Instance, delivery: str, tags: frozenset[str], first: float | None = None
    ) -> Purge:
        """A notification by webhook; `first`: when its first delivery was sent, if this is not it."""
        start, life = self._history.clock(), instance.life
        names = sorted(tag.removeprefix("courseworks/") for tag in tags)
        body = json.dumps({"type": "purge", "data": {"tags": names}}).encode()
        answered = await self._ask(
            "POST", f"{instance.url}/webhooks/campus", data=body, headers=_signed(delivery, body)
        )
        scope = Scope.UNKNOWN
        if answered is not None and isinstance(answered[2], dict):
            status, _, told = answered
            scope = Scope.EVERYWHERE if status == _GOOD else Scope.UNKNOWN
            if told.get("title") == "Not durable" and "purged" in told.get("detail", ""):
                scope = Scope.HERE
            if told.get("title") == "Known already" and first is not None:
                start = first
        return self._noted(start, tags, "webhook", instance, life, scope, hard=False)

    def _noted(
        self,
        start: float,
        tags: frozenset[str],
        how: str,
        instance: Instance,
        life: int,
        scope: Scope,
        *,
        hard: bool,
    ) -> Purge:
        purge = Purge(
            number=len(self._history.purges) + 1,
            start=start,
            end=self._history.clock(),
            tags=tags,
            hard=hard,
            how=how,
            instance=instance.name,
            life=life if life == instance.life else None,
            scope=scope,
        )
        self._history.purges.append(purge)
        return purge

    async def _ask(self, method: str, url: str, **options: Any) -> tuple[int, Mapping[str, str], Any] | None:
        """Status, header fields and JSON; None where none came."""
        try:
            async with self._session.request(method, url, timeout=_PATIENCE, **options) as response:
                return response.status, response.headers, await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ConnectionError, json.JSONDecodeError):
            return None


def _signed(delivery: str, body: bytes) -> dict[str, str]:
    """The header fields of Standard Webhooks."""
    at = str(int(time()))
    secret = base64.b64decode(WEBHOOK_SECRET.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.digest(secret, f"{delivery}.{at}.".encode() + body, "sha256")).decode()
    return {"webhook-id": delivery, "webhook-timestamp": at, "webhook-signature": f"v1,{signature}"}
