"""Standard Webhooks: the published vector, rotation, tolerance, replay, and tags from templates."""

import json

import pytest

from proxy.changes.standard_webhooks import MOST_TAGS, StandardSource, StandardWebhooks, secret_bytes
from tests.unit.changes.deliveries import NOW, SECRET, Clock, World, standard

OTHER_SECRET = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
COURSE = {"type": "course.updated", "timestamp": "2026-11-02T00:00:00Z", "data": {"id": "565"}}


def purge(*tags):
    return {"type": "purge", "data": {"tags": list(tags)}}


async def test_the_vector_checked_against_the_reference_library_is_accepted():
    world = World()
    world.clock.now = 1_700_000_000
    body = b'{"type":"course.updated","timestamp":"2026-11-02T00:00:00Z","data":{"id":"565"}}'
    headers = {
        "Webhook-Id": "msg_test1",
        "Webhook-Timestamp": "1700000000",
        "Webhook-Signature": "v1,0y/YBpwXBqq9JJ05NXBW53onKOP6ynvaycmLjMCTZOo=",
    }

    assert (await world.receive("campus", body, headers)).counted_as == "accepted"
    assert world.purged == ["courseworks/course:565"]
    assert list(world.disk.marks) == [("campus", "msg_test1")]


@pytest.mark.parametrize(
    "listing", ["v1,AAAA {} v2,new", "v1a,AAAA v1,wrong {}", "v1,\udcff {}", "v9 v1 , {}", "  {}   v1,"]
)
async def test_one_right_signature_among_others_is_enough(listing):
    world = World()
    headers, body = standard(COURSE)
    headers["webhook-signature"] = listing.format(headers["webhook-signature"])

    assert (await world.receive("campus", body, headers)).counted_as == "accepted"


@pytest.mark.parametrize("secret", [SECRET, OTHER_SECRET])
async def test_each_of_several_secrets_is_believed_while_one_replaces_the_other(secret):
    source = StandardSource(upstream="courseworks", secrets=(SECRET, OTHER_SECRET))

    notices = await StandardWebhooks(source, Clock()).read(*standard(COURSE, secret=secret))

    assert [notice.token for notice in notices] == ["msg_1"]


async def test_a_forged_delivery_changes_nothing():
    world = World()
    headers, body = standard(COURSE)
    signature = headers["webhook-signature"]
    forgeries = [
        (headers, body + b" "),
        (headers, body.replace(b"565", b"566")),
        ({**headers, "webhook-id": "msg_2"}, body),
        ({**headers, "webhook-timestamp": str(int(NOW) + 1)}, body),
        ({**headers, "webhook-signature": signature[:-2]}, body),
        ({**headers, "webhook-signature": signature.swapcase()}, body),
        ({**headers, "webhook-signature": signature.replace("v1,", "v1a,")}, body),
        ({**headers, "webhook-signature": signature.removeprefix("v1,")}, body),
        ({**headers, "webhook-signature": "v1,"}, body),
        standard(COURSE, secret=OTHER_SECRET),
    ]

    for forged_headers, forged_body in forgeries:
        reply = await world.receive("campus", forged_body, forged_headers)
        assert (reply.status, reply.counted_as) == (401, "forged")
    assert not world.has_changed


@pytest.mark.parametrize("listed", [None, "", "  "])
async def test_an_unsigned_delivery_changes_nothing(listed):
    world = World()
    headers, body = standard(COURSE)
    headers = {name: value for name, value in headers.items() if name != "webhook-signature"}

    reply = await world.receive("campus", body, headers if listed is None else {**headers, "webhook-signature": listed})

    assert (reply.status, reply.counted_as) == (401, "unsigned")
    assert not world.has_changed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-id", ""),
        ("webhook-id", "a b"),
        ("webhook-id", "x" * 256),
        ("webhook-id", 'msg.1.{"type"'),
        ("webhook-id", "msg\udcff"),
        ("webhook-timestamp", ""),
        ("webhook-timestamp", "soon"),
        ("webhook-timestamp", "1.5"),
        ("webhook-timestamp", "-1"),
        ("webhook-timestamp", "٣"),
        ("webhook-timestamp", "9" * 5_000),
    ],
)
async def test_headers_that_cannot_be_read_are_malformed(name, value):
    world = World()
    headers, body = standard(COURSE)

    reply = await world.receive("campus", body, {**headers, name: value})

    assert (reply.status, reply.counted_as) == (400, "malformed")
    assert not world.has_changed


@pytest.mark.parametrize(
    ("late", "word"),
    [(300, "accepted"), (-300, "accepted")] + [(late, "stale-timestamp") for late in (301, -301, 1e9)],
)
async def test_a_timestamp_may_be_five_minutes_off_either_way(late, word):
    world = World()

    reply = await world.campus(COURSE, at=NOW - late)

    assert reply.counted_as == word
    assert world.has_changed == (word == "accepted")


async def test_a_replayed_delivery_is_acknowledged_without_effect():
    world = World()
    await world.campus(COURSE)
    purges, number = list(world.disk.purges), world.fences.number

    world.clock.advance(299)
    reply = await world.campus(COURSE)

    assert (reply.status, reply.counted_as) == (200, "duplicate")
    assert (world.disk.purges, world.fences.number) == (purges, number)


async def test_an_id_says_it_all_whatever_body_it_comes_with_again():
    world = World()
    await world.campus(COURSE, delivery="msg_1")

    assert (await world.campus(purge("course:1"), delivery="msg_1")).counted_as == "duplicate"
    assert world.purged == ["courseworks/course:565"]


async def test_a_mark_outlives_the_time_in_which_a_delivery_can_be_replayed():
    world = World()
    await world.campus(COURSE)

    (until,) = world.disk.marks.values()

    assert until == NOW + 86_400


async def test_tags_are_filled_from_the_events_data():
    world = World(events={"roster.changed": ("course:{course}:roster", "user:{user_id}:courses", "term")})

    await world.campus({"type": "roster.changed", "data": {"course": 565, "user_id": "a.b~c-1", "other": None}})

    assert world.purged == ["courseworks/course:565:roster", "courseworks/term", "courseworks/user:a.b~c-1:courses"]


@pytest.mark.parametrize(
    "value", ["", "a b", "a/b", "@all", "x" * 65, "{id}", "é", "a\n", 1.5, True, None, [], {}, -(10**70), "\x00"]
)
async def test_a_value_that_could_not_stand_in_a_tag_changes_nothing(value):
    world = World()

    reply = await world.campus({"type": "course.updated", "data": {"id": value}})

    assert (reply.status, reply.counted_as) == (400, "malformed")
    assert not world.has_changed


async def test_a_missing_value_changes_nothing_even_where_another_tag_could_be_filled():
    world = World(events={"course.updated": ("tenant", "course:{id}")})

    assert (await world.campus({"type": "course.updated", "data": {}})).counted_as == "malformed"
    assert not world.has_changed


async def test_a_purge_event_names_its_tags_itself():
    world = World()

    await world.campus(purge("course:565", "in:user:7"))

    assert world.purged == ["courseworks/course:565", "courseworks/in:user:7"]


@pytest.mark.parametrize(
    "tags",
    [None, [], "course:1", [""], [7], ["a", None], ["courseworks/course:1"], ["@all"], ["a b"], ["x" * 201], ["a\n"]],
)
async def test_a_purge_event_with_anything_but_local_tags_changes_nothing(tags):
    world = World()

    assert (await world.campus({"type": "purge", "data": {"tags": tags}})).counted_as == "malformed"
    assert not world.has_changed


async def test_a_purge_event_has_a_bound():
    world = World()

    assert (await world.campus(purge(*(f"t:{n}" for n in range(MOST_TAGS + 1))))).counted_as == "malformed"
    assert (await world.campus(purge(*(f"t:{n}" for n in range(MOST_TAGS))))).counted_as == "accepted"


@pytest.mark.parametrize(
    "body", [b"", b"null", b"[]", b"{}", b'{"type": 7, "data": {}}', b'{"type": "x", "data": []}', b"[" * 99_999]
)
async def test_a_genuine_delivery_of_something_else_is_malformed(body):
    world = World()

    assert (await world.campus(body)).counted_as == "malformed"
    assert not world.has_changed


@pytest.mark.parametrize("template", ["course:{id", "course:{}", "course:{a.b}", "a b", "", "@all", "cw/course:{id}"])
def test_a_template_that_makes_no_tag_is_refused_at_start(template):
    source = StandardSource(upstream="courseworks", secrets=(SECRET,), events={"course.updated": (template,)})

    with pytest.raises(ValueError, match="not a tag template"):
        StandardWebhooks(source, Clock())


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_hidden-hidden", "whsec_c2hvcnQ=", "whsec_" + "QUFB" * 22])
def test_a_bad_secret_is_refused_at_start_and_not_shown(secret):
    with pytest.raises(ValueError, match="webhook secret") as refusal:
        secret_bytes(secret)

    assert "hidden" not in str(refusal.value)
    assert "c2hvcnQ" not in str(refusal.value)


def test_a_source_does_not_show_its_secrets():
    source = StandardSource(upstream="courseworks", secrets=(SECRET,))

    assert "MDEy" not in repr(source)
    with pytest.raises(ValueError, match="secrets") as refusal:
        StandardSource(upstream="courseworks", secrets=SECRET)
    assert "MDEy" not in str(refusal.value)


@pytest.mark.parametrize(("secrets", "events"), [((), {}), ((SECRET,), {"purge": ("tenant",)})])
def test_a_source_without_a_secret_or_with_a_purge_of_its_own_is_refused(secrets, events):
    with pytest.raises(ValueError, match=r"secret|purge"):
        StandardWebhooks(StandardSource(upstream="courseworks", secrets=secrets, events=events), Clock())


def test_the_body_is_signed_byte_for_byte():
    assert standard(COURSE)[0] != standard(json.dumps(COURSE, indent=1).encode())[0]
