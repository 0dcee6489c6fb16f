"""GET /v1/addresses/autocomplete: what was typed, completed by the first provider that gives an answer."""

from collections.abc import Callable

from proxy.answers import Answer
from proxy.batches.batching import Batching
from proxy.errors import LarderError
from proxy.typed.address_models import Complete, Completions
from proxy.typed.asking import Asking, Lookups
from proxy.typed.errors import NoProvider
from proxy.typed.patience import patience_of
from proxy.typed.provenance import answer_of, provenance
from proxy.typed.providers import ELSEWHERE, Good, chosen, completers, good, together
from proxy.typed.routes import Wish
from proxy.typed.visitors import credentials


class Completing:
    """Completes addresses."""

    def __init__(self, batching: Batching, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        """`clock` tells seconds since the epoch."""
        self._batching = batching
        self._clock = clock
        self._monotonic = monotonic

    async def complete(self, wish: Wish) -> Answer:
        """The suggestions. Raises LarderError."""
        asked: Complete = wish.query
        visitor = wish.visitor
        providers = chosen(visitor, completers(visitor.plans), asked.providers, "complete addresses")
        asking = Asking(self._batching, visitor, credentials(visitor, providers))
        patience, calls = patience_of(visitor.headers, self._monotonic), 0
        errors: list[LarderError] = []
        for at, upstream in enumerate(providers):
            if at and patience.is_over:
                break  # but what is stored costs no time
            completion = upstream.adapter.completion
            assert completion is not None  # noqa: S101 - only such are chosen
            lookups = Lookups(upstream, completion.route, None, [completion.ask(asked)])
            each = await asking.answers(lookups, patience.share(len(providers) - at))
            calls += each.calls
            [(ask, outcome)] = each.found
            try:
                return self._answer(await good(ask, outcome, self._clock()), asked.limit, calls)
            except ELSEWHERE as failure:
                errors.append(failure)
        raise _none(errors, calls)

    def _answer(self, found: Good, limit: int, calls: int) -> Answer:
        upstream = found.ask.plan.upstream
        assert upstream.adapter.completion is not None  # noqa: S101 - it was asked by it
        suggestions = tuple(upstream.adapter.completion.read(found.json))[:limit]
        cache = provenance(found.ask, found.answer, self._clock())
        completions = Completions(provider=upstream.name, suggestions=suggestions, cache=cache)
        return answer_of(completions.model_dump_json().encode(), [found.answer], calls)


def _none(errors: list[LarderError], calls: int) -> LarderError:
    """What is told where nobody completes it. `calls`: that were made all the same."""
    none = LarderError(together(errors)) if errors else NoProvider()
    none.calls, none.word = calls, errors[-1].word if errors else none.word
    return none
