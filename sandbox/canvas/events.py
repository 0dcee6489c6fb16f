"""Live Events in their envelope, plain or as one signed JWT, and the same news as a Standard Webhook."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from sandbox.canvas.happenings import Happening
from sandbox.canvas.keyring import SigningKey
from sandbox.canvas.records import HOST, ROOT_ACCOUNT, ROOT_ACCOUNT_UUID, global_id
from sandbox.canvas.world import World

ISSUER = "https://live-events.canvas.instructure.com"
PRODUCER = "canvas"


def _moment(seconds: float) -> str:
    """ISO 8601 with milliseconds, as event_time usually comes."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _request_fields(world: World, happening: Happening, actor_id: int, number: int) -> dict[str, Any]:
    """Who did it, where, with which request; `user_id` is the actor, not the subject."""
    actor = world.users[actor_id]
    fields = {
        "user_id": str(global_id(actor_id)),
        "user_login": actor.login_id,
        "user_sis_id": actor.login_id,
        "user_account_id": str(global_id(ROOT_ACCOUNT)),
        "developer_key_id": "170000000056",
        "request_id": f"1dd9dc6f-0000-4000-8000-{number:012}",
        "session_id": f"session-{number:06}",
        "hostname": HOST.removeprefix("https://"),
        "http_method": "POST",
        "url": f"{HOST}/api/v1/",
        "referrer": None,
        "user_agent": "sandbox",
        "client_ip": "192.0.2.7",
        "time_zone": "America/New_York",
    }
    if happening.course_id is None:
        return fields
    course = world.courses[happening.course_id]
    return fields | {
        "context_type": "Course",
        "context_id": str(global_id(course.id)),
        "context_account_id": str(global_id(course.account_id)),
        "context_role": "TeacherEnrollment",
        "context_sis_source_id": course.sis_course_id,
    }


def _job_fields(number: int) -> dict[str, Any]:
    """From an import or a schedule: neither request nor context (UPSTREAMS.md §3.2)."""
    return {
        "job_id": str(1_020_020_528_469_291 + number),
        "job_tag": "SIS::CSV::ImportRefactored#run_parallel_importer",
    }


def live_event(
    world: World, happening: Happening, at: float, number: int, *, actor_id: int, is_job: bool = False
) -> dict[str, Any]:
    """The envelope of UPSTREAMS.md §3.2. `at`: Unix seconds; `number`: of this event since the start."""
    origin = _job_fields(number) if is_job else _request_fields(world, happening, actor_id, number)
    metadata = {
        "event_name": happening.event,
        "event_time": _moment(at),
        "producer": PRODUCER,
        "root_account_id": str(global_id(ROOT_ACCOUNT)),
        "root_account_uuid": ROOT_ACCOUNT_UUID,
        "root_account_lti_guid": f"{ROOT_ACCOUNT_UUID}.{HOST.removeprefix('https://')}",
        **origin,
    }
    return {"metadata": metadata, "body": happening.body}


def plain_payload(event: dict[str, Any]) -> bytes:
    return json.dumps(event, separators=(",", ":")).encode()


def signed_payload(event: dict[str, Any], key: SigningKey) -> bytes:
    """The whole body is one compact JWT. Only `iss` is added: no other claim is known for sure (UPSTREAMS.md §14)."""
    return key.sign({**event, "iss": ISSUER}).encode()


def webhook_body(happening: Happening, at: float) -> dict[str, Any]:
    kind, local = happening.about
    return {"type": kind, "timestamp": _moment(at), "data": {"id": str(local)}}


def webhook_headers(secret: str, message_id: str, at: float, payload: bytes) -> dict[str, str]:
    """Standard Webhooks 1.0.0: HMAC-SHA256 over `{id}.{timestamp}.{body}` (UPSTREAMS.md §6)."""
    seconds = str(int(at))
    signed = f"{message_id}.{seconds}.".encode() + payload
    digest = hmac.digest(base64.b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256)
    signature = base64.b64encode(digest).decode()
    return {"webhook-id": message_id, "webhook-timestamp": seconds, "webhook-signature": f"v1,{signature}"}
