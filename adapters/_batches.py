"""Reads of many things, each of which could be read alone; and what is wrong with one of them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from adapters._exchanges import Query, Received, Sent


class Fault(NamedTuple):
    """One field that is wrong, or is not what it was. Names and fixed words only, never a value."""

    field: str  # its own name: "name"
    message: str  # what is wrong, with the place of it as its sender wrote it: "course[name]: must not be blank"
    code: str = "invalid"


Faults = Mapping[int, Sequence[Fault]]
"""What is wrong with some of many things, by their places, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """A read by POST of many things, each of which could be read alone: each is looked up, kept and sent by itself."""

    single: str  # the route, of the same path, by which one is read
    most: int  # things in one call
    most_bytes: int  # of its body
    common: frozenset[str]  # parameters of its query: they are said once, for all of its things
    split: Callable[[Sent], Sequence[Query] | None]  # the query by which each is read; None: the upstream is to judge
    pack: Callable[[Query], Mapping[str, Any] | None]  # such a query as it stands in a body; None: it cannot
    share: Callable[[Any, int], Sequence[Any] | None]  # (answer, how many) → each one's; None: it does not fit
    place: Callable[[Any, int], Sequence[Any]]  # (one's answer, its place) → what the answer of all has of it
    faults: Callable[[Sent], Faults]  # what the provider is sure to refuse, and with it all of the batch
    less: Callable[[Sent, Collection[int]], Sent]  # the same without the things at these places
    mark: Callable[[Sent, int, Sequence[Fault]], Any]  # what an answer says in the place of a thing with faults
    # What an answer says is wrong with what was asked for, in the provider's words, "" where it has none; None: it is
    # about something else (the credential, a limit, the upstream itself), and asking for fewer would not help.
    refusal: Callable[[Received], str | None]
