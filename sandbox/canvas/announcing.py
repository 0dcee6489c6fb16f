"""Applies a change and tells the listeners of it, with the mishaps a test asks for."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from sandbox.canvas import events, kinds
from sandbox.canvas.delivery import Notification, deliver, in_background
from sandbox.canvas.happenings import Happening, enrollment_state_happened
from sandbox.canvas.seed import ADMIN
from sandbox.canvas.world import local_id
from sandbox.settings import STRICT, UnknownField

if TYPE_CHECKING:
    from sandbox.state import Sandbox

# Decodes to 32 bytes nobody configured: what a forger signs a Standard Webhook with.
FORGED_SECRET = "whsec_Zm9yZ2VkZm9yZ2VkZm9yZ2VkZm9yZ2VkZm9yZ2VkMTI="


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Telling:
    """How a change is told.

    `loss`: not at all; `duplicate`: twice; `reorder`: held back until the next one was delivered; `delay`: seconds
    later, in the background; `forged`: signed with a key nobody published; `job`: as an event without request and
    context; `retry`: up to 3 more tries after anything but 2xx; `as_state_event`: an enrollment change as
    `enrollment_state_*`; `age`: seconds by which the event's time lies back; `targets`, `sign`: instead of the
    settings'.
    """

    notify: bool = True
    via: Literal["live-events", "standard-webhooks"] = "live-events"
    loss: bool = False
    duplicate: bool = False
    reorder: bool = False
    delay: float = Field(default=0.0, ge=0)
    forged: bool = False
    job: bool = False
    retry: bool = False
    as_state_event: bool = False
    age: float = 0.0
    targets: tuple[str, ...] | None = None
    sign: bool | None = None


TELLING: TypeAdapter[Telling] = TypeAdapter(Telling)
OPTIONS = tuple(Telling.__dataclass_fields__)


async def announce(sandbox: "Sandbox", given: dict[str, Any]) -> dict[str, Any]:
    """`POST /_sandbox/change`: `{"event": …, "deliveries": […]}`; raises UnknownField before anything changed."""
    try:
        telling = TELLING.validate_python({name: value for name, value in given.items() if name in OPTIONS})
    except ValidationError as error:
        first = error.errors()[0]
        raise UnknownField(f"field {'.'.join(map(str, first['loc']))!r}: {first['msg']}") from error
    change = {name: value for name, value in given.items() if name not in OPTIONS}
    try:
        kind = kinds.chosen(change)
    except UnknownField as error:
        raise UnknownField(f"{error}; and the options {', '.join(OPTIONS)}") from error
    happening = kind.apply(sandbox.canvas, kinds.Fields(change, sandbox.canvas.primary))
    return await tell(sandbox, _as_asked(sandbox, happening, telling), telling)


def announce_write(sandbox: "Sandbox", happening: Happening, actor_id: int) -> None:
    """An API write: the writer gets its answer, the listeners their event soon after."""
    telling = Telling()
    message, notification = _notification(sandbox, happening, telling, actor_id)
    record = _recorded(sandbox, message, telling)
    in_background(sandbox, lambda: _deliver_and_note(sandbox, notification, record))


def _as_asked(sandbox: "Sandbox", happening: Happening, telling: Telling) -> Happening:
    if not telling.as_state_event or not happening.event.startswith("enrollment_"):
        return happening
    local = local_id(happening.body["enrollment_id"])
    row = sandbox.canvas.primary.enrollments[int(str(local))]
    return enrollment_state_happened(row, is_new=happening.event.endswith("_created"))


async def tell(sandbox: "Sandbox", happening: Happening, telling: Telling) -> dict[str, Any]:
    message, notification = _notification(sandbox, happening, telling, ADMIN)
    record = _recorded(sandbox, message, telling)
    if not telling.notify or telling.loss:
        return record
    if telling.reorder:
        sandbox.canvas.held.append(notification)
        return record
    if telling.delay:
        in_background(sandbox, lambda: _later(sandbox, notification, record, telling.delay))
        return record
    await _deliver_and_note(sandbox, notification, record)
    return record


async def _later(sandbox: "Sandbox", notification: Notification, record: dict[str, Any], delay: float) -> None:
    await sandbox.sleep(delay)
    await _deliver_and_note(sandbox, notification, record)


async def _deliver_and_note(sandbox: "Sandbox", notification: Notification, record: dict[str, Any]) -> None:
    record["deliveries"] += await deliver(sandbox, notification)


def _recorded(sandbox: "Sandbox", message: dict[str, Any], telling: Telling) -> dict[str, Any]:
    record: dict[str, Any] = {"event": message, "via": telling.via, "deliveries": []}
    sandbox.canvas.sent.append(record)
    return record


def _notification(
    sandbox: "Sandbox", happening: Happening, telling: Telling, actor_id: int
) -> tuple[dict[str, Any], Notification]:
    """The message as it is shown, and as it travels."""
    copies = 2 if telling.duplicate else 1
    if telling.via == "standard-webhooks":
        message, notification = _webhook(sandbox, happening, telling)
    else:
        message, notification = _live_event(sandbox, happening, telling, actor_id)
    return message, replace(notification, copies=copies, is_retried=telling.retry)


def _live_event(
    sandbox: "Sandbox", happening: Happening, telling: Telling, actor_id: int
) -> tuple[dict[str, Any], Notification]:
    settings, at = sandbox.settings, sandbox.clock() - telling.age
    number = sandbox.canvas.next_event()
    event = events.live_event(sandbox.canvas.primary, happening, at, number, actor_id=actor_id, is_job=telling.job)
    targets = settings.notify if telling.targets is None else telling.targets
    if settings.sign if telling.sign is None else telling.sign:
        key = sandbox.keyring.forger() if telling.forged else sandbox.keyring.current
        return event, Notification(events.signed_payload(event, key), "application/jwt", targets)
    if telling.forged:
        # Unsigned, a forgery shows only in whose Canvas it claims to be.
        event["metadata"]["root_account_uuid"] = "SomebodyElsesRootAccount"
    return event, Notification(events.plain_payload(event), "application/json", targets)


def _webhook(sandbox: "Sandbox", happening: Happening, telling: Telling) -> tuple[dict[str, Any], Notification]:
    settings = sandbox.settings
    # Listeners check this time against their own clock, which does not jump with the sandbox's.
    at = sandbox.clock.base() - telling.age
    message = events.webhook_body(happening, at)
    payload = events.plain_payload(message)
    secret = FORGED_SECRET if telling.forged else settings.webhook_secret
    # Unlike the numbers alone, never the same again after a reset: listeners keep ids to refuse replays.
    message_id = f"msg_{int(at * 1000)}_{sandbox.canvas.next_event()}"
    headers = events.webhook_headers(secret, message_id, at, payload)
    targets = settings.webhooks if telling.targets is None else telling.targets
    return message, Notification(payload, "application/json", targets, headers)
