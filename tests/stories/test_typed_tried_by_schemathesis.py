"""/v1 as schemathesis tries it: by the document that is served, all of its checks, over real sockets."""

import asyncio
import json
import os
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from proxy.typed.errands import CALLBACK
from proxy.typed.table import ROUTES
from tests.house import ADA

pytestmark = pytest.mark.timeout(120)

CONFIG = """
continue-on-failure = true

[generation]
mode = "{mode}"
codec = "{codec}"
deterministic = true
max-examples = {examples}

# Reads that follow each other need good ids of things that are there.
[phases]
stateful.enabled = {follows}

# What a provider refuses for what it is (a country that it does not know) is 502, and no failure of Larder's.
[checks]
not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", "502"]
positive_data_acceptance.expected-statuses = {accepted}
"""
ACCEPTED = ["2xx", "304", "401", "403", "404", "409", "429", "502"]  # 409: a job has no result yet

# What the document cannot know: who is configured, and what ids and roles there are.
NAMES: dict[str, Any] = {
    "role": {"items": {"enum": ["Grader", "Auditor"]}},
    "upstream": {"enum": ["", "courseworks"]},
    "providers": {"items": {"enum": ["smartystreets", "google"]}},
    "id": {"pattern": "^(self|[0-9]{1,4}|(21070000000|2107~)[0-9]{1,4}|sis_course_id:[A-Z]{1,4})$"},
}


def told_who_is_there(document: dict[str, Any]) -> dict[str, Any]:
    """The document, of this house."""
    for path in document["paths"].values():
        for operation in path.values():
            # It is right only beside `Prefer: respond-async`, and nobody lists a URL here.
            operation["parameters"] = [one for one in operation["parameters"] if one["name"] != CALLBACK]
            for parameter in operation["parameters"]:
                parameter["schema"] |= NAMES.get(parameter["name"], {})
                if parameter["name"] == "providers":  # only Smarty completes, unless Google is named
                    parameter["schema"] |= {"items": {"enum": ["smartystreets"]}}
    document["components"]["schemas"]["Verify"]["properties"]["providers"] |= NAMES["providers"]
    return document


async def tried(document: Path, url: str, config: Path) -> tuple[int, str]:
    """The exit code of a run of schemathesis, and what it said."""
    program = Path(sysconfig.get_path("scripts")) / "schemathesis"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        program,
        f"--config-file={config}",
        *("run", str(document), f"--url={url}", "--checks=all", "--no-color"),
        *("--header", f"Authorization: Bearer {ADA}"),
        cwd=document.parent,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.mark.parametrize(
    ("mode", "codec", "accepted"),
    [
        ("positive", "latin-1", ACCEPTED),  # whose unprintable characters the document names; of the others not all
        ("negative", "utf-8", [*ACCEPTED, "422"]),
    ],
)
async def test_schemathesis_finds_nothing_that_the_document_does_not_say(
    larder, tmp_path, mode, codec, accepted
) -> None:
    config, document = tmp_path / "schemathesis.toml", tmp_path / "openapi.json"
    follows = "true" if mode == "positive" else "false"
    config.write_text(
        CONFIG.format(mode=mode, codec=codec, accepted=json.dumps(accepted), examples=10, follows=follows)
    )
    async with larder(store={"durable": "none"}) as home:
        document.write_text(json.dumps(told_who_is_there((await home.get("/openapi.json")).json)))
        code, said = await tried(document, home.url, config)

        assert code == 0, said
        assert f"{len(ROUTES)} selected / {len(ROUTES)} total" in said, said
        assert "failed" not in home.log.getvalue()
