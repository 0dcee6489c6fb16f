"""POST /v1/addresses/verify: each address by the first provider that gives an answer, whatever that answer is.

choose ─▶ each: malformed? ─▶ the first provider that takes it ─▶ all of one provider's together
       ─▶ those without an answer: the next provider ─▶ one answer for all
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from adapters import Address, Objection
from proxy.answers import Answer
from proxy.batches.batching import Batching
from proxy.breathing import breathing
from proxy.errors import SHORTEST_WAIT, LarderError, NothingCached, by_itself
from proxy.plan import UpstreamPlan
from proxy.typed.address_models import (
    WHOLE,
    FieldProblem,
    ItemProblem,
    Result,
    Unfit,
    Verifications,
    VerifiedItem,
    Verify,
)
from proxy.typed.asking import Asking, Lookups
from proxy.typed.errors import FieldError, InvalidFields, NoProvider, ProviderRefused
from proxy.typed.patience import Patience, patience_of
from proxy.typed.provenance import answer_of, provenance
from proxy.typed.providers import ELSEWHERE, Good, chosen, good, together, verifiers
from proxy.typed.routes import Wish
from proxy.typed.visitors import credentials
from proxy.typed.work import Reached

_FOR_GOOD = (InvalidFields, NothingCached, ProviderRefused)  # the same another time, whoever is asked
MOST_NAMED = 100  # errors of one request; each address has its own all the same


@dataclass
class _Item:
    """One address under way."""

    index: int
    asked: Address | Unfit
    left: list[UpstreamPlan] = field(default_factory=list)  # providers that may yet be asked
    objection: Objection | None = None  # of the first that does not take it
    found: Good | None = None
    errors: list[LarderError] = field(default_factory=list)  # of the providers that were asked, in turn


class Observer(Protocol):
    """Who wants to know that providers stand in for each other."""

    def failed_over(self, upstream: str, to: str, word: str) -> None:
        """One address is asked of another provider. `word`: why, a fixed one."""


class Verifying:
    """Verifies addresses."""

    def __init__(
        self, batching: Batching, observer: Observer, clock: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        """`clock` tells seconds since the epoch."""
        self._batching = batching
        self._observer = observer
        self._clock = clock
        self._monotonic = monotonic

    async def verify(self, wish: Wish) -> Answer:
        """The answer to all. Raises LarderError where none of them has one."""
        asked: Verify = wish.body
        visitor = wish.visitor
        providers = chosen(visitor, verifiers(visitor.plans), asked.providers, "verify addresses")
        items = [_item(index, one, providers) for index, one in enumerate(asked.items)]
        asking = Asking(self._batching, visitor, credentials(visitor, providers))
        patience, calls, rounds = patience_of(visitor.headers, self._monotonic), 0, 0
        reached = Reached(wish.work)
        while groups := _groups(items):
            if rounds and patience.is_over:
                break  # but what is stored costs no time
            rounds += 1
            asked_now = [self._round(asking, upstream, some, patience, reached) for upstream, some in groups]
            calls += sum(await asyncio.gather(*asked_now))
            reached.over(sum(not item.left for item in items))
        found = [item.found.answer for item in items if item.found is not None]
        wish.work.used((item.found.ask, item.found.answer) for item in items if item.found is not None)
        shown = [self._shown(item) async for item in breathing(items)]
        if not found:
            raise _none(items, shown, calls, is_one=asked.address is not None)
        return answer_of(Verifications(results=tuple(shown)).model_dump_json().encode(), found, calls)

    async def _round(
        self, asking: Asking, upstream: UpstreamPlan, items: Sequence[_Item], patience: Patience, reached: Reached
    ) -> int:
        """Ask one provider for some; how many calls that took."""
        verification = upstream.adapter.verification
        assert verification is not None  # noqa: S101 - only such are chosen
        lookups = [verification.ask(item.asked) for item in items if isinstance(item.asked, Address)]
        wanted = Lookups(upstream, verification.route, verification.many, lookups)
        share = patience.share(max(len(item.left) for item in items))
        each = await asking.answers(wanted, share, reached.came)
        now = self._clock()
        async for item, (ask, outcome) in breathing(zip(items, each.found, strict=True)):
            del item.left[0]
            try:
                item.found = await good(ask, outcome, now)
            except LarderError as error:
                item.errors.append(by_itself(error))
                if not isinstance(error, ELSEWHERE):
                    item.left = []
                if item.left and not patience.is_over:
                    self._observer.failed_over(upstream.name, item.left[0].name, error.word)
        return each.calls

    def _shown(self, item: _Item) -> VerifiedItem:
        if item.found is not None and isinstance(item.asked, Address):
            result = _result(item.found, item.asked, self._clock())
            return VerifiedItem(index=item.index, id=item.asked.id, result=result)
        return VerifiedItem(index=item.index, id=item.asked.id, problem=_problem_of(item))


def _item(index: int, asked: Address | Unfit, providers: Sequence[UpstreamPlan]) -> _Item:
    item = _Item(index, asked)
    if isinstance(asked, Unfit):
        return item
    for upstream in providers:
        verification = upstream.adapter.verification
        assert verification is not None  # noqa: S101 - only such are chosen
        objection = verification.objection(asked)
        if objection is None:
            item.left.append(upstream)
        else:
            item.objection = item.objection or objection
    return item


def _groups(items: Sequence[_Item]) -> list[tuple[UpstreamPlan, list[_Item]]]:
    """Those that have no answer yet, by whom they ask next."""
    groups: dict[str, tuple[UpstreamPlan, list[_Item]]] = {}
    for item in items:
        if item.found is None and item.left:
            groups.setdefault(item.left[0].name, (item.left[0], []))[1].append(item)
    return list(groups.values())


def _result(found: Good, asked: Address, now: float) -> Result:
    upstream = found.ask.plan.upstream
    assert upstream.adapter.verification is not None  # noqa: S101 - it was asked by it
    finding = upstream.adapter.verification.read(found.json, asked)
    return Result(**dict(finding), provider=upstream.name, cache=provenance(found.ask, found.answer, now))


def _error_of(item: _Item) -> LarderError:
    """Why it has no answer."""
    if isinstance(item.asked, Unfit):
        return InvalidFields(item.asked.errors)
    if item.errors:
        return item.errors[-1]
    if item.objection is not None and not item.left:
        return InvalidFields([FieldError(item.objection.field, f"has to be {item.objection.right}")])
    return NoProvider()


def _problem_of(item: _Item) -> ItemProblem:
    """Why it has no answer, as it is told."""
    last = _error_of(item)
    return item_problem(LarderError(together(item.errors)) if isinstance(last, ELSEWHERE) else last)


def item_problem(error: LarderError) -> ItemProblem:
    """An error, as it stands among answers."""
    told = error.problem
    errors: Sequence[Mapping[str, str]] = told.more.get("errors", ())
    fields = tuple(FieldProblem(**one) for one in errors)
    return ItemProblem(
        type=told.type,
        title=told.title,
        status=told.status,
        detail=told.detail,
        errors=fields,
        retry_after=told.retry_after,
    )


def _named(item: VerifiedItem, *, is_one: bool) -> list[FieldError]:
    """What is wrong with one address, by its place in the request."""
    place = WHOLE if is_one else f"addresses.{item.index}"
    errors = item.problem.errors if item.problem is not None else ()
    return [FieldError(place if one.field == WHOLE else f"{place}.{one.field}", one.detail) for one in errors]


def _none(items: Sequence[_Item], shown: Sequence[VerifiedItem], calls: int, *, is_one: bool) -> LarderError:
    """What is told where no address has an answer: that is the caller's doing, or nobody could be asked. `calls`: that
    were made all the same.
    """
    errors = [_error_of(item) for item in items]
    results = [one.model_dump(mode="json") for one in shown]
    asked = [error for error in errors if not isinstance(error, InvalidFields)]
    if not asked:
        named = [error for item in shown for error in _named(item, is_one=is_one)]
        return InvalidFields(named[:MOST_NAMED], results=results)
    # To come again helps neither what is refused for what it is, nor whoever wants nothing but what is stored.
    told = next((error for error in asked if isinstance(error, ProviderRefused)), asked[0])
    if all(isinstance(error, ProviderRefused | NothingCached) for error in asked):
        none = LarderError(replace(told.problem, more={"results": results}))
    else:
        told = next(error for error in asked if not isinstance(error, ProviderRefused | NothingCached))
        tried = [item.problem for item, error in zip(shown, errors, strict=True) if not isinstance(error, _FOR_GOOD)]
        waits = [one.retry_after or SHORTEST_WAIT for one in tried if one is not None]
        none = NoProvider(min(waits, default=SHORTEST_WAIT), results=results)
    none.calls, none.word = calls, told.word
    return none
