"""The config, for operators: as it holds now, why each value is what it is, and read anew on request."""

from aiohttp import web

from proxy.admin.desk import Desk, answered
from proxy.admin.gate import by
from proxy.admin.problems import ConfigRefused, ReloadUnderWay
from proxy.admin.reading import read_nothing, read_parameters, said
from proxy.admin.redaction import shown
from proxy.admin.targets import upstream_named
from proxy.admin.writing import answer
from proxy.config.explain import explain, note_on
from proxy.config.spoken import spoken
from proxy.errors import BadRequest

_METHOD_AND_PATH = "both method and path, or neither"


class Configuration:
    """Answers `GET /admin/config`, `POST /admin/config/reload` and `GET /admin/explain`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._is_reloading = False

    async def config(self, request: web.Request) -> web.Response:
        """The settings that hold, variables and defaults filled in, secrets taken out. Raises BadRequest."""
        read_parameters(request, ())
        return answer({"config": shown(self._desk.plans().settings)})

    async def reload(self, request: web.Request) -> web.Response:
        """Read the config again. Raises BadRequest, ReloadUnderWay, or ConfigRefused with everything wrong; the old one
        stays.
        """
        await read_nothing(request)
        if self._is_reloading:
            raise ReloadUnderWay
        self._is_reloading = True
        try:
            report = await self._desk.reload(by(request))
        finally:
            self._is_reloading = False
        if report.problems:
            raise ConfigRefused(report.problems)
        return answer(answered(report))

    async def explain(self, request: web.Request) -> web.Response:
        """Every resolved value of an upstream or of the endpoint a path leads to. Raises BadRequest."""
        given = read_parameters(request, ("upstream", "method", "path"))
        upstream, method, path = given.get("upstream"), given.get("method"), given.get("path")
        if upstream is None:
            raise BadRequest("upstream", "none", "the name of one")
        upstream_named(upstream, self._desk.routes())
        plans, endpoint, note = self._desk.plans(), None, None
        if method is not None or path is not None:
            method, path = _place(method, path)
            endpoint = plans.upstreams[upstream].match(method, path)[0].name
            note = note_on(plans, upstream, method, path)
        rows = explain(plans, upstream, method, path)
        values = [{"field": row.field, "value": spoken(row.field, row.value), "source": row.source} for row in rows]
        return answer({"upstream": upstream, "endpoint": endpoint, "note": note, "values": values})


def _place(method: str | None, path: str | None) -> tuple[str, str]:
    if method is None or not method.isalpha():
        raise BadRequest("method", "none" if method is None else said(method), f"such as GET; {_METHOD_AND_PATH}")
    if path is None or not path.startswith("/"):
        right = f"a path below the upstream's prefix, such as /api/v1/courses; {_METHOD_AND_PATH}"
        raise BadRequest("path", "none" if path is None else "one that does not begin with /", right)
    return method.upper(), path.partition("?")[0]
