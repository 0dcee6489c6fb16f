"""Validating: asking the upstream whether what is stored still holds, and reading its answer (RFC 9111 §4.3)."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from policies.http.etags import is_strong, parse_etags, weakly_equal
from policies.http.fields import Fields
from policies.http.validation import freshens, validators
from proxy.asking import Ask
from proxy.messages import Entry
from proxy.upstream.messages import Reply

_TESTS = frozenset({"If-None-Match", "If-Modified-Since"})
_RANGE = (("range", "Range"), ("if-range", "If-Range"))


class Stored(NamedTuple):
    """What is stored already of what is to be fetched."""

    chosen: Entry | None = None  # the one that was found for the ask
    siblings: tuple[Entry, ...] = ()  # variants for other asks
    may_cover: bool = False  # the chosen one may stand in for an error
    conditions: Fields = ()  # under which the upstream is asked
    part: Entry | None = None  # the beginning of the answer, where the rest of it is asked for


def preconditions(ask: Ask, chosen: Entry | None, siblings: Sequence[Entry]) -> Fields:
    """The preconditions and the range under which the upstream is asked: what is stored, and what the caller has.

    A variant for other asks lends nothing but a strong tag: a date or a weak tag may be true of several variants, and
    say nothing of which of them this ask would get. A declared cache asks for whole answers, on its own account. What a
    provider's terms end is fetched as a whole again: a 304 would make the same content last longer than they allow.
    """
    if ask.plan.terms:
        return ()
    if not ask.goes_by_headers:
        return validators([chosen.headers], {}) if chosen is not None else ()
    if chosen is None and not siblings and not ask.conditions:
        return ()
    return (*validators(_lent(chosen, siblings), ask.conditions), *range_of(ask))


def range_of(ask: Ask) -> Fields:
    """The part that is asked for, where the upstream is to choose it."""
    if not ask.goes_by_headers:
        return ()
    return tuple((name, ask.conditions[lower]) for lower, name in _RANGE if lower in ask.conditions)


def is_for_caller(ask: Ask, reply: Reply, stored: Stored) -> bool:
    """Whether a 304 answers the caller's own conditions, and none of the store's (RFC 9111 §4.3.2)."""
    if not ask.goes_by_headers:
        return False
    lent = _lent(stored.chosen, stored.siblings)
    tags, tag = parse_etags(ask.conditions.get("if-none-match", "")) or (), reply.headers.get("etag")
    if not validators(lent, {}):
        return not ask.conditions.keys().isdisjoint(("if-none-match", "if-modified-since"))
    if tag is None or not any(weakly_equal(tag, one) for one in tags):
        return False
    return not any(weakly_equal(tag, one.get("etag", "")) for one in lent)


def selected(reply: Reply, stored: Stored) -> list[Entry]:
    """Which stored answers a 304 is about, the chosen one first if it is among them (RFC 9111 §4.3.4)."""
    asked = tuple(field for field in stored.conditions if field[0] in _TESTS)
    entries = [] if stored.chosen is None else [stored.chosen]
    if is_strong(reply.headers.get("etag")):
        entries += stored.siblings
    return [entries[index] for index in freshens(reply.headers, [entry.headers for entry in entries], asked)]


def is_out_of_place(reply: Reply, sent: Fields) -> bool:
    """Whether a 304 came though nobody asked under a condition: it answers nothing (RFC 9110 §15.4.5)."""
    return reply.status == 304 and all(name not in _TESTS for name, _ in sent)


def _lent(chosen: Entry | None, siblings: Sequence[Entry]) -> list[Mapping[str, str]]:
    """Header fields with the validators that may be named upstream."""
    mine = chosen.headers if chosen is not None else None
    if mine is not None and "etag" not in mine and "last-modified" in mine:
        return [mine]  # its date would not be looked at beside tags (RFC 9110 §13.1.3)
    tags = [entry.headers.get("etag") for entry in siblings]
    others: list[Mapping[str, str]] = [{"etag": tag} for tag in tags if tag is not None and is_strong(tag)]
    return others if mine is None else [mine, *others]
