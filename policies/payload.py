"""Payload: whether an answer may take the place of the stored one, or looks like a mistake of the upstream's.

A 200 that is well-formed can still be wrong: a list that is empty while a database is restored, another object under
the same address, a state that a lagging replica has not left yet. Such an answer is doubted, not lost: it is believed
when it comes again and again, when somebody says so, or when a notification said that something changed.
"""

from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from pydantic import Field
from pydantic.dataclasses import dataclass

from policies.declaring import SECOND, STRICT, Duration, Ratio

FEWEST = 2  # rows; that the only one goes is an ordinary day, and that both do is none

NOTHING: Mapping[str, str | None] = {}


class Doubt(StrEnum):
    """Why an answer is not believed."""

    SHRANK = "collection-shrank"  # a collection lost more of its rows than may go at once
    OTHER_ID = "other-id"  # another object than the stored one, or than the one that was asked for
    OLDER = "older-than-stored"  # an earlier state than the stored one, by its own `updated_at`
    INCOMPLETE = "pages-incomplete"  # not all pages of a collection are of one state


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PayloadPolicy:
    """When an answer is doubted, and what it takes to be believed all the same."""

    shrink: Ratio = 0.5  # a collection may lose so much of its rows at once; 1: all
    floor: int = Field(default=5, ge=1)  # collections of fewer stored rows are looked at only once they are empty
    same_id: bool = True  # an object keeps its id
    newer: bool = True  # an object does not get older
    repeats: int = Field(default=3, ge=0)  # refreshes that have to bring the same change; 0: no number is enough
    apart: Duration = 10 * SECOND  # those that are closer together count as one


class Holding(NamedTuple):
    """What an answer holds, as far as it is compared: a collection, or one object."""

    rows: int | None = None  # of a collection; None: it is one object
    versions: Mapping[str, str | None] = NOTHING  # id → `updated_at` (ISO 8601), where it says so
    asked: Collection[str] = ()  # forms of the id that an object was asked for by; none: the request does not say


class Doubted(NamedTuple):
    """A doubt, and what it is about: the same change again has the same parts."""

    doubt: Doubt
    change: tuple[str, ...]


def doubted(before: Holding | None, after: Holding, policy: PayloadPolicy) -> Doubted | None:
    """What speaks against `after` in the place of `before` (None: nothing is stored); None: nothing does."""
    if policy.same_id and _is_another(before, after):
        return Doubted(Doubt.OTHER_ID, tuple(sorted(after.versions)))
    if before is None or (before.rows is None) is not (after.rows is None):
        return None
    if _has_shrunk(before, after, policy):
        return Doubted(Doubt.SHRANK, (str(after.rows), *sorted(after.versions)))
    if policy.newer:
        older = [one for one, said in after.versions.items() if is_earlier(said, before.versions.get(one))]
        if older:
            return Doubted(Doubt.OLDER, tuple(f"{one} {after.versions[one]}" for one in sorted(older)))
    return None


def is_earlier(instant: str | None, other: str | None) -> bool:
    """Whether an ISO 8601 instant is before another; False where one is missing or none. Without a zone it is UTC."""
    if instant is None or other is None or instant == other:
        return False
    try:
        return _instant(instant) < _instant(other)
    except ValueError:
        return False


def _is_another(before: Holding | None, after: Holding) -> bool:
    """Whether an answer is about another object. Nothing is known of one without an id."""
    if after.rows is not None or not after.versions:
        return False
    ids = after.versions.keys()
    if after.asked and ids.isdisjoint(after.asked):
        return True
    return before is not None and before.rows is None and bool(before.versions) and ids.isdisjoint(before.versions)


def _has_shrunk(before: Holding, after: Holding, policy: PayloadPolicy) -> bool:
    if before.rows is None or after.rows is None:
        return False
    is_small = before.rows < policy.floor and (after.rows > 0 or before.rows < FEWEST)
    return not is_small and before.rows - after.rows > before.rows * policy.shrink


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo is not None else instant.replace(tzinfo=UTC)
