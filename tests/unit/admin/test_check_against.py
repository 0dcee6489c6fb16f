"""`larder check --against`: what would change in a Larder that runs, told without a secret, with the right status."""

import asyncio
import os
from io import StringIO

import pytest

from proxy.commands.check import compare
from proxy.config.file import ConfigFile
from proxy.config.loading import plans_of
from tests.unit.admin.operators import CANARY, TOKEN, plans_from

HERE = """
admin: {{token: {token}, port: {port}}}
store: {{durable: none}}
server: {{port: {proxy}, max_body: {max_body}}}
"""


class Terminal:
    """Runs the command for a config against a world, whose own config is another one."""

    def __init__(self, folder, world):
        self.config, self.world = folder / "config.yaml", world
        self.out, self.err = StringIO(), StringIO()

    def plans(self, port=None, token=TOKEN, proxy=8080, max_body="1MiB", more=""):
        text = HERE.format(port=self.world.port if port is None else port, token=token, proxy=proxy, max_body=max_body)
        return text + more, plans_of(ConfigFile("config.yaml", text + more, {}))

    async def check(self, against="running", **fields):
        """The exit status. On a thread, so that the listener in this loop can answer."""
        text, plans = self.plans(**fields)
        self.config.write_text(text)
        status = await asyncio.to_thread(compare, plans, self.config, against, os.environ, self.out, self.err)
        assert CANARY not in self.out.getvalue() + self.err.getvalue()
        return status

    @property
    def lines(self):
        return self.out.getvalue().splitlines()


@pytest.fixture
def terminal(tmp_path, world):
    """The world runs by the very config that is checked."""
    terminal = Terminal(tmp_path, world)
    world.plans = terminal.plans()[1]
    return terminal


async def test_where_nothing_differs_that_is_said(terminal):
    assert await terminal.check() == 0

    assert terminal.lines == [
        "whether these differ cannot be told, since they are secret: admin.token",
        f"{terminal.config}: nothing else would change.",
    ]


@pytest.mark.parametrize("against", ["http://127.0.0.1:{port}", "http://localhost:{port}/"])
async def test_the_running_one_may_be_named_by_its_url(terminal, against):
    url = against.format(port=terminal.world.port)
    terminal.world.plans = terminal.plans(port=1)[1]

    assert await terminal.check(url, port=1) == 0


async def test_a_field_that_would_change_is_told_from_what_to_what(terminal):
    assert await terminal.check(max_body="2MiB") == 1

    assert terminal.lines[0] == "server.max_body: 1MiB → 2MiB"
    assert terminal.lines[-1] == f"{terminal.config}: 1 field would change, nothing else."


UPSTREAM = """
upstreams:
  courseworks:
    base_url: http://127.0.0.1:9000/courseworks
    retry: {{budget: {budget}, floor: {floor}}}
    endpoints:
      "GET /api/v1/courses": {{cache: {{ttl: {ttl}}}}}
"""


async def test_values_are_told_as_the_config_writes_them_and_counted(terminal):
    before = UPSTREAM.format(budget="20%", floor="1/s", ttl="5m")
    terminal.world.plans = terminal.plans(more=before)[1]

    await terminal.check(proxy=8090, more=UPSTREAM.format(budget="5%", floor="30/m", ttl="90s"))

    assert terminal.lines[:4] == [
        "server.port: 8080 → 8090 (after a restart)",
        "upstreams.courseworks.endpoints.GET /api/v1/courses.cache.ttl: 5m → 90s",
        "upstreams.courseworks.retry.budget: 20% → 5%",
        "upstreams.courseworks.retry.floor: 1/s → 0.5/s",
    ]
    assert terminal.lines[-1] == f"{terminal.config}: 4 fields would change (1 after a restart), nothing else."


async def test_a_block_that_one_side_lacks_is_told_as_the_config_writes_it(terminal):
    await terminal.check(more=UPSTREAM.format(budget="20%", floor="1/s", ttl="5m"))

    assert "cache: {ttl: 5m" in terminal.lines[0]
    assert "retry: {budget: 20%, floor: 1/s}" in terminal.lines[0]


async def test_what_takes_a_restart_says_so(terminal):
    assert await terminal.check(proxy=8090) == 1

    assert terminal.lines[0] == "server.port: 8080 → 8090 (after a restart)"


async def test_with_workers_what_they_read_at_their_start_takes_no_restart(terminal):
    more = "log: {level: error}\n"
    terminal.world.plans = terminal.plans(more=more.replace("error", "info"))[1]
    await terminal.check(more=more)
    assert terminal.lines[0] == "log.level: info → error (after a restart)"

    terminal.out.truncate(0)
    terminal.out.seek(0)
    memory = {"memory": terminal.world.plans.settings.store.memory.model_copy(update={"max_bytes": 1})}
    server = terminal.world.plans.settings.server.model_copy(update={"workers": 4})
    object.__setattr__(
        terminal.world.plans,
        "settings",
        terminal.world.plans.settings.model_copy(
            update={"server": server, "store": terminal.world.plans.settings.store.model_copy(update=memory)}
        ),
    )
    await terminal.check(more=more)
    assert terminal.lines[:3] == [
        "log.level: info → error",
        "server.workers: 4 → 1",
        "store.memory.max_bytes: 1B → 256MiB",
    ]


async def test_what_is_not_set_on_one_side_is_told_as_such(terminal):
    assert await terminal.check(more="callers: [{name: enrollment, networks: [10.0.0.0/8]}]\n") == 1

    assert terminal.lines[0].startswith("callers: [] → [{name: enrollment")


async def test_a_secret_that_is_there_on_one_side_only_is_told_without_its_value(terminal):
    server = terminal.world.plans.settings.store.model_copy(update={"secret": f"s-{CANARY}"})
    object.__setattr__(
        terminal.world.plans, "settings", terminal.world.plans.settings.model_copy(update={"store": server})
    )

    assert await terminal.check() == 1
    assert terminal.lines[0] == "store.secret: '***' → '' (after a restart)"


async def test_another_config_altogether_is_told_field_by_field(terminal):
    terminal.world.plans = plans_from()

    assert await terminal.check() == 1
    assert any(
        line.startswith("upstreams.courseworks: {") and line.endswith("} → (not set)") for line in terminal.lines
    )


@pytest.mark.parametrize(
    ("against", "fields", "said"),
    [
        ("running", {"port": "unused"}, "no Larder answers"),
        ("running", {"token": f"wrong-{CANARY}"}, "not the admin token"),
        ("https://127.0.0.1:8081", {}, "--against takes running, or the admin listener's URL"),
        ("127.0.0.1:8081", {}, "--against takes running"),
        ("http://127.0.0.1", {}, "--against takes running"),
        ("http://127.0.0.1:8081/admin", {}, "--against takes running"),
        ("http://a:b@127.0.0.1:8081", {}, "--against takes running"),
        ("http://127.0.0.1:port", {}, "--against takes running"),
        ("runing", {}, "--against takes running"),
    ],
)
async def test_what_cannot_be_compared_is_status_2_and_one_line(terminal, unused_port, against, fields, said):
    fields = {name: unused_port if value == "unused" else value for name, value in fields.items()}

    assert await terminal.check(against, **fields) == 2
    assert terminal.err.getvalue().startswith("larder check: ")
    assert said in terminal.err.getvalue()
    assert terminal.err.getvalue().count("\n") == 1
    assert terminal.lines == []


async def test_somebody_else_there_is_status_2(terminal):
    async def speak(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speak, "127.0.0.1", 0) as server:
        assert await terminal.check(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}") == 2
    assert "not Larder's admin listener" in terminal.err.getvalue()


async def test_what_the_other_side_says_does_not_reach_the_terminal_as_it_is(terminal):
    log = terminal.world.plans.settings.log.model_copy(update={"level": "\x1b[31mred"})
    object.__setattr__(terminal.world.plans, "settings", terminal.world.plans.settings.model_copy(update={"log": log}))

    assert await terminal.check() == 1
    assert "\x1b" not in terminal.out.getvalue()
