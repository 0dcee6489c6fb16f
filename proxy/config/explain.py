"""Explain: every resolved value, and who said it: built-in, an adapter's file, or a line of the config."""

from collections.abc import Iterable
from difflib import get_close_matches

from proxy.config.guard_plans import GUARD_FIELDS
from proxy.config.layers import Sourced
from proxy.config.spoken import spoken
from proxy.plan import Plan, Plans, UpstreamPlan
from proxy.routing import decoded_segments
from proxy.settings import nearest


class UnknownName(Exception):
    """There is no such upstream or endpoint; the text names the nearest."""


def explain(plans: Plans, upstream: str, method: str | None = None, path: str | None = None) -> list[Sourced]:
    """The rows of an upstream, or of the endpoint a request would meet. Raises UnknownName."""
    plan = _upstream(plans, upstream)
    if method is None:
        rows = list(plan.sources)
        for endpoint in plan.endpoints:
            rows += [row._replace(field=f"{endpoint.name} {row.field}") for row in _told(endpoint)]
        return rows
    return _told(_endpoint(plan, method, path or "/"))


def explanation(plans: Plans, upstream: str, method: str | None = None, path: str | None = None) -> str:
    """The same as a text of aligned columns. Raises UnknownName."""
    plan = _upstream(plans, upstream)
    if method is not None:
        endpoint = _endpoint(plan, method, path or "/")
        note = note_on(plans, upstream, method, path)
        head = [f"{plan.name} {endpoint.name}", *([] if note is None else [f"  {note}"])]
        return "\n".join([*head, *_table(_told(endpoint))])
    lines = [f"{plan.name}  {plan.base_url}  adapters/{plan.adapter_name}.py", *_table(plan.sources)]
    for endpoint in plan.endpoints:
        rows = [row for row in _told(endpoint) if not row.field.startswith((*GUARD_FIELDS, "terms."))]
        lines += ["", f"{endpoint.name}{'' if rows else '  not cached'}", *_table(rows)]
    return "\n".join(lines)


def note_on(plans: Plans, upstream: str, method: str, path: str | None = None) -> str | None:
    """That nobody declared an endpoint for a request, and the nearest that there is; None: somebody did."""
    plan, path = _upstream(plans, upstream), _plain(path or "/")
    if _endpoint(plan, method, path) is not plan.unknown:
        return None
    names = [endpoint.name for endpoint in plan.endpoints]
    methods = dict.fromkeys(name.partition(" ")[0] for name in names)
    others = [other for other in methods if _endpoint(plan, other, path) is not plan.unknown]
    near = get_close_matches(f"{method.upper()} {path}", names, n=1)
    if others:
        instead = f"; the path is one for {' and '.join(others)}"
    elif near:
        instead = f"; nearest: {near[0]}"
    else:
        instead = f"; `larder explain {upstream}` lists them" if names else ""
    return f"no endpoint is declared for this: what follows holds for everything that is not{instead}"


def _told(plan: Plan) -> list[Sourced]:
    return list(plan.sources)


def _upstream(plans: Plans, name: str) -> UpstreamPlan:
    found = plans.upstreams.get(name)
    if found is None:
        raise UnknownName(f"no upstream {name!r}; {nearest(name, tuple(plans.upstreams))}")
    return found


def _endpoint(plan: UpstreamPlan, method: str, path: str) -> Plan:
    """The endpoint of a path or, as written in a file, of a route."""
    path = _plain(path)
    for endpoint in plan.endpoints:
        if endpoint.name == f"{method.upper()} {path}":
            return endpoint
    found = plan.router.find(method.upper(), decoded_segments(path))
    return plan.unknown if found is None else found.target


def _plain(path: str) -> str:
    return "/" + path.lstrip("/").partition("?")[0]


def _table(rows: Iterable[Sourced]) -> list[str]:
    written = [(row.field, spoken(row.field, row.value), row.source) for row in rows]
    widths = [max((len(row[column]) for row in written), default=0) for column in (0, 1)]
    return [f"  {name:<{widths[0]}}  {value:<{widths[1]}}  {source}" for name, value, source in written]
