"""Checking: whether what a write says is what its endpoint takes, before anything is sent."""

from pydantic import ValidationError

from adapters import NOT_JSON, BadBody, Fault, Sent, Takes
from proxy.asking import Ask
from proxy.write_errors import InvalidBody, UnreadableBody

_MOST_TOLD = 20  # fields of one body
_OURS = "Value error, "  # how pydantic begins the texts of validators


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
        told = error.errors(include_url=False, include_context=False, include_input=False)[:_MOST_TOLD]
        return tuple(dict.fromkeys(_fault(takes, one["loc"], one["type"], one["msg"]) for one in told))
    return ()


def _fault(takes: Takes, place: tuple[str | int, ...], kind: str, message: str) -> Fault:
    name = next((part for part in reversed(place) if isinstance(part, str)), "")
    text = "is missing" if kind == "missing" else message.removeprefix(_OURS)
    return Fault(name, f"{takes.spelled(place)}: {text}", "missing" if kind == "missing" else "invalid")
