"""docs/interfaces.md and the code name the same things: neither side lacks what the other has."""

import ast
import io
import json
import re
from dataclasses import asdict, fields
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import pytest

from proxy.admin.app import make_admin
from proxy.admin.orders import TARGETS
from proxy.admin.quarantine import shown as shown_in_quarantine
from proxy.admin.summaries import Stored, shown
from proxy.changes.notices import Counted
from proxy.changes.webhooks import _ANSWERS
from proxy.doubts.sightings import Quarantined
from proxy.observing import Observing
from proxy.store.contract import Summary
from proxy.store.fences import Fences
from proxy.telemetry.logs import configure_logs
from proxy.telemetry.metrics import METRICS
from proxy.telemetry.traces import Traces
from proxy.typed.table import ROUTES
from sandbox import control
from sandbox.canvas import announcing, kinds
from sandbox.faults import KINDS, FaultPlan
from sandbox.journal import Entry
from sandbox.settings import SandboxSettings
from sandbox.state import Sandbox
from tests.house import running_larder

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/interfaces.md").read_text()


@cache
def table(heading):
    """The cells of a section's table, without backticks around a lone word."""
    section = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert section, heading
    rows = [line.strip("|").split("|") for line in section[1].splitlines() if line.startswith("|")][2:]
    cells = [[cell.strip() for cell in row] for row in rows]
    return [[re.sub(r"^`([^`]+)`$", r"\1", cell) for cell in row] for row in cells]


def first(heading):
    """The names a table lists, in its order."""
    return [row[0] for row in table(heading)]


def words(cell):
    """The names in a cell that lists several."""
    return tuple(re.findall(r"\w+", cell.replace("`", "")))


def observing():
    stream = io.StringIO()
    return Observing(configure_logs("info", "json", stream)), stream


def test_metrics():
    documented = [(name, kind, words(labels)) for name, kind, labels in table("Metrics")]

    assert documented == [(metric.name, metric.kind.__name__.lower(), metric.labels) for metric in METRICS]


async def test_parts_of_readiness():
    async with running_larder({"server": {"port": 0}, "store": {"durable": "none"}}) as (larder, _):
        larder.health.draining = True
        parts = json.loads(larder.health.respond("/ready").body)["parts"]

    assert first("Parts of readiness") == list(parts)


async def test_the_log_line_of_a_request():
    watching, stream = observing()
    told = SimpleNamespace(
        word="refused",
        calls=0,
        trace=Traces(lambda bits: 1).trace(None),
        caller="-",
        upstream="-",
        endpoint="-",
        answer=None,
    )
    watching.answered(told, 200, 0.001)
    watching.close()

    assert first("The log line of a request") == list(json.loads(stream.getvalue()))


def test_admin_routes():
    source = Path(make_admin.__code__.co_filename).read_text()
    routes = [f"{method.upper()} {path}" for method, path in re.findall(r'web\.(get|post)\("([^"]+)"', source)]

    assert first("Admin") == routes


def test_flush_targets():
    [flush] = [takes for route, takes, _ in table("Admin") if route == "POST /admin/flush"]

    assert set(TARGETS) | {"mode", "dry_run", "soft", "hard"} == set(re.findall(r"`(\w+)`", flush))


def test_an_entry():
    summary = Summary("00" * 16, "a", "GET /", "shared", (), 0.0, 1, 1, 200, 1.0, 2.0)

    assert first("An entry") == list(shown(Stored(summary, ("memory",)), Fences(lambda: 0.0), 0.0))


def test_an_answer_in_quarantine():
    one = Quarantined(
        "0a",
        "a",
        "GET /",
        "shared",
        "other-id",
        acceptable=True,
        first_seen=0.0,
        last_seen=0.0,
        seen=1,
        rows_before=None,
        rows_after=None,
        bytes_before=None,
        bytes_after=2,
    )

    assert first("An answer in quarantine") == list(shown_in_quarantine(one))


def test_an_upstream():
    tree = ast.parse((ROOT / "proxy/admin/upstreams.py").read_text())
    largest = max((node for node in ast.walk(tree) if isinstance(node, ast.Dict)), key=lambda node: len(node.keys))

    assert first("An upstream") == [key.value for key in largest.keys]


def test_typed_routes():
    assert first("Typed") == [route.name for route in ROUTES]


def test_webhook_answers():
    documented = [(word, int(status), title) for word, status, title in table("Webhooks")]

    assert documented == [(word.value, *_ANSWERS[word]) for word in Counted]


def test_problem_types():
    sources = [ROOT / "proxy" / name for name in ("errors.py", "writes/errors.py", "typed/errors.py", "jobs/errors.py")]
    raised = [found for source in sources for found in re.findall(r'problem_of\((\d+), "([^"]+)"', source.read_text())]

    assert sorted(table("Problems")) == sorted([title.lower().replace(" ", "-"), status] for status, title in raised)


def constants(node):
    """Fixed words in an expression, of a choice both."""
    if isinstance(node, ast.IfExp):
        return constants(node.body) + constants(node.orelse)
    fixed = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return [node.value] if fixed and re.fullmatch(r"[a-z]+(-[a-z]+)*", node.value) else []


def details_in(tree):
    """Every fixed word that may become a detail: in verdicts, failures, and where it is set by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and any(
            getattr(target, "attr", "") in ("detail", "word") for target in node.targets
        ):
            yield from constants(node.value)
        if isinstance(node, ast.AnnAssign) and getattr(node.target, "id", "") in ("BREACHES", "DECLINED"):
            yield from (word for one in ast.walk(node) for word in constants(one))
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"^larder; detail=([a-z-]+)$", node.value)
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", "")
            places = {"UpstreamFailure": 0, "TransportError": 0, "Failed": 0, "Verdict": 2}
            if name in places and len(node.args) > places[name]:
                yield from constants(node.args[places[name]])
            if name in ("Verdict", "CacheStatus"):
                yield from (word for given in node.keywords if given.arg == "detail" for word in constants(given.value))


def test_cache_status_details():
    files = [path for folder in ("proxy", "adapters") for path in (ROOT / folder).rglob("*.py")]
    found = {word for path in files for word in details_in(ast.parse(path.read_text()))}

    assert first("Details") == sorted(found)


def test_sandbox_control_routes():
    assert first("The sandbox's control paths") == [f"{route.method} {route.path}" for route in control.ROUTES]


@pytest.mark.parametrize(
    ("heading", "names"),
    [
        ("A journal entry", [field.name for field in fields(Entry)]),
        ("A fault", list(FaultPlan.__dataclass_fields__)),
        ("Kinds of fault", list(KINDS)),
        ("How a change is told", list(announcing.OPTIONS)),
    ],
)
def test_the_sandboxs_fields(heading, names):
    assert first(heading) == names


def test_kinds_of_change():
    assert [(kind, words(given)) for kind, given in table("Kinds of change")] == [
        (name, kind.fields) for name, kind in kinds.KINDS.items()
    ]


def test_journal_filters():
    [takes] = [takes for route, takes, _ in table("The sandbox's control paths") if route == "GET /_sandbox/journal"]

    assert set(control.JOURNAL_FILTERS) <= set(re.findall(r"`(\w+)`", takes))


def test_sandbox_settings():
    settings = [(name, value) for name, value in asdict(SandboxSettings()).items()]
    for upstream, state in Sandbox().upstreams.items():
        settings += [(f"{upstream}.{name}", value) for name, value in asdict(state.settings).items()]

    assert [(name, json.loads(usually)) for name, usually in table("Settings")] == [
        (name, json.loads(json.dumps(value))) for name, value in settings
    ]
