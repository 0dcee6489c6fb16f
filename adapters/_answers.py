"""What every adapter asks of a success before it trusts it: a 200 is not yet an answer (UPSTREAMS.md §1.3)."""

import math
from collections.abc import Mapping

from adapters._exchanges import NOT_JSON, Kind, Received, Verdict

NOT_WHAT_IT_SAYS = Verdict(Kind.UNUSABLE, detail="not-json")
_REFUSALS = frozenset({401, 403, 404, 410})
ERROR_INSIDE = Verdict(Kind.UNUSABLE, detail="error-inside")


def is_success(received: Received) -> bool:
    """Whether the status code claims a success with a body of its own."""
    return 200 <= received.status < 300


def is_unreadable(received: Received) -> bool:
    """Whether a body should have been JSON but is not. Other media (XML, files) and unread bodies are left alone."""
    if received.json is not NOT_JSON or not received.body:
        return False
    media_type = _media_type(received)
    return not media_type or media_type.startswith("text/") or media_type.endswith("json")


def _media_type(received: Received) -> str:
    return received.headers.get("content-type", "").partition(";")[0].strip().lower()


def is_of_another(received: Received) -> bool:
    """Whether a refusal is a page of whoever stands before a provider that refuses in JSON: a firewall, a balancer.
    It is no word on what may be seen, or is there.
    """
    is_page = is_unreadable(received) or (not received.body and _media_type(received) == "text/html")  # to HEAD, say
    return received.status in _REFUSALS and is_page


def finite(text: str | None) -> float | None:
    """The number a header gives; None when it gives none."""
    try:
        number = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def canonical_content_type(value: str) -> str:
    """A media type without what JSON makes redundant: case, and that it is UTF-8 (RFC 8259 §8.1)."""
    kind, *parameters = (part.strip() for part in value.split(";"))
    kept = sorted(parameter for parameter in parameters if parameter.lower() not in ("", "charset=utf-8"))
    return "; ".join([kind.lower(), *kept])


def header_number(headers: Mapping[str, str], name: str) -> float | None:
    """The number in a response header; None when there is none."""
    return finite(headers.get(name))
