"""A reload of a whole crew: taken by all or by none, with workers replaced for what they read once."""

import asyncio
import io

import pytest
import yaml

from proxy.observing import Observing
from proxy.operating.audit import Audit, By
from proxy.operating.config_changes import ConfigChanges
from proxy.operating.undoing import Steps
from proxy.telemetry.logs import configure_logs
from proxy.upstream.orders import Order
from proxy.workers.accepted import read
from proxy.workers.reloading import CrewReloader
from tests.unit.workers.crews import PROBLEM, Stage


class Scene:
    """A crew of two, and the file it runs by."""

    def __init__(self, folder):
        self.file, self.log = folder / "config.yaml", io.StringIO()
        self.write()
        self.stage = Stage()
        accepted = read(self.file, {})
        self.stage.crew.config = accepted.config
        self.observing = Observing(configure_logs("info", "json", self.log))
        self.reloader = CrewReloader(accepted, self.stage.crew, self.observing)
        self.steps = Steps()
        audit = Audit(None, self.observing, lambda: 0.0)
        self.changes = ConfigChanges(self.reloader, accepted, {}, self.observing, audit, self.steps)

    def write(self, comment="", **blocks):
        base = {"server": {"port": 0, "workers": 2}, "store": {"durable": "none"}}
        self.file.write_text(
            yaml.safe_dump({name: base.get(name, {}) | blocks.get(name, {}) for name in base | blocks})
        )
        self.file.write_text(f"{self.file.read_text()}# {comment}\n")

    @property
    def texts(self):
        """What the workers run by."""
        return {worker.config.text for worker in self.stage.crew.serving}


@pytest.fixture
async def scene(tmp_path):
    built = Scene(tmp_path)
    await built.stage.crew.open(2)
    yield built
    await built.stage.crew.close(within=1)


async def test_a_good_config_holds_in_all_and_the_workers_stay(scene):
    scene.write(server={"max_body": "1MiB"})

    report = await scene.changes.reload()

    assert report[:3] == (("server.max_body",), (), ())
    assert scene.texts == {scene.file.read_text()}
    assert len(scene.stage.puppets) == 2
    assert scene.reloader.plans.settings.server.max_body == 1024**2
    assert '"outcome":"taken"' in scene.log.getvalue()


async def test_a_bad_file_reaches_nobody(scene):
    held = scene.file.read_text()
    scene.write(servr={})

    report = await scene.changes.reload()

    assert "did you mean server?" in report.problems[0].message
    assert scene.texts == {held}
    assert [puppet.heard for puppet in scene.stage.puppets] == [[], []]
    assert '"outcome":"refused"' in scene.log.getvalue()


async def test_what_a_worker_refuses_holds_in_none(scene):
    held, before = scene.file.read_text(), scene.reloader.plans
    scene.write("bad", server={"max_body": "1MiB"})

    assert (await scene.changes.reload()).problems == (PROBLEM,)

    assert scene.texts == {held}
    assert scene.reloader.plans is before


async def test_workers_are_replaced_for_what_they_read_once(scene):
    before = scene.stage.crew.serving
    scene.write(server={"workers": 3, "max_head": "32KiB"}, log={"level": "error"})

    report = await scene.changes.reload()

    assert report[:3] == (("log.level", "server.max_head", "server.workers"), (), ())
    assert len(scene.stage.crew.serving) == 3
    assert not set(before) & set(scene.stage.crew.serving)


async def test_what_needs_a_restart_of_all_is_said_until_that_comes(scene):
    scene.write(store={"secret": "s" * 40}, admin={"port": 1}, server={"host": "127.0.0.2"})

    for _ in range(2):
        report = await scene.changes.reload()
        assert report[:3] == ((), ("admin.port", "server.host", "store.secret"), ())

    assert scene.reloader.plans.settings.server.host == "127.0.0.1"
    assert len(scene.stage.puppets) == 2


async def test_where_workers_cannot_be_replaced_those_there_are_serve_on_and_it_is_said(scene):
    before = scene.stage.crew.serving
    scene.stage.starts = "out of memory"
    scene.write(server={"max_head": "32KiB", "max_body": "1MiB"})

    report = await scene.changes.reload()

    assert report[:3] == (("server.max_body",), ("server.max_head",), ())
    assert scene.stage.crew.serving == before
    assert scene.texts == {scene.file.read_text()}
    assert "out of memory" in scene.log.getvalue()


async def test_a_reload_under_way_is_broken_off_when_all_ends(scene):
    scene.stage.starts = None
    scene.write(server={"max_head": "32KiB"})
    reload = asyncio.create_task(scene.changes.reload())
    await scene.stage.until(lambda: len(scene.stage.puppets) == 3)

    await scene.reloader.close()

    with pytest.raises(asyncio.CancelledError):
        await reload
    assert scene.stage.puppets[2].is_gone


async def test_a_reload_undone_lets_the_config_before_hold_in_all(scene):
    held = scene.file.read_text()
    scene.write(server={"max_body": "1MiB"})
    change = (await scene.changes.reload()).change

    undone = await scene.changes.undo(scene.steps.find(change), By("alice", "admin"))

    assert (undone["file"], undone["changed"]) == ("differs", ["server.max_body"])
    assert scene.texts == {held}
    assert scene.reloader.plans.settings.server.max_body != 1024**2


async def test_orders_on_an_upstream_that_is_taken_out_are_forgotten_and_others_are_not(scene):
    block = {"adapter": "http", "base_url": "http://127.0.0.1:9"}
    scene.write(upstreams={"one": block, "two": block})
    await scene.changes.reload()
    for name in ("one", "two"):
        scene.stage.crew.orders.take(name, Order("open", 60.0))

    scene.write(upstreams={"two": block})
    await scene.changes.reload()

    assert scene.stage.crew.orders.of("one").forced is None
    assert scene.stage.crew.orders.of("two").forced == "open"


async def test_operators_hold_at_once_and_the_token_after_a_restart(scene):
    operators = [{"name": "alice", "token": f"sha256:{'0' * 64}"}]
    scene.write(admin={"operators": operators, "token": "t" * 40})

    report = await scene.changes.reload()

    assert report[:2] == (("admin.operators",), ("admin.token",))
    assert [one.name for one in scene.reloader.plans.settings.admin.operators] == ["alice"]


async def test_without_a_reload_there_is_nothing_to_break_off(scene):
    await scene.reloader.close()
