"""Logs: one structured line for each answered request, written behind the answer. Never a query, body, token or name.

structlog renders what happens now and then. The line of a request goes through msgspec instead, into a buffer that the
event loop writes out a tenth of a second later: on the path of a hit a log line must cost no system call.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

import msgspec
import structlog

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
WRITTEN_EVERY = 0.1  # seconds

Event = structlog.typing.EventDict


class _Unbreakable:
    """A stream whose reader may go away: lines are lost then, and counted, but nobody who logs fails for it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self.lost = 0

    def write(self, text: str) -> None:
        try:
            self._stream.write(text)
        except (OSError, ValueError):
            self.lost += 1

    def flush(self) -> None:
        try:
            self._stream.flush()
        except (OSError, ValueError):
            self.lost += 1


class Log:
    """Where lines go."""

    def __init__(self, stream: TextIO, level: str, *, as_json: bool) -> None:
        self._stream = _Unbreakable(stream)
        self._level = LEVELS[level]
        self._encode = msgspec.json.Encoder().encode
        self._pending: list[Mapping[str, Any]] = []
        self._handle: asyncio.TimerHandle | None = None
        self._render: Callable[[dict[str, Any]], str] = (
            (lambda event: self._encode(event).decode()) if as_json else _for_people(colors=stream.isatty())
        )
        self._logger = structlog.wrap_logger(
            structlog.WriteLogger(self._stream),  # type: ignore[arg-type]
            processors=[_stamped, lambda _logger, _method, event: self._render(dict(event))],
            wrapper_class=structlog.make_filtering_bound_logger(self._level),
        )

    @property
    def lost(self) -> int:
        """How often nothing could be written."""
        return self._stream.lost

    @property
    def debugs(self) -> bool:
        """Whether arrivals are written too."""
        return self._level <= logging.DEBUG

    def say(self, level: str, event: str, **facts: Any) -> None:
        """Write a line now. `facts` are fixed words, counts and names of the config."""
        self._logger.bind(level=level).log(LEVELS[level], event, **facts)

    def request(self, line: Mapping[str, Any]) -> None:
        """Write a request's line, soon."""
        if self._level > logging.INFO:
            return
        self._pending.append(line)
        if self._handle is None:
            self._handle = asyncio.get_running_loop().call_later(WRITTEN_EVERY, self.flush)

    def flush(self) -> None:
        """Write what is pending."""
        self._handle = None
        pending, self._pending = self._pending, []
        if pending:
            self._stream.write("".join([self._render(_with_time(dict(line))) + "\n" for line in pending]))
            self._stream.flush()


def _stamped(_logger: Any, _method: str, event: Event) -> Event:
    event["time"] = datetime.now(UTC).isoformat(timespec="milliseconds")
    return event


def _with_time(line: dict[str, Any]) -> dict[str, Any]:
    line["time"] = datetime.fromtimestamp(line["time"], UTC).isoformat(timespec="milliseconds")
    return line


def _for_people(*, colors: bool) -> Callable[[dict[str, Any]], str]:
    renderer: Any = structlog.dev.ConsoleRenderer(colors=colors)
    return lambda event: str(renderer(None, "", event))


class _FromLibraries(logging.Handler):
    """What libraries log: which one, how grave and what kind of exception; their texts may quote requests."""

    def __init__(self, log: Log) -> None:
        super().__init__(logging.WARNING)
        self._log = log

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else "none"
        level = "error" if record.levelno >= logging.ERROR else "warning"
        self._log.say(level, "library", library=record.name, line=record.lineno, kind=kind)


def configure_logs(level: str, form: str, stream: TextIO | None = None) -> Log:
    """The process's log; `form` is json, console, or auto: console on a terminal."""
    stream = sys.stderr if stream is None else stream
    log = Log(stream, level, as_json=form == "json" or (form == "auto" and not stream.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [_FromLibraries(log)]
    return log
