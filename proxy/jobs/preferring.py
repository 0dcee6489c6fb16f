"""Preferring: whether a caller would rather be answered later, and how long it waits for an answer until then."""

from multidict import MultiMapping

from policies.deadline import caller_budget
from policies.preferences import preferences

LONGEST_WAIT = 60.0  # seconds


def wait_of(headers: MultiMapping[str]) -> float | None:
    """Seconds to wait for an answer before the request becomes a job; None: it is to be answered at once.

    `Prefer: respond-async, wait=5`; how long a caller waits at all (`X-Request-Timeout`) bounds it.
    """
    preferred = preferences(headers.getall("Prefer", ()))
    if not preferred.respond_async:
        return None
    if preferred.wait is None:
        return 0.0
    budget = caller_budget(headers)
    return min(preferred.wait, LONGEST_WAIT, LONGEST_WAIT if budget is None else budget)
