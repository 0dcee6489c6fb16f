"""Checking: whether what a write says is what its endpoint takes, before anything is sent."""

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from adapters import NOT_JSON, BadBody, Fault, Sent, Takes
from proxy.asking import Ask
from proxy.config.type_words import right
from proxy.writes.errors import InvalidBody, UnreadableBody

_MOST_TOLD = 20  # fields of one body


def check_body(ask: Ask) -> None:
    """Nothing where it fits, where nobody declared what fits, or where the operator does not want it looked at.

    Raises UnreadableBody (400) and InvalidBody (422), in whose texts stands nothing of what was sent.
    """
    takes = ask.plan.endpoint.takes
    if takes is None or not ask.plan.writes.check_body:
        return
    faults = faults_in(takes, ask.sent)
    if faults:
        raise InvalidBody(faults)


def faults_in(takes: Takes, sent: Sent) -> tuple[Fault, ...]:
    """What is wrong, field by field. Raises UnreadableBody."""
    try:
        given = takes.read(sent)
    except BadBody as error:
        raise UnreadableBody(str(error)) from None
    if given is NOT_JSON:
        return ()
    try:
        takes.model.validate_python(given)
    except ValidationError as error:
        told = error.errors(include_url=False, include_input=False)[:_MOST_TOLD]
        return tuple(dict.fromkeys(_fault(takes, one) for one in told))
    return ()


def _fault(takes: Takes, found: ErrorDetails) -> Fault:
    name = next((part for part in reversed(found["loc"]) if isinstance(part, str)), "")
    is_missing = found["type"] == "missing"
    text = "is missing" if is_missing else right(found)
    return Fault(name, f"{takes.spelled(found['loc'])}: {text}", "missing" if is_missing else "invalid")
