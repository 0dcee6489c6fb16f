"""`larder flush`: asks a running Larder to forget, and says what that came to."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from proxy.commands.admin import Refused, WrongUse, ask, door_of, one_line

DONE, REFUSED, WRONG = 0, 1, 2


@dataclass(frozen=True, kw_only=True)
class FlushOptions:
    """The options as they were given; exactly one says what to flush."""

    config: Path = Path("config.yaml")
    everything: bool = False  # --all
    upstream: str | None = None
    endpoint: str | None = None
    tag: str | None = None
    principal: str | None = None
    key: str | None = None
    mode: str | None = None
    dry_run: bool = False


def flush_running(options: FlushOptions, environment: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    """Carry out the command. The exit status: 0 done, 1 Larder refused or is not there, 2 wrong options or config."""
    try:
        document = order_of(options)
        came_to = ask(door_of(options.config, environment), "POST", "/admin/flush", document)
    except (WrongUse, Refused) as error:
        err.write(f"larder flush: {error}\n")
        return WRONG if isinstance(error, WrongUse) else REFUSED
    out.write(told(came_to) + "\n")
    return DONE


def order_of(options: FlushOptions) -> dict[str, Any]:
    """The body of the request. Raises WrongUse."""
    targets: dict[str, Any] = {"all": True} if options.everything else {}
    for name in ("upstream", "endpoint", "tag", "principal", "key"):
        value = getattr(options, name)
        if value is not None:
            targets[name] = value
    if len(targets) != 1:
        found = " and ".join(f"--{name}" for name in targets) or "none"
        raise WrongUse(f"needs one of --all, --upstream, --endpoint, --tag, --principal, --key; found {found}")
    if options.mode is not None:
        targets["mode"] = options.mode
    return {**targets, "dry_run": True} if options.dry_run else targets


def told(came_to: Mapping[str, Any]) -> str:
    """An answer of `POST /admin/flush` in one sentence."""
    met = one_line(came_to.get("met"))
    entries = f"{met} {'entry' if met == '1' else 'entries'}"
    mode = one_line(came_to.get("mode"))
    if came_to.get("dry_run"):
        return f"would flush {entries} ({mode}); nothing was changed"
    least = "" if came_to.get("met_exact") else "at least "
    kept = "durable" if came_to.get("durable") else "not on disk: a crash may forget it"
    return f"flushed {least}{entries} ({mode}, {kept}; fence {one_line(came_to.get('fence'))})"
