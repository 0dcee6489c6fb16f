"""Writes: what is done for a request that may change something, beside sending it once."""

from pydantic.dataclasses import dataclass

from policies.declaring import DAY, MINUTE, STRICT, Duration


@dataclass(frozen=True, kw_only=True, config=STRICT)
class WritesPolicy:
    """What is looked at before a write is sent, and what is done once it is over. Each can be switched off."""

    check_body: bool = True  # its body, where the adapter declares what the endpoint takes
    preconditions: bool = True  # If-Match and the like, against the live state, where the adapter declares what counts
    idempotency: Duration = DAY  # how long an Idempotency-Key is remembered, in seconds; 0: the header is passed on
    refresh_hot: Duration = 5 * MINUTE  # what it purged and was read within so many seconds is fetched anew; 0: nothing
