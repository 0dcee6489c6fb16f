"""`larder store check | stats | compact | migrate`, as an operator runs them."""

import asyncio
import json
import sqlite3
from io import StringIO
from random import Random

import pytest
from typer.testing import CliRunner

from adapters import Link
from proxy.commands.store import StoreCommands, size_of
from proxy.commands.store_commands import store_app
from proxy.store.purges import Mode, Purge, keyed_tag_digest
from proxy.store.redis import RedisStore
from proxy.store.sealing import MasterKeys, Sealing, new_master_key
from proxy.store.sqlite import SQLiteStore
from tests.redis_server import redis_server
from tests.unit.store.samples import NOW, Clock, an_entry, key

COURSE = "courseworks/course:565"
SECRET = "0123456789abcdef" * 4
MASTER = new_master_key()
FOREVER = {"lives": 1e9}  # beyond any clock that a command may look at


class Terminal:
    """Runs the commands against a config in a folder of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.path = folder / "larder.db"
        self.config = folder / "config.yaml"
        self.out = self.err = ""
        self.configure()

    def configure(self, secret=SECRET, **more):
        lines = "".join(f", {name}: '{value}'" for name, value in more.items())
        durable = more.get("durable") or f"sqlite:///{self.path}"
        self.config.write_text(
            f"store: {{durable: '{durable}', secret: '{secret}'{lines if not more.get('durable') else ''}}}\n"
        )

    @property
    def url(self):
        return f"sqlite:///{self.path}"

    async def run(self, command, *arguments, **options):
        """The exit status. On a thread: it runs a loop of its own."""
        out, err = StringIO(), StringIO()
        commands = StoreCommands(self.config, {}, out, err)
        status = await asyncio.to_thread(getattr(commands, command), *arguments, **options)
        self.out, self.err = out.getvalue(), err.getvalue()
        assert SECRET not in self.out + self.err
        assert bool(self.err) is (status != 0 and not self.out)
        return status


@pytest.fixture
def terminal(tmp_path):
    return Terminal(tmp_path)


async def opened(path, **options):
    store = SQLiteStore(path, clock=Clock(), **options)
    await store.open()
    return store


async def filled(path, entries=30, **options):
    """A store's file with something of everything in it."""
    store = await opened(path, **options)
    for number in range(entries):
        store.put(an_entry(number, body=Random(number).randbytes(2_000), **FOREVER))
    store.put(an_entry(entries, upstream="google", endpoint="GET /geocode", tags=(), **FOREVER))
    await store.purge([Purge("courseworks/user:7", Mode.SOFT, 3, NOW, 0)])
    await store.mark("canvas", "event", NOW + 1e9)
    await store.learn("courseworks", [Link("1", "2", "3")])
    await store.bind("principal:00ff", "20064")
    await store.close()


def spoil(path, statement, *values):
    with sqlite3.connect(path) as other:
        other.execute(statement, values)
    other.close()


# -- check


async def test_a_good_store_is_good(terminal):
    await filled(terminal.path)

    assert await terminal.run("check") == 0

    assert terminal.out == f"{terminal.path}: nothing is wrong\n{terminal.path}: 31 entries looked at\n"


SPOILED = {
    "bytes": ("UPDATE entries SET blob = x'00' WHERE key = ?", "1 of the entries cannot be read"),
    "a row": (
        "UPDATE entries SET partition = 'principal:b' WHERE key = ?",
        "1 of the entries are found under something",
    ),
    "a list": ("DELETE FROM entry_tags WHERE key = ?", "1 of the entries are missing in the list of a tag"),
    "a row that went": ("DELETE FROM entries WHERE key = ?", "4 names in the lists of tags are of no entry"),
    "a purge": ("UPDATE purges SET number = 0, tag = CAST(? AS BLOB)", "1 records of purges make no sense"),
    "a purge to come": ("UPDATE purges SET at = 9e9, tag = ?", "1 records of purges are of a time to come"),
}


@pytest.mark.parametrize(("statement", "said"), SPOILED.values(), ids=SPOILED)
async def test_what_cannot_be_trusted_is_found(terminal, statement, said):
    await filled(terminal.path)
    spoil(terminal.path, statement, key(3))

    assert await terminal.run("check") == 1

    assert said in terminal.out
    assert await terminal.run("check", as_json=True) == 1
    assert [said in finding for finding in json.loads(terminal.out)["findings"]] == [True]


async def test_damage_is_found_and_nothing_is_moved_aside(terminal):
    await filled(terminal.path)
    with terminal.path.open("r+b") as file:
        file.seek(20 * 1_024)
        file.write(bytes(30 * 1_024))

    assert await terminal.run("check") == 1

    assert "damaged" in terminal.out + terminal.err
    assert [file.name for file in terminal.folder.iterdir() if "broken" in file.name] == []


async def test_sealed_entries_need_the_keys_of_the_config(terminal):
    await filled(terminal.path, sealing=Sealing(MasterKeys.parse(MASTER), frozenset({"courseworks"})))

    assert await terminal.run("check") == 1
    assert "30 of the entries are sealed, and no key opens them" in terminal.out

    terminal.configure(encryption_keys=MASTER, encrypt="all")
    assert await terminal.run("check") == 1
    assert "1 of the entries cannot be read" in terminal.out  # not sealed though all have to be


async def test_a_store_in_use_is_looked_at_and_not_disturbed(terminal):
    await filled(terminal.path)
    store = await opened(terminal.path)

    assert await terminal.run("check") == await terminal.run("stats") == 0

    await store.purge([Purge(COURSE, Mode.SOFT, 9, NOW, 0)])
    await store.close()
    assert (await store.open()).opening == 3
    await store.close()


async def test_files_that_were_moved_aside_are_pointed_out(terminal):
    await filled(terminal.path)
    aside = terminal.folder / "larder.db.broken-20261102T210733Z"
    aside.touch()

    assert await terminal.run("check") == 0

    assert f"{aside}: was damaged and moved aside" in terminal.out


async def test_where_there_is_nothing_nothing_is_made(terminal):
    for command in ("check", "stats", "compact"):
        assert await terminal.run(command) == 1
        assert "there is no database file" in terminal.err
    assert not terminal.path.exists()


# -- stats


async def test_what_is_kept_is_counted_by_upstream_and_endpoint(terminal):
    await filled(terminal.path)
    spoil(terminal.path, "UPDATE entries SET blob = x'00' WHERE key = ?", key(3))

    assert await terminal.run("stats") == 0

    told = terminal.out.splitlines()
    assert told[0].startswith(f"{terminal.path}: 30 entries of ")
    assert told[0].endswith("1 unreadable")
    assert told[1] == "  from 2026-11-02 21:07:33 UTC to 2026-11-02 21:07:33 UTC"
    assert any(line.startswith("  courseworks GET /api/v1/courses/{course}: 29, ") for line in told)
    assert any(line.startswith("  google GET /geocode: 1, ") for line in told)
    assert {"  purge records: 1", "  sealed entries: 0", "  notifications: 1", "  enrollments: 1"} <= set(told)


async def test_programs_get_the_same_as_json(terminal):
    await filled(terminal.path)

    assert await terminal.run("stats", as_json=True) == 0

    told = json.loads(terminal.out)
    assert (told["entries"], told["unreadable"], told["oldest"]) == (31, 0, NOW)
    assert [(place["upstream"], place["entries"]) for place in told["places"]] == [("courseworks", 30), ("google", 1)]
    assert told["facts"]["purge records"] == 1


def test_sizes_are_for_people():
    assert [size_of(number) for number in (7, 2_048, 5 << 20, 3 << 30)] == ["7 B", "2.0 KiB", "5.0 MiB", "3.0 GiB"]


# -- compact


async def test_a_compacted_file_is_smaller_and_holds_the_same(terminal):
    await filled(terminal.path, 300)
    store = await opened(terminal.path)
    await store.delete(COURSE)
    await store.close()
    before = terminal.path.stat().st_size

    assert await terminal.run("compact") == 0

    assert terminal.path.stat().st_size < before / 5
    assert terminal.out.startswith(f"{terminal.path}: {size_of(before)} before, ")
    assert terminal.path.stat().st_mode & 0o777 == 0o600
    assert await terminal.run("check") == 0
    assert "1 entries looked at" in terminal.out


async def test_a_file_that_a_larder_has_is_not_compacted(terminal):
    store = await opened(terminal.path)

    assert await terminal.run("compact") == 1

    assert "another process has the database file open: stop it first" in terminal.err
    await store.close()


async def test_redis_is_not_compacted(terminal):
    assert await terminal.run("compact", "redis://user:sesame@localhost") == 2
    assert "sesame" not in terminal.err


# -- migrate


async def test_what_is_valid_goes_and_what_is_not_stays_behind(terminal):
    old = await opened(terminal.path)
    entries = {
        "valid": an_entry(1, **FOREVER),
        "purged": an_entry(2, tags=("courseworks/user:7",), **FOREVER),
        "gone": an_entry(3, lives=-1.0, age=10.0),
        "damaged": an_entry(4, **FOREVER),
    }
    for entry in entries.values():
        old.put(entry)
    await old.purge([Purge("courseworks/user:7", Mode.SOFT, 3, NOW, 0)])
    await old.mark("canvas", "event", NOW + 1e9)
    await old.learn("courseworks", [Link("1", "2", "3")])
    await old.bind("principal:00ff", "20064")
    await old.close()
    spoil(terminal.path, "UPDATE entries SET blob = x'00' WHERE key = ?", key(4))
    target = terminal.folder / "new.db"

    assert await terminal.run("migrate", terminal.url, f"sqlite:///{target}") == 0

    assert terminal.out.splitlines() == [
        f"{terminal.path} to {target}: 1 entries; left behind: 1 purged, 1 over, 1 unreadable",
        "  1 notifications, 1 enrollments, 1 bindings that were not there",
    ]
    new = await opened(target)
    kept = await new.get(key(1))
    assert (kept.body, kept.fence) == (entries["valid"].body, 1 << 40)
    assert [await new.get(key(number)) for number in (2, 3, 4)] == [None] * 3
    assert await new.marked("canvas", "event")
    assert await new.find_link("courseworks", "1") == Link("1", "2", "3")
    assert await new.bindings() == {"principal:00ff": "20064"}
    await new.close()


async def test_carrying_over_twice_changes_nothing(terminal):
    await filled(terminal.path)
    target = f"sqlite:///{terminal.folder / 'new.db'}"
    await terminal.run("migrate", terminal.url, target)

    assert await terminal.run("migrate", terminal.url, target) == 0

    assert "0 entries; left behind: 31 no younger than what is there" in terminal.out
    assert "0 notifications, 0 enrollments, 0 bindings" in terminal.out


async def test_what_the_new_store_knows_better_is_left_alone(terminal):
    await filled(terminal.path, 3)
    new = await opened(terminal.folder / "new.db")
    new.put(an_entry(1, body=b"younger", age=-60.0, **FOREVER))
    await new.purge([Purge("courseworks/course:565", Mode.SOFT, 9, NOW + 60, 0)])
    await new.bind("principal:00ff", "somebody else")
    await new.close()

    assert await terminal.run("migrate", terminal.url, f"sqlite:///{terminal.folder / 'new.db'}") == 0

    assert "1 entries; left behind: 3 purged" in terminal.out
    new = await opened(terminal.folder / "new.db")
    assert (await new.get(key(1))).body == b"younger"
    assert await new.bindings() == {"principal:00ff": "somebody else"}
    await new.close()


async def test_a_running_larder_is_not_migrated_and_nothing_is_made_of_nothing(terminal):
    target = f"sqlite:///{terminal.folder / 'new.db'}"
    assert await terminal.run("migrate", terminal.url, target) == 1
    assert "there is no such file" in terminal.err
    assert await terminal.run("migrate", target, target) == 2
    await filled(terminal.path)
    store = await opened(terminal.path)

    assert await terminal.run("migrate", terminal.url, target) == 1

    assert "another process has the database file open: stop it first" in terminal.err
    await store.close()


async def test_an_operator_is_told_of_the_secret_that_has_to_come_along(terminal):
    await filled(terminal.path)
    terminal.configure(secret="")

    await terminal.run("migrate", terminal.url, f"sqlite:///{terminal.folder / 'new.db'}")

    assert f"put a copy of {terminal.path}.secret beside the new store" in terminal.out


async def test_from_a_file_to_redis_and_back(terminal):
    await filled(terminal.path)
    async with redis_server() as server:
        assert await terminal.run("migrate", terminal.url, server.url) == 0
        assert "31 entries; left behind: none" in terminal.out
        store = RedisStore(server.url)
        await store.open()
        kept = await store.get(key(3))
        await store.close()

        assert await terminal.run("stats", server.url) == await terminal.run("check", server.url) == 0
        assert "31 entries" in terminal.out
        assert await terminal.run("migrate", server.url, f"sqlite:///{terminal.folder / 'back.db'}") == 0
        assert "31 entries; left behind: none" in terminal.out

    assert kept.fence > 1 << 40
    back = await opened(terminal.folder / "back.db")
    assert (await back.get(key(3))).body == kept.body == Random(3).randbytes(2_000)
    await back.close()


# -- how they are called


def test_the_commands_are_called_as_the_help_says(terminal):
    asyncio.run(filled(terminal.path))
    runner = CliRunner()
    config = ["--config", str(terminal.config)]

    assert runner.invoke(store_app, ["check", *config]).exit_code == 0
    assert json.loads(runner.invoke(store_app, ["stats", "--json", *config]).stdout)["entries"] == 31
    assert runner.invoke(store_app, ["compact", *config]).exit_code == 0
    target = f"sqlite:///{terminal.folder / 'new.db'}"
    assert runner.invoke(store_app, ["migrate", terminal.url, target, *config]).exit_code == 0
    assert runner.invoke(store_app, ["check", "--config", str(terminal.folder / "none.yaml")]).exit_code == 2


@pytest.mark.parametrize("is_beside", [True, False])
async def test_what_was_purged_long_ago_stays_behind_though_nobody_can_read_of_what_it_was(terminal, is_beside):
    """A record of a purge that is minutes old has a digest for its tag, under the secret of the store it is in."""
    if is_beside:
        terminal.configure(secret="")
        terminal.path.with_name("larder.db.secret").write_text(SECRET + "\n")
    time = Clock()
    old = SQLiteStore(terminal.path, clock=time, tag_digest=keyed_tag_digest(SECRET.encode()))
    await old.open()
    old.put(an_entry(1, tags=("courseworks/user:7",), **FOREVER))
    old.put(an_entry(2, **FOREVER))
    await old.purge([Purge("courseworks/user:7", Mode.SOFT, 3, NOW, 0)])
    time.advance(3600)
    await old.sweep(time.now, 0)
    await old.close()

    assert await terminal.run("migrate", terminal.url, f"sqlite:///{terminal.folder / 'new.db'}") == 0

    assert "1 entries; left behind: 1 purged" in terminal.out


async def test_what_was_purged_is_never_carried_over_because_the_secret_of_the_file_is_not_there(terminal):
    old = SQLiteStore(terminal.path, clock=Clock(), tag_digest=keyed_tag_digest(SECRET.encode()))
    await old.open()
    old.put(an_entry(1, tags=("courseworks/user:7",), **FOREVER))
    await old.purge([Purge("courseworks/user:7", Mode.SOFT, 3, NOW, 0)])
    await old.close()
    terminal.configure(secret="")
    target = f"sqlite:///{terminal.folder / 'new.db'}"

    assert await terminal.run("migrate", terminal.url, target) == 1

    assert (
        f"{terminal.path}: its records of purges are under a secret that is not here: set store.secret" in terminal.err
    )
    assert await terminal.run("check") == await terminal.run("stats") == 0  # which need none
    terminal.configure()
    assert await terminal.run("migrate", terminal.url, target) == 0
    assert "0 entries; left behind: 1 purged" in terminal.out


async def test_a_file_is_closed_with_no_digest_in_it_that_somebody_could_guess(terminal):
    """Without its secret, its records stay as they are, until somebody comes who has it."""
    await filled(terminal.path)
    terminal.configure(secret="")

    assert await terminal.run("migrate", terminal.url, f"sqlite:///{terminal.folder / 'new.db'}") == 0

    with sqlite3.connect(terminal.path) as other:
        assert list(other.execute("SELECT tag FROM purges")) == [(b"courseworks/user:7",)]
    other.close()
    terminal.configure()
    assert await terminal.run("migrate", terminal.url, f"sqlite:///{terminal.folder / 'third.db'}") == 0
