"""README and docs name only what is there: files, make targets, commands, config fields, metrics, admin paths."""

import io
import re
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import typer.main
import yaml
from aiohttp import ClientSession, web

from proxy.admin.app import make_admin
from proxy.cli import app
from proxy.config.file import ConfigFile
from proxy.config.loading import load_adapter, plans_of
from proxy.larder import Larder
from proxy.observing import Observing
from proxy.settings import Settings, settings_schema
from proxy.telemetry.logs import configure_logs
from proxy.telemetry.metrics import METRICS
from tests.origin import origin

ROOT = Path(__file__).parents[2]
DOCS = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
each_doc = pytest.mark.parametrize("doc", DOCS, ids=[str(doc.relative_to(ROOT)) for doc in DOCS])

# Named as what a reader or a running Larder makes.
MADE = {"adapters/directory.py", "bench/out/latest.json"}
ENDINGS = ("py", "md", "yaml", "json", "toml", "txt")
COMMANDS = typer.main.get_command(app)

# Where docs/configuration.md tables the fields of which block of the schema.
SECTIONS = {
    "server": "Server",
    "admin": "Admin",
    "admin.operators": "Operator",
    "store": "Store",
    "store.redis": "RedisBlock",
    "log": "Log",
    "callers": "CallerBlock",
    "defaults": "Defaults",
    "upstreams": "UpstreamBlock",
    "An endpoint": "EndpointBlock",
    "cache": "CachePolicyFields",
    "timeout": "TimeoutPolicyFields",
    "retry": "RetryPolicyFields",
    "breaker": "BreakerPolicyFields",
    "concurrency": "ConcurrencyPolicyFields",
    "pacing": "PacingPolicyFields",
    "hedge": "HedgePolicyFields",
    "egress": "EgressPolicyFields",
    "collection": "CollectionPolicyFields",
    "batch": "BatchPolicyFields",
    "payload": "PayloadPolicyFields",
    "writes": "WritesPolicyFields",
    "v1.addresses": "AddressesBlock",
    "v1.courses": "CoursesBlock",
    "v1.jobs": "JobsBlock",
    "v1.jobs.callbacks": "CallbackBlock",
    "webhooks: canvas-live-events": "LiveEventsBlock",
    "webhooks: standard-webhooks": "StandardWebhooksBlock",
}


def blocks(text, language):
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def code_in(text):
    """Everything in a document that is code: blocks, and words between backticks."""
    inside = re.findall(r"^```\w*\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return [*inside, *re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))]


def missing_files(text):
    named = {word for word in re.findall(r"`([\w./-]+)`", text) if "/" in word and not word.startswith(("/", "."))}
    named = {word for word in named if word.endswith("/") or word.rpartition(".")[2] in ENDINGS}
    return {word for word in named - MADE if not (ROOT / word).exists()}


def missing_targets(text):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    return {word for code in code_in(text) for word in re.findall(r"(?:^|\n)make (\w+)", code)} - targets


def wrong_commands(text):
    wrong = set()
    for code in code_in(text):
        for name, rest in re.findall(r"(?:^|\n)larder (\w[\w-]*)([^\n#`]*)", code):
            command = COMMANDS.commands.get(name)
            if isinstance(command, typer.core.TyperGroup):
                command = command.commands.get(rest.split()[0]) if rest.split() else command
            known = set() if command is None else {option for one in command.params for option in one.opts}
            if command is None or set(re.findall(r"(--[a-z-]+)", rest)) - known:
                wrong.add(f"larder {name}{rest}")
    return wrong


def unknown_metrics(text):
    known = {metric.name for metric in METRICS} | {example.stem for example in (ROOT / "examples").glob("*.py")}
    words = {word for code in code_in(text) for word in re.findall(r"\blarder_[a-z_]+\b", code)}
    return {word for word in words if re.sub(r"_(bucket|sum|count)$", "", word) not in known and word != "larder_"}


def admin_paths():
    """The paths of the admin listener's application, as its own source registers them."""
    source = Path(make_admin.__code__.co_filename).read_text()
    return set(re.findall(r'web\.(?:get|post)\("([^"]+)"', source))


def unknown_admin_paths(text):
    named = {path for code in code_in(text) for path in re.findall(r"(?<!\w)/admin/[a-z/{}]+", code)}
    known = [re.compile(re.sub(r"\{\w+\}", r"([a-z]+|{\\w+})", path)) for path in admin_paths()]
    return {path for path in named if not any(one.fullmatch(path) for one in known)}


CHECKS = (missing_files, missing_targets, wrong_commands, unknown_metrics, unknown_admin_paths)


@each_doc
@pytest.mark.parametrize("check", CHECKS)
def test_what_a_document_names_is_there(doc, check):
    assert check(doc.read_text()) == set()


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (missing_files, "see `proxy/no_such_file.py`"),
        (missing_targets, "```sh\nmake coffee\n```"),
        (wrong_commands, "`larder brew`"),
        (wrong_commands, "```sh\nlarder flush --gently\n```"),
        (unknown_metrics, "`larder_coffee_total`"),
        (unknown_admin_paths, "`POST /admin/coffee`"),
        (unknown_admin_paths, "`POST /admin/upstreams/{name}/coffee`"),
        (unknown_admin_paths, "`POST /admin/upstreams/courseworks/coffee`"),
    ],
)
def test_a_name_of_nothing_is_found(check, text):
    assert check(text)


@each_doc
def test_config_that_a_document_shows_is_valid(doc):
    for block in blocks(doc.read_text(), "yaml"):
        Settings.model_validate(yaml.safe_load(block))


def test_the_configuration_page_has_every_field_of_every_block_and_no_other():
    schema = settings_schema()["$defs"]
    text = (ROOT / "docs/configuration.md").read_text()
    sections = {part.partition("\n")[0]: part for part in text.split("\n## ")[1:]}

    assert set(sections) == set(SECTIONS)
    for title, block in SECTIONS.items():
        fields = re.findall(r"^\| `(\w+)` \|", sections[title], re.MULTILINE)
        assert fields == list(schema[block]["properties"]), title
    assert {name for name in Settings.model_fields if not re.search(rf"^## {name}", text, re.MULTILINE)} == set()


def example():
    """The adapter and the config of docs/adding-an-adapter.md."""
    text = (ROOT / "docs/adding-an-adapter.md").read_text()
    [code], [config] = blocks(text, "python"), blocks(text, "yaml")
    module = {"__name__": "directory_example"}
    exec(compile(code, "docs/adding-an-adapter.md", "exec", dont_inherit=True), module)  # the page's own code
    return module["adapter"], config


@asynccontextmanager
async def larder_with_example(base_url, folder):
    """A Larder that runs the page's adapter by the page's config, in front of an origin of ours."""
    adapter, config = example()
    data = yaml.safe_load(config)
    data["upstreams"]["directory"]["base_url"] = base_url
    data |= {"server": {"port": 0, "drain": "2s"}, "store": {"durable": f"sqlite:///{folder}/larder.db"}}
    secrets = {"DIRECTORY_KEY": "the-key", "DIRECTORY_WEBHOOK_SECRET": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmM="}
    file = ConfigFile("config.yaml", yaml.safe_dump(data), secrets)
    plans = plans_of(file, lambda name: adapter if name == "directory" else load_adapter(name))
    larder = Larder(plans, Observing(configure_logs("error", "json", io.StringIO())))
    try:
        await larder.open()
        yield f"http://127.0.0.1:{larder.listener.port}/directory"
    finally:
        await larder.close()
        larder.observing.close()


async def test_the_example_adapter_caches_signs_and_purges_as_its_page_says(tmp_path):
    def answer(_seen):
        return web.json_response({"uni": "as0001", "name": f"Ada {len(there.seen)}"})

    async with origin(answer) as there, larder_with_example(there.url, tmp_path) as url, ClientSession() as session:

        async def name(method="GET", path="people/as0001"):
            async with session.request(method, f"{url}/{path}") as response:
                return (await response.json())["name"]

        read = [await name(), await name()]
        written = await name("PUT")
        after = [await name(), await name()]
        searched = [await name(path="search"), await name(path="search")]

    assert (read, written, after) == (["Ada 1", "Ada 1"], "Ada 2", ["Ada 3", "Ada 3"])
    assert searched == ["Ada 4", "Ada 5"]
    assert all(seen.all("x-api-key") == ["the-key"] for seen in there.seen)


def test_what_stores_md_says_larder_says_is_what_it_says():
    section = (ROOT / "docs/stores.md").read_text().partition("## When something is wrong")[2]
    lines = [row.split("|")[1].strip() for row in section.splitlines() if row.startswith("| ")][1:]
    said = "".join((ROOT / "proxy/store" / name).read_text() for name in ("_redis_troubles.py", "_sqlite_errors.py"))

    assert len(lines) > 15
    assert [line for line in lines if line not in said] == []
