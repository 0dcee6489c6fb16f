"""The quarantine, for operators: what was kept from replacing good answers and why, and their word on it."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from proxy.admin.desk import Desk
from proxy.admin.gate import by
from proxy.admin.problems import NotAcceptable, NotDecided, NothingHeld
from proxy.admin.reading import read_nothing, read_parameters
from proxy.admin.targets import upstream_named
from proxy.admin.writing import answer
from proxy.doubts.sightings import Decided, Fate, Quarantined

_WHY_NOT = {
    Fate.UNACCEPTABLE: "It cannot be stored: it does not parse, has an error inside, or may not be kept.",
    Fate.NEWER: "A later answer has taken its place by now.",
    Fate.TAKEN: "Another operator is deciding on it at this moment: look again.",
    Fate.PURGED: "It was purged since it came: what the upstream says next is believed.",
}


class QuarantineDesk:
    """Answers `GET /admin/quarantine` and `POST /admin/quarantine/{id}/accept` and `…/discard`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def listed(self, request: web.Request) -> web.Response:
        """What is held; `complete` is false where the store could not be asked. Raises BadRequest."""
        given = read_parameters(request, ("upstream",))
        if "upstream" in given:
            upstream_named(given["upstream"], self._desk.routes())
        held = await self._desk.ward.listed()
        wanted = [one for one in held.answers if given.get("upstream", one.upstream) == one.upstream]
        return answer({"quarantined": [shown(one) for one in wanted], "complete": held.is_complete})

    async def accept(self, request: web.Request) -> web.Response:
        """Store one, as if it had passed. Raises BadRequest, NothingHeld, NotAcceptable, NotDecided."""
        return await self._decide(request, "accept", self._desk.ward.accept)

    async def discard(self, request: web.Request) -> web.Response:
        """Let go of one. Raises BadRequest, NothingHeld, NotAcceptable, NotDecided."""
        return await self._decide(request, "discard", self._desk.ward.discard)

    async def _decide(
        self, request: web.Request, word: str, decide: Callable[[Quarantined], Awaitable[Decided]]
    ) -> web.Response:
        await read_nothing(request)
        change = request.match_info["id"]
        listing = await self._desk.ward.listed()
        held = next((one for one in listing.answers if one.id == change), None)
        if held is None:
            raise NothingHeld if listing.is_complete else NotDecided
        decided = await decide(held)
        if decided.fate is Fate.UNKNOWN:
            raise NothingHeld
        if decided.fate is Fate.UNREADABLE:
            raise NotDecided
        if decided.fate in _WHY_NOT:
            raise NotAcceptable(_WHY_NOT[decided.fate], decided.fate.value)
        facts = {"id": held.id, "endpoint": held.endpoint, "reason": held.reason, "fate": decided.fate.value}
        noted = self._desk.audit.note(word, by(request), of=held.upstream, after=facts)
        how = {"fate": decided.fate.value, "everywhere": decided.everywhere, "recorded": decided.recorded}
        return answer({"id": held.id, **how, **noted._asdict()})


def shown(one: Quarantined) -> dict[str, Any]:
    """One as `GET /admin/quarantine` shows it."""
    return {
        "id": one.id,
        "upstream": one.upstream,
        "endpoint": one.endpoint,
        "reason": one.reason,
        "acceptable": one.acceptable,
        "partition": one.partition,
        "first_seen": _at(one.first_seen),
        "last_seen": _at(one.last_seen),
        "seen": one.seen,
        "rows": {"before": one.rows_before, "after": one.rows_after},
        "bytes": {"before": one.bytes_before, "after": one.bytes_after},
    }


def _at(instant: float) -> str:
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec="milliseconds")
