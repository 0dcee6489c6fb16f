"""Halving: whose fault it is that a call for many was refused, found by asking for fewer and fewer of them.

refused ─▶ two halves, each asked anew ─▶ answered: they are told
                                       ├─ refused, one alone: it is told
                                       └─ refused, several: halved again; given up where too many are refused apart
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

MOST_CULPRITS = 7
"""That are looked for in one call. One in a hundred costs 14 calls more, seven cost 70 at most. Where all of a call is
refused, whatever is in it, three rounds tell: 2 + 4 + 8 calls."""
FEW = 4
"""So many are asked for one by one, since halves would take as many calls."""

A = TypeVar("A")
T = TypeVar("T")


class Told(NamedTuple, Generic[A, T]):
    """What those who went in one call were told."""

    group: Sequence[A]
    what: T
    is_given_up: bool = False  # a refusal, and whose fault it is was not found out


async def halved(
    group: Sequence[A], first: T, ask: Callable[[Sequence[A]], Awaitable[T]], is_refusal: Callable[[T], bool]
) -> AsyncIterator[Told[A, T]]:
    """What each of a group is told in the end, where all of it was told `first`; as soon as it is known.

    Each group that is refused has at least one culprit of its own, so with more of them than MOST_CULPRITS there are
    too many: those whose part in it is not known by then are given up.
    """
    told, refused = _parted([(group, first)], is_refusal)
    culprits = 0
    while True:
        for one, what in told:
            culprits += is_refusal(what)
            yield Told(one, what)
        if not refused or len(refused) + culprits > MOST_CULPRITS:
            break
        groups = [half for one, _ in refused for half in _divided(one)]
        told, refused = _parted(zip(groups, await asyncio.gather(*map(ask, groups)), strict=True), is_refusal)
    for one, what in refused:
        yield Told(one, what, is_given_up=True)


def _parted(
    outcomes: Iterable[tuple[Sequence[A], T]], is_refusal: Callable[[T], bool]
) -> tuple[list[tuple[Sequence[A], T]], list[tuple[Sequence[A], T]]]:
    """Those of which is known what they are told; and those of which it is not: refused, but not alone."""
    known: list[tuple[Sequence[A], T]] = []
    unknown: list[tuple[Sequence[A], T]] = []
    for group, what in outcomes:
        (unknown if len(group) > 1 and is_refusal(what) else known).append((group, what))
    return known, unknown


def _divided(group: Sequence[A]) -> list[Sequence[A]]:
    """In halves; a few one by one, which costs no more calls, and less time."""
    if len(group) <= FEW:
        return [group[at : at + 1] for at in range(len(group))]
    middle = (len(group) + 1) // 2
    return [group[:middle], group[middle:]]
