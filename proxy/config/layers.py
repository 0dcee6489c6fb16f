"""Layers: a declared policy with the operator's fields on top, nearest last, and who said each value."""

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from functools import cache
from typing import Any, NamedTuple, TypeVar

P = TypeVar("P")

BUILT_IN = "built-in"


class Sourced(NamedTuple):
    """A resolved value and who said it: "built-in", "adapters/courseworks.py" or "config.yaml:23"."""

    field: str
    value: Any
    source: str

    @property
    def is_operators(self) -> bool:
        """Whether it is the operator's word."""
        return self.source != BUILT_IN and not self.source.startswith("adapters/")


class Layer(NamedTuple):
    """One voice in the choir: some fields of a policy, and who says them."""

    values: Mapping[str, Any]
    source: Callable[[str], str]


def resolve_policy(policy: P, declared_by: str, layers: list[Layer], prefix: str) -> tuple[P, list[Sourced]]:
    """A declared policy with the operator's fields on top, nearest last; and who said each value."""
    values: dict[str, Any] = {}
    said: dict[str, str] = {}
    for layer in layers:
        for name, value in layer.values.items():
            values[name], said[name] = value, layer.source(name)
    resolved = replace(policy, **values) if values else policy  # type: ignore[type-var]
    kind: Any = type(resolved)
    rows = [Sourced(f"{prefix}{name}", getattr(resolved, name), said.get(name, declared_by)) for name in _names(kind)]
    return resolved, rows


@cache  # of a handful of policies
def _names(policy: Any) -> tuple[str, ...]:
    return tuple(entry.name for entry in fields(policy))
