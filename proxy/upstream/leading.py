"""Leading: what a host's name may lead to, held against every address before it is connected to, and every connection
before it is used: a name's owner may say something else each time (DNS rebinding), and pools outlive their policies.
"""

from contextvars import ContextVar
from functools import lru_cache
from ipaddress import ip_address

from aiohttp.abc import ResolveResult

from policies.egress import EgressPolicy, may_lead_to

_POLICY: ContextVar[EgressPolicy] = ContextVar("the policy of whoever connects now")


class EgressRefused(Exception):
    """A host leads to where its upstream's policy lets nobody go. Nothing was sent."""


def lead_by(policy: EgressPolicy) -> None:
    """The policy for what this task resolves from now on. Connections are shared by all upstreams, so none can have its
    own.
    """
    _POLICY.set(policy)


def allowed_of(host: str, results: list[ResolveResult]) -> list[ResolveResult]:
    """Of the addresses a host has those it may lead to. Raises EgressRefused where there is none."""
    policy = _POLICY.get()
    allowed = [result for result in results if is_allowed(policy, host, result["host"])]
    if not allowed:
        raise EgressRefused("no address where this host may lead")
    return allowed


@lru_cache(maxsize=4096)
def is_allowed(policy: EgressPolicy, host: str, address: str | None) -> bool:
    """Whether a host may lead to an address; what is none never."""
    try:
        return may_lead_to(policy, host, ip_address(address or ""))
    except ValueError:
        return False
