"""Erasing a person, as operators order it: a receipt, a record without the person, and a clear no to anything else."""

import asyncio
from datetime import UTC, datetime
from io import StringIO

import pytest

from adapters import Link
from proxy.commands.erase import erase_person, told
from proxy.operating.audit import AuditFile
from proxy.store.contract import StoreError
from tests.unit.admin.operators import ALICES, CANARY, OTHER, PRINCIPAL, TOKEN, stored

PERSON = "courseworks/user:20064"


@pytest.fixture
async def kept(world):
    """One entry that names the person, one of their credential, and one of somebody else."""
    await world.keep(
        stored(1, tags=("courseworks/in:user:20064",), partition=OTHER),
        stored(2, tags=("courseworks/course:9",)),
        stored(3, tags=("courseworks/course:9",), partition=OTHER),
    )
    await world.durable.bind(PRINCIPAL, "20064")
    await world.durable.learn("courseworks", [Link("1", "20064", "565"), Link("2", "20065", "565")])
    return world


async def ordered(operator, person=PERSON, **options):
    return await operator.ask("POST", "/admin/erase", document={"person": person}, **options)


async def test_the_receipt_says_what_went_from_where(kept, operator):
    receipt = (await ordered(operator)).json

    [here] = receipt["memory"]
    assert (here["process"], here["entries"]) == (0, 2)
    assert here["bytes"] > 2_000
    assert receipt["store"]["tier"] == "sqlite"
    assert (receipt["store"]["entries"], receipt["store"]["links"], receipt["store"]["principals"]) == (2, 1, 1)
    assert (receipt["left"], receipt["complete"], receipt["durable"], receipt["everywhere"]) == (0, True, True, True)
    assert kept.memory.get(stored(3).key) is not None
    assert await kept.durable.find_link("courseworks", "1") is None
    assert await kept.durable.find_link("courseworks", "2") is not None
    assert await kept.durable.bindings() == {}


async def test_the_receipt_says_what_remains_and_until_when(kept, operator):
    remains = (await ordered(operator)).json["remains"]

    now = datetime.fromtimestamp(kept.clock(), UTC)
    assert (datetime.fromisoformat(remains["digests"]) - now).days == 1
    assert (datetime.fromisoformat(remains["purge_tags"]) - now).total_seconds() == pytest.approx(600, abs=1)
    longest = kept.plans.longest_kept / 86_400
    assert (datetime.fromisoformat(remains["purge_record"]) - now).days == longest + 1


async def test_the_audit_log_has_the_receipt_and_not_the_person(kept, operator, tmp_path):
    kept.audit._file = AuditFile(tmp_path / "audit.jsonl")

    receipt = (await ordered(operator, token=ALICES)).json

    record = kept.audit.newest(1)[0]
    assert (record.who, record.what, record.of, record.id) == ("alice", "erase", "courseworks", receipt["change"])
    assert record.after["person"] == receipt["person"]
    assert len(receipt["person"]) == 32
    assert "20064" not in (tmp_path / "audit.jsonl").read_text()
    assert "20064" not in kept.log.getvalue()


async def test_the_upstream_may_be_left_out_where_only_one_has_persons(kept, operator):
    with_upstream = (await ordered(operator)).json["person"]

    assert (await ordered(operator, "user:20064")).json["person"] == with_upstream
    assert (await ordered(operator, "user:1~20064")).status == 200


@pytest.mark.parametrize(
    ("person", "says"),
    [
        (None, "nothing"),
        ("", "nothing"),
        (20064, "a number"),
        (["user:1"], "an array"),
        ("mirror/user:1", "an upstream without persons"),
        ("courseworks/course:565", "nobody's id"),
        ("courseworks/user:unknown", "nobody's id"),
        (f"courseworks/user:{CANARY}", "nobody's id"),
        ("user:" + "1" * 400, "a string of 405 characters"),
    ],
)
async def test_what_names_nobody_is_refused_with_nothing_done(kept, operator, person, says):
    fence = kept.fences.number

    refused = await ordered(operator, person)

    assert refused.status == 400
    assert says in refused.problem["detail"]
    assert kept.fences.number == fence
    assert len(kept.audit) == 0


async def test_unknown_fields_are_refused(operator):
    refused = await operator.ask("POST", "/admin/erase", document={"persn": PERSON})

    assert refused.status == 400
    assert "person" in refused.problem["detail"]


async def test_a_store_that_fails_is_told_with_the_receipt_so_far(kept, operator, monkeypatch):
    async def broken(*_):
        raise StoreError("the disk is gone")

    monkeypatch.setattr(kept.durable, "forget_person", broken)

    refused = await ordered(operator)

    assert refused.status == 503
    assert (refused.problem["complete"], refused.problem["memory"][0]["entries"]) == (False, 2)
    assert "send it again" in refused.problem["detail"]
    assert kept.errors == [("erase", "StoreError")]


async def test_a_damaged_file_beside_the_store_is_no_complete_erasure(kept, operator, tmp_path, monkeypatch):
    """It was moved aside at some start, with whatever it holds of them."""
    assert kept.plans.settings.store.durable == "sqlite:///larder.db"
    monkeypatch.chdir(tmp_path)
    aside = tmp_path / "larder.db.broken-20261130"
    aside.write_bytes(b"...as0001...")

    refused = await ordered(operator)
    aside.unlink()

    assert (refused.status, refused.problem["complete"], refused.problem["store"]["damaged"]) == (503, False, 1)
    assert "broken-" in refused.problem["detail"]
    assert (await ordered(operator)).json["complete"] is True


class Terminal:
    """Runs the command against a config in a folder of its own."""

    def __init__(self, folder, port):
        self.config = folder / "config.yaml"
        self.config.write_text(f"admin: {{port: {port}, token: {TOKEN}}}\nstore: {{secret: {CANARY}}}\n")
        self.out, self.err = StringIO(), StringIO()

    @property
    def lines(self):
        return self.out.getvalue().splitlines()

    async def erase(self, person):
        status = await asyncio.to_thread(erase_person, person, self.config, {}, self.out, self.err)
        assert CANARY not in self.out.getvalue() + self.err.getvalue()
        return status


async def test_the_command_prints_the_receipt(kept, tmp_path):
    terminal = Terminal(tmp_path, kept.port)

    assert await terminal.erase("user:20064") == 0

    memory, store, besides, left, purge, digests = terminal.out.getvalue().splitlines()
    assert digests.startswith("remains: digests of writes, which name nobody, until 20")
    assert purge.startswith("remains: the person's tags in the record of the purge until 20")
    assert ", then keyed digests until 20" in purge
    assert memory.startswith("memory of process 0: 2 entries, ")
    assert store.startswith("sqlite: 2 entries, ")
    assert store.endswith("1 link, 1 principal forgotten")
    assert besides.startswith("besides: 0 entries from memory and 0 from the store, of which nobody knows ")
    assert left.startswith("left: 0 (person ")
    assert "20064" not in terminal.out.getvalue()


async def test_a_person_of_whom_nothing_was_kept_may_be_a_mistyped_one(kept, tmp_path):
    terminal = Terminal(tmp_path, kept.port)

    assert await terminal.erase("user:99") == 0

    assert "nothing of such a person was kept here: is it the right id, of the right upstream?" in terminal.lines


async def test_the_command_says_why_not_in_one_line(kept, tmp_path, unused_port):
    assert await Terminal(tmp_path, kept.port).erase("course:565") == 2

    terminal = Terminal(tmp_path, unused_port)
    assert await terminal.erase("user:1") == 1
    assert terminal.err.getvalue().count("\n") == 1


def test_what_somebody_else_answers_cannot_draw_on_the_terminal():
    lines = list(told({"memory": [{"process": "\x1b[2J"}], "store": {}}))

    assert not any("\x1b" in line for line in lines)


async def test_the_command_prints_the_receipt_also_where_something_may_be_left(kept, tmp_path, monkeypatch):
    async def broken(*_):
        raise StoreError("the disk is gone")

    monkeypatch.setattr(kept.durable, "forget_person", broken)
    terminal = Terminal(tmp_path, kept.port)

    assert await terminal.erase("user:20064") == 1

    assert terminal.lines[0].startswith("memory of process 0: 2 entries, ")
    assert terminal.lines[1].startswith("sqlite: not done; ")
    assert terminal.err.getvalue().count("\n") == 1
    assert "send it again" in terminal.err.getvalue()


def test_a_process_that_did_not_say_what_it_deleted_is_told_of():
    assert "not every process said in time that it is done" in list(told({"everywhere": False}))
    assert not [line for line in told({"everywhere": True}) if "process" in line]
