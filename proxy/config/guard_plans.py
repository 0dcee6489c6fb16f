"""Guards, resolved for an upstream and for an endpoint: built-in < adapter < `defaults` < `upstreams.X` < endpoint."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from typing import Any

from adapters import Adapter
from policies import GuardPolicies
from proxy.config.layers import BUILT_IN, Layer, Sourced, resolve_policy

GUARDS = tuple(field.name for field in fields(GuardPolicies))
GUARD_FIELDS = tuple(f"{word}." for word in GUARDS)  # how rows about guards begin
APART = frozenset({"breaker", "concurrency", "pacing"})  # an endpoint that names one has one of its own

Layers = Callable[[str], list[Layer]]  # the operator's, for a guard's block, nearest last


def guards_of(adapter: Adapter, adapter_name: str, layers: Layers) -> tuple[GuardPolicies, list[Sourced]]:
    """The guards of an upstream, and who said what."""
    resolved: dict[str, Any] = {}
    rows: list[Sourced] = []
    for word in GUARDS:
        declared = getattr(adapter, word)
        by = BUILT_IN if declared is None else f"adapters/{adapter_name}.py"
        policy = getattr(GuardPolicies(), word) if declared is None else declared
        resolved[word], said = resolve_policy(policy, by, layers(word), f"{word}.")
        rows += said
    return GuardPolicies(**resolved), rows


def rows_of_guards(sources: Iterable[Sourced]) -> dict[str, list[Sourced]]:
    """What an upstream's sources say of each guard."""
    rows: dict[str, list[Sourced]] = {word: [] for word in GUARDS}
    for row in sources:
        word, dot, _ = row.field.partition(".")
        if dot and word in rows:
            rows[word].append(row)
    return rows


def guards_within(
    upstream: GuardPolicies, inherited: Mapping[str, list[Sourced]], layers: Layers
) -> tuple[GuardPolicies, list[Sourced], frozenset[str]]:
    """The guards of an endpoint, and who said what; `inherited` is what the upstream's sources say of each guard.

    Last: what it has apart from its upstream.
    """
    resolved: dict[str, Any] = {}
    rows: list[Sourced] = []
    for word in GUARDS:
        own = [layer for layer in layers(word) if layer.values]
        if not own:  # as nearly everywhere
            rows += inherited[word]
            continue
        resolved[word], said = resolve_policy(getattr(upstream, word), "", own, f"{word}.")
        sources = {row.field: row.source for row in inherited[word]}
        rows += [row if row.source else row._replace(source=sources[row.field]) for row in said]
    return replace(upstream, **resolved) if resolved else upstream, rows, APART.intersection(resolved)
