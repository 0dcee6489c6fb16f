"""What is installed is all of it: a wheel lacks no module that the checkout has."""

import importlib
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = [path for house in ("adapters", "policies", "proxy", "sandbox") for path in (ROOT / house).rglob("*.py")]
FOLDERS = sorted({path.parent for path in MODULES})


@pytest.mark.parametrize("folder", FOLDERS, ids=[str(folder.relative_to(ROOT)) for folder in FOLDERS])
def test_every_folder_of_modules_is_a_package_that_goes_into_the_wheel(folder):
    found = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]["find"]
    name = ".".join(folder.relative_to(ROOT).parts)
    assert (folder / "__init__.py").exists()
    assert any(fnmatch(name, pattern) for pattern in found["include"])


def test_there_is_nothing_beside_modules_that_a_wheel_would_lack():
    houses = {path.parents[len(path.relative_to(ROOT).parts) - 2] for path in MODULES}
    files = [
        path for house in houses for path in house.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    assert {path.suffix for path in files} == {".py"}


def test_a_newcomer_is_told_what_each_room_is_for():
    rooms = {path.parent.name: path for path in (ROOT / "proxy").glob("*/__init__.py")}
    told = {name: f"| `proxy/{name}/` | {importlib.import_module(f'proxy.{name}').__doc__} |" for name in rooms}
    lines = (ROOT / "docs" / "life-of-a-request.md").read_text().splitlines()
    assert {name for name, line in told.items() if line not in lines} == set()


def test_a_larder_without_redis_does_not_wait_for_the_redis_client_to_load():
    looks = "import proxy.cli, proxy.running, sys; print('redis' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", looks], cwd=ROOT, capture_output=True, check=True, text=True)
    assert said.stdout == "False\n"
