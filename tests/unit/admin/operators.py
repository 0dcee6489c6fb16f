"""What the admin tests are made of: a real listener over real stores, and an operator who asks it."""

import json
from contextlib import asynccontextmanager
from io import StringIO

from aiohttp import ClientSession, web

from adapters import Adapter, Endpoint
from adapters._canvas_people import person
from policies import CachePolicy
from policies.failure_memory import FailureMemory
from proxy.admin.app import make_admin
from proxy.admin.desk import Desk, ReloadReport
from proxy.callers.keys import hash_key
from proxy.config.file import ConfigFile
from proxy.config.loading import plans_of
from proxy.doubts.quarantine import HeldHere, Quarantine
from proxy.doubts.wards import OwnWard, Ward
from proxy.erasing import Eraser, OwnProcess
from proxy.kept.purging import Purger
from proxy.kept.shelf import Shelf
from proxy.keys import Digester, hex_digest
from proxy.learning import Learner
from proxy.observing import Observing
from proxy.operating.audit import Audit
from proxy.operating.given_orders import GivenOrders, OwnOrders
from proxy.operating.undoing import Steps, Undoing
from proxy.store.fences import Fences, Validity
from proxy.store.ledger import LocalLedger
from proxy.store.memory import MemoryStore
from proxy.store.sqlite import SQLiteStore
from proxy.telemetry.logs import configure_logs
from proxy.telemetry.metrics import Metrics
from proxy.upstream.calls import Tools
from proxy.upstream.registry import Upstreams
from proxy.upstream.view import view_of
from tests.unit.store.samples import Clock, an_entry

CANARY = "canary-9f3a"
TOKEN = f"operator-{CANARY}"
ALICES, BOBS = f"alice-{CANARY}", f"bob-{CANARY}"
OPERATORS = f'{{name: alice, token: "{hash_key(ALICES)}"}}, {{name: bob, token: ["{hash_key(BOBS)}"]}}'
COURSE, COURSES = "GET /api/v1/courses/{course}", "GET /api/v1/courses"
PRINCIPAL, OTHER = f"principal:{'0a' * 16}", f"principal:{'0b' * 16}"

CONFIG = f"""
admin: {{token: {TOKEN}, operators: [{OPERATORS}]}}
store: {{secret: store-{CANARY}}}
callers: [{{name: enrollment, key: "sha256:{"ca" * 32}"}}]
defaults: {{breaker: {{minimum_calls: 1, cooldown: 30s}}}}
upstreams:
  courseworks:
    base_url: https://canvas.example
    credential: {{token: held-{CANARY}}}
    endpoints: {{"{COURSE}": {{cache: {{ttl: 5m}}}}}}
  mirror: {{base_url: http://127.0.0.1:8000}}
webhooks:
  campus: {{kind: standard-webhooks, upstream: courseworks, secret: [whsec_{CANARY}]}}
"""

ADAPTER = Adapter(
    endpoints=(Endpoint(route=COURSES, cache=CachePolicy(ttl=60)), Endpoint(route=COURSE, cache=CachePolicy(ttl=60))),
    credential_fields=("token",),
    person=person,
)
MIRROR = Adapter()


def plans_from(text=CONFIG):
    return plans_of(ConfigFile("config.yaml", text, {}), lambda name: MIRROR if name == "mirror" else ADAPTER)


def stored(number, **fields):
    """An entry whose head and body nobody may see here."""
    head = f"Content-Type: application/json\nX-Private: {CANARY}"
    return an_entry(number, **{"body": f'["{CANARY}"]'.encode(), "head": head, "partition": PRINCIPAL, **fields})


class Operator:
    """Somebody who has the token, and remembers what was answered."""

    def __init__(self, url, session):
        self._url = url
        self._session = session

    async def ask(self, method, path, *, document=None, body=None, token=TOKEN, **options):
        headers = {"Authorization": f"Bearer {token}", **options.pop("headers", {})}
        data = json.dumps(document).encode() if document is not None else body
        async with self._session.request(method, self._url + path, data=data, headers=headers, **options) as response:
            text = await response.text()
            assert CANARY not in text + str(response.headers)
            assert response.headers["Cache-Control"] == "no-store"
            return Heard(response.status, response.headers, text)

    async def flush(self, **document):
        return await self.ask("POST", "/admin/flush", document=document)

    async def entries(self, **parameters):
        return await self.ask("GET", "/admin/entries", params=parameters)


class Heard:
    """An answer."""

    def __init__(self, status, headers, text):
        self.status, self.headers, self.text = status, headers, text

    @property
    def json(self):
        return json.loads(self.text)

    @property
    def problem(self):
        """The document of a refusal, which has to be one (RFC 9457)."""
        assert self.headers["Content-Type"] == "application/problem+json"
        document = self.json
        assert document["status"] == self.status
        assert document["title"]
        return document


class World:
    """Stores, fences and guards as Larder has them, and a desk over them."""

    def __init__(self, durable, host="127.0.0.1"):
        self.clock = Clock()
        self.durable = durable
        self.memory = MemoryStore(10**8)
        self.errors, self.failures, self.flushed, self.reloaded_by, self.config_undone = [], [], [], [], []
        self.plans = plans_from()
        self.report = ReloadReport()
        self.metrics = Metrics()
        self.upstreams = Upstreams(Tools(None, None, self.clock, self.clock, None, None))
        self.upstreams.follow(self.plans.upstreams.values())
        self.host = host
        self.log = StringIO()
        self.steps = Steps()
        self.audit = Audit(None, Observing(configure_logs("info", "json", self.log)), self.clock)
        self.orders = GivenOrders(OwnOrders(self.upstreams), self.audit, self.steps, self.clock)
        self.undoing = Undoing(self.audit, self.steps, self.undo_config, self.orders.undo)

    @property
    def eraser(self):
        self.learner = Learner(self.durable, FailureMemory(self.clock), None)
        process = OwnProcess(self.memory, self.quarantine, self.learner, self.durable, lambda: None)
        held = HeldHere(self.memory, self.quarantine)
        purger = Purger(LocalLedger(self.fences, self.durable, self.note), held, self.durable, self.note)
        return Eraser(process, purger, self.durable, self.note)

    @property
    def ward(self):
        return Ward(OwnWard(self.quarantine), self.quarantine.stored, lambda: self.plans.upstreams, self.note)

    async def open(self):
        opened = await self.durable.open()
        self.fences = Fences(self.clock, opening=opened.opening, records=opened.purges)
        shelf = Shelf(self.memory, self.durable, self.fences, self.note, monotonic=self.clock)
        await shelf.open()
        self.quarantine = Quarantine(shelf, self.clock)
        self.desk = Desk(
            host=self.host,
            token=TOKEN,
            clock=self.clock,
            fences=self.fences,
            purger=Purger(LocalLedger(self.fences, self.durable, self.note), self.memory, self.durable, self.note),
            memory=self.memory,
            durable=self.durable,
            states=lambda: [view_of(upstream, len(upstream.name)) for upstream in self.upstreams],
            plans=lambda: self.plans,
            reload=self.reload,
            order=self.orders.give,
            undo=self.undoing.undo,
            undoable=lambda: self.steps.open,
            audit=self.audit,
            ward=self.ward,
            eraser=self.eraser,
            digest=hex_digest(Digester(b"the secret of these tests")),
            exposition=self.metrics.exposition,
            on_error=self.note,
            on_failure=self.failures.append,
            on_flush=self.flushed.append,
        )

    def note(self, operation, error):
        self.errors.append((operation, type(error).__name__))

    async def reload(self, by):
        self.reloaded_by.append(by)
        return self.report

    async def undo_config(self, step, by):
        self.config_undone.append((step.before, by))
        return {"what": "reload"}

    async def keep(self, *entries, tiers=("memory", "durable")):
        for entry in entries:
            if "memory" in tiers:
                self.memory.put(entry)
            if "durable" in tiers:
                self.durable.put(entry)
        await self.durable.flush()

    def is_current(self, entry):
        return self.fences.validity(entry.tags, entry.fence) is Validity.CURRENT


@asynccontextmanager
async def a_world(durable, host="127.0.0.1"):
    """A world whose listener is open, and an operator in it."""
    world = World(durable, host)
    await world.open()
    runner = web.AppRunner(make_admin(world.desk), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        world.port = runner.addresses[0][1]
        async with ClientSession() as session:
            yield world, Operator(f"http://127.0.0.1:{world.port}", session)
    finally:
        await runner.cleanup()
        await durable.close()


def a_store(folder, kind=SQLiteStore):
    """A store in a folder of the test's own."""
    return kind(folder / "larder.db", clock=Clock())
