"""Logs: one structured line per answered request, written a moment later, and never the texts of libraries."""

import asyncio
import io
import json
import logging
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proxy.telemetry.logs import configure_logs

LINE: dict[str, Any] = {
    "event": "request",
    "level": "info",
    "time": 1_700_000_000.25,
    "caller": "enrollment",
    "upstream": "courseworks",
    "endpoint": "GET /api/v1/courses/{course}",
    "status": 200,
    "cache": "hit",
    "tier": "memory",
    "age": 12,
    "duration_ms": 0.05,
    "upstream_calls": 0,
    "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
}


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


async def test_a_request_is_one_json_line_with_all_its_fields(written) -> None:
    written.log.request(LINE)
    written.log.flush()

    assert lines(written.text) == [{**LINE, "time": "2023-11-14T22:13:20.250+00:00"}]


async def test_a_request_costs_no_write_until_the_log_is_flushed_and_none_is_lost_then(written) -> None:
    for number in range(100):
        written.log.request({**LINE, "age": number})
    assert written.text == ""

    written.log.flush()
    written.log.flush()

    assert [line["age"] for line in lines(written.text)] == list(range(100))


async def test_the_event_loop_flushes_by_itself(written, monkeypatch: pytest.MonkeyPatch) -> None:
    later: list[tuple[float, Callable[[], object]]] = []
    loop = asyncio.get_running_loop()

    def call_later(delay: float, call: Callable[[], object]) -> object:
        later.append((delay, call))
        return object()

    monkeypatch.setattr(loop, "call_later", call_later)
    written.log.request(LINE)
    written.log.request(LINE)

    ((delay, flush),) = later
    assert delay <= 0.1
    flush()
    assert len(lines(written.text)) == 2


async def test_what_was_handed_over_is_not_changed(written) -> None:
    line = dict(LINE)

    written.log.request(line)
    written.log.flush()

    assert line == LINE


@pytest.mark.parametrize(("level", "count"), [("debug", 1), ("info", 1), ("warning", 0), ("error", 0)])
async def test_requests_are_written_at_info_and_below(writing, level: str, count: int) -> None:
    written = writing(level, "json")

    written.log.request(LINE)
    written.log.flush()

    assert len(lines(written.text)) == count
    assert written.log.debugs is (level == "debug")


@pytest.mark.parametrize(("level", "said"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_what_is_below_the_level_is_not_written(writing, level: str, said: int) -> None:
    written = writing(level, "json")

    for each in ("debug", "info", "warning", "error"):
        written.log.say(each, "something", upstream="google")

    found = lines(written.text)
    assert [line["level"] for line in found] == ["debug", "info", "warning", "error"][4 - said :]
    assert all(line["event"] == "something" and line["upstream"] == "google" and line["time"] for line in found)


async def test_console_lines_are_for_people_and_still_one_a_request(writing) -> None:
    written = writing("info", "console")

    written.log.request(LINE)
    written.log.flush()
    written.log.say("warning", "drain ended")

    first, second = written.text.splitlines()
    assert "endpoint='GET /api/v1/courses/{course}'" in first
    assert "status=200" in first
    assert "drain ended" in second
    assert "\x1b" not in written.text


def test_auto_is_json_unless_the_stream_is_a_terminal() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    file, terminal = io.StringIO(), Terminal()

    configure_logs("info", "auto", file).say("info", "something")
    configure_logs("info", "auto", terminal).say("info", "something")

    assert lines(file.getvalue())
    assert not terminal.getvalue().startswith("{")


@given(st.text())
def test_no_value_breaks_out_of_its_line(value: str) -> None:
    stream = io.StringIO()

    configure_logs("info", "json", stream).say("info", "something", detail=value)

    assert stream.getvalue().count("\n") == 1
    assert json.loads(stream.getvalue())["detail"] == value


CANARY = "canary-token"
URL = f"https://api.example/lookup?auth-token={CANARY}"


def _raise() -> None:
    local_secret = CANARY
    raise ValueError(f"{URL} {local_secret}")


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("name", ["aiohttp.server", "aiohttp.client", "asyncio", "urllib3", "some.library"])
def test_a_library_never_gets_its_texts_its_arguments_or_its_exceptions_into_the_log(
    writing, form: str, name: str
) -> None:
    written = writing("debug", form)
    library = logging.getLogger(name)

    library.warning(URL)
    library.error("GET %s", URL, extra={"url": URL})
    library.warning("%(url)s", {"url": URL})
    library.warning("broken %d", CANARY)
    library.warning("with a stack", stack_info=True)
    try:
        _raise()
    except ValueError:
        library.exception("while asking %s", URL)

    assert CANARY not in written.text
    assert "?" not in written.text
    assert "local_secret" not in written.text
    assert written.text.count(name) == 6
    assert written.text.count("ValueError") == 1


def test_what_a_library_logs_is_one_json_line(written) -> None:
    logging.getLogger("lib").warning("two\nlines")

    assert written.text.count("\n") == 1


def test_what_a_library_logs_is_one_console_line(writing) -> None:
    written = writing("info", "console")

    logging.getLogger("lib").warning("two\nlines")

    assert written.text.count("\n") == 1


def test_what_a_library_logs_says_which_how_grave_and_what_kind(written) -> None:
    try:
        _raise()
    except ValueError:
        logging.getLogger("aiohttp.server").exception("Error handling request")

    (line,) = lines(written.text)
    assert (line["library"], line["level"], line["kind"]) == ("aiohttp.server", "error", "ValueError")
    assert line["line"] > 0


def test_aiohttps_access_log_is_silent(written) -> None:
    logging.getLogger("aiohttp.access").info('127.0.0.1 "GET %s"', URL)

    assert written.text == ""


def test_configuring_again_does_not_write_each_line_twice(writing) -> None:
    writing("info", "json")
    written = writing("info", "json")

    logging.getLogger("lib").warning("something")

    assert len(lines(written.text)) == 1


class Gone(io.StringIO):
    """What standard error is when whoever read it has gone."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


def test_a_log_that_cannot_be_written_does_not_fail_what_it_tells_of() -> None:
    log = configure_logs("info", "json", Gone())

    log.say("error", "something")

    assert log.lost


async def test_lines_that_cannot_be_flushed_do_not_end_the_event_loop() -> None:
    log = configure_logs("info", "json", Gone())
    log.request(LINE)

    log.flush()

    assert log.lost
