"""Golden files: a config above, a command line, and below it what `larder explain` prints."""

from pathlib import Path

import pytest

from proxy.config.explain import explanation
from proxy.config.file import ConfigFile
from proxy.config.loading import plans_of

COMMAND = "\n$ larder explain "
FILES = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_the_explanation_is_the_one_below_the_config(path):
    text, _, rest = path.read_text(encoding="utf-8").partition(COMMAND)
    command, _, expected = rest.partition("\n")

    plans = plans_of(ConfigFile("config.yaml", text, {}))

    assert explanation(plans, *command.split(" ", 2)).rstrip("\n") + "\n" == expected


def test_there_are_golden_files():
    assert len(FILES) >= 4
