"""Loading: config.yaml checked as a whole, against what the adapters know, before any of it is used."""

import importlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import adapters
from adapters import Adapter
from proxy.config.draft import Draft, Finding
from proxy.config.file import ConfigError, ConfigFile, read_config
from proxy.config.notices import notices
from proxy.config.plan_checks import plan_checks
from proxy.config.planner import Planner
from proxy.config.settings_checks import settings_checks
from proxy.config.words import meant_by, place_of, words_of
from proxy.plan import LoadAdapter, Plans
from proxy.settings import Settings, nearest

_FOLDER = Path(adapters.__file__).parent
_NAME = re.compile("[a-z][A-Za-z0-9_]*")


def known_adapters() -> list[str]:
    """The names of the adapters there are: a file each."""
    return sorted(path.stem for path in _FOLDER.glob("[a-z]*.py"))


def load_adapter(name: str) -> Adapter:
    """The adapter of a file in adapters/. Raises LookupError that names the nearest."""
    if not _NAME.fullmatch(name) or not (_FOLDER / f"{name}.py").is_file():
        raise LookupError(f"no adapter of that name; {nearest(name, known_adapters())}")
    module = importlib.import_module(f"adapters.{name}")
    found = module.adapter
    if not isinstance(found, Adapter):
        raise LookupError(f"adapters/{name}.py has no `adapter = Adapter(…)`")  # noqa: TRY004 - it was not found
    return found


def load_plans(path: Path, environment: Mapping[str, str], load: LoadAdapter = load_adapter) -> Plans:
    """Everything the config says, resolved. Raises ConfigError with every problem found."""
    return plans_of(read_config(path, environment), load)


def plans_of(file: ConfigFile, load: LoadAdapter = load_adapter) -> Plans:
    """The plans of a config that was read. Raises ConfigError with every problem found, in the order of their lines."""
    draft = Draft(file)
    plans, found = _looked_at(draft, load)
    while found and draft.refuse(found):
        plans, found = _looked_at(draft, load)
    if plans is None or draft.problems:
        raise ConfigError(draft.problems)
    told = [file.problem(place, message) for place, message in notices(plans, file.data)]
    return replace(plans, notices=tuple(sorted(told, key=lambda notice: (notice.line, notice.field))))


def _looked_at(draft: Draft, load: LoadAdapter) -> tuple[Plans | None, list[Finding]]:
    """As far as it can be resolved, and what is wrong with it: what hides other mistakes comes first."""
    try:
        settings = Settings.model_validate(_written_blocks(draft.data))
    except ValidationError as error:
        return None, [Finding(place_of(item), words_of(item), meant_by(item)) for item in error.errors()]
    found = [Finding(place, message) for place, message in settings_checks(settings, load, draft)]
    if found:
        return None, found
    try:
        plans = Planner(settings, load, draft.source_of).plans()
    except ValidationError as error:  # fields that are right each by itself, but not together
        return None, [Finding((), item["msg"]) for item in error.errors()]
    return plans, [Finding(place, message) for place, message in plan_checks(plans, draft.is_doubtful)]


def _written_blocks(data: Mapping[str, Any]) -> dict[str, Any]:
    """Blocks whose every line is commented out count as not written."""
    return {name: block for name, block in data.items() if block is not None}
