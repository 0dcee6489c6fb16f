"""What the Google stand-in remembers: settings, the price meter, quotas by minute, and what was answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass as checked

from sandbox.google.billing import PriceMeter
from sandbox.google.troubles import ONCE, STREETS, Trouble, TroubleName
from sandbox.settings import STRICT, changed

# credential → the project it belongs to
KEYS: Mapping[str, str] = {"AIzaSandboxKey": "sandbox", "AIzaSandboxKeyTwo": "sandbox-two"}
OAUTH_TOKENS: Mapping[str, str] = {"sandbox-oauth-token": "sandbox"}
CLIENT_ID = "gme-sandbox"
SIGNING_SECRET = "c2FuZGJveC1zaWduaW5nLXNlY3JldA=="  # URL-safe Base64, as Google hands them out
MINUTE = 60.0


@checked(frozen=True, kw_only=True, config=STRICT)
class GoogleSettings:
    """`trouble`: every request fails so, `trouble_times` times or, when null, until switched off. `retry_info`: does a
    429 say when to come back. `unknown_error_status`, `invalid_request_status`: the HTTP status around these two
    classic ones, which Google has changed over time. `queries_per_minute`: per project, null = no limit."""

    trouble: TroubleName = "off"
    trouble_times: Annotated[int, Field(ge=0)] | None = None
    retry_info: bool = True
    unknown_error_status: Literal[200, 500] = 200
    invalid_request_status: Literal[200, 400] = 400
    queries_per_minute: Annotated[int, Field(ge=1)] | None = None


class State:
    """The running side of the stand-in. `clock`: seconds, only ever growing."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.settings = GoogleSettings()
        self.meter = PriceMeter()
        self._clock = clock
        self._minutes: Counter[tuple[str, int]] = Counter()
        self._met_once: set[str] = set()
        self._responses = 0
        self._feedback: Counter[str] = Counter()

    def configure(self, values: Mapping[str, Any]) -> None:
        """Change settings by name. UnknownField names one that does not exist, with the valid ones."""
        self.settings = changed(self.settings, dict(values))

    def trouble(self, consumer: str, text: str) -> Trouble | None:
        """What goes wrong with this request: a switch, a full quota, or a street in its `text`; None when nothing."""
        return self._switched() or self._over_quota(consumer) or self._by_street(text)

    def next_response_id(self) -> str:
        """A new one each time: that two answers differ proves that both were made here."""
        self._responses += 1
        return f"4cb4f5a2-0000-4000-8000-{self._responses:012d}"

    def feedback(self, conclusion: str) -> None:
        self._feedback[conclusion] += 1

    def facts(self) -> dict[str, Any]:
        """Credentials, the bill so far, and what was validated, for tests (`GET /_sandbox/state`)."""
        return {
            "keys": dict(KEYS),
            "oauth_tokens": dict(OAUTH_TOKENS),
            "client": {"id": CLIENT_ID, "signing_secret": SIGNING_SECRET},
            "bill": self.meter.statement(),
            "validations": self._responses,
            "feedback": dict(self._feedback),
        }

    def _switched(self) -> Trouble | None:
        settings = self.settings
        if settings.trouble == "off" or settings.trouble_times == 0:
            return None
        if settings.trouble_times is not None:
            self.configure({"trouble_times": settings.trouble_times - 1})
        return next(trouble for trouble in Trouble if trouble.switch == settings.trouble)

    def _over_quota(self, consumer: str) -> Trouble | None:
        limit = self.settings.queries_per_minute
        if limit is None:
            return None
        minute = int(self._clock() // MINUTE)
        self._minutes[consumer, minute] += 1
        return Trouble.OVER_QUERY_LIMIT if self._minutes[consumer, minute] > limit else None

    def _by_street(self, text: str) -> Trouble | None:
        asked = " ".join(text.lower().split())
        if ONCE in asked and asked not in self._met_once:
            self._met_once.add(asked)
            return Trouble.OVER_QUERY_LIMIT
        return next((trouble for street, trouble in STREETS.items() if street in asked), None)
