"""The config that holds: as text for all workers, and of a later one only what can hold without starting all again."""

import os

import pytest

from proxy.config.file import ConfigError
from proxy.operating.reloading import changes
from proxy.settings import Settings
from proxy.workers.accepted import as_running, plans_from, read, with_secret, workers_of
from proxy.workers.control import ConfigText

STARTED = """
server: {port: 0, workers: 2, drain: 5s}
store: {durable: none, memory: {max_bytes: 1MiB}}
"""
LATER = """
server: {host: 127.0.0.2, port: 1, workers: 3, drain: 6s, max_head: 32KiB, max_body: 1MiB}
admin: {port: 2}
store: {durable: "sqlite:///other.db", memory: {max_bytes: 2MiB}, max_entry: 1MiB}
log: {level: error}
"""


def plans(text):
    return plans_from(ConfigText("config.yaml", text), {})


def test_a_config_is_kept_as_it_was_read(tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(STARTED.replace("5s", "${DRAIN}"))

    accepted = read(file, {"DRAIN": "4s"})

    assert accepted.config == ConfigText(str(file), file.read_text())
    assert accepted.plans.settings.server.drain == 4


@pytest.mark.parametrize(
    ("data", "said"),
    [(None, "cannot be read: No such file"), (b"\xff", "it is not UTF-8"), (b"servr: {}", "did you mean server?")],
)
def test_a_config_that_cannot_be_used_says_why(tmp_path, data, said):
    file = tmp_path / "config.yaml"
    if data is not None:
        file.write_bytes(data)

    with pytest.raises(ConfigError, match=said.replace("?", r"\?")):
        read(file, {})


def test_what_only_a_restart_of_all_can_change_stays_what_it_was():
    started, later = plans(STARTED), plans(LATER)

    running = as_running(later, started.settings)

    assert set(changes(started.settings, running.settings)) == {
        "server.workers",
        "server.drain",
        "server.max_head",
        "server.max_body",
        "store.memory.max_bytes",
        "log.level",
    }


def test_a_secret_is_filled_in_for_all_workers():
    assert with_secret(plans(STARTED), "s" * 40).settings.store.secret == "s" * 40


def test_as_many_processes_serve_as_are_configured_or_as_there_are_cores():
    assert workers_of(Settings(server={"workers": 7})) == 7
    assert 1 <= workers_of(Settings(server={"workers": "auto"})) <= min(os.cpu_count(), 64)
