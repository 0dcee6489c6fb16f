"""Validating: asking the upstream whether what is stored still holds, and reading its answer (RFC 9111 §4.3)."""

from collections.abc import Sequence

from policies.http.etags import parse_etags, weakly_equal
from policies.http.fields import Fields
from policies.http.validation import freshens, validators
from proxy.asking import Ask
from proxy.messages import Entry
from proxy.upstream.messages import Reply

_TESTS = frozenset({"If-None-Match", "If-Modified-Since"})
_RANGE = (("range", "Range"), ("if-range", "If-Range"))


def preconditions(ask: Ask, stored: Sequence[Entry]) -> Fields:
    """The preconditions and the range under which the upstream is asked: what is stored, and what the caller has.

    A declared cache asks for whole answers, on its own account.
    """
    headers = [entry.headers for entry in stored]
    if not ask.goes_by_headers:
        return validators(headers, {}) if stored else ()
    if not stored and not ask.conditions:
        return ()
    return (*validators(headers, ask.conditions), *range_of(ask))


def range_of(ask: Ask) -> Fields:
    """The part that is asked for, where the upstream is to choose it."""
    if not ask.goes_by_headers:
        return ()
    return tuple((name, ask.conditions[lower]) for lower, name in _RANGE if lower in ask.conditions)


def is_for_caller(ask: Ask, reply: Reply, stored: Sequence[Entry]) -> bool:
    """Whether a 304 answers the caller's own conditions, and none of the store's (RFC 9111 §4.3.2)."""
    if not ask.goes_by_headers:
        return False
    tags, tag = parse_etags(ask.conditions.get("if-none-match", "")) or (), reply.headers.get("etag")
    if not validators([entry.headers for entry in stored], {}):
        return not ask.conditions.keys().isdisjoint(("if-none-match", "if-modified-since"))
    if tag is None or not any(weakly_equal(tag, one) for one in tags):
        return False
    return not any(weakly_equal(tag, entry.headers.get("etag", "")) for entry in stored)


def selected(reply: Reply, stored: Sequence[Entry], sent: Fields) -> list[Entry]:
    """Which stored answers a 304 is about, the one that was found for this ask first if it is among them.

    `sent`: the preconditions that the upstream was asked under.
    """
    asked = tuple(field for field in sent if field[0] in _TESTS)
    newest = sorted(stored, key=lambda entry: entry.stored_at, reverse=True)
    picked = [newest[index] for index in freshens(reply.headers, [entry.headers for entry in newest], asked)]
    return sorted(picked, key=lambda entry: entry is not stored[0])


def is_out_of_place(ask: Ask, reply: Reply, sent: Fields) -> bool:
    """Whether a 304 came though nobody asked under a condition: it answers nothing (RFC 9110 §15.4.5)."""
    return reply.status == 304 and ask.goes_by_headers and all(name not in _TESTS for name, _ in sent)
