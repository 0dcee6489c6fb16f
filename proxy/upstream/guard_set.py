"""Guard sets: the guards that calls go through together. An upstream has one; an endpoint may have some of its own."""

from dataclasses import dataclass, field

from policies import GuardPolicies
from policies.credential_circuit import CredentialCircuit
from policies.pacing import Pacer
from proxy.upstream.hosts import Hosts
from proxy.upstream.messages import Reply
from proxy.upstream.slots import AnySlots


@dataclass
class HeldBack:
    """Calls that wait until their credential may call again. They are as many as may wait for a slot."""

    count: int = 0


@dataclass(frozen=True)
class GuardSet:
    """Breakers, pacing and concurrency, with their state."""

    hosts: Hosts
    pacer: Pacer
    slots: AnySlots
    credentials: CredentialCircuit[Reply]
    policies: GuardPolicies
    apart: frozenset[str] = frozenset()  # those that an endpoint has for itself
    held_back: HeldBack = field(default_factory=HeldBack)
