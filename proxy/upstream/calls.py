"""Calls: what is to be called and how hard to try, and what calling needs from outside."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import NamedTuple, Protocol

from adapters import Endpoint
from policies import GuardPolicies, RetryPolicy
from policies.demand import Demand
from proxy.upstream.messages import Outgoing, ReadUpTo, Reply

Send = Callable[[Outgoing, float, ReadUpTo], Awaitable[Reply]]


class Observer(Protocol):
    """Who wants to know of each attempt."""

    def attempt(self, upstream: str, endpoint: str, outcome: str, seconds: float) -> None:
        """One attempt ended; `outcome` is a fixed word."""

    def retry(self, upstream: str) -> None:
        """Another attempt will be made."""


class Tools(NamedTuple):
    """What a call needs from outside, so that tests can bring their own."""

    send: Send
    observer: Observer
    clock: Callable[[], float]  # monotonic seconds
    wall_clock: Callable[[], float]  # seconds since the epoch
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]  # 0 to 1


class Call(NamedTuple):
    """What is to be called, and how hard to try."""

    outgoing: Outgoing
    endpoint: Endpoint
    name: str  # the endpoint's template
    credential: str
    guards: GuardPolicies
    read_up_to: ReadUpTo
    demand: Demand
    bases: tuple[str, ...]  # places that answer alike; the outgoing URL begins with the first
    retry: RetryPolicy | None = None  # in place of the guards'
    rests: bool = False  # whether this credential rests once it was refused
    scope: str = ""  # what of the upstream it was refused for

    @property
    def retries(self) -> RetryPolicy:
        """How it is repeated."""
        return self.retry or self.guards.retry

    @property
    def credential_at(self) -> tuple[str, str, str]:
        """Whom the upstream may refuse; one of its APIs may refuse who is welcome at another."""
        return self.credential, self.bases[0], self.scope

    @property
    def paced_as(self) -> str:
        """Who calls, at which API: each has quotas of its own."""
        return f"{self.credential} {self.bases[0]}"

    @property
    def path(self) -> str:
        """Below the base URL, raw."""
        return self.outgoing.url[len(self.bases[0]) :].partition("?")[0]

    @property
    def signature(self) -> int:
        """What a caller who tries again by itself says again."""
        outgoing = self.outgoing
        return hash((self.credential, outgoing.method, outgoing.url, outgoing.body))

    def sent_to(self, base: str) -> Outgoing:
        """The request as it goes to one of the places."""
        first = self.bases[0]
        return self.outgoing if base == first else replace(self.outgoing, url=base + self.outgoing.url[len(first) :])
