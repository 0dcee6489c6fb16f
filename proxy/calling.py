"""Calling: an ask as it goes to its upstream, how much of the answer is read, and whose credential was refused."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from adapters import Kind
from policies import RetryPolicy
from policies.http.fields import Fields, without
from proxy.asking import SHARED, Ask
from proxy.http.headers import VIA
from proxy.kept.purging import Purger
from proxy.messages import partition_tag
from proxy.outgoing import outgoing_fields, target_of
from proxy.plan import UpstreamPlan
from proxy.store.fences import Mode
from proxy.upstream.call import Upstream
from proxy.upstream.calls import Call
from proxy.upstream.messages import Outgoing, ReadUpTo, Reply

DECODABLE = ("Accept-Encoding", "gzip, deflate")  # what Larder can undo, where it reads what comes
SAME_FOR_ALL = frozenset({401, 403, 408, 429})  # every caller with this credential would hear the same


class Observer(Protocol):
    """Who wants to know of refused credentials."""

    def credential_refused(self, upstream: str, whose: str) -> None:
        """`whose` is "caller" or "larder"; the latter is an operator's alarm."""


@dataclass(frozen=True, slots=True)
class CallTools:
    """What calling needs from outside, so that tests can bring their own and a reload can exchange it."""

    upstream: Callable[[UpstreamPlan], Upstream]  # that asks under this plan are sent to
    max_entry: Callable[[], int]  # bytes; a larger answer is streamed through, not stored
    trace_fields: Callable[[], Fields]


class Calling:
    """Makes one guarded call after the other."""

    def __init__(self, purger: Purger, observer: Observer, tools: CallTools) -> None:
        self._purger = purger
        self._observer = observer
        self._tools = tools

    async def call(
        self,
        ask: Ask,
        conditions: Fields = (),
        read_up_to: ReadUpTo | None = None,
        retry: RetryPolicy | None = None,
    ) -> Reply:
        """One guarded call, as it is. Raises UpstreamFailure."""
        if ask.party is not None:
            return await ask.party.reply(ask, read_up_to)
        plan, target, credential = ask.plan, target_of(ask), ask.identity.credential
        call = Call(
            outgoing=self._outgoing(ask, target.url, conditions),
            endpoint=plan.endpoint,
            name=plan.name,
            credential=credential,
            guards=plan.guards,
            read_up_to=read_up_to or self._read_up_to(ask),
            demand=ask.demand,
            bases=target.bases,
            retry=retry,
            rests=credential != "none" and not plan.upstream.adapter.by_headers,
            scope=plan.upstream.adapter.credential_scope(ask.sent),
        )
        reply = await self._tools.upstream(ask.upstream).call(call)
        if reply.verdict.kind is Kind.CREDENTIAL_REFUSED and reply.calls:  # else it is one that rests
            await self._credential_refused(ask, is_good=is_used_up(reply))
        return reply

    def broke_off(self, ask: Ask, base: str) -> None:
        """The body of an answer that was counted as good, from that place, ended before its end."""
        self._tools.upstream(ask.upstream).broke_off(base, ask.plan.name)

    def has_room(self, ask: Ask) -> bool:
        """Whether a call that nobody waits for would not be refused at once: the line is not full."""
        return self._tools.upstream(ask.upstream).has_room(ask.plan.name)

    def is_drained(self, ask: Ask) -> bool:
        """Whether an operator wants no call to this upstream that nobody waits for."""
        return self._tools.upstream(ask.upstream).orders.is_draining

    def read_all(self, _status: int, _headers: Mapping[str, str]) -> int:
        """Everything is read."""
        return self._tools.max_entry()

    def read_failures(self, status: int, _headers: Mapping[str, str]) -> int:
        """Nothing is judged by its body here; what many may have to be told is read, all else streams."""
        return self._tools.max_entry() if status in SAME_FOR_ALL or status >= 500 else 0

    def _read_up_to(self, ask: Ask) -> ReadUpTo:
        if ask.plan.upstream.adapter.by_headers:
            return self.read_failures
        return self.read_all if _is_read(ask) else self._read_errors

    def _read_errors(self, status: int, _headers: Mapping[str, str]) -> int:
        """Errors are judged by their bodies (throttling in a 403); all else streams."""
        return self._tools.max_entry() if status >= 400 else 0

    def _outgoing(self, ask: Ask, url: str, conditions: Fields) -> Outgoing:
        decode = _is_read(ask) and not ask.plan.upstream.adapter.by_headers
        fields = outgoing_fields(ask)
        if decode:
            fields = (*without(fields, {"accept-encoding"}), DECODABLE)
        return Outgoing(
            method=ask.sent.method,
            url=url,
            fields=(*fields, *conditions, ("Via", VIA), *self._tools.trace_fields()),
            body=ask.sent.body,
            is_safe=not (ask.is_unsafe or ask.bypasses),
            decode=decode,
            informational=ask.incoming.informational,
            egress=ask.plan.guards.egress,
        )

    async def _credential_refused(self, ask: Ask, *, is_good: bool) -> None:
        """The caller's own: its partition ends, whatever path it was refused on, unless it `is_good` as such. Larder's:
        an operator's alarm.
        """
        upstream, identity = ask.plan.upstream.name, ask.identity
        if identity.credential == "held":
            self._observer.credential_refused(upstream, "larder")
        elif identity.travels:
            self._observer.credential_refused(upstream, "caller")
            if identity.partition != SHARED and not is_good:
                await self._purger.purge([partition_tag(identity.partition)], Mode.HARD)


def is_used_up(reply: Reply) -> bool:
    """Whether a credential was refused for want of money alone: it is who it says, and what it has paid for is its."""
    return reply.verdict.kind is Kind.CREDENTIAL_REFUSED and reply.verdict.detail == "quota-used-up"


def _is_read(ask: Ask) -> bool:
    """Whether Larder itself wants to know what the answer says."""
    return ask.key is not None or ask.is_unsafe or ask.is_read
