"""What the webhook tests are made of: real keys, genuine deliveries, a key server, and a store that can die."""

import asyncio
import base64
import hmac
import json
from functools import cache
from types import SimpleNamespace

from aiohttp import ClientConnectionError
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

from adapters import Effect, Link
from proxy.changes.json_web_keys import JsonWebKeys
from proxy.changes.live_events import ISSUER, LiveEvents, LiveEventsSource
from proxy.changes.standard_webhooks import StandardSource, StandardWebhooks
from proxy.changes.webhooks import Channel, Webhooks
from proxy.kept.purging import Purger
from proxy.store.contract import StoreError
from proxy.store.fences import Fences
from proxy.store.ledger import LocalLedger
from proxy.store.memory import MemoryStore

NOW = 1_793_653_653.0
ACCOUNT = "VicExampleAccountUuid"
JWKS_URL = "https://keys.example/jwks"
SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
SHARD = 2107 * 10**13


class Clock:
    def __init__(self, now=NOW):
        self.now = now

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


@cache
def private_key(name, bits=2048):
    """A real RSA key; the same one for the same name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def public_jwk(kid, **members):
    numbers = RSAAlgorithm.to_jwk(private_key(kid).public_key(), as_dict=True)
    return {**numbers, "kid": kid, "alg": "RS256", "use": "sig", **members}


def key_set(*kids):
    return json.dumps({"keys": [public_jwk(kid) for kid in kids]}).encode()


class KeyServer:
    """Publishes a key set, or fails, and counts how often it was asked."""

    def __init__(self, *kids):
        self.answer = key_set(*kids)
        self.failing = False
        self.asked = 0

    async def fetch(self, url):
        assert url == JWKS_URL
        self.asked += 1
        await asyncio.sleep(0)  # a fetch takes its time, so that others arrive meanwhile
        if self.failing:
            raise ClientConnectionError("https://keys.example/jwks?token=hidden")
        return self.answer


def event(name="course_updated", /, account=ACCOUNT, **body):
    body = body or {"course_id": str(SHARD + 565), "workflow_state": "available"}
    metadata = {"event_name": name, "event_time": "2019-11-05 07:38:00 -0800", "root_account_uuid": account}
    return {"metadata": metadata, "body": body}


def enrolled(enrollment, user, course, name="enrollment_updated"):
    ids = {"enrollment_id": enrollment, "user_id": user, "course_id": course}
    return event(name, **{field: str(SHARD + number) for field, number in ids.items()})


def plain(*events):
    return json.dumps(events[0] if len(events) == 1 else events).encode()


def segment(value):
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=")


def token(payload, head, signer):
    """Any payload under an RS256 signature: by hand, since the library refuses to sign some of what may arrive."""
    text = segment({"alg": "RS256", **head}) + b"." + segment(payload)
    return text + b"." + segment(RSAAlgorithm(RSAAlgorithm.SHA256).sign(text, private_key(signer)))


def signed(happened, kid="current", signer=None, headers=(), **claims):
    """An event as Canvas signs it: the whole body one token."""
    return token({"iss": ISSUER, **claims, **happened}, {"kid": kid, **dict(headers)}, signer or kid)


def standard(happened, delivery="msg_1", at=NOW, secret=SECRET):
    """Headers and body of a Standard Webhooks delivery, signed by the letter of the specification."""
    body = happened if isinstance(happened, bytes) else json.dumps(happened).encode()
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.digest(key, f"{delivery}.{int(at)}.".encode() + body, "sha256")).decode()
    names = ("webhook-id", "webhook-timestamp", "webhook-signature")
    return dict(zip(names, (delivery, str(int(at)), f"v1,{signature}"), strict=True)), body


def canvas_effect(happened, find):
    """A small stand-in for the Canvas adapter: objects by local id, and the old course of a moved enrollment too."""
    body = {name: str(int(value) % 10**13) for name, value in happened["body"].items() if name.endswith("_id")}
    name = happened["metadata"]["event_name"]
    if name.startswith("course_"):
        return Effect(frozenset({f"course:{body['course_id']}"}))
    if not name.startswith("enrollment_"):
        return Effect(known=False)
    old = find(body["enrollment_id"])
    courses = {body.get("course_id"), old.course if old else None} - {None}
    tags = frozenset(f"course:{course}:roster" for course in courses) or frozenset({"tenant"})
    links = (Link(body["enrollment_id"], body["user_id"], body["course_id"]),) if "course_id" in body else ()
    return Effect(tags, links)


class Death(BaseException):
    """The process ends here."""


class Disk:
    """What survives the process."""

    def __init__(self):
        self.purges, self.links, self.marks = [], {}, {}
        self.opening = 0


class FragileStore:
    """A durable store on a Disk, which can die or fail before or after any step."""

    is_durable = True

    def __init__(self, disk):
        self.disk = disk
        self.steps = []
        self.at, self.when, self.what = None, None, None

    def breaks(self, step, when, what):
        self.at, self.when, self.what = step, when, what

    async def _step(self, name, act):
        self.steps.append(name)
        if (name, "before") == (self.at, self.when):
            raise self.what
        result = act()
        if (name, "after") == (self.at, self.when):
            raise self.what
        return result

    async def marked(self, source, token):
        return await self._step("marked", lambda: (source, token) in self.disk.marks)

    async def find_link(self, upstream, enrollment):
        return await self._step("find_link", lambda: self.disk.links.get((upstream, enrollment)))

    async def purge(self, records):
        await self._step("purge", lambda: self.disk.purges.extend(records))

    async def learn(self, upstream, links):
        await self._step("learn", lambda: self.disk.links.update({(upstream, link.enrollment): link for link in links}))

    async def mark(self, source, token, until):
        def mark():
            is_new = (source, token) not in self.disk.marks
            self.disk.marks[source, token] = until
            return is_new

        return await self._step("mark", mark)


class World(SimpleNamespace):
    """One process of Larder as far as webhooks go. `World(disk)` again is a restart."""

    def __init__(self, disk=None, kids=("previous", "current", "next"), events=None):
        self.clock = Clock()
        self.disk = disk or Disk()
        self.disk.opening += 1
        self.store = FragileStore(self.disk)
        self.errors, self.key_failures = [], []
        self.fences = Fences(self.clock, opening=self.disk.opening, records=self.disk.purges)
        self.key_server = KeyServer(*kids)
        self.keys = JsonWebKeys(JWKS_URL, self.key_server.fetch, self.clock, self.key_failures.append)
        self.events = {"course.updated": ("course:{id}",)} if events is None else events
        self.webhooks = self.over(self.store)

    def over(self, store):
        """Webhooks that carry out what they receive on another store."""

        def on_error(operation, error):
            self.errors.append((operation, error))

        purger = Purger(LocalLedger(self.fences, store, on_error), MemoryStore(1_000_000), store, on_error)
        return Webhooks(
            self.channels(), {"courseworks": 30.0}, purger=purger, store=store, clock=self.clock, on_error=on_error
        )

    def channels(self):
        unsigned = LiveEventsSource(upstream="courseworks", root_account_uuid=ACCOUNT)
        canvas = LiveEventsSource(upstream="courseworks", root_account_uuid=ACCOUNT, jwks_url=JWKS_URL)
        campus = StandardSource(upstream="courseworks", secrets=(SECRET,), events=self.events)
        readers = {
            "plain": LiveEvents(unsigned, canvas_effect, self.clock),
            "signed": LiveEvents(canvas, canvas_effect, self.clock, self.keys),
            "campus": StandardWebhooks(campus, self.clock),
        }
        return {name: Channel("courseworks", reader) for name, reader in readers.items()}

    async def receive(self, source, body, headers=None):
        return await self.webhooks.receive(source, headers or {"content-type": "text/weird"}, body)

    async def campus(self, happened, **how):
        headers, body = standard(happened, **how)
        return await self.receive("campus", body, headers)

    @property
    def purged(self):
        """Every tag purged durably, in the order of the tags."""
        return sorted({record.tag for record in self.disk.purges})

    @property
    def has_changed(self):
        return bool(self.disk.purges or self.disk.links or self.disk.marks or len(self.fences))


def failure():
    return StoreError("disk full")
