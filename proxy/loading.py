"""Loading: config.yaml checked as a whole, against what the adapters know, before any of it is used."""

import importlib
from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import adapters
from adapters import Adapter
from policies import Partition, RefreshBehind
from proxy.config_file import ConfigError, ConfigFile, ConfigProblem, Place, read_config
from proxy.plan import LoadAdapter, Planner, Plans
from proxy.routing import parse_route
from proxy.settings import RESERVED, LiveEventsBlock, Settings, UpstreamBlock, nearest

Checks = Iterator[tuple[Place, str]]


def known_adapters() -> list[str]:
    """The names of the adapters there are: a file each."""
    folder = Path(adapters.__file__).parent
    return sorted(path.stem for path in folder.glob("[a-z]*.py"))


def load_adapter(name: str) -> Adapter:
    """The adapter of a file in adapters/. Raises LookupError that names the nearest."""
    if name not in known_adapters():
        raise LookupError(f"no adapter {name!r}: {nearest(name, known_adapters())}")
    module = importlib.import_module(f"adapters.{name}")
    found = module.adapter
    if not isinstance(found, Adapter):
        raise LookupError(f"adapters/{name}.py has no `adapter = Adapter(…)`")  # noqa: TRY004 - it was not found
    return found


def load_plans(path: Path, environment: Mapping[str, str], load: LoadAdapter = load_adapter) -> Plans:
    """Everything the config says, resolved. Raises ConfigError with every problem found."""
    return plans_of(read_config(path, environment), load)


def plans_of(file: ConfigFile, load: LoadAdapter = load_adapter) -> Plans:
    """The plans of a config that was read. Raises ConfigError."""
    try:
        settings = Settings.model_validate(file.data)
    except ValidationError as error:
        raise ConfigError([_problem(file, item) for item in error.errors(include_input=False)]) from None
    problems = [file.problem(place, message) for place, message in _checks(settings, load)]
    if problems:
        raise ConfigError(problems)
    try:
        return Planner(settings, load, lambda place: f"{file.name}:{file.line_of(place)}").plans()
    except ValidationError as error:  # fields that are right each by itself, but not together
        raise ConfigError([ConfigProblem(file.name, 1, "", item["msg"]) for item in error.errors()]) from None


def _problem(file: ConfigFile, item: Any) -> ConfigProblem:
    """pydantic's finding in an operator's words; never with the value, which may be a secret."""
    place = tuple(part for part in item["loc"] if part not in ("canvas-live-events", "standard-webhooks"))
    if item["type"] == "extra_forbidden":
        return file.problem(place, f"unknown field; {nearest(str(place[-1]), _fields_at(place[:-1]))}")
    message = item["msg"].removeprefix("Value error, ")
    return file.problem(place, message[0].lower() + message[1:])


def _fields_at(place: Place) -> list[str]:
    """The fields that a block may have."""
    schema: Any = Settings.model_json_schema()
    definitions = schema["$defs"]
    for part in place:
        schema = _step(schema, part, definitions)
    return list(_resolved(schema, definitions).get("properties", {}))


def _step(schema: Any, part: str | int, definitions: Any) -> Any:
    schema = _resolved(schema, definitions)
    if isinstance(part, int):
        return schema.get("items", {})
    return schema.get("properties", {}).get(part) or schema.get("additionalProperties") or {}


def _resolved(schema: Any, definitions: Any) -> Any:
    """A schema with its references followed; of alternatives those fields that any of them has."""
    if "$ref" in schema:
        return _resolved(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    choices = [_resolved(choice, definitions) for choice in schema.get("anyOf", schema.get("oneOf", []))]
    if not choices:
        return schema
    merged: dict[str, Any] = {"properties": {}}
    for choice in choices:
        merged["properties"] |= choice.get("properties", {})
        merged.setdefault("items", choice.get("items", {}))
        if isinstance(choice.get("additionalProperties"), dict):
            merged["additionalProperties"] = choice["additionalProperties"]
    return merged


def _checks(settings: Settings, load: LoadAdapter) -> Checks:
    yield from _listening(settings)
    for name, block in settings.upstreams.items():
        yield from _upstream(name, block, load)
    known = tuple(settings.upstreams)
    for index, caller in enumerate(settings.callers):
        if caller.name in [other.name for other in settings.callers[:index]]:
            yield ("callers", index, "name"), f"{caller.name!r} stands here twice"
        earlier = {key for other in settings.callers[:index] for key in other.key}
        if earlier & set(caller.key):
            yield ("callers", index, "key"), "another caller has the same key; a key says who calls"
        for allowed in caller.allow or ():
            if allowed not in known:
                yield ("callers", index, "allow"), f"no upstream {allowed!r}; {nearest(allowed, known)}"
    for name, webhook in settings.webhooks.items():
        if webhook.upstream not in known:
            yield (
                ("webhooks", name, "upstream"),
                f"no upstream {webhook.upstream!r}; {nearest(webhook.upstream, known)}",
            )
        if isinstance(webhook, LiveEventsBlock) and webhook.jwks_url is None and not webhook.unsigned:
            yield ("webhooks", name), "has neither jwks_url nor `unsigned: true`: nothing it gets could be believed"


def _listening(settings: Settings) -> Checks:
    if not settings.callers and not is_loopback(settings.server.host):
        message = (
            f"{settings.server.host} can be reached from other machines, but no callers are configured, so anyone "
            "there could read what is cached: add `callers:`, or listen on 127.0.0.1"
        )
        yield ("server", "host"), message


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _upstream(name: str, block: UpstreamBlock, load: LoadAdapter) -> Checks:
    place: Place = ("upstreams", name)
    if name in RESERVED or name[:1] in ("-", "_", "@") or "/" in name:
        yield place, "this name is Larder's own; call the upstream something else and say `adapter:`"
    try:
        adapter = load(block.adapter or name)
    except LookupError as error:
        yield (*place, "adapter"), str(error)
        return
    base_url = block.base_url or adapter.base_url
    if base_url is None:
        yield place, "needs a base_url such as http://127.0.0.1:8000"
    elif "{api}" in base_url and adapter.api_of is None:
        yield (*place, "base_url"), "has {api}, but this adapter knows no APIs to put there"
    if set(block.credential) - set(adapter.credential_fields):
        yield (*place, "credential"), f"has to be written with: {', '.join(adapter.credential_fields) or 'nothing'}"
    given = {key for key, value in block.credential.items() if value}
    if given and given != set(adapter.credential_fields):
        yield (*place, "credential"), f"needs all of: {', '.join(adapter.credential_fields)}"
    for accepted in block.terms_accepted:
        if accepted not in adapter.terms:
            yield (*place, "terms_accepted"), f"not terms that this adapter knows; {nearest(accepted, adapter.terms)}"
    for route, endpoint in block.endpoints.items():
        yield from _endpoint((*place, "endpoints", route), route, endpoint.model_dump(), adapter, bool(given))


def _endpoint(place: Place, route: str, block: dict[str, Any], adapter: Adapter, held: bool) -> Checks:  # noqa: FBT001
    try:
        parse_route(route)
    except ValueError as error:
        yield place, str(error)
        return
    known = {endpoint.route: endpoint for endpoint in adapter.endpoints}.get(route)
    for outcome in block["outcomes"]:
        names = tuple(known.outcomes) if known is not None else ()
        if outcome not in names:
            yield (*place, "outcomes", outcome), f"this endpoint has no such outcome; {nearest(outcome, names)}"
    cache = block["cache"] or {}
    forbidden = known is not None and known.cache is not None
    forbidden = forbidden and known.cache.refresh_behind is RefreshBehind.FORBIDDEN  # type: ignore[union-attr]
    if forbidden and cache.get("refresh_behind") is RefreshBehind.ALLOWED:
        yield (*place, "cache", "refresh_behind"), "the provider's terms forbid it; it cannot be allowed here"
    if cache.get("partition") is Partition.SHARED and adapter.credential_places and not (held or adapter.by_headers):
        message = "answers to one caller's credential would reach others; `shared` needs a `credential:` held by Larder"
        yield (*place, "cache", "partition"), message
    ttl, refresh_after = cache.get("ttl"), cache.get("refresh_after")
    if ttl is not None and refresh_after is not None and refresh_after > ttl:
        yield (*place, "cache", "refresh_after"), "has to be at most ttl: later the answer is not fresh any more"
