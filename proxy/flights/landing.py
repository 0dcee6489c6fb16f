"""Landings: what a flight brought, and what each of those who share it may have of it."""

from dataclasses import dataclass, field
from math import floor

from adapters import Kind, Verdict
from policies import Freshness, ShelfLife
from policies.http.vary import canonical, vary_names
from proxy.answers import Answer, CacheStatus, from_reply
from proxy.asking import SHARED, Ask
from proxy.errors import by_itself
from proxy.flights.spool import Reader, Spool
from proxy.kept.deciding import Decision, bar_to_storing, is_private
from proxy.keys import joined
from proxy.messages import Entry
from proxy.upstream.failures import OUT_OF_TIME, UpstreamFailure
from proxy.upstream.messages import Reply

WAITED_FOR = OUT_OF_TIME | {"paced", "paused", "quota-low"}  # who is more patient, or has nothing, may call
# With so many others that are wrong that nobody looked whether this one is.
REFUSED_TOGETHER = Verdict(Kind.CALLER_ERROR, detail="refused-together")
COVERED = frozenset({500, 502, 503, 504})  # the errors for which `stale-if-error` is meant (RFC 5861 §4)


@dataclass(slots=True)
class Landing:
    """An answer, whole or with its body under way, or a failure."""

    reply: Reply | None = None
    failure: UpstreamFailure | None = None
    decision: Decision | None = None
    life: ShelfLife | None = None  # where it is stored, or will be once its body is here
    made_at: float = 0.0  # when the upstream made it, in seconds since the epoch
    key: bytes | None = None  # where it is kept
    stored: bool = False
    waits: bool = False  # it goes on the shelf once its callers have it
    jitter: float | None = None  # 0 to 1, once it was drawn
    chosen: Entry | None = None  # what was stored for the ask before
    covers_failure: bool = False  # a stored answer may be given in its place
    detail: str = ""
    tags: tuple[str, ...] = ()  # its own
    all_tags: tuple[str, ...] = ()
    vary: tuple[str, ...] = ()
    leader: Ask | None = field(default=None, repr=False)
    now: float = 0.0
    spool: Spool | None = None
    first: Reader | None = None  # the leader's
    is_elsewhere: bool = False  # another process asked for it

    @property
    def status(self) -> int | None:
        """What the upstream said, if it said something."""
        reply = self.reply or (self.failure.reply if self.failure is not None else None)
        return reply.status if reply is not None else None

    @property
    def was_declined(self) -> bool:
        """Whether Larder did not call, since those who waited could do without: others may not be able to."""
        return self.failure is not None and self.failure.is_declined and self.failure.detail in WAITED_FOR

    @property
    def is_disconnected(self) -> bool:
        """Whether no answer came at all, not even an error."""
        return self.failure is not None and not self.failure.answered

    @property
    def may_be_covered(self) -> bool:
        """Whether a stored answer may be given in its place: by HTTP's own rules, not for every error (RFC 5861 §4)."""
        if self.leader is None or not self.leader.goes_by_headers or self.is_disconnected:
            return self.covers_failure
        return self.covers_failure and self.status in COVERED

    def pass_through(self, spool: Spool) -> None:
        """Its body will come through this spool; the leader's place at it is taken."""
        self.spool, self.first = spool, spool.reader()

    def fits(self, ask: Ask) -> bool:
        """Whether the answer is right for another caller too: it may have asked with other header values."""
        if self.spool is not None and not self.spool.is_joinable:
            return False
        if self.leader is None:
            return True
        if self.reply is not None and self.reply.verdict == REFUSED_TOGETHER:
            return False  # for the sake of those that its leader asked for besides
        if self.reply is not None and self.reply.status == 304 and ask.conditions != self.leader.conditions:
            return False
        return self._same_fields(ask, self.vary)

    def is_fresh_for(self, ask: Ask, now: float) -> bool:
        """Whether one who comes while its body is under way may still have it (RFC 9111 §4.2, §5.2.1)."""
        if self.life is None:
            return True
        if ask.directives.is_live:  # it joins what began after it came, and nothing else
            return True
        left = ask.directives.tighten(self.life.at(now), self.life, now - self.made_at, now)
        return left.value <= Freshness.STALE.value

    def may_be_told(self, ask: Ask) -> bool:
        """Whether an error that the upstream answered may reach one who joined: by its headers, it may be the leader's
        alone.
        """
        reply = self.failure.reply if self.failure is not None else None
        if reply is None or not ask.plan.upstream.adapter.by_headers:
            return True
        is_private_to_leader = is_private(reply.headers) and ask.identity.partition == SHARED
        barred = bar_to_storing(reply.status, reply.headers) in ("no-store", "vary") or is_private_to_leader
        return not barred and self._same_fields(ask, vary_names(reply.headers))

    def calls_for(self, *, collapsed: bool) -> int:
        """Upstream calls made for a caller: those who joined made none."""
        if collapsed:
            return 0
        return self.reply.calls if self.reply is not None else self.failure.calls if self.failure is not None else 0

    def answer(self, status: CacheStatus, now: float, *, collapsed: bool) -> Answer:
        """The answer that came, as it came; for those who came later with its age (RFC 9111 §5.1)."""
        assert self.reply is not None  # noqa: S101 - a landing has a reply or a failure
        answer = from_reply(self.reply, status)
        if self.spool is not None:
            if collapsed or self.first is None:
                answer.stream = self.spool.reader()
            else:
                answer.stream, self.first = self.first, None
        if self.reply.verdict.kind in (Kind.UNUSABLE, Kind.CALLER_ERROR):  # why it is passed on for want of a better
            status.detail = self.detail
        if self.life is not None:
            status.ttl = floor(self.life.fresh_until - now)
            age = int(now - self.made_at)
            answer.age = age if age > 0 else None
            answer.made_at = self.made_at
        if not collapsed:
            answer.fields += self.reply.cookies
        answer.calls = self.calls_for(collapsed=collapsed)
        return answer

    def _same_fields(self, ask: Ask, names: tuple[str, ...]) -> bool:
        if self.leader is None:
            return True
        mine, leaders = ask.sent.headers, self.leader.sent.headers
        return all(canonical(name, joined(mine, name)) == canonical(name, joined(leaders, name)) for name in names)

    async def unclaimed(self) -> None:
        """The leader left, or nobody waits: its place at the body is given up."""
        if self.first is not None:
            await self.first.close()
            self.first = None


def failed(failure: UpstreamFailure, leader: Ask) -> Landing:
    """No usable answer came."""
    return Landing(failure=by_itself(failure), covers_failure=True, detail=failure.detail, leader=leader)


def is_final_word(reply: Reply) -> bool:
    """Whether an answer says something of the thing itself, so that an older one no longer holds."""
    return reply.verdict.kind in (Kind.ANSWER, Kind.MISSING) and reply.status not in (206, 304)
