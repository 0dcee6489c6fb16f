"""Configs that hold one after the other: each on record, and the one before it remembered."""

from io import StringIO

import pytest

from proxy.admin.desk import ReloadReport
from proxy.admin.problems import ConfigRefused
from proxy.config.differences import changes
from proxy.config.file import ConfigProblem
from proxy.observing import Observing
from proxy.operating.audit import FILE, SIGNAL, Audit, By
from proxy.operating.config_changes import ConfigChanges
from proxy.operating.undoing import CannotUndo, Steps
from proxy.telemetry.logs import configure_logs
from proxy.workers.accepted import read

ALICE = By("alice", "admin")
SECRET = "canary-9f3a"
LATE = ("server.port",)


class Holder:
    """Takes what it is given, unless it has a problem with it."""

    def __init__(self, accepted):
        self.settings, self.problems, self.taken = accepted.plans.settings, (), []

    async def take(self, accepted):
        if self.problems:
            return ReloadReport(problems=self.problems)
        changed = changes(self.settings, accepted.plans.settings)
        self.settings = accepted.plans.settings
        self.taken.append(accepted.config.text)
        late = tuple(field for field in changed if field in LATE)
        return ReloadReport(tuple(field for field in changed if field not in late), late)


class Scene:
    def __init__(self, folder):
        self.file, self.log = folder / "config.yaml", StringIO()
        self.file.write_text(self.text("1MiB"))
        accepted = read(self.file, {"SECRET": SECRET})
        observing = Observing(configure_logs("info", "json", self.log))
        self.holder, self.steps, self.audit = Holder(accepted), Steps(), Audit(None, observing, lambda: 0.0)
        self.changes = ConfigChanges(
            self.holder, accepted, {"SECRET": SECRET, "OTHER": f"other-{SECRET}"}, observing, self.audit, self.steps
        )

    def text(self, max_body, secret="SECRET", **more):
        port = more.get("port", 8080)
        return f"server: {{max_body: {max_body}, port: {port}}}\nstore: {{durable: none, secret: '${{{secret}}}'}}\n"

    async def reload(self, max_body, by=ALICE, **more):
        self.file.write_text(self.text(max_body, **more))
        return await self.changes.reload(by)

    async def undo(self, change):
        return await self.changes.undo(self.steps.find(change), ALICE)


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


async def test_a_reload_is_on_record_with_what_was_and_what_is(scene):
    report = await scene.reload("2MiB", port=8090)

    assert (report.changed, report.needs_restart) == (("server.max_body",), LATE)
    record = scene.audit.find(report.change)
    assert (record.what, record.who, record.how) == ("reload", "alice", "admin")
    assert record.before == {"server.max_body": 1024**2, "server.port": 8080}
    assert record.after == {"server.max_body": 2 * 1024**2, "server.port": 8090}


async def test_a_secret_that_changed_is_on_record_without_its_value(scene):
    report = await scene.reload("1MiB", secret="OTHER")

    record = scene.audit.find(report.change)
    assert (record.before, record.after) == ({"store.secret": "***"}, {"store.secret": "***"})
    assert SECRET not in scene.log.getvalue()


async def test_what_may_not_be_what_was_meant_is_reported_and_logged(scene):
    report = await scene.reload("1048576")

    (notice,) = report.notices
    assert str(notice).endswith("config.yaml:1: server.max_body: read as 1MiB: write the unit")
    assert "read as 1MiB" in scene.log.getvalue()


@pytest.mark.parametrize(
    ("places", "is_told"),
    [
        ("base_url: https://two.example.edu", True),
        ("base_urls: [https://two.example.edu, https://three.example.edu]", True),
        ("base_urls: [https://one.example.edu, https://two.example.edu]", False),
        ("base_url: https://one.example.edu, keep_at_most: 1h", False),
    ],
)
async def test_an_upstream_that_is_somewhere_else_altogether_is_noticed_since_what_is_stored_is_served_on(
    scene, places, is_told
):
    def says(where):
        scene.file.write_text(
            f"store: {{durable: none, secret: s}}\nupstreams:\n  mirror: {{adapter: http, {where}}}\n"
        )

    says("base_url: https://one.example.edu")
    await scene.changes.reload(ALICE)
    says(places)
    report = await scene.changes.reload(ALICE)

    assert not report.problems
    told = [str(notice) for notice in report.notices]
    assert [":3: upstreams.mirror.base_url" in one and "larder flush --upstream mirror" in one for one in told] == (
        [True] if is_told else []
    )
    assert ("is served on" in scene.log.getvalue()) is is_told


async def test_a_reload_that_changes_nothing_is_not_on_record(scene):
    report = await scene.changes.reload(SIGNAL)

    assert report == ReloadReport()
    assert len(scene.audit) == 0
    assert scene.steps.newest is None


async def test_a_bad_file_changes_nothing_and_is_not_on_record(scene):
    scene.file.write_text("servr: {}")

    report = await scene.changes.reload()

    assert "did you mean server?" in report.problems[0].message
    assert (scene.holder.taken, len(scene.audit)) == ([], 0)
    assert '"outcome":"refused"' in scene.log.getvalue()


async def test_what_cannot_be_held_is_not_on_record_and_can_be_tried_again(scene):
    scene.holder.problems = (ConfigProblem("config.yaml", 1, "", "a worker could not prepare it"),)
    assert (await scene.reload("2MiB")).problems == scene.holder.problems

    scene.holder.problems = ()
    assert (await scene.changes.reload(ALICE)).changed == ("server.max_body",)
    assert len(scene.audit) == 1


async def test_the_config_before_holds_again_and_the_file_is_said_to_differ(scene):
    change = (await scene.reload("2MiB")).change

    undone = await scene.undo(change)

    assert scene.holder.taken[-1] == scene.text("1MiB")
    assert (undone["what"], undone["file"], undone["changed"]) == ("reload", "differs", ["server.max_body"])
    record = scene.audit.find(undone["change"])
    assert (record.what, record.undoes, record.after) == ("undo", change, {"server.max_body": 1024**2})


async def test_a_file_that_says_again_what_holds_is_the_same_and_one_that_is_gone_is_said_so(scene):
    first, second = (await scene.reload("2MiB")).change, (await scene.reload("3MiB")).change

    scene.file.write_text(scene.text("2MiB"))
    assert (await scene.undo(second))["file"] == "same"

    scene.file.unlink()
    assert (await scene.undo(first))["file"] == "unreadable"
    assert scene.holder.settings.server.max_body == 1024**2


async def test_a_change_that_was_undone_or_changed_again_meanwhile_is_not_undone(scene):
    first = (await scene.reload("2MiB")).change
    step = scene.steps.find(first)
    second = (await scene.reload("3MiB")).change

    with pytest.raises(CannotUndo, match=f"by {second}"):
        await scene.changes.undo(step, ALICE)
    assert scene.holder.settings.server.max_body == 3 * 1024**2


async def test_a_config_that_can_hold_no_more_is_refused_and_may_be_tried_again(scene):
    change = (await scene.reload("2MiB")).change
    scene.holder.problems = (ConfigProblem("config.yaml", 1, "", "a worker could not prepare it"),)

    with pytest.raises(ConfigRefused):
        await scene.undo(change)
    assert scene.holder.settings.server.max_body == 2 * 1024**2

    scene.holder.problems = ()
    await scene.undo(change)
    assert scene.holder.settings.server.max_body == 1024**2


async def test_the_watch_takes_what_nobody_read_before(scene):
    assert await scene.changes.follow(FILE) is None

    scene.file.write_text(scene.text("2MiB"))
    report = await scene.changes.follow(FILE)

    assert scene.audit.find(report.change).how == "file"
    assert await scene.changes.follow(FILE) is None


async def test_what_an_operator_reloaded_the_watch_does_not_take_again(scene):
    await scene.reload("2MiB")

    assert await scene.changes.follow(FILE) is None
    assert len(scene.audit) == 1


async def test_what_an_operator_undid_the_watch_does_not_bring_back_until_the_file_says_something_else(scene):
    change = (await scene.reload("2MiB")).change
    await scene.undo(change)

    assert await scene.changes.follow(FILE) is None
    assert scene.holder.settings.server.max_body == 1024**2
    scene.file.write_text(scene.text("3MiB"))
    assert (await scene.changes.follow(FILE)).changed == ("server.max_body",)


async def test_after_an_undoing_the_file_holds_again_when_an_operator_says_so(scene):
    await scene.undo((await scene.reload("2MiB")).change)

    assert (await scene.changes.reload(ALICE)).changed == ("server.max_body",)


@pytest.mark.parametrize("break_it", ["gone", "bad", "not text"])
async def test_a_file_that_is_gone_or_bad_is_told_once(scene, break_it):
    if break_it == "gone":
        scene.file.unlink()
    else:
        scene.file.write_bytes(b"servr: {}" if break_it == "bad" else b"\xff\xfe")

    for _ in range(3):
        await scene.changes.follow(FILE)

    assert scene.log.getvalue().count('"event":"config reload"') == 1
    assert scene.holder.taken == []


async def test_of_very_many_fields_the_first_are_on_record(scene):
    upstreams = "".join(f"  u{number}: {{adapter: http, base_url: 'http://a.b'}}\n" for number in range(150))
    scene.file.write_text(scene.text("1MiB") + f"upstreams:\n{upstreams}")

    record = scene.audit.find((await scene.changes.reload(ALICE)).change)

    assert len(record.before) == 100
    assert record.after[""] == "and 50 more fields"
