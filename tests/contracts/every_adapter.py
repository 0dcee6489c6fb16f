"""Every adapter there is, found as the proxy finds them, for tests that run over all of them."""

import importlib
import pkgutil

import pytest

import adapters
from adapters import Adapter

NAMES = [module.name for module in pkgutil.iter_modules(adapters.__path__) if not module.name.startswith("_")]
ADAPTERS: dict[str, Adapter] = {name: importlib.import_module(f"adapters.{name}").adapter for name in NAMES}
CACHED = [
    pytest.param(adapter, endpoint, id=f"{name} {endpoint.route}")
    for name, adapter in ADAPTERS.items()
    for endpoint in adapter.endpoints
    if endpoint.cache is not None
]

each_adapter = pytest.mark.parametrize("adapter", ADAPTERS.values(), ids=NAMES)


def each_with(*parts: str) -> pytest.MarkDecorator:
    """The adapters that have something to say about any of these."""
    chosen = [name for name in NAMES if any(getattr(ADAPTERS[name], part) for part in parts)]
    return pytest.mark.parametrize("adapter", [ADAPTERS[name] for name in chosen], ids=chosen)


each_cached = pytest.mark.parametrize(("adapter", "endpoint"), CACHED)
