"""The price meter: what each key would pay, by SKU, with Autocomplete sessions settled as Google does.

open ── autocomplete ──▶ open ── validateAddress or details ──▶ ended; a token used again afterwards is no session
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import Enum
from typing import Any


class Sku(Enum):
    """A priced product: its name, and USD per 1,000 in the first paid tier, None where §9 has no price."""

    VALIDATION_PRO = ("Address Validation Pro", 17.0)
    VALIDATION_ENTERPRISE = ("Address Validation Enterprise", 25.0)
    GEOCODING = ("Geocoding", 5.0)
    AUTOCOMPLETE = ("Autocomplete Requests", 2.83)
    SESSION = ("Autocomplete Session Usage", 0.0)
    DETAILS_IDS = ("Place Details Essentials (IDs only)", 0.0)
    DETAILS_ESSENTIALS = ("Place Details Essentials", 5.0)
    DETAILS_PRO = ("Place Details Pro", 17.0)
    DETAILS_ENTERPRISE = ("Place Details Enterprise", 20.0)
    DETAILS_ATMOSPHERE = ("Place Details Enterprise + Atmosphere", 25.0)
    TEXT_IDS = ("Text Search Essentials (IDs only)", 0.0)
    TEXT_PRO = ("Text Search Pro", 32.0)
    TEXT_ENTERPRISE = ("Text Search Enterprise", 35.0)
    NEARBY = ("Nearby Search", None)
    LEGACY_AUTOCOMPLETE = ("Autocomplete (legacy)", None)
    LEGACY_DETAILS = ("Place Details (legacy)", None)
    LEGACY_SEARCH = ("Place Search (legacy)", None)

    def __init__(self, title: str, per_thousand: float | None) -> None:
        self.title = title
        self.per_thousand = per_thousand


# A session that ends in details of these pays for its first autocompletes (UPSTREAMS.md §9)
_ESSENTIALS = {Sku.DETAILS_IDS, Sku.DETAILS_ESSENTIALS}
BILLED_BEFORE_ESSENTIALS = 12


@dataclass
class Session:
    autocompletes: int = 0
    is_open: bool = True


class PriceMeter:
    """Counts what would be billed. `consumer` is the project a credential belongs to."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, Sku]] = Counter()
        self._sessions: dict[tuple[str, str], Session] = {}

    def bill(self, consumer: str, sku: Sku, times: int = 1) -> None:
        self._counts[consumer, sku] += times

    def autocomplete(self, consumer: str, token: str) -> None:
        """A keystroke: inside an open session it waits for how the session ends."""
        session = self._sessions.setdefault((consumer, token), Session()) if token else Session(is_open=False)
        if session.is_open:
            session.autocompletes += 1
        else:
            self.bill(consumer, Sku.AUTOCOMPLETE)

    def validated(self, consumer: str, token: str) -> None:
        """A validation: Enterprise when it ends a session, whose autocompletes are then free; else Pro."""
        if self._end(consumer, token) is None:
            self.bill(consumer, Sku.VALIDATION_PRO)
            return
        self.bill(consumer, Sku.SESSION)
        self.bill(consumer, Sku.VALIDATION_ENTERPRISE)

    def detailed(self, consumer: str, token: str, sku: Sku) -> None:
        """Place details, which may end a session."""
        session = self._end(consumer, token)
        self.bill(consumer, sku)
        if session is None:
            return
        if sku in _ESSENTIALS:
            self.bill(consumer, Sku.AUTOCOMPLETE, min(session.autocompletes, BILLED_BEFORE_ESSENTIALS))
        else:
            self.bill(consumer, Sku.SESSION)

    def statement(self) -> dict[str, Any]:
        """Per consumer: requests by SKU, sessions, and USD at list price before free caps.

        Autocompletes of a session still open are billed as if it were abandoned, one by one.
        """
        consumers = sorted({consumer for consumer, _ in (*self._counts, *self._sessions)})
        return {consumer: self._account(consumer) for consumer in consumers}

    def _account(self, consumer: str) -> dict[str, Any]:
        counts = Counter({sku: count for (whose, sku), count in self._counts.items() if whose == consumer})
        sessions = [session for (whose, _), session in self._sessions.items() if whose == consumer]
        waiting = sum(session.autocompletes for session in sessions if session.is_open)
        counts[Sku.AUTOCOMPLETE] += waiting
        usd = sum((sku.per_thousand or 0.0) * count / 1000 for sku, count in counts.items())
        return {
            "requests": {sku.title: count for sku, count in counts.items() if count},
            "sessions": {
                "open": sum(session.is_open for session in sessions),
                "ended": sum(not session.is_open for session in sessions),
            },
            "usd": round(usd, 5),
        }

    def _end(self, consumer: str, token: str) -> Session | None:
        session = self._sessions.get((consumer, token))
        if session is None or not session.is_open:
            return None
        session.is_open = False
        return session
