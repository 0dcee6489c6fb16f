"""Records: what operators changed, newest first; and one of those changes undone."""

from collections.abc import Collection
from typing import Any

from aiohttp import web

from proxy.admin.desk import Desk
from proxy.admin.gate import by
from proxy.admin.problems import NoSuchChange, NotUndone
from proxy.admin.reading import kind_of, limit_in, read_object, read_parameters, refuse_unknown
from proxy.admin.writing import answer
from proxy.errors import BadRequest
from proxy.operating.audit import KEPT, Record
from proxy.operating.undoing import CannotUndo, UnknownChange

USUAL = 100

_EXAMPLE = '{"change": "0a1b2c3d4e5f"}'


class Records:
    """Answers `GET /admin/audit` and `POST /admin/undo`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def audit(self, request: web.Request) -> web.Response:
        """The latest changes. Raises BadRequest."""
        limit = limit_in(read_parameters(request, ("limit",)), USUAL, KEPT)
        undoable = self._desk.undoable()
        return answer({"changes": [shown(record, undoable) for record in self._desk.audit.newest(limit)]})

    async def undo(self, request: web.Request) -> web.Response:
        """Take a change back. Raises BadRequest, NoSuchChange, NotUndone, ConfigRefused."""
        read_parameters(request, ())
        change = await _change(request)
        try:
            return answer(await self._desk.undo(change, by(request)))
        except UnknownChange:
            raise NoSuchChange from None
        except CannotUndo as error:
            raise NotUndone(str(error)) from None


def shown(record: Record, undoable: Collection[str]) -> dict[str, Any]:
    """A change as `GET /admin/audit` shows it."""
    return {
        "id": record.id,
        "at": record.at,
        "who": record.who,
        "how": record.how,
        "what": record.what,
        "of": record.of,
        "before": record.before,
        "after": record.after,
        "undoes": record.undoes,
        "undoable": record.id in undoable,
    }


async def _change(request: web.Request) -> str | None:
    """The change that is to be undone; None: the latest. An empty body says so, too."""
    if not request.can_read_body:
        return None
    document = await read_object(request, _EXAMPLE)
    refuse_unknown(document, ("change",))
    change = document.get("change")
    if "change" in document and (not isinstance(change, str) or not change):
        raise BadRequest("change", "an empty string" if change == "" else kind_of(change), "an ID, or left out")
    return change
