"""Learning: which upstream user a credential belongs to, and which user and course an enrollment puts together."""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from typing import Any, Protocol

from cachetools import LRUCache

from adapters import NOT_JSON, Kind
from policies.failure_memory import FailureMemory
from proxy.answers import Answer
from proxy.asking import Ask
from proxy.behind import Behind
from proxy.errors import LarderError, by_itself
from proxy.messages import partition_tag
from proxy.store.contract import DurableStore, StoreError
from proxy.store.fences import Fences, Validity
from proxy.upstream.messages import Reply

_AT_ONCE = 500  # partitions looked at before others get their turn


class Observer(Protocol):
    """Who wants to know of what was learned."""

    def user_learned(self, upstream: str, outcome: str) -> None:
        """A credential's user was asked for; `outcome` is a fixed word."""

    def store_failed(self, operation: str, error: StoreError) -> None:
        """The durable store could not do something."""


class Learner:
    """Knows whose a partition is. A token's user is asked for once, with that very token (issue 2 §5)."""

    def __init__(self, durable: DurableStore, failures: FailureMemory, observer: Observer, most: int = 100_000) -> None:
        self._durable = durable
        self._failures = failures
        self._observer = observer
        self._users: LRUCache[str, str] = LRUCache(most)
        self._behind = Behind()
        self._tidied = 0  # the revision of the fences up to which it was looked through
        self.answer: Callable[[Ask], Awaitable[Answer]] | None = None  # set once the engine is there
        self.derive: Callable[[Ask, str], Ask] | None = None

    async def open(self) -> None:
        """Recall the bindings of earlier runs."""
        try:
            self._users.update(await self._durable.bindings())
        except StoreError as error:
            self._observer.store_failed("bindings", error)

    def known(self, partition: str) -> str | None:
        """The user a partition belongs to, if it was learned."""
        return self._users.get(partition)

    async def me(self, ask: Ask) -> str | None:
        """The user behind an ask's credential, asked for if need be; None where that cannot be known."""
        adapter = ask.plan.upstream.adapter
        if not ask.plan.endpoint.knows_me or adapter.whoami is None or ask.key is None:
            return None
        partition = ask.identity.partition
        user = self._users.get(partition)
        if user is not None or not ask.plan.upstream.learn_user or not self._failures.is_due(("me", partition)):
            return user
        await self._ask_who(ask, adapter.whoami.path)
        return self._users.get(partition)

    async def _ask_who(self, ask: Ask, path: str) -> None:
        upstream, partition = ask.plan.upstream.name, ask.identity.partition
        if self.answer is None or self.derive is None:
            return
        try:
            answer = await self.answer(self.derive(ask, path))
        except LarderError as error:
            by_itself(error)
            self._failures.failed(("me", partition))
            self._observer.user_learned(upstream, "failed")
            return
        learned = partition in self._users
        if not learned:
            self._failures.failed(("me", partition))
            if answer.stream is not None:
                await answer.stream.close()
        self._observer.user_learned(upstream, "learned" if learned else "failed")

    def learn(self, ask: Ask, reply: Reply) -> None:
        """Keep what a good answer tells: behind the answer, and only in so far as the store can."""
        adapter = ask.plan.upstream.adapter
        if reply.verdict.kind is not Kind.ANSWER or reply.json is NOT_JSON:
            return
        user = self.told(ask, reply)
        if user is not None and self._users.get(ask.identity.partition) != user:
            self._users[ask.identity.partition] = user
            self._behind.begin(self._kept(self._durable.bind(ask.identity.partition, user)))
        links = tuple(adapter.links(reply.json)) if adapter.links is not None else ()
        if links:
            self._behind.begin(self._kept(self._durable.learn(ask.plan.upstream.name, links)))

    def told(self, ask: Ask, reply: Reply) -> str | None:
        """The user behind an ask's credential, if that is what the answer says."""
        whoami = ask.plan.upstream.adapter.whoami
        if whoami is None or ask.sent.path != whoami.path or not _is_plain(ask):
            return None
        is_good = reply.verdict.kind is Kind.ANSWER and reply.json is not NOT_JSON
        return whoami.user(reply.json) if is_good else None

    def partitions_of(self, users: Collection[str]) -> set[str]:
        """The partitions that were learned to be these users'."""
        return {partition for partition, user in self._users.items() if user in users}

    async def forget(self, users: Collection[str]) -> int:
        """Know no longer which partitions are these users'; how many that were. What is being kept is kept by then."""
        partitions = self.partitions_of(users)
        for partition in partitions:
            self._users.pop(partition, None)
        await self._behind.begun()
        return len(partitions)

    async def tidy(self, fences: Fences) -> None:
        """Know no longer whose those partitions are that were purged for good since this was last done."""
        seen, self._tidied = self._tidied, fences.revision
        recent = fences.purged_from(seen)  # not by number: a purge may be heard of after those with higher ones
        purged = None if recent is None else frozenset(recent)  # None: it may be any
        names = list(self._users)
        for start in range(0, len(names), _AT_ONCE):
            for partition in names[start : start + _AT_ONCE]:
                tag = partition_tag(partition)
                may_be = purged is None or fences.digest(tag) in purged
                if may_be and fences.validity((tag,), 0) is Validity.HARD:
                    self._users.pop(partition, None)
            await asyncio.sleep(0)

    async def drain(self) -> None:
        """Wait until what was learned is kept."""
        await self._behind.drain()

    async def _kept(self, work: Awaitable[Any]) -> None:
        try:
            await work
        except StoreError as error:
            self._observer.store_failed("learn", error)


def _is_plain(ask: Ask) -> bool:
    """Whether the answer is about the credential's own user, no parameter (as_user_id!) turns it into another's, and
    its partition holds nobody else's.
    """
    secret = {place.name for place in ask.plan.upstream.adapter.credential_places if place.where == "query"}
    is_own = ask.identity.travels and ask.identity.partition == ask.identity.credential
    return is_own and not ask.sent.body and all(name in secret for name, _ in ask.sent.query)
