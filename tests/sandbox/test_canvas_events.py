"""Changes made "in Canvas" and the notifications that tell of them."""

import base64
import hashlib
import hmac
import json

import jwt
import pytest

from sandbox.canvas.events import webhook_headers
from sandbox.settings import SANDBOX_WEBHOOK_SECRET

API = "/courseworks/api/v1"
ADA, BEN, CY = "sandbox-student-ada", "sandbox-student-ben", "sandbox-teacher-cy"
RENAME = {"kind": "rename_course", "course_id": 565, "name": "New"}


@pytest.fixture
async def told(sandbox, listener):
    """A sandbox that notifies the listener."""
    await sandbox.post("/_sandbox/settings", json={"notify": [listener.url]})
    return sandbox


async def change(sandbox, **given):
    answer = await sandbox.post("/_sandbox/change", json=given)
    assert answer.status == 200, answer.body
    return answer.json


async def test_a_change_is_there_and_delivered_when_it_is_answered(told, listener):
    result = await change(told, **RENAME)

    assert (await told.get(f"{API}/courses/565", ADA)).json["name"] == "New"
    assert result["deliveries"] == [{"url": listener.url, "status": 204}]
    ((headers, body),) = listener.got
    assert headers["content-type"] == "application/json"
    assert json.loads(body) == result["event"]
    metadata = result["event"]["metadata"]
    state = (await told.get("/_sandbox/state")).json["live_events"]
    assert metadata["root_account_uuid"] == state["root_account_uuid"]
    assert (metadata["context_type"], metadata["context_id"]) == ("Course", "21070000000000565")
    assert result["event"]["body"]["workflow_state"] == "available"


@pytest.mark.parametrize(
    ("given", "event", "fields"),
    [
        ({"kind": "enroll", "user_id": 20065, "course_id": 100}, "enrollment_created", {"workflow_state": "active"}),
        ({"kind": "unenroll", "user_id": 20065, "course_id": 565}, "enrollment_updated", {"workflow_state": "deleted"}),
        ({"kind": "enrollment_state", "enrollment_id": 46825, "state": "inactive"}, "enrollment_state_updated", {}),
        ({"kind": "add_course", "name": "N", "user_id": 20070}, "course_created", {"workflow_state": "available"}),
        ({"kind": "conclude_course", "course_id": 565}, "course_updated", {"workflow_state": "completed"}),
        ({"kind": "unpublish_course", "course_id": 565}, "course_updated", {"workflow_state": "claimed"}),
        ({"kind": "delete_course", "course_id": "2107~565"}, "course_updated", {"workflow_state": "deleted"}),
        ({"kind": "syllabus", "course_id": 565, "text": "T"}, "syllabus_updated", {"syllabus_body": "T"}),
        ({"kind": "add_section", "course_id": 565, "name": "S"}, "course_section_created", {"course_id": "565"}),
        ({"kind": "rename_section", "section_id": 4811, "name": "S"}, "course_section_updated", {"name": "S"}),
        ({"kind": "crosslist", "section_id": 4811, "course_id": 101}, "course_section_updated", {"course_id": "101"}),
        ({"kind": "add_user", "name": "No Body"}, "user_created", {"name": "No Body"}),
        ({"kind": "rename_user", "user_id": 20064, "name": "A B"}, "user_updated", {"short_name": "A"}),
        ({"kind": "delete_user", "user_id": 20064}, "user_updated", {"workflow_state": "deleted"}),
        ({"kind": "add_assignment", "course_id": 565, "name": "T"}, "assignment_created", {"context_type": "Course"}),
        ({"kind": "rename_assignment", "assignment_id": 70000, "name": "T"}, "assignment_updated", {"title": "T"}),
        ({"kind": "grade", "user_id": 20064, "course_id": 565, "score": 10}, "grade_change", {"old_score": 91.5}),
        (
            {"kind": "course_grade", "user_id": 20064, "course_id": 565, "score": 10},
            "course_grade_change",
            {"user_id": "20064", "course_id": "565"},
        ),
        ({"kind": "sis_import", "changes": [RENAME]}, "sis_batch_updated", {"workflow_state": "imported"}),
    ],
)
async def test_each_kind_of_change_has_its_event(told, listener, given, event, fields):
    result = await change(told, **given)

    assert result["event"]["metadata"]["event_name"] == event
    assert fields.items() <= result["event"]["body"].items()
    assert len(listener.got) == 1


async def test_an_enrollment_state_event_names_neither_course_nor_user(told):
    result = await change(told, kind="unenroll", user_id=20065, course_id=565, as_state_event=True)
    assert result["event"]["metadata"]["event_name"] == "enrollment_state_updated"
    assert not {"course_id", "user_id"} & set(result["event"]["body"])
    assert (await told.get(f"{API}/courses/565", BEN)).status == 401


async def test_an_event_of_a_job_has_no_context_and_no_request(told):
    metadata = (await change(told, **RENAME, job=True))["event"]["metadata"]
    assert "job_id" in metadata
    assert not {"context_id", "context_type", "request_id", "user_id"} & set(metadata)


async def test_an_import_changes_much_and_says_so_once(told, listener):
    await change(told, kind="sis_import", changes=[RENAME, {"kind": "enroll", "user_id": 20065, "course_id": 100}])
    assert (await told.get(f"{API}/courses/100", BEN)).status == 200
    assert (await told.get(f"{API}/courses/565", ADA)).json["name"] == "New"
    assert len(listener.got) == 1


async def verified(sandbox, token):
    """The claims, checked against the published keys."""
    keys = {key["kid"]: key for key in (await sandbox.get("/_sandbox/jwks")).json["keys"]}
    key = jwt.PyJWK(keys[jwt.get_unverified_header(token)["kid"]])
    return jwt.decode(token, key, algorithms=["RS256"], issuer="https://live-events.canvas.instructure.com")


async def test_signed_the_whole_body_is_a_jwt_of_the_current_key(told, listener):
    await told.post("/_sandbox/settings", json={"sign": True})
    result = await change(told, **RENAME)

    claims = await verified(told, listener.got[0][1].decode())
    assert claims["metadata"] == result["event"]["metadata"]
    assert claims["body"] == result["event"]["body"]


async def test_three_keys_are_published_and_rotation_moves_them_on(told, listener):
    before = [key["kid"] for key in (await told.get("/_sandbox/jwks")).json["keys"]]
    await told.post("/_sandbox/jwks/rotate")
    after = [key["kid"] for key in (await told.get("/_sandbox/jwks")).json["keys"]]
    await change(told, **RENAME, sign=True)

    assert after[:2] == before[1:]
    assert len(set(before) | set(after)) == 4
    assert jwt.get_unverified_header(listener.got[0][1].decode())["kid"] == before[2]
    await verified(told, listener.got[0][1].decode())


async def test_a_forged_event_bears_a_known_kid_and_a_foreign_signature(told, listener):
    await change(told, **RENAME, sign=True, forged=True)
    with pytest.raises(jwt.InvalidSignatureError):
        await verified(told, listener.got[0][1].decode())


async def test_private_numbers_are_never_published(told):
    for key in (await told.get("/_sandbox/jwks")).json["keys"]:
        assert set(key) == {"kty", "n", "e", "kid", "alg", "use", "key_ops"}
        assert key["key_ops"] == ["verify"]


async def test_a_notification_may_be_lost_or_switched_off(told, listener):
    assert (await change(told, **RENAME, loss=True))["deliveries"] == []
    assert (await change(told, **RENAME, notify=False))["deliveries"] == []
    assert listener.got == []
    assert (await told.get(f"{API}/courses/565", ADA)).json["name"] == "New"


async def test_a_duplicate_is_the_same_bytes_twice(told, listener):
    result = await change(told, **RENAME, duplicate=True)
    assert len(result["deliveries"]) == 2
    assert listener.got[0][1] == listener.got[1][1]


async def test_a_reordered_event_arrives_after_the_next(told, listener):
    await change(told, **RENAME, reorder=True)
    assert listener.got == []
    await change(told, kind="add_user", name="No Body")

    assert [json.loads(body)["metadata"]["event_name"] for _, body in listener.got] == [
        "user_created",
        "course_updated",
    ]


async def test_a_delayed_event_comes_later(told, listener):
    assert (await change(told, **RENAME, delay=30))["deliveries"] == []
    await listener.arrived.wait()
    assert told.slept.seconds == [30]


async def test_retries_are_off_by_default_and_bounded(told, listener):
    listener.statuses = [500] * 10
    assert len((await change(told, **RENAME))["deliveries"]) == 1

    result = await change(told, **RENAME, retry=True)
    assert [row["status"] for row in result["deliveries"]] == [500] * 4
    listener.statuses = [500]
    assert [row["status"] for row in (await change(told, **RENAME, retry=True))["deliveries"]] == [500, 204]


async def test_a_deaf_target_is_reported_not_raised(sandbox):
    result = await change(sandbox, **RENAME, targets=["http://127.0.0.1:1/webhooks/canvas"])
    (row,) = result["deliveries"]
    assert row["status"] is None
    assert row["error"] == "ClientConnectorError"


async def test_an_event_may_be_old(told):
    young = (await change(told, **RENAME))["event"]["metadata"]["event_time"]
    old = (await change(told, **RENAME, age=3600))["event"]["metadata"]["event_time"]
    assert old < young


async def test_a_standard_webhook_is_signed_as_its_specification_says(sandbox, listener):
    secret = "whsec_" + base64.b64encode(b"k" * 32).decode()
    await sandbox.post("/_sandbox/settings", json={"webhooks": [listener.url], "webhook_secret": secret})
    await change(sandbox, **RENAME, via="standard-webhooks")
    await change(sandbox, **RENAME, via="standard-webhooks", forged=True)

    valid = []
    for headers, body in listener.got:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        digest = base64.b64encode(hmac.digest(b"k" * 32, signed, hashlib.sha256)).decode()
        valid.append(headers["webhook-signature"] == f"v1,{digest}")
    message = json.loads(listener.got[0][1])
    assert valid == [True, False]
    assert (message["type"], message["data"]) == ("course.updated", {"id": "565"})
    assert listener.got[0][0]["webhook-id"] != listener.got[1][0]["webhook-id"]


async def test_the_signature_matches_the_published_test_vector():
    body = b'{"type":"course.updated","timestamp":"2026-11-02T00:00:00Z","data":{"id":"565"}}'
    headers = webhook_headers(SANDBOX_WEBHOOK_SECRET, "msg_test1", 1_700_000_000, body)
    assert headers["webhook-signature"] == "v1,0y/YBpwXBqq9JJ05NXBW53onKOP6ynvaycmLjMCTZOo="


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"kind": "explode"}, "rename_course"),
        ({}, "kind"),
        ({**RENAME, "nane": "x"}, "duplicate"),
        ({**RENAME, "delay": -1}, "delay"),
        ({**RENAME, "via": "pigeon"}, "standard-webhooks"),
        ({"kind": "rename_course", "course_id": 999999, "name": "x"}, "course_id"),
        ({"kind": "rename_course", "course_id": 565}, "name"),
        ({"kind": "enroll", "user_id": 20065, "course_id": 100, "type": "King"}, "StudentEnrollment"),
        ({"kind": "grade", "user_id": 20064, "course_id": 565, "score": "A"}, "score"),
        ({"kind": "sis_import", "changes": [{"kind": "explode"}]}, "kind"),
    ],
)
async def test_a_wrong_change_is_refused_named_and_changes_nothing(told, listener, given, named):
    answer = await told.post("/_sandbox/change", json=given)
    assert answer.status == 400
    assert named in answer.json["error"]
    assert listener.got == []
    assert (await told.get("/_sandbox/events")).json["count"] == 0
