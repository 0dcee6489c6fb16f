"""Receiving notifications: believed, carried out, remembered, and only then acknowledged (DESIGN.md §5.6).

verify ─▶ known already? ─▶ meaning ─▶ purge, durably ─▶ learn links, durably ─▶ mark, durably ─▶ 2xx

Whatever dies on the way, the sender got no 2xx and sends it again; nothing before the mark keeps a second delivery
from doing everything anew, and everything but the mark may be done twice. The purge comes before the links, since an
enrollment's old row says what else has to go, and a second delivery must still find it.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, TypeVar

from adapters import Effect, Link
from policies import DAY
from proxy.changes.notices import Counted, Notice, Reader, Refused
from proxy.kept.purging import Purger
from proxy.store.contract import DurableStore, StoreError
from proxy.store.fences import Mode

Answer = TypeVar("Answer")

REMEMBERED = DAY  # UPSTREAMS.md §3.1: repeats come within minutes

_ANSWERS: Mapping[Counted, tuple[int, str]] = {
    Counted.ACCEPTED: (200, "Accepted"),
    Counted.DUPLICATE: (200, "Known already"),
    Counted.UNKNOWN_EVENT: (200, "Nothing to do"),
    Counted.UNKNOWN_SOURCE: (404, "Unknown webhook source"),
    Counted.MALFORMED: (400, "Not a notification"),
    Counted.UNSIGNED: (401, "Not signed"),
    Counted.FORGED: (401, "Not genuine"),
    Counted.STALE_TIMESTAMP: (401, "Too old or too new"),
    Counted.WRONG_ACCOUNT: (403, "Not our account"),
    Counted.KEYS_UNAVAILABLE: (503, "Signing keys unavailable"),
    Counted.NOT_DURABLE: (503, "Not durable"),
}
_RETRY_AFTER = 30  # whole seconds, beside a 503


class WebhookReply(NamedTuple):
    """What the sender is told; `counted_as` is for the metric and the log line. Holds nothing that was sent."""

    status: int
    title: str
    detail: str
    counted_as: str
    retry_after: int | None = None  # whole seconds


class Channel(NamedTuple):
    """One configured source: whose entries its events are about, and what tells its deliveries are genuine."""

    upstream: str
    reader: Reader


class Webhooks:
    """Carries out what genuine notifications say, so that nothing acknowledged is ever lost."""

    def __init__(
        self,
        channels: Mapping[str, Channel],
        settle: Mapping[str, float],
        *,
        purger: Purger,
        store: DurableStore,
        clock: Callable[[], float],
        on_error: Callable[[str, StoreError], None],
    ) -> None:
        """`settle`: for each upstream, seconds that fills stay short-lived; `clock`: wall clock. Raises ValueError."""
        if missing := {channel.upstream for channel in channels.values()} - settle.keys():
            raise ValueError(f"no settle seconds for {', '.join(sorted(missing))}")
        self._channels = dict(channels)
        self._settle = dict(settle)
        self._purger = purger
        self._store = store
        self._clock = clock
        self._on_error = on_error

    async def receive(self, source: str, headers: Mapping[str, str], body: bytes) -> WebhookReply:
        """Take one delivery. Never raises for what was sent; a 503 asks the sender to send it again."""
        channel = self._channels.get(source)
        if channel is None:
            known = ", ".join(sorted(self._channels)) or "none"
            return _reply(Counted.UNKNOWN_SOURCE, f"known sources: {known}")
        try:
            notices = await channel.reader.read(headers, body)
            return _reply(await self._act(source, channel.upstream, notices))
        except Refused as refused:
            return _reply(refused.counted_as, refused.detail)
        except StoreError as error:
            self._on_error("webhook", error)
            return _reply(Counted.NOT_DURABLE, "the store failed; send it again")

    async def _act(self, source: str, upstream: str, notices: Sequence[Notice]) -> Counted:
        # A store that cannot be asked does not keep a purge from holding in memory; the 503 comes after it.
        failures: list[StoreError] = []
        fresh = await self._not_yet_known(source, notices, failures)
        if not fresh:
            return Counted.DUPLICATE
        links = await self._links(upstream, fresh, failures)
        meant = [(notice, effect) for notice, effect in _meanings(fresh, links) if effect.known]
        await self._purge(upstream, {tag for _, effect in meant for tag in effect.tags})
        if failures:
            raise failures[0]
        await self._remember(source, upstream, meant)
        return Counted.ACCEPTED if meant else Counted.UNKNOWN_EVENT

    async def _not_yet_known(self, source: str, notices: Sequence[Notice], failures: list[StoreError]) -> list[Notice]:
        by_token = {notice.token: notice for notice in notices}
        marked = {token: await _asked(self._store.marked(source, token), failures) for token in by_token}
        return [notice for token, notice in by_token.items() if not marked[token]]

    async def _links(
        self, upstream: str, notices: Sequence[Notice], failures: list[StoreError]
    ) -> dict[str, Link | None]:
        wanted = {enrollment for notice in notices for enrollment in notice.enrollments}
        return {one: await _asked(self._store.find_link(upstream, one), failures) for one in wanted}

    async def _purge(self, upstream: str, tags: AbstractSet[str]) -> None:
        if not tags:
            return
        purged = await self._purger.purge({f"{upstream}/{tag}" for tag in tags}, Mode.SOFT, self._settle[upstream])
        # A store that promises nothing was chosen by the operator; one that fails was not.
        if not purged.recorded:
            raise Refused(Counted.NOT_DURABLE, "purged, but a restart may forget it; send it again")

    async def _remember(self, source: str, upstream: str, meant: Sequence[tuple[Notice, Effect]]) -> None:
        links = [link for _, effect in meant for link in effect.links]
        if links:
            await self._store.learn(upstream, links)
        until = self._clock() + REMEMBERED
        for notice, _ in meant:
            await self._store.mark(source, notice.token, until)


async def _asked(answer: Awaitable[Answer], failures: list[StoreError]) -> Answer | None:
    """What the store says; None, and the failure kept for its report, when it cannot say."""
    try:
        return await answer
    except StoreError as error:
        failures.append(error)
        return None


def _meanings(notices: Sequence[Notice], links: dict[str, Link | None]) -> Iterator[tuple[Notice, Effect]]:
    """What each notice means; a later one of the same delivery sees what an earlier one taught."""
    for notice in notices:
        effect = notice.effect(links.get)
        links.update((link.enrollment, link) for link in effect.links)
        yield notice, effect


def _reply(counted_as: Counted, detail: str = "") -> WebhookReply:
    status, title = _ANSWERS[counted_as]
    return WebhookReply(status, title, detail, counted_as.value, _RETRY_AFTER if status == 503 else None)
