"""Spoken: a value as config.yaml would say it: 300 seconds are 5m, 0.2 of all are 20%."""

from collections.abc import Mapping
from typing import Any

from policies import DAY, GIB, HOUR, KIB, MIB, MINUTE

DURATIONS = frozenset(
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
        "drain",
        "tolerance",
        "coherence_window",
    }
)
SIZES = frozenset({"max_body", "max_head", "max_bytes", "max_entry", "compress_above"})
_SHARES = frozenset({"budget", "failure_ratio", "slow_ratio", "heuristic_fraction", "shrink"})
_RATES = frozenset({"floor", "rate", "refill"})
_WITH_UNITS = DURATIONS | SIZES | _SHARES | _RATES


def spoken(field: str, value: object) -> str:
    """A value as the config would say it: 300 seconds are 5m."""
    name = field.rsplit(".", 1)[-1]
    if field.startswith("terms."):
        return _term(value)
    if value is None:
        return "–"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float | int) and name in DURATIONS:
        return _duration(value)
    if isinstance(value, float | int) and name in _SHARES:
        return f"{value * 100:g}%"
    if isinstance(value, float) and name in _RATES:
        return f"{value:g}/s"
    if name in SIZES and isinstance(value, int):
        return _size(value)
    if name == "networks" and isinstance(value, tuple):
        return ", ".join(value) or "–"
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)


def with_units(name: str, value: Any) -> Any:
    """A field's value, or what is in it, with the units that the config writes; what has none stays as it is."""
    if isinstance(value, Mapping):
        return {inner: with_units(str(inner), one) for inner, one in value.items()}
    if isinstance(value, list | tuple):
        return [with_units(name, one) for one in value]
    if isinstance(value, bool) or not isinstance(value, int | float) or name not in _WITH_UNITS:
        return value
    text = spoken(name, value)
    return value if text == str(value) else text


def less_unsaid(value: Any) -> Any:
    """A block without the fields that it leaves to others, and without blocks of nothing else."""
    if not isinstance(value, Mapping):
        return value
    said = {name: less_unsaid(inner) for name, inner in value.items()}
    return {name: inner for name, inner in said.items() if inner is not None and inner != {} and inner != ()}


def _term(seconds: object) -> str:
    """How long a provider's terms let something be kept."""
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
