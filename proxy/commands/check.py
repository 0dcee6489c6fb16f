"""`larder check --against`: what would change if a running Larder read this config; secrets are not compared.

Their values are nowhere to be seen: what both sides only show as taken out cannot be told apart.
"""

import json
from collections.abc import Iterator, Mapping
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, TextIO
from urllib.parse import urlsplit

import yaml

from proxy.admin.redaction import REDACTED, shown
from proxy.commands.admin import Door, Refused, WrongUse, ask, door_of, one_line
from proxy.config.differences import Field, differing, value_at
from proxy.config.spoken import less_unsaid, with_units
from proxy.operating.reloading import ONLY_AT_START, under
from proxy.plan import Plans
from proxy.workers.accepted import AT_RESTART, BY_REPLACEMENT

SAME, DIFFERS, CANNOT = 0, 1, 2
LONGEST_SIDE = 400  # characters
RUNNING = "running"  # in place of a URL: where the config says


class Change(NamedTuple):
    """A field that is another one here than there."""

    field: Field
    before: Any
    after: Any
    needs_restart: bool

    def __str__(self) -> str:
        late = " (after a restart)" if self.needs_restart else ""
        before, after = (_written(self.field[-1], value) for value in (self.before, self.after))
        return f"{'.'.join(self.field)}: {before} → {after}{late}"


def compare(plans: Plans, config: Path, against: str, environment: Mapping[str, str], out: TextIO, err: TextIO) -> int:
    """Carry out the command for a config that was read. The exit status: 0 nothing differs, 1 something, 2 unknown."""
    try:
        there, here = _there(config, against, environment), shown(plans.settings)
    except (WrongUse, Refused) as error:
        err.write(f"larder check: {error}\n")
        return CANNOT
    found = list(changes_between(there, here))
    out.writelines(f"{one_line(change)}\n" for change in found)
    hidden = [one_line(".".join(field)) for field in hidden_in(there, here)]
    if hidden:
        out.write(f"whether these differ cannot be told, since they are secret: {', '.join(hidden)}\n")
    out.write(f"{config}: {_summary(found, hidden)}\n")
    return DIFFERS if found else SAME


def _summary(found: list[Change], hidden: list[str]) -> str:
    """How many differ, so that nobody has to count, or to wonder whether there is more."""
    if not found:
        return f"{'nothing else' if hidden else 'nothing'} would change."
    late = sum(change.needs_restart for change in found)
    fields = "1 field" if len(found) == 1 else f"{len(found)} fields"
    return f"{fields} would change{f' ({late} after a restart)' if late else ''}, nothing else."


def _there(config: Path, against: str, environment: Mapping[str, str]) -> dict[str, Any]:
    """The config that the running Larder shows. Raises WrongUse, Refused."""
    door = door_of(config, environment)
    if against != RUNNING:
        door = _door(against, door.token)
    found = ask(door, "GET", "/admin/config").get("config")
    if not isinstance(found, dict):
        raise Refused(f"what answers at {door.host}:{door.port} is not Larder's admin listener")
    return found


def _door(url: str, token: str) -> Door:
    """Raises WrongUse."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if host is None or port is None or parts.scheme != "http" or parts.path.strip("/") or parts.username is not None:
        raise WrongUse(f"--against takes {RUNNING}, or the admin listener's URL, such as http://127.0.0.1:8081")
    return Door(host, port, token)


def changes_between(there: dict[str, Any], here: dict[str, Any]) -> Iterator[Change]:
    """Where they say different things, as far as can be seen."""
    several = value_at(there, ("server", "workers")) != 1
    for field in differing(there, here):
        name = ".".join(field)
        at_start = under([name], AT_RESTART if several else ONLY_AT_START)
        late = bool(at_start) and not (several and under([name], BY_REPLACEMENT))
        yield Change(field, value_at(there, field), value_at(here, field), late)


def hidden_in(there: Any, here: Any, place: Field = ()) -> Iterator[Field]:
    """The fields of which both sides show the same, and not all that they say."""
    if isinstance(there, dict) and isinstance(here, dict):
        for name in sorted({*there} & {*here}):
            yield from hidden_in(there[name], here[name], (*place, name))
    elif there == here and REDACTED in json.dumps(there):
        yield place


def _written(name: str, value: Any) -> str:
    """A value as config.yaml writes it, as far as a line has room for both sides."""
    if value is None:
        return "(not set)"
    text = yaml.safe_dump(
        with_units(name, less_unsaid(value)), default_flow_style=True, allow_unicode=True, sort_keys=False, width=inf
    )
    text = text.removesuffix("\n").removesuffix("\n...")
    return text if len(text) <= LONGEST_SIDE else f"{text[:LONGEST_SIDE]}…"
