"""Landings: what a flight brought, and what each of those who share it may have of it."""

from dataclasses import dataclass, field

from adapters import Kind
from policies.http.vary import canonical
from proxy.answers import Answer, CacheStatus, from_reply
from proxy.asking import Ask
from proxy.deciding import Decision
from proxy.keys import joined
from proxy.spool import Reader, Spool
from proxy.upstream.call import UpstreamFailure
from proxy.upstream.messages import Reply


@dataclass(slots=True)
class Landing:
    """An answer, whole or with its body under way, or a failure."""

    reply: Reply | None = None
    failure: UpstreamFailure | None = None
    decision: Decision | None = None
    fresh_until: float | None = None  # where it is stored, or will be once its body is here
    stored: bool = False
    covers_failure: bool = False  # a stored answer may be given in its place
    detail: str = ""
    tags: tuple[str, ...] = ()  # its own
    all_tags: tuple[str, ...] = ()
    vary: tuple[str, ...] = ()
    leader: Ask | None = field(default=None, repr=False)
    now: float = 0.0
    spool: Spool | None = None
    first: Reader | None = None  # the leader's

    @property
    def status(self) -> int | None:
        """What the upstream said, if it said something."""
        reply = self.reply or (self.failure.reply if self.failure is not None else None)
        return reply.status if reply is not None else None

    @property
    def is_disconnected(self) -> bool:
        """Whether no answer came at all, not even an error."""
        return self.failure is not None and not self.failure.answered

    def fits(self, ask: Ask) -> bool:
        """Whether the answer is right for another caller too: it may have asked with other header values."""
        if self.spool is not None and not self.spool.is_joinable:
            return False
        if self.leader is None:
            return True
        if self.reply is not None and self.reply.status == 304 and ask.conditions != self.leader.conditions:
            return False
        mine, leaders = ask.sent.headers, self.leader.sent.headers
        return all(canonical(name, joined(mine, name)) == canonical(name, joined(leaders, name)) for name in self.vary)

    def calls_for(self, *, collapsed: bool) -> int:
        """Upstream calls made for a caller: those who joined made none."""
        if collapsed:
            return 0
        return self.reply.calls if self.reply is not None else self.failure.calls if self.failure is not None else 0

    def answer(self, status: CacheStatus, *, collapsed: bool) -> Answer:
        """The answer that came, as it came."""
        assert self.reply is not None  # noqa: S101 - a landing has a reply or a failure
        answer = from_reply(self.reply, status)
        if self.spool is not None:
            if collapsed or self.first is None:
                answer.stream = self.spool.reader()
            else:
                answer.stream, self.first = self.first, None
        if self.fresh_until is not None:
            status.ttl = int((self.fresh_until - self.now) // 1)
        answer.calls = self.calls_for(collapsed=collapsed)
        return answer

    async def unclaimed(self) -> None:
        """The leader left, or nobody waits: its place at the body is given up."""
        if self.first is not None:
            await self.first.close()
            self.first = None


def failed(failure: UpstreamFailure, leader: Ask) -> Landing:
    """No usable answer came."""
    return Landing(failure=failure, covers_failure=True, detail=failure.detail, leader=leader)


def is_final_word(reply: Reply) -> bool:
    """Whether an answer says something of the thing itself, so that an older one no longer holds."""
    return reply.verdict.kind in (Kind.ANSWER, Kind.MISSING) and reply.status not in (206, 304)
