"""What the Smarty stand-in remembers: its accounts, its settings, and how many lookups each account has used."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass as checked

from sandbox.settings import STRICT, changed
from sandbox.smarty.refusals import Refusal

CORE = "us-core-cloud"
ROOFTOP = "us-rooftop-geocoding-cloud"
STANDARD = "us-standard-cloud"


@dataclass(frozen=True)
class Account:
    auth_id: str
    auth_token: str
    embedded_key: str
    host: str  # where the embedded key may be used from
    licences: tuple[str, ...]  # the first is used when a request names none


ACCOUNTS = (
    Account("sandbox-id", "sandbox-token", "sandbox-embedded-key", "app.example.edu", (CORE, ROOFTOP, STANDARD)),
    Account("sandbox-id-two", "sandbox-token-two", "sandbox-embedded-key-two", "two.example.edu", (STANDARD, CORE)),
)


@checked(frozen=True, kw_only=True, config=STRICT)
class SmartySettings:
    """`quota`: lookups an account may use, null = no limit. `throttle`: answer 429, with or without Retry-After
    (`retry_after`, whole seconds), `throttle_times` times or, when null, until switched off. `lookups_per_second`:
    a leaky bucket per account, null = none."""

    quota: Annotated[int, Field(ge=0)] | None = None
    throttle: Literal["off", "retry_after", "no_retry_after"] = "off"
    throttle_times: Annotated[int, Field(ge=0)] | None = None
    retry_after: Annotated[int, Field(ge=0)] = 2
    lookups_per_second: Annotated[float, Field(gt=0)] | None = None


class State:
    """The running side of the stand-in. `clock`: seconds, only ever growing."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.settings = SmartySettings()
        self._clock = clock
        self._lookups: Counter[tuple[str, str]] = Counter()
        self._buckets: dict[str, tuple[float, float]] = {}  # auth id → (level in lookups, when it was that high)

    def configure(self, values: Mapping[str, Any]) -> None:
        """Change settings by name. UnknownField names one that does not exist, with the valid ones."""
        self.settings = changed(self.settings, dict(values))

    def charge(self, account: Account, api: str, lookups: int) -> None:
        """Count lookups against the account. Refusal: 429 when throttled, 402 when the quota is used up."""
        self._check_throttle()
        self._check_pace(account, lookups)
        quota = self.settings.quota
        if quota is not None and self.used(account) + lookups > quota:
            raise Refusal(402, "Payment Required: the lookups of this subscription are used up.")
        self._lookups[account.auth_id, api] += lookups

    def used(self, account: Account) -> int:
        return sum(count for (auth_id, _), count in self._lookups.items() if auth_id == account.auth_id)

    def facts(self) -> dict[str, Any]:
        """Who is who and what was used, for tests (`GET /_sandbox/state`)."""
        accounts = [
            {
                "auth_id": account.auth_id,
                "auth_token": account.auth_token,
                "embedded_key": account.embedded_key,
                "referer": f"https://{account.host}",
                "licences": list(account.licences),
                "lookups": {
                    api: count for (auth_id, api), count in self._lookups.items() if auth_id == account.auth_id
                },
                "lookups_used": self.used(account),
            }
            for account in ACCOUNTS
        ]
        return {"accounts": accounts}

    def _check_throttle(self) -> None:
        settings = self.settings
        if settings.throttle == "off" or settings.throttle_times == 0:
            return
        if settings.throttle_times is not None:
            self.configure({"throttle_times": settings.throttle_times - 1})
        raise throttled(settings.retry_after if settings.throttle == "retry_after" else None)

    def _check_pace(self, account: Account, lookups: int) -> None:
        rate = self.settings.lookups_per_second
        if rate is None:
            return
        now = self._clock()
        level, since = self._buckets.get(account.auth_id, (0.0, now))
        level = max(0.0, level - (now - since) * rate)
        if level > 0 and level + lookups > rate:  # an empty bucket takes any one request, or a batch could never pass
            self._buckets[account.auth_id] = (level, now)
            raise throttled(math.ceil((level + lookups - rate) / rate))
        self._buckets[account.auth_id] = (level + lookups, now)


def throttled(retry_after: int | None) -> Refusal:
    """A 429; `retry_after` in whole seconds, None = no header, on which the SDK dies (SDK_REQUESTS.md §5)."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Refusal(429, "Too Many Requests: the rate limit of this plan has been exceeded.", headers)
