"""Writing: forwarded once, and purged before the writer hears of it, so that it reads its own write."""

import asyncio
from collections.abc import Awaitable, Callable

from adapters import Kind, Received
from policies.http.invalidation import other_targets
from proxy.answers import Answer, CacheStatus, from_reply
from proxy.asking import Ask
from proxy.errors import LarderError, by_itself, perhaps_done
from proxy.flights.flights import seen
from proxy.kept.keeping import Keeper
from proxy.kept.purging import Purger
from proxy.kept.storing import group_tags
from proxy.outgoing import target_of
from proxy.upstream.failures import UpstreamFailure
from proxy.upstream.messages import Reply
from proxy.writes.checking import check_body
from proxy.writes.idempotency import Write
from proxy.writes.preconditions import Settled
from proxy.writes.written import Outcome, Written

# It was not carried out, for a reason that its sender can mend without changing it: a permission, a payment, a token.
_TURNED_AWAY = frozenset({Kind.CREDENTIAL_REFUSED, Kind.FORBIDDEN, Kind.THROTTLED})
# RFC 9110 §15.5.20, RFC 8470 §5.2: meant to be sent again as it is; RFC 9110 §15.4.8, §15.4.9: to another place.
_NOT_PROCESSED = frozenset({307, 308, 421, 425})


class Writer:
    """Runs each write as a task of its own: a caller who leaves cannot skip the purge."""

    def __init__(
        self,
        call: Callable[[Ask], Awaitable[Reply]],
        purger: Purger,
        keeper: Keeper,
        settle: Callable[[Ask], float],
        preconditions: Callable[[Ask], Awaitable[Settled]] | None = None,
        once: Callable[[Ask, Write], Awaitable[Written]] | None = None,
        purged: Callable[[set[str], float], None] = lambda _tags, _within: None,
    ) -> None:
        """`preconditions` looks at them before anything is sent; without it they travel with the write. `once` sends a
        write with a key only if it did not come before. `purged` hears of the tags that a write made old, and within
        how many seconds somebody must have read what is to be fetched anew.
        """
        self._call = call
        self._purger = purger
        self._keeper = keeper
        self._settle = settle
        self._preconditions = preconditions
        self._once = once
        self._purged = purged
        self._closing: set[asyncio.Future[None]] = set()
        self._under_way: set[asyncio.Task[Answer]] = set()

    async def write(self, ask: Ask) -> Answer:
        """The upstream's answer to a write. Raises LarderError."""
        check_body(ask)
        task = asyncio.create_task(self._write(ask))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        task.add_done_callback(seen)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            task.add_done_callback(self._close_unclaimed)
            raise

    def _close_unclaimed(self, task: asyncio.Task[Answer]) -> None:
        """The writer left before its answer came: a body still under way is let go."""
        if task.cancelled() or task.exception() is not None or (stream := task.result().stream) is None:
            return
        closing = asyncio.ensure_future(stream.close())
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)

    async def drain(self) -> None:
        """Wait for writes under way."""
        while self._under_way:
            await asyncio.wait(self._under_way)

    async def _write(self, ask: Ask) -> Answer:
        written = await (self._compared(ask) if self._once is None else self._once(ask, self._compared))
        return written.told()

    async def _compared(self, ask: Ask) -> Written:
        """Sent, if its preconditions hold."""
        if self._preconditions is None:
            return await self._sent(ask)
        try:
            settled = await self._preconditions(ask)
        except LarderError as error:
            return Written(Outcome.NOT_DONE, error=by_itself(error))
        if settled.refused is not None:
            return Written(Outcome.NOT_DONE, settled.refused)
        return await self._sent(settled.ask)

    async def _sent(self, ask: Ask) -> Written:
        status = CacheStatus(fwd="method")
        try:
            reply = await self._call(ask)
        except UpstreamFailure as failure:
            return await self._failed(ask, by_itself(failure), status)
        if reply.verdict.kind in (Kind.ANSWER, Kind.UNUSABLE):
            tags = await self._tags(ask, reply)
            for_get = self._keeper.for_get(ask, reply)
            purged = await self._purger.purge(tags, settle=self._settle(ask)) if tags else None
            if purged is not None and not purged.recorded:  # others go on with what they have, until they hear of it
                status.detail = "purge-unrecorded"
            if for_get is not None and purged is not None:
                status.stored = self._keeper.keep_for_get(for_get, purged.fence)
            if reply.verdict.kind is Kind.ANSWER:
                self._purged(tags, ask.plan.writes.refresh_hot)
        return Written(_outcome_of(reply), from_reply(reply, status))

    async def _failed(self, ask: Ask, failure: UpstreamFailure, status: CacheStatus) -> Written:
        may_have_happened = _may_have_happened(ask, failure)
        if may_have_happened:
            await self._purger.purge(await self._tags(ask, None), settle=self._settle(ask))
        outcome = Outcome.UNKNOWN if _was_taken(failure) else Outcome.NOT_DONE
        if failure.reply is None:
            return Written(outcome, error=perhaps_done(failure.problem) if may_have_happened else failure.problem)
        status.detail = failure.detail
        return Written(outcome, from_reply(failure.reply, status))

    async def _tags(self, ask: Ask, reply: Reply | None) -> set[str]:
        """What the notification of this change would purge, and every answer of the target (RFC 9111 §4.4)."""
        name, adapter = ask.plan.upstream.name, ask.plan.upstream.adapter
        received = Received(reply.status, reply.headers, reply.body, reply.json) if reply is not None else None
        effect = adapter.write_effect(ask.sent, received) if adapter.write_effect is not None else None
        tags = {f"{name}/{tag}" for tag in effect.tags} if effect is not None else set()
        if adapter.by_headers:
            tags |= _invalidated(ask, reply) | await self._keeper.groups_of(ask)
        return tags


def _may_have_happened(ask: Ask, failure: UpstreamFailure) -> bool:
    """Whether a write that failed may have been carried out all the same. HTTP takes an error that the upstream
    answered for its word that it was not (RFC 9111 §4.4); a provider's 500 tells nothing.
    """
    if ask.plan.upstream.adapter.by_headers and failure.answered:
        return False
    return _was_taken(failure)


def _was_taken(failure: UpstreamFailure) -> bool:
    """Whether the upstream may have seen it and did not turn it away: so that it must not be sent again by itself, an
    error in whatever words not being proof that nothing was done.
    """
    throttled = failure.reply is not None and failure.reply.verdict.kind is Kind.THROTTLED
    return failure.sent and not throttled


def _outcome_of(reply: Reply) -> Outcome:
    """What an answer says of the write itself."""
    is_page = reply.verdict.kind is Kind.UNUSABLE  # of somebody in between, or with an error inside
    if reply.verdict.kind in _TURNED_AWAY or reply.status in _NOT_PROCESSED or (is_page and reply.status >= 400):
        return Outcome.NOT_DONE
    return Outcome.UNKNOWN if is_page else Outcome.DONE


def _invalidated(ask: Ask, reply: Reply | None) -> set[str]:
    """The target, what the answer names beside it of the same origin, and the cache groups it ends (RFC 9875 §3)."""
    tags = {ask.uri_tag()}
    if reply is not None:
        target = target_of(ask)
        others = other_targets(reply.headers, base_url=target.origin, path=target.path)
        tags |= {ask.uri_tag(target.dropped + path, query) for path, query in others}
        tags |= group_tags(ask.plan.upstream.name, reply.headers.get("cache-group-invalidation"))
    return tags
