"""Flushing: an operator's order carried out, and what it met.

A dry run counts to the last entry, however long that takes. A flush counts just before it purges, for a moment at most,
and says that more may have been met: an entry can lie in one tier only, and answers go on landing.
"""

import asyncio
from typing import Any

from aiohttp import web

from proxy.admin.desk import Desk
from proxy.admin.gate import by
from proxy.admin.orders import EXAMPLE, FlushOrder, read_order
from proxy.admin.problems import CannotCount, NotDurable
from proxy.admin.reading import read_object, read_parameters
from proxy.admin.summaries import all_tags
from proxy.admin.writing import answer
from proxy.messages import key_tag
from proxy.operating.audit import By
from proxy.store.contract import Filter, StoreError

COUNT_WITHIN = 1.0  # seconds a flush may be held up by counting on a slow disk


class Flushing:
    """Answers `POST /admin/flush`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def flush(self, request: web.Request) -> web.Response:
        """Purge, durably, and say what came of it. Raises BadRequest, NotDurable, CannotCount."""
        read_parameters(request, ())  # a dry run that is asked for there would be none
        order = read_order(await read_object(request, EXAMPLE), self._desk.routes())
        if order.dry_run:
            return answer(self._came_to(order, await self._count_exactly(order.tag), fence=None, durable=None))
        return await self._carry_out(order, by(request))

    async def _carry_out(self, order: FlushOrder, who: By) -> web.Response:
        met = await self._count_at_least(order.tag)
        purged = await self._desk.purger.purge([order.tag], order.mode)
        self._desk.on_flush(order.mode)
        document = self._came_to(order, met, fence=str(purged.fence), durable=purged.durable)
        document |= self._desk.audit.note("flush", who, after=order.on_record)._asdict()
        # A store that promises nothing was chosen by the operator; one that fails was not.
        if not purged.recorded:
            raise NotDurable(document)
        return answer(document)

    def _came_to(self, order: FlushOrder, met: int, *, fence: str | None, durable: bool | None) -> dict[str, Any]:
        return {
            "fence": fence,
            "mode": order.mode.value,
            "durable": durable,
            "met": met,
            "met_exact": order.dry_run,
            "dry_run": order.dry_run,
        }

    async def _count_at_least(self, tag: str) -> int:
        """What the fuller tier holds; what the disk holds only if it tells soon."""
        held = await self._desk.memory.count(Filter(tag=tag))
        try:
            async with asyncio.timeout(COUNT_WITHIN):
                return max(held, await self._desk.durable.count(Filter(tag=tag)))
        except TimeoutError:
            return held
        except StoreError as error:
            self._desk.on_error("count", error)
            return held

    async def _count_exactly(self, tag: str) -> int:
        """Entries in either tier, those in both once: memory may lack what is on disk, and hold what the disk lost."""
        held = await self._desk.memory.summaries(Filter(tag=tag, limit=len(self._desk.memory)))
        try:
            kept = await self._desk.durable.count(Filter(tag=tag))
            return kept + sum([not await self._is_kept(one.key, tag) for one in held])
        except StoreError as error:
            self._desk.on_error("count", error)
            raise CannotCount from error

    async def _is_kept(self, key: str, tag: str) -> bool:
        """Whether the disk has this entry under this tag too: the answer there may be an older one."""
        kept = await self._desk.durable.summaries(Filter(tag=key_tag(bytes.fromhex(key)), limit=1))
        return any(tag in all_tags(one) for one in kept)
