"""A log to write into, which gives the root logger back what it had."""

import io
import logging
from collections.abc import Callable, Iterator

import pytest

from proxy.telemetry.logs import Log, configure_logs


class Written:
    """A log, and what was written to it."""

    def __init__(self, level: str, form: str) -> None:
        self.stream = io.StringIO()
        self.log: Log = configure_logs(level, form, self.stream)

    @property
    def text(self) -> str:
        return self.stream.getvalue()


@pytest.fixture(autouse=True)
def _root_logger_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    before = list(root.handlers)
    yield
    root.handlers[:] = before


@pytest.fixture
def writing() -> Callable[[str, str], Written]:
    """Makes a log of a level and a form."""
    return Written


@pytest.fixture
def written() -> Written:
    """A log of everything, as JSON."""
    return Written("debug", "json")
