"""Guards, resolved for an upstream and for an endpoint: built-in < adapter < `defaults` < `upstreams.X` < endpoint."""

from collections.abc import Callable
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


def guards_within(upstream: GuardPolicies, layers: Layers) -> tuple[GuardPolicies, list[Sourced], frozenset[str]]:
    """The guards of an endpoint; rows without a source have the upstream's. Last: what it has apart from that."""
    resolved: dict[str, Any] = {}
    rows: list[Sourced] = []
    for word in GUARDS:
        resolved[word], said = resolve_policy(getattr(upstream, word), "", layers(word), f"{word}.")
        rows += said
    apart = frozenset(word for word in APART if any(layer.values for layer in layers(word)))
    return replace(upstream, **resolved), rows, apart
