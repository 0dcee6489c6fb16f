"""What is stored, for operators: endpoint templates, digests, tags, ages and sizes; no paths, queries or bodies."""

from collections.abc import Sequence

from aiohttp import web

from proxy.admin.desk import Desk
from proxy.admin.reading import limit_in, read_parameters
from proxy.admin.summaries import merged, shown
from proxy.admin.targets import Routes, endpoint_named, tag_named, upstream_named
from proxy.admin.writing import answer
from proxy.store.contract import Filter, StoreError, Summary

MOST = 1_000
USUAL = 100

_PARAMETERS = ("upstream", "endpoint", "tag", "limit")


class Entries:
    """Answers `GET /admin/entries`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def entries(self, request: web.Request) -> web.Response:
        """The newest entries that are asked for, from both tiers. Raises BadRequest."""
        wanted = _wanted(read_parameters(request, _PARAMETERS), self._desk.routes())
        one_more = wanted._replace(limit=wanted.limit + 1)  # so that it is known whether there are more
        durable, complete = await self._kept(one_more)
        found = merged(await self._desk.memory.summaries(one_more), durable, one_more.limit)
        now = self._desk.clock()
        return answer(
            {
                "entries": [shown(stored, self._desk.fences, now) for stored in found[: wanted.limit]],
                "more": len(found) > wanted.limit,
                "complete": complete,
            }
        )

    async def _kept(self, wanted: Filter) -> tuple[Sequence[Summary], bool]:
        """What the durable store has; and whether it could be asked."""
        try:
            return await self._desk.durable.summaries(wanted), True
        except StoreError as error:
            self._desk.on_error("summaries", error)
            return (), False


def _wanted(given: dict[str, str], routes: Routes) -> Filter:
    upstream, route = given.get("upstream"), None
    if upstream is not None:
        upstream_named(upstream, routes)
    if "endpoint" in given:
        upstream, route = _endpoint(given["endpoint"], upstream, routes)
    tag = tag_named(given["tag"], routes) if "tag" in given else None
    return Filter(tag, upstream, route, limit_in(given, USUAL, MOST))


def _endpoint(name: str, upstream: str | None, routes: Routes) -> tuple[str, str]:
    """An endpoint as flush takes it; where the upstream is given too, as an entry shows it: the route alone."""
    if upstream is None or name.startswith(f"{upstream} "):
        return endpoint_named(name, routes)
    return endpoint_named(f"{upstream} {name}", routes)
