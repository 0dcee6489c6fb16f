"""Loading: config.yaml checked as a whole, against what the adapters know, before any of it is used."""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pydantic import ValidationError

import adapters
from adapters import Adapter, Endpoint
from policies import RefreshBehind
from proxy.config_file import ConfigError, ConfigFile, ConfigProblem, Place, read_config
from proxy.plan import LoadAdapter, Plans
from proxy.plan_checks import plan_checks
from proxy.planner import Planner, shape_of
from proxy.settings import RESERVED, EndpointBlock, LiveEventsBlock, Operator, Settings, UpstreamBlock, nearest
from proxy.store.sealing import MasterKeyError, MasterKeys

Checks = Iterator[tuple[Place, str]]


def known_adapters() -> list[str]:
    """The names of the adapters there are: a file each."""
    folder = Path(adapters.__file__).parent
    return sorted(path.stem for path in folder.glob("[a-z]*.py"))


def load_adapter(name: str) -> Adapter:
    """The adapter of a file in adapters/. Raises LookupError that names the nearest."""
    if name not in known_adapters():
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
    """The plans of a config that was read. Raises ConfigError."""
    try:
        settings = Settings.model_validate(_written_blocks(file.data))
    except ValidationError as error:
        raise ConfigError([_problem(file, item) for item in error.errors()]) from None
    problems = [file.problem(place, message) for place, message in _checks(settings, load)]
    if problems:
        raise ConfigError(problems)
    try:
        plans = Planner(settings, load, lambda place: f"{file.name}:{file.line_of(place)}").plans()
    except ValidationError as error:  # fields that are right each by itself, but not together
        raise ConfigError([ConfigProblem(file.name, 1, "", item["msg"]) for item in error.errors()]) from None
    problems = [file.problem(place, message) for place, message in plan_checks(plans)]
    if problems:
        raise ConfigError(problems)
    return plans


def _written_blocks(data: Mapping[str, Any]) -> dict[str, Any]:
    """Blocks whose every line is commented out count as not written."""
    return {name: block for name, block in data.items() if block is not None}


def _problem(file: ConfigFile, item: Any) -> ConfigProblem:
    """pydantic's finding in an operator's words; never with the value, which may be a secret."""
    place = tuple(part for part in item["loc"] if part not in ("canvas-live-events", "standard-webhooks"))
    if item["type"] == "extra_forbidden":
        return file.problem(place, f"unknown field; {nearest(str(place[-1]), _fields_at(place[:-1]))}")
    if item["type"].startswith("union_tag"):
        return file.problem(place, "`kind` has to be canvas-live-events or standard-webhooks")
    message = item["msg"].removeprefix("Value error, ")
    if item["type"] == "value_error":  # such a message begins with the value
        message = message.removeprefix(f"{item['input']!r} ").removeprefix(f"{item['input']} ")
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
    yield from _operators(settings.admin.operators)
    yield from _store(settings)
    for name, block in settings.upstreams.items():
        yield from _upstream(name, block, load)
    known = tuple(settings.upstreams)
    for index, caller in enumerate(settings.callers):
        if caller.name in [other.name for other in settings.callers[:index]]:
            yield ("callers", index, "name"), "this name stands here twice"
        earlier = {key for other in settings.callers[:index] for key in other.key}
        if earlier & set(caller.key):
            yield ("callers", index, "key"), "another caller has the same key; a key says who calls"
        for allowed in caller.allow or ():
            if allowed not in known:
                yield ("callers", index, "allow"), f"no such upstream; {nearest(allowed, known)}"
    for name, webhook in settings.webhooks.items():
        if webhook.upstream not in known:
            yield (
                ("webhooks", name, "upstream"),
                f"no such upstream; {nearest(webhook.upstream, known)}",
            )
        if isinstance(webhook, LiveEventsBlock) and (webhook.jwks_url is None) is not webhook.unsigned:
            yield ("webhooks", name), "needs either jwks_url or `unsigned: true`: events are signed, or they are not"


def _listening(settings: Settings) -> Checks:
    if not settings.callers and not is_loopback(settings.server.host):
        message = (
            "it can be reached from other machines, but no callers are configured, so anyone "
            "there could read what is cached: add `callers:`, or listen on 127.0.0.1"
        )
        yield ("server", "host"), message


def _operators(operators: Sequence[Operator]) -> Checks:
    names, tokens = ["admin", "-"], set[str]()
    for index, operator in enumerate(operators):
        if operator.name in ("admin", "-"):
            yield ("admin", "operators", index, "name"), "this name is Larder's own; call the operator something else"
        elif operator.name in names:
            yield ("admin", "operators", index, "name"), "this name stands here twice"
        if tokens & set(operator.token):
            yield ("admin", "operators", index, "token"), "another operator has the same one; it says who did something"
        names.append(operator.name)
        tokens |= set(operator.token)


def _store(settings: Settings) -> Checks:
    store = settings.store
    is_redis = store.durable.startswith("redis")
    if is_redis and not store.secret:
        message = "Redis needs one: all machines have to make the same keys; say `secret: ${LARDER_SECRET}`"
        yield ("store", "secret"), message
    if not is_redis and "redis" in store.model_fields_set:
        yield ("store", "redis"), "`durable` names no Redis; say `durable: redis://HOST:PORT/DB`, or leave this out"
    if store.encryption_keys:
        try:
            MasterKeys.parse(store.encryption_keys)
        except MasterKeyError as error:
            yield ("store", "encryption_keys"), str(error)
    elif store.encrypt == "all":
        yield ("store", "encrypt"), "needs `encryption_keys`; `larder key --encryption` makes one"


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
    yield from _base_urls(place, block, adapter)
    if set(block.credential) - set(adapter.credential_fields):
        yield (*place, "credential"), f"has to be written with: {', '.join(adapter.credential_fields) or 'nothing'}"
    given = {key for key, value in block.credential.items() if value}
    if given and given != set(adapter.credential_fields):
        yield (*place, "credential"), f"needs all of: {', '.join(adapter.credential_fields)}"
    for accepted in block.terms_accepted:
        if accepted not in adapter.terms:
            yield (*place, "terms_accepted"), f"not terms that this adapter knows; {nearest(accepted, adapter.terms)}"
    yield from _endpoints((*place, "endpoints"), block, adapter)


def _base_urls(place: Place, block: UpstreamBlock, adapter: Adapter) -> Checks:
    base_urls = block.base_urls or tuple(url for url in (block.base_url or adapter.base_url,) if url is not None)
    if block.base_urls and block.base_url is not None:
        yield (*place, "base_urls"), "stands beside base_url; say one of the two"
    if not base_urls:
        yield place, "needs a base_url such as http://127.0.0.1:8000"
    if len(set(base_urls)) < len(base_urls):
        yield (*place, "base_urls"), "names one of them twice"
    if any("{api}" in url for url in base_urls) and adapter.api_of is None:
        yield (*place, "base_url"), "has {api}, but this adapter knows no APIs to put there"
    if len({"{api}" in url for url in base_urls}) > 1:
        yield (*place, "base_urls"), "either all of them have {api}, or none has"


def _endpoints(place: Place, block: UpstreamBlock, adapter: Adapter) -> Checks:
    known = {shape_of(endpoint.route): endpoint for endpoint in adapter.endpoints}
    seen: set[tuple[str, ...]] = set()
    for route, endpoint in block.endpoints.items():
        try:
            shape = shape_of(route)
        except ValueError as error:
            yield (*place, route), str(error)
            continue
        if shape in seen:
            yield (*place, route), "stands here twice: names in braces do not tell routes apart"
        seen.add(shape)
        yield from _endpoint((*place, route), endpoint, known.get(shape))


def _endpoint(place: Place, block: EndpointBlock, known: Endpoint | None) -> Checks:
    names = () if known is None else tuple(known.outcomes)
    for outcome in block.outcomes:
        if outcome not in names:
            yield (*place, "outcomes", outcome), f"this endpoint has no such outcome; {nearest(outcome, names)}"
    reads = str(place[-1]).startswith("GET ") or (known is not None and known.reads)
    if "cache" in block.model_fields_set and not reads:
        yield (*place, "cache"), "only a GET, or a POST that its adapter declares a read, can be cached"
    forbidden = known is not None and known.cache is not None
    forbidden = forbidden and known.cache.refresh_behind is RefreshBehind.FORBIDDEN  # type: ignore[union-attr]
    blocks: dict[Place, Any] = {("cache",): block.cache} | {
        ("outcomes", name): fields for name, fields in block.outcomes.items()
    }
    for inner, fields in blocks.items():
        if forbidden and getattr(fields, "refresh_behind", None) is RefreshBehind.ALLOWED:
            yield (*place, *inner, "refresh_behind"), "the provider's terms forbid it; it cannot be allowed here"
