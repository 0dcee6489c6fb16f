"""Every change is on record: in memory, in a file that only its owner reads, and in a line of the log."""

import io
import json
import os
import stat
from io import StringIO
from pathlib import Path

import pytest

from proxy.observing import Observing
from proxy.operating.audit import FILE, KEPT, Audit, AuditFile, By, audit_file
from proxy.settings import Settings
from proxy.telemetry.logs import configure_logs

ALICE = By("alice", "admin")
AT = 1_790_000_000.25


@pytest.fixture
def log():
    return StringIO()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "kept" / "audit.jsonl"


@pytest.fixture
def audit(path, log):
    return an_audit(AuditFile(path), log)


def an_audit(file, log):
    audit = Audit(file, Observing(configure_logs("info", "json", log)), lambda: AT)
    audit.open()
    return audit


def test_a_record_says_who_when_how_and_what(audit, path, log):
    noted = audit.note("breaker", ALICE, of="courseworks", before={"state": "auto"}, after={"state": "open", "for": 60})

    [line] = path.read_text().splitlines()
    assert json.loads(line) == {
        "id": noted.change,
        "at": "2026-09-21T14:13:20.250+00:00",
        "who": "alice",
        "how": "admin",
        "what": "breaker",
        "of": "courseworks",
        "before": {"state": "auto"},
        "after": {"state": "open", "for": 60},
    }
    assert noted.audited
    said = json.loads(log.getvalue())
    assert said | {"event": "change", "change": noted.change, "who": "alice", "what": "breaker"} == said
    assert "before" not in said


def test_only_its_owner_reads_the_file(audit, path):
    audit.note("flush", ALICE)

    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_newest_are_shown_first_and_as_many_as_are_wanted(audit):
    ids = [audit.note("flush", ALICE).change for _ in range(3)]

    assert [record.id for record in audit.newest(2)] == [ids[2], ids[1]]
    assert audit.find(ids[0]).who == "alice"
    assert audit.find("nothing") is None


def test_what_was_on_record_is_read_back_at_the_next_start(audit, path, log):
    audit.note("reload", FILE, before={"a": 1}, after={"a": 2})
    noted = audit.note("undo", ALICE, undoes="0a")

    again = an_audit(AuditFile(path), log)

    assert [(record.what, record.undoes) for record in again.newest(9)] == [("undo", "0a"), ("reload", None)]
    assert again.find(noted.change) == audit.find(noted.change)


def test_no_more_are_remembered_than_are_shown(audit):
    for _ in range(KEPT + 1):
        audit.note("flush", ALICE)

    assert len(audit) == len(audit.newest(KEPT + 1)) == KEPT


def test_lines_that_are_no_records_are_passed_over(audit, path, log):
    audit.note("flush", ALICE)
    with path.open("ab") as file:
        file.write(b'\xff\n{"id": 3}\n[]\n\n{"id": "cut o')

    again = an_audit(AuditFile(path), log)
    again.note("drain", ALICE)

    assert [record.what for record in again.newest(9)] == ["drain", "flush"]
    assert [record.what for record in an_audit(AuditFile(path), log).newest(9)] == ["drain", "flush"]


def test_a_full_file_is_put_aside_and_the_records_of_both_are_read_back(path, log):
    audit = an_audit(AuditFile(path, longest=1_000), log)
    ids = [audit.note("flush", ALICE, after={"tag": "x" * 300}).change for _ in range(4)]

    aside = path.with_name("audit.jsonl.1")
    assert (len(aside.read_text().splitlines()), len(path.read_text().splitlines())) == (2, 2)
    assert max(aside.stat().st_size, path.stat().st_size) <= 1_000
    assert [record.id for record in an_audit(AuditFile(path), log).newest(9)] == ids[::-1]


def test_a_record_that_would_be_very_long_is_kept_without_what_makes_it_so(audit, path):
    audit.note("reload", ALICE, before={"a": "x" * 70_000}, after={"a": "y"})

    [line] = path.read_text().splitlines()
    assert (json.loads(line)["before"], len(line) < 1_000) == ("(too long)", True)


def test_a_write_that_fails_is_said_and_the_record_is_shown_all_the_same(path, log):
    path.mkdir(parents=True)
    audit = Audit(AuditFile(path), Observing(configure_logs("info", "json", log)), lambda: AT)

    noted = audit.note("breaker", ALICE)

    assert not noted.audited
    assert audit.newest(1)[0].id == noted.change
    assert '"event":"the audit log failed"' in log.getvalue()


class Short(io.FileIO):
    """A file on a disk that takes half of what is written."""

    def write(self, data):
        return super().write(data[: len(data) // 2])


def test_a_write_that_was_cut_short_has_failed_and_spoils_no_other(audit, path, log, monkeypatch):
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(os, "fdopen", lambda descriptor, *_, **__: Short(descriptor, "ab"))
        assert not audit.note("breaker", ALICE).audited
    assert audit.note("drain", ALICE).audited

    assert '"reason":"the disk is full"' in log.getvalue()
    assert [record.what for record in an_audit(AuditFile(path), log).newest(9)] == ["drain"]


def test_a_write_to_a_full_disk_has_failed(path, log):
    if not Path("/dev/full").exists():
        pytest.skip("there is no full disk here")
    path.parent.mkdir()
    path.symlink_to("/dev/full")

    assert not an_audit(AuditFile(path), log).note("breaker", ALICE).audited


def test_a_file_that_cannot_be_read_back_is_said_and_nothing_else_happens(audit, path, log, monkeypatch):
    audit.note("flush", ALICE)

    def unreadable(_path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", unreadable)

    assert len(an_audit(AuditFile(path), log)) == 0
    assert '"operation":"read","reason":"Permission denied"' in log.getvalue()


def test_without_a_file_records_are_shown_as_long_as_larder_runs(log):
    audit = an_audit(None, log)

    assert audit.note("flush", ALICE).audited
    assert len(audit.newest(9)) == 1


@pytest.mark.parametrize(
    ("config", "place"),
    [
        ({"store": {"durable": "sqlite:////data/larder.db"}}, "/data/larder-audit.jsonl"),
        ({"store": {"durable": "none"}}, "larder-audit.jsonl"),
        ({"admin": {"audit": "/var/log/larder/audit"}}, "/var/log/larder/audit"),
    ],
)
def test_the_file_lies_beside_the_generated_token_or_where_the_config_says(config, place):
    assert repr(audit_file(Settings.model_validate(config))) == f"<AuditFile {place}>"


def test_the_config_may_say_that_there_is_no_file():
    assert audit_file(Settings.model_validate({"admin": {"audit": "none"}})) is None


def test_a_file_that_its_owner_lets_others_read_is_left_so(audit, path):
    audit.note("flush", ALICE)
    os.chmod(path, 0o640)  # noqa: PTH101

    audit.note("flush", ALICE)

    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_tag_that_is_no_utf_8_is_on_record_as_it_can_be_written(audit, path):
    noted = audit.note("flush", ALICE, of={"tag": "mirror/\udce9"})

    assert noted.audited
    assert json.loads(path.read_text())["of"] == {"tag": "mirror/\\udce9"}
