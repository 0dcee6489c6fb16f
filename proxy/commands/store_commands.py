"""`larder store …` on the command line."""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from proxy.commands.store import StoreCommands

store_app = typer.Typer(
    name="store", help="Look after what is kept on disk or in Redis.", no_args_is_help=True, rich_markup_mode=None
)

Config = Annotated[Path, typer.Option("--config", help="The config file.")]
Url = Annotated[str | None, typer.Argument(help="sqlite:///… or redis://…; else the config's store.durable.")]
Json = Annotated[bool, typer.Option("--json", help="For programs.")]
CONFIG = Path("config.yaml")


def _commands(config: Path) -> "StoreCommands":
    from proxy.commands.store import StoreCommands  # noqa: PLC0415 - other commands must not wait for it

    return StoreCommands(config, os.environ, sys.stdout, sys.stderr)


@store_app.command("check")
def check_command(url: Url = None, config: Config = CONFIG, as_json: Json = False) -> None:  # noqa: FBT002
    """Read everything that is kept and say what cannot be trusted. Changes nothing; Larder may run."""
    raise typer.Exit(_commands(config).check(url, as_json=as_json))


@store_app.command("stats")
def stats_command(url: Url = None, config: Config = CONFIG, as_json: Json = False) -> None:  # noqa: FBT002
    """Count what is kept, by upstream and endpoint. Reads all of it; Larder may run."""
    raise typer.Exit(_commands(config).stats(url, as_json=as_json))


@store_app.command("compact")
def compact_command(url: Url = None, config: Config = CONFIG) -> None:
    """Give free space back to the system: SQLite only, and while no Larder runs."""
    raise typer.Exit(_commands(config).compact(url))


@store_app.command("migrate")
def migrate_command(
    old: Annotated[str, typer.Argument(metavar="FROM", help="sqlite:///… or redis://…")],
    new: Annotated[str, typer.Argument(metavar="TO", help="The same.")],
    config: Config = CONFIG,
) -> None:
    """Carry over what is still valid from one store to another. Twice does no harm."""
    raise typer.Exit(_commands(config).migrate(old, new))
