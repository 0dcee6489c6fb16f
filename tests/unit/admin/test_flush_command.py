"""`larder flush`: an order carried out by a running Larder, or one line on why not, with the right exit status."""

import asyncio
from io import StringIO

import pytest

from proxy.commands.admin import Door
from proxy.commands.flush import FlushOptions, flush_running, told
from tests.unit.admin.operators import CANARY, TOKEN, stored


class Terminal:
    """Runs the command against a config in a folder of its own."""

    def __init__(self, folder):
        self.config = folder / "config.yaml"
        self.out, self.err = StringIO(), StringIO()

    def write_config(self, port, admin=f"token: {TOKEN}", host="127.0.0.1"):
        self.config.write_text(
            f"admin: {{host: '{host}', port: {port}, {admin}}}\n"
            f"store: {{durable: 'sqlite:///{self.config.parent / 'kept' / 'larder.db'}', secret: {CANARY}}}\n"
        )

    async def flush(self, environment=None, **options):
        """The exit status. On a thread, so that the listener in this loop can answer."""
        options = FlushOptions(config=self.config, **options)
        status = await asyncio.to_thread(flush_running, options, environment or {}, self.out, self.err)
        written = self.out.getvalue() + self.err.getvalue()
        assert CANARY not in written
        assert written.count("\n") == 1
        assert written.endswith("\n")
        assert bool(self.out.getvalue()) is (status == 0)
        return status


@pytest.fixture
def terminal(tmp_path, world):
    terminal = Terminal(tmp_path)
    terminal.write_config(world.port)
    return terminal


async def test_a_flush_is_carried_out_and_told(world, terminal):
    entry = stored(1)
    await world.keep(entry)

    assert await terminal.flush(tag="courseworks/course:565") == 0

    assert terminal.out.getvalue() == f"flushed at least 1 entry (soft, durable; fence {world.fences.number})\n"
    assert not world.is_current(entry)


async def test_a_dry_run_says_what_would_be(world, terminal):
    await world.keep(stored(1), stored(2))

    assert await terminal.flush(everything=True, mode="hard", dry_run=True) == 0

    assert terminal.out.getvalue() == "would flush 2 entries (hard); nothing was changed\n"
    assert world.flushed == []


@pytest.mark.parametrize(
    "options",
    [
        {"everything": True},
        {"upstream": "courseworks"},
        {"endpoint": "courseworks GET /api/v1/courses/{course}"},
        {"principal": f"principal:{'0a' * 16}"},
        {"key": "00" * 15 + "01"},
    ],
)
async def test_each_option_names_what_it_says(world, terminal, options):
    entry = stored(1)
    await world.keep(entry)

    assert await terminal.flush(**options) == 0
    assert not world.is_current(entry)


async def test_the_token_that_larder_made_is_found(terminal, world):
    terminal.write_config(world.port, admin="token: ''")
    kept = terminal.config.parent / "kept"
    kept.mkdir()
    (kept / "larder-admin.token").write_text(TOKEN + "\n")

    assert await terminal.flush(everything=True) == 0


async def test_the_token_may_come_from_the_environment(terminal, world):
    terminal.write_config(world.port, admin="token: '${LARDER_ADMIN_TOKEN}'")

    assert await terminal.flush({"LARDER_ADMIN_TOKEN": TOKEN}, everything=True) == 0


async def test_a_listener_on_every_address_is_asked_on_loopback(terminal, world):
    terminal.write_config(world.port, host="0.0.0.0")

    assert await terminal.flush(everything=True) == 0


async def test_a_proxy_in_the_environment_never_sees_the_token(terminal, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")

    assert await terminal.flush(everything=True) == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "needs one of --all"),
        ({"everything": True, "tag": "courseworks/a"}, "found --all and --tag"),
        ({"upstream": "coursework"}, "did you mean courseworks?"),
        ({"endpoint": "courseworks GET /nowhere"}, "no such route"),
        ({"tag": ""}, "an empty string"),
        ({"tag": "course:565"}, "courseworks/course:565"),
        ({"everything": True, "mode": "medium"}, "one of hard, soft"),
    ],
)
async def test_wrong_options_are_status_2(world, terminal, options, said):
    number = world.fences.number

    assert await terminal.flush(**options) == 2
    assert terminal.err.getvalue().startswith("larder flush: ")
    assert said in terminal.err.getvalue()
    assert world.fences.number == number


async def test_a_flush_that_is_not_durable_is_status_1(world, terminal):
    await world.durable.close()

    assert await terminal.flush(everything=True) == 1
    assert "a restart may forget it" in terminal.err.getvalue()


async def test_a_wrong_token_is_status_1(terminal, world):
    terminal.write_config(world.port, admin=f"token: wrong-{CANARY}")

    assert await terminal.flush(everything=True) == 1
    assert "not the admin token" in terminal.err.getvalue()


async def test_nobody_there_is_status_1(terminal, unused_port):
    terminal.write_config(unused_port)

    assert await terminal.flush(everything=True) == 1
    assert f"no Larder answers at 127.0.0.1:{unused_port}" in terminal.err.getvalue()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"",
    ],
)
async def test_somebody_else_there_is_status_1(terminal, answer):
    async def speak(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        terminal.write_config(server.sockets[0].getsockname()[1])

        assert await terminal.flush(everything=True) == 1


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (None, "config.yaml"),
        (f"admin: {{tken: {CANARY}}}", "did you mean token?"),
        (f"admin: {{token: '{CANARY}', port: x}}\nserver: {{prt: 1}}", "(and 1 more)"),
        ("admin: {token: '${UNSET_NAME}'}", "UNSET_NAME"),
    ],
)
async def test_a_config_that_cannot_be_used_is_status_2(terminal, config, said):
    if config is None:
        terminal.config.unlink()
    else:
        terminal.config.write_text(config)

    assert await terminal.flush(everything=True) == 2
    assert said in terminal.err.getvalue()


@pytest.mark.parametrize("kept", [None, b"", b"  \n", b"\xff\xfe"])
async def test_a_token_that_is_not_there_is_not_made_up(terminal, world, kept):
    terminal.write_config(world.port, admin="token: ''")
    folder = terminal.config.parent / "kept"
    if kept is not None:
        folder.mkdir()
        (folder / "larder-admin.token").write_bytes(kept)

    assert await terminal.flush(everything=True) == 2
    assert "no admin token" in terminal.err.getvalue()
    assert folder.exists() is (kept is not None)


def test_what_another_server_says_cannot_write_to_the_terminal():
    said = told({"met": "\x1b[2J\n9", "mode": "soft", "durable": True, "fence": "1\r\n"})

    assert said.isprintable()


def test_a_door_does_not_show_its_token():
    assert CANARY not in repr(Door("127.0.0.1", 8081, CANARY))
