"""Explain: every resolved value, and who said it: built-in, an adapter's file, or a line of the config."""

from collections.abc import Iterable

from policies import DAY, GIB, HOUR, KIB, MIB, MINUTE
from proxy.guard_plans import GUARD_FIELDS
from proxy.layers import Sourced
from proxy.plan import Plan, Plans, UpstreamPlan
from proxy.routing import decoded_segments
from proxy.settings import nearest

_SECONDS = frozenset(
    {
        "ttl",
        "refresh_after",
        "stale_while_revalidate",
        "stale_if_error",
        "stale_if_disconnected",
        "heuristic_at_most",
        "negative_ttl",
        "keep_at_most",
        "settle",
        "attempt",
        "total",
        "wait",
        "max_wait",
        "window",
        "cooldown",
        "slow_after",
        "credential_cooldown",
        "fallback_after",
        "after",
        "body_time",
        "apart",
        "idempotency",
        "refresh_hot",
        "gather",
    }
)


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
        return "\n".join([f"{plan.name} {endpoint.name}", *_table(_told(endpoint))])
    lines = [f"{plan.name}  {plan.base_url}  adapters/{plan.adapter_name}.py", *_table(plan.sources)]
    for endpoint in plan.endpoints:
        rows = [row for row in _told(endpoint) if not row.field.startswith((*GUARD_FIELDS, "terms."))]
        lines += ["", f"{endpoint.name}{'' if rows else '  not cached'}", *_table(rows)]
    return "\n".join(lines)


def _told(plan: Plan) -> list[Sourced]:
    return list(plan.sources)


def _upstream(plans: Plans, name: str) -> UpstreamPlan:
    found = plans.upstreams.get(name)
    if found is None:
        raise UnknownName(f"no upstream {name!r}; {nearest(name, tuple(plans.upstreams))}")
    return found


def _endpoint(plan: UpstreamPlan, method: str, path: str) -> Plan:
    """The endpoint of a path or, as written in a file, of a route."""
    path = "/" + path.lstrip("/").partition("?")[0]
    for endpoint in plan.endpoints:
        if endpoint.name == f"{method.upper()} {path}":
            return endpoint
    found = plan.router.find(method.upper(), decoded_segments(path))
    return plan.unknown if found is None else found.target


def _table(rows: Iterable[Sourced]) -> list[str]:
    written = [(row.field, spoken(row.field, row.value), row.source) for row in rows]
    widths = [max((len(row[column]) for row in written), default=0) for column in (0, 1)]
    return [f"  {name:<{widths[0]}}  {value:<{widths[1]}}  {source}" for name, value, source in written]


def spoken(field: str, value: object) -> str:
    """A value as the config would say it: 300 seconds are 5m."""
    name = field.rsplit(".", 1)[-1]
    if field.startswith("terms."):
        return _term(value)
    if value is None:
        return "–"
    if isinstance(value, float | int) and name in _SECONDS:
        return _duration(value)
    if isinstance(value, float) and name in ("budget", "failure_ratio", "slow_ratio", "heuristic_fraction", "shrink"):
        return f"{value * 100:g}%"
    if isinstance(value, float) and name in ("floor", "rate", "refill"):
        return f"{value:g}/s"
    if name == "max_body" and isinstance(value, int):
        return _size(value)
    if name == "networks" and isinstance(value, tuple):
        return ", ".join(value) or "–"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def _term(seconds: object) -> str:
    if not isinstance(seconds, int | float):
        return "no end"
    return _duration(seconds) if seconds else "not kept"


def _size(octets: int) -> str:
    for unit, size in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
        if octets >= size and octets % size == 0:
            return f"{octets // size}{unit}"
    return f"{octets}B"


def _duration(seconds: float) -> str:
    for unit, size in (("d", DAY), ("h", HOUR), ("m", MINUTE)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g}{unit}"
    return f"{seconds:g}s"
