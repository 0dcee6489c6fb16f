"""Screens: the tour for a person at a terminal, in colour; and as plain lines for a file or a pipe."""

import shutil
from typing import Protocol, TextIO

from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table

from proxy.demo.snippets import Snippet
from proxy.demo.stage import Reading
from proxy.demo.tour import Checks

COLUMNS = ("asked", "status", "Cache-Status", "time", "upstream calls so far")
KEPT, BROKEN = "kept", "NOT KEPT"


class Screen(Protocol):
    """Where the demo is seen."""

    def headline(self, text: str) -> None:
        """What happens next, in one line."""

    def step(self, number: int, title: str, promise: str) -> None:
        """A step begins."""

    def reading(self, reading: Reading) -> None:
        """A request that was made."""

    def remark(self, text: str) -> None:
        """What happens between requests."""

    def checks(self, checks: Checks) -> None:
        """What had to be seen, and whether it was; a step ends."""

    def snippets(self, snippets: tuple[Snippet, ...]) -> None:
        """Code to paste."""


def screen_for(output: TextIO) -> Screen:
    """The right one for where the output goes."""
    return RichScreen(output) if output.isatty() else PlainScreen(output)


def cells(reading: Reading) -> tuple[str, str, str, str, str]:
    """A reading in the order of COLUMNS."""
    cache = reading.cache if not reading.age else f"{reading.cache}  (Age {reading.age})"
    return reading.asked, str(reading.status), cache, f"{reading.seconds * 1000:.1f} ms", str(reading.calls)


class PlainScreen:
    """One line for each thing."""

    def __init__(self, output: TextIO) -> None:
        self._output = output

    def headline(self, text: str) -> None:
        """What happens next, in one line."""
        self._line(text)

    def step(self, number: int, title: str, promise: str) -> None:
        """A step begins."""
        self._line(f"\n{number}. {title}: {promise}")

    def reading(self, reading: Reading) -> None:
        """A request that was made."""
        asked, status, cache, time, calls = cells(reading)
        self._line(f"   {asked} | {status} | {cache} | {time} | upstream calls so far: {calls}")

    def remark(self, text: str) -> None:
        """What happens between requests."""
        self._line(f"   {text}")

    def checks(self, checks: Checks) -> None:
        """What had to be seen, and whether it was."""
        for check in checks:
            self._line(f"   {KEPT if check.seen else BROKEN}: {check.what}")

    def snippets(self, snippets: tuple[Snippet, ...]) -> None:
        """Code to paste."""
        for snippet in snippets:
            self._line(f"\n# {snippet.title}\n{snippet.code}")

    def _line(self, text: str) -> None:
        self._output.write(f"{text}\n")
        self._output.flush()


class RichScreen:
    """In colour, a row as soon as there is one: a person waits for nothing."""

    def __init__(self, output: TextIO) -> None:
        self._console = Console(file=output, highlight=False, width=max(100, shutil.get_terminal_size().columns))

    def headline(self, text: str) -> None:
        """What happens next, in one line."""
        self._console.print(f"[bold]{escape(text)}[/bold]")

    def step(self, number: int, title: str, promise: str) -> None:
        """A step begins."""
        self._console.print()
        self._console.print(Panel(escape(promise), title=f"{number}. {escape(title)}", title_align="left"))

    def reading(self, reading: Reading) -> None:
        """A request that was made."""
        table = Table(box=None, show_header=False, padding=(0, 1), expand=True)
        for width in (None, 3, None, 9, 9):  # what is asked and the cache's words share what the numbers leave
            table.add_column(width=width, ratio=None if width else 1, overflow="fold")
        asked, status, cache, time, calls = (escape(cell) for cell in cells(reading))
        colour = "green" if reading.is_hit else "yellow"
        shown = "green" if reading.status < 400 else "red"
        table.add_row(
            f"[cyan]{asked}[/cyan]",
            f"[{shown}]{status}[/{shown}]",
            f"[{colour}]{cache}[/{colour}]",
            time,
            f"calls {calls}",
        )
        self._console.print(table)

    def remark(self, text: str) -> None:
        """What happens between requests."""
        self._console.print(f" [dim]{escape(text)}[/dim]")

    def checks(self, checks: Checks) -> None:
        """What had to be seen, and whether it was."""
        for check in checks:
            mark = f"[green]✓ {KEPT}[/green]" if check.seen else f"[bold red]✗ {BROKEN}[/bold red]"
            self._console.print(f" {mark}  {escape(check.what)}")

    def snippets(self, snippets: tuple[Snippet, ...]) -> None:
        """Code to paste: no frame around it, which would be pasted too."""
        for snippet in snippets:
            self._console.print(f"\n[bold]# {escape(snippet.title)}[/bold]")
            self._console.print(escape(snippet.code), soft_wrap=True)
