"""Refusals: what only the provider finds wrong with some of many things, told by their places."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from adapters import Batch, Fault, Received
from policies.http.fields import as_mapping
from proxy.answers import Answer
from proxy.asking import Ask
from proxy.errors import LarderError, RefusedItems
from proxy.flights.landing import REFUSED_TOGETHER
from proxy.upstream.reading import TooDeep, parsed

MOST_TEXT = 200  # characters of a provider's words


class Refused(NamedTuple):
    """Those of many things that were refused."""

    faults: Mapping[int, Sequence[Fault]]  # what is told of each, by its place
    status: int  # of their refusals, where that is one

    def error(self, *, may_be_lenient: bool) -> RefusedItems:
        """What a caller is told who wants all or nothing."""
        return RefusedItems(self.faults, self.status, may_be_lenient=may_be_lenient)


def refusal(batch: Batch, answer: Answer) -> str | None:
    """Why one thing was refused, in its provider's words; None: it was not, or that is not about the thing."""
    if answer.status < 400 or answer.stream is not None:
        return None
    try:
        body = parsed(answer.body)
    except TooDeep:
        body = None
    said = batch.refusal(Received(answer.status, as_mapping(answer.fields), answer.body, body))
    return None if said is None else _one_line(said)


def is_given_up(answer: Answer) -> bool:
    """Whether a thing was refused together with others, and nobody knows whether for its own sake."""
    return answer.cache.detail == REFUSED_TOGETHER.detail


def refused(batch: Batch, places: Iterable[int], found: Iterable[tuple[Ask, Answer | LarderError]]) -> Refused:
    """Those that were refused, and what is told of them. Nothing is, where one answer is that of all: there is only one
    thing, or everything is refused, whatever it is.
    """
    told: dict[int, Sequence[Fault]] = {}
    statuses: set[int] = set()
    things = alone = 0
    for at, (ask, outcome) in zip(places, found, strict=True):
        things += 1
        said = None if isinstance(outcome, LarderError) else refusal(batch, outcome)
        if said is not None and not isinstance(outcome, LarderError):
            told[at] = [Fault("", f"[{at}]: {_told(ask.plan.upstream.name, outcome, said)}")]
            statuses.add(outcome.status)
            alone += not is_given_up(outcome)
    is_of_all = len(told) == things and (things == 1 or not alone)
    return Refused({} if is_of_all else told, min(statuses) if len(statuses) == 1 else 400)


def _told(upstream: str, answer: Answer, said: str) -> str:
    if is_given_up(answer):
        return f"{upstream} refused it with others ({answer.status}), too many of which are wrong to try each"
    return f"{upstream} refused it ({answer.status}){': ' if said else ''}{said}"


def _one_line(text: str) -> str:
    words = " ".join(text.split())
    return "".join(character if character.isprintable() else "?" for character in words[:MOST_TEXT])
