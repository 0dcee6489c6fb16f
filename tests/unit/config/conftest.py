"""Reads configs that stand in a test as text."""

from collections.abc import Callable, Mapping
from textwrap import dedent

import pytest

from adapters import Adapter
from proxy.config.file import ConfigError, ConfigFile, ConfigProblem
from proxy.config.loading import load_adapter, plans_of
from proxy.plan import Plans

Load = Callable[[str], Adapter]


@pytest.fixture
def plans_from() -> Callable[..., Plans]:
    """The plans of a config text."""

    def read(text: str, environment: Mapping[str, str] | None = None, load: Load = load_adapter) -> Plans:
        return plans_of(ConfigFile("config.yaml", dedent(text), environment or {}), load)

    return read


@pytest.fixture
def problems_of(plans_from: Callable[..., Plans]) -> Callable[..., list[ConfigProblem]]:
    """What is wrong with a config text."""

    def read(text: str, environment: Mapping[str, str] | None = None, load: Load = load_adapter) -> list[ConfigProblem]:
        with pytest.raises(ConfigError) as refused:
            plans_from(text, environment, load)
        return refused.value.problems

    return read
