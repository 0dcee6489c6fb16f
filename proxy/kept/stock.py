"""Stock: what lies on the shelf around an ask, beyond the answer that was chosen for it: which validators are worth
sending, and what callers share a flight by.
"""

from collections.abc import Hashable

from proxy.asking import Ask
from proxy.kept.finding import Found
from proxy.kept.parts import PARTIAL, rest_of
from proxy.kept.shelf import Shelf
from proxy.kept.validating import Stored, preconditions
from proxy.kept.variants import is_marker, siblings, variant_keys
from proxy.messages import Entry
from proxy.store.fences import Validity


class Stock:
    """Looks at memory only. Does not wait."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def flight_of(self, ask: Ask, stored: Stored) -> tuple[Hashable, ...]:
        """What callers share a flight by: the key, the credential, and what the upstream is asked beside. Variants that
        are known to differ do not wait for each other.
        """
        marker = self.marker_of(ask)
        key = ask.key if marker is None else next(variant_keys(ask, marker), ask.key)
        return key, ask.identity.credential, stored.conditions

    def marker_of(self, ask: Ask) -> Entry | None:
        """What says by which header fields the answers differ, if any does."""
        if ask.key is None or not ask.plan.upstream.adapter.by_headers:
            return None
        marker = self._shelf.look(ask.key)
        return marker if marker is not None and is_marker(marker) else None

    def stored_for(self, ask: Ask, found: Found | None) -> Stored:
        """Everything of this target whose validators are worth sending (RFC 9111 §4.3.1)."""
        chosen = found.entry if found is not None and self._is_left(found.entry) else None
        others: tuple[Entry, ...] = ()
        if ask.goes_by_headers and (chosen is None or chosen.status != PARTIAL):
            variants = siblings(self.marker_of(ask), self._shelf.look)
            others = tuple(one for one in variants if one != chosen and one.status != PARTIAL and self._is_left(one))
        if chosen is None and not others and not ask.conditions and ask.goes_by_headers and ask.key is not None:
            part = self._shelf.look(ask.part_key(ask.key))
            rest = rest_of(part) if part is not None and self._shelf.validity(part) is Validity.CURRENT else ()
            if rest:
                return Stored(conditions=rest, part=part)
        may_cover = found is not None and found.may_cover(disconnected=False)
        return Stored(chosen, others, may_cover, preconditions(ask, chosen, others))

    def _is_left(self, entry: Entry) -> bool:
        """Whether anything is left of an entry, if only its validators."""
        return self._shelf.validity(entry) is not Validity.HARD
