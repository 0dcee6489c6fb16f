"""larder: the command line."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from proxy.callers.keys import make_key
from proxy.commands.store_commands import store_app
from proxy.config.file import ConfigError
from proxy.config.loading import load_plans
from proxy.plan import Plans

app = typer.Typer(
    name="larder",
    help="A caching proxy for the external APIs that internal services depend on.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(store_app)

Config = Annotated[Path, typer.Option("--config", help="The config file.")]
CONFIG = Path("config.yaml")


def main() -> None:
    """What `larder` and `python -m proxy` run."""
    app()


def refuse(message: str) -> NoReturn:
    """Say what is wrong in one line, and end with status 2."""
    print(f"larder: {message}", file=sys.stderr)  # noqa: T201
    raise typer.Exit(2)


def say(message: str) -> None:
    """Print for the person who asked."""
    print(message)  # noqa: T201


def plans_at(config: Path) -> Plans:
    """The plans of a config file, or every problem it has and status 2."""
    try:
        return load_plans(config, os.environ)
    except ConfigError as error:
        for problem in error.problems:
            print(f"larder: {problem}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(2) from None


@app.command()
def run(config: Config = CONFIG) -> None:
    """Serve: the proxy, and the admin listener beside it."""
    from proxy.running import StartError, serve  # noqa: PLC0415 - a check or a key must not wait for it

    try:
        serve(config)
    except ConfigError as error:
        for problem in error.problems:
            print(f"larder: {problem}", file=sys.stderr)  # noqa: T201
        raise typer.Exit(2) from None
    except StartError as error:
        refuse(str(error))


@app.command()
def check(
    config: Config = CONFIG,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="URL|running",
            help="Print what would change in the Larder whose admin listener is there. "
            "Exit status: 0 nothing, 1 something, 2 it cannot be told.",
        ),
    ] = None,
) -> None:
    """Read the config and every adapter it names, without running anything."""
    plans = plans_at(config)
    if against is not None:
        from proxy.commands.check import compare  # noqa: PLC0415

        raise typer.Exit(compare(plans, config, against, os.environ, sys.stdout, sys.stderr))
    for notice in plans.notices:
        say(f"note: {notice}")
    endpoints = sum(len(upstream.endpoints) for upstream in plans.upstreams.values())
    cached = sum(plan.cache is not None for upstream in plans.upstreams.values() for plan in upstream.endpoints)
    say(f"{config}: good. upstreams: {len(plans.upstreams)}, endpoints: {endpoints}, {cached} of them cached.")


@app.command()
def explain(
    upstream: str,
    method: Annotated[str | None, typer.Argument(help="With PATH: one endpoint only.")] = None,
    path: Annotated[str | None, typer.Argument(help="Below the upstream's prefix, such as /api/v1/courses.")] = None,
    config: Config = CONFIG,
) -> None:
    """Print every resolved value of an upstream, and who said it."""
    from proxy.config.explain import UnknownName, explanation  # noqa: PLC0415

    if method is not None and path is None:
        refuse(f"{method!r} alone names no endpoint: say METHOD and PATH, such as GET /api/v1/courses, or neither")
    try:
        say(explanation(plans_at(config), upstream, method, path))
    except UnknownName as error:
        refuse(str(error))


@app.command()
def key(
    google: Annotated[bool, typer.Option("--google", help="One that Google's SDKs accept (AIza…).")] = False,  # noqa: FBT002
    encryption: Annotated[bool, typer.Option("--encryption", help="One for store.encryption_keys.")] = False,  # noqa: FBT002
) -> None:
    """Make a key for a caller, or a token for an operator: it goes to them, its hash into the config."""
    if encryption and google:
        refuse("--google and --encryption make keys of two kinds: ask for one")
    if encryption:
        from proxy.store.sealing import new_master_key  # noqa: PLC0415

        say(new_master_key(os.urandom))
        return
    made, digest = make_key(google=google, random=os.urandom)
    say(f"key:  {made}\nhash: {digest}")


@app.command()
def sandbox(
    port: Annotated[int, typer.Option(help="Where it listens, on 127.0.0.1.")] = 9000,
) -> None:
    """Serve stand-ins for CourseWorks, SmartyStreets and Google, with faults on demand."""
    os.execv(sys.executable, [sys.executable, "-m", "sandbox", "--port", str(port)])  # noqa: S606


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after the tour.")] = False,  # noqa: FBT002
) -> None:
    """Start everything on this machine and give a guided tour."""
    from proxy.demo.show import show  # noqa: PLC0415

    raise typer.Exit(asyncio.run(show(stays=not once)))


@app.command()
def erase(
    person: Annotated[
        str, typer.Argument(help="'courseworks/user:20064', or 'user:20064' where only one upstream has persons.")
    ],
    config: Config = CONFIG,
) -> None:
    """Erase a person everywhere, in the Larder that runs with this config, and print what went from where."""
    from proxy.commands.erase import erase_person  # noqa: PLC0415

    raise typer.Exit(erase_person(person, config, os.environ, sys.stdout, sys.stderr))


@app.command()
def flush(  # noqa: PLR0913 - an option each
    everything: Annotated[bool, typer.Option("--all", help="Everything.")] = False,  # noqa: FBT002
    upstream: Annotated[str | None, typer.Option(help="All of an upstream.")] = None,
    endpoint: Annotated[str | None, typer.Option(help="'courseworks GET /api/v1/courses'")] = None,
    tag: Annotated[str | None, typer.Option(help="'courseworks/course:565'")] = None,
    principal: Annotated[str | None, typer.Option(help="An ID, as `GET /admin/entries` shows it.")] = None,
    key: Annotated[str | None, typer.Option(help="A digest, as `GET /admin/entries` shows it.")] = None,
    mode: Annotated[str | None, typer.Option(help="soft or hard")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,  # noqa: FBT002
    config: Config = CONFIG,
) -> None:
    """Purge what is cached, in the Larder that runs with this config."""
    from proxy.commands.flush import FlushOptions, flush_running  # noqa: PLC0415

    options = FlushOptions(
        config=config,
        everything=everything,
        upstream=upstream,
        endpoint=endpoint,
        tag=tag,
        principal=principal,
        key=key,
        mode=mode,
        dry_run=dry_run,
    )
    raise typer.Exit(flush_running(options, os.environ, sys.stdout, sys.stderr))
