"""What can be checked of settings before any plan is made: what each adapter knows, and what fields say together."""

from collections.abc import Iterator, Sequence
from typing import Any

from adapters import Adapter, Endpoint
from policies import RefreshBehind
from proxy.callers.addresses import is_loopback
from proxy.changes.standard_webhooks import secret_bytes
from proxy.config.draft import Draft
from proxy.config.file import Place
from proxy.config.planner import shape_of
from proxy.config.words import has_port
from proxy.plan import LoadAdapter
from proxy.settings import RESERVED, EndpointBlock, LiveEventsBlock, Operator, Settings, UpstreamBlock, nearest
from proxy.store.sealing import MasterKeyError, MasterKeys

Checks = Iterator[tuple[Place, str]]
_ANYWHERE = frozenset({"0.0.0.0", "::", ""})  # noqa: S104 - compared, not listened on


def settings_checks(settings: Settings, load: LoadAdapter, draft: Draft) -> Checks:
    """Where fields that are right each by itself cannot hold together, or no adapter knows what they name."""
    yield from _listening(settings, draft)
    yield from _operators(settings.admin.operators)
    yield from _store(settings, draft)
    for name, block in settings.upstreams.items():
        yield from _upstream(name, block, load)
    yield from _callers(settings, draft)
    yield from _webhooks(settings, draft)
    yield from _callbacks(settings, draft)


def _callers(settings: Settings, draft: Draft) -> Checks:
    for index, caller in enumerate(settings.callers):
        if caller.name in [other.name for other in settings.callers[:index]]:
            yield ("callers", index, "name"), "this name stands here twice"
        earlier = {key for other in settings.callers[:index] for key in other.key}
        if earlier & set(caller.key):
            yield ("callers", index, "key"), "another caller has the same key; a key says who calls"
        for allowed in caller.allow or ():
            yield from _named_upstream(allowed, ("callers", index, "allow"), settings, draft)


def _webhooks(settings: Settings, draft: Draft) -> Checks:
    for name, webhook in settings.webhooks.items():
        yield from _named_upstream(webhook.upstream, ("webhooks", name, "upstream"), settings, draft)
        if isinstance(webhook, LiveEventsBlock) and (webhook.jwks_url is None) is not webhook.unsigned:
            yield ("webhooks", name), "needs either jwks_url or `unsigned: true`: events are signed, or they are not"


def _callbacks(settings: Settings, draft: Draft) -> Checks:
    listed = settings.v1.jobs.callbacks
    callers = [caller.name for caller in settings.callers]
    for index, callback in enumerate(listed):
        place: Place = ("v1", "jobs", "callbacks", index)
        try:
            secret_bytes(callback.secret)
        except ValueError as error:
            yield (*place, "secret"), str(error)
        if callback.url in [other.url for other in listed[:index]]:
            yield (*place, "url"), "stands here twice; name all its callers in one place"
        for name in callback.callers or ():
            if name not in callers and not draft.is_doubtful(("callers",)):
                yield (*place, "callers"), f"no such caller; {nearest(name, callers)}"


def _named_upstream(name: str, place: Place, settings: Settings, draft: Draft) -> Checks:
    if name not in settings.upstreams and not draft.is_doubtful(("upstreams", name)):
        yield place, f"no such upstream; {nearest(name, tuple(settings.upstreams))}"


def _listening(settings: Settings, draft: Draft) -> Checks:
    open_to_all = not settings.callers and not draft.is_doubtful(("callers",))
    if open_to_all and not is_only_here(settings.server.host):
        message = (
            "it can be reached from other machines, but no callers are configured, so anyone "
            "there could read what is cached: add `callers:`, or listen on 127.0.0.1"
        )
        yield ("server", "host"), message
    yield from _same_port(settings, draft)


def is_only_here(host: str) -> bool:
    """Whether only this machine can reach an address."""
    return host == "localhost" or is_loopback(host)


def _same_port(settings: Settings, draft: Draft) -> Checks:
    """Two listeners cannot share a port; told at the later of the two lines."""
    server, admin = settings.server, settings.admin
    both_there = server.host == admin.host or {server.host, admin.host} & _ANYWHERE
    is_told = draft.is_doubtful(("server", "port")) or draft.is_doubtful(("admin", "port"))
    if server.port != admin.port or server.port == 0 or is_told or not both_there:
        return
    places: list[Place] = [
        (name, "port") for name, block in (("server", server), ("admin", admin)) if "port" in block.model_fields_set
    ]
    last = max(places, key=draft.line_of)
    name = "admin" if last[0] == "server" else "server"
    where = f"line {draft.line_of((name, 'port'))}" if len(places) > 1 else "built-in"
    yield last, f"{name}.port ({where}) is the same one: the proxy and the admin listener need a port each"


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


def _store(settings: Settings, draft: Draft) -> Checks:
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
    elif store.encrypt == "all" and not draft.is_doubtful(("store", "encryption_keys")):
        yield ("store", "encrypt"), "needs `encryption_keys`; `larder key --encryption` makes one"


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
    if not all(has_port(url) for url in base_urls):
        field = "base_urls" if block.base_urls else "base_url"
        yield (*place, field), "has no port that there can be: 1 to 65535"
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
