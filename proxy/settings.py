"""Settings: what config.yaml may say. Every field is checked before anything runs; unknown ones are refused."""

from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from policies import DAY, HOUR, MIB, MINUTE, CachePolicy, Duration, Size
from proxy.config.setting_fields import (
    HTTP_URL,
    NAME,
    PREFIX,
    BaseUrl,
    BatchFields,
    Block,
    BreakerFields,
    CacheFields,
    CallbackUrl,
    CollectionFields,
    ConcurrencyFields,
    DurableUrl,
    EgressFields,
    HeadersFields,
    HedgeFields,
    KeyHash,
    Listed,
    Network,
    PacingFields,
    PayloadFields,
    Port,
    RetryFields,
    Strict,
    TimeoutFields,
    Workers,
    WritesFields,
)

RESERVED = frozenset({"v1", "webhooks", "admin", "openapi.json"})


class Server(Strict):
    """Where callers come in."""

    host: str = "127.0.0.1"
    port: Port = 8080
    workers: Workers = 1  # processes; auto: as many as there are cores
    trusted_proxies: tuple[Network, ...] = ()
    max_body: Size = 10 * MIB
    max_head: Size = 16 * 1024
    drain: Duration = 10.0
    watch_config: bool = True


class Operator(Strict):
    """Somebody who may do what the admin token may, under a name that the audit log tells."""

    name: Annotated[str, Field(pattern=NAME)]
    token: Annotated[tuple[KeyHash, ...], Listed, Field(min_length=1)]


class Admin(Strict):
    """Where operators come in. An empty token is generated into a file that only its owner can read."""

    host: str = "127.0.0.1"
    port: Port = 8081
    token: str = Field(default="", repr=False)
    operators: tuple[Operator, ...] = ()
    audit: str = ""  # empty: larder-audit.jsonl, where a generated token lies; none: no file


class Memory(Strict):
    """The first tier."""

    max_bytes: Size = 256 * MIB


class RedisBlock(Strict):
    """How machines that share one Redis go about it."""

    prefix: Annotated[str, Field(pattern=PREFIX)] = "larder"
    coherence_window: Annotated[Duration, Field(ge=0.2, le=60)] = 1.0
    on_lost_coherence: Literal["bypass", "serve"] = "bypass"
    wait_replicas: Annotated[int, Field(ge=0, le=10)] = 0
    share_guards: bool = False


class Store(Strict):
    """What is kept, and under which secret."""

    memory: Memory = Memory()
    durable: DurableUrl = Field(default="sqlite:///larder.db", repr=False)
    max_bytes: Size = 2048 * MIB
    max_entry: Size = 8 * MIB
    secret: str = Field(default="", repr=False)
    encrypt: Literal["auto", "all", "off"] = "auto"
    encryption_keys: str = Field(default="", repr=False)
    compress_above: Size = 1024
    redis: RedisBlock = RedisBlock()


class CallerBlock(Strict):
    """One internal service."""

    name: Annotated[str, Field(pattern=NAME)]
    key: Annotated[tuple[KeyHash, ...], Listed] = ()
    networks: tuple[Network, ...] = ()
    allow: tuple[str, ...] | None = None  # None: every upstream


class Guards(Strict):
    """What stands between callers and an upstream."""

    timeout: TimeoutFields = TimeoutFields()  # type: ignore[valid-type]
    retry: RetryFields = RetryFields()  # type: ignore[valid-type]
    breaker: BreakerFields = BreakerFields()  # type: ignore[valid-type]
    concurrency: ConcurrencyFields = ConcurrencyFields()  # type: ignore[valid-type]
    pacing: PacingFields = PacingFields()  # type: ignore[valid-type]
    hedge: HedgeFields = HedgeFields()  # type: ignore[valid-type]
    egress: EgressFields = EgressFields()  # type: ignore[valid-type]
    payload: PayloadFields = PayloadFields()  # type: ignore[valid-type]
    writes: WritesFields = WritesFields()  # type: ignore[valid-type]


class Defaults(Guards):
    """For every upstream, over what adapters declare."""

    cache: CacheFields = CacheFields()  # type: ignore[valid-type]

    @property
    def settle(self) -> float:
        """Seconds after a change in which fills are short-lived, since replicas lag."""
        fields: dict[str, Any] = self.cache.model_dump(exclude_none=True)  # type: ignore[attr-defined]
        return float(fields.get("settle", CachePolicy(ttl=0).settle))


class _Endpoint(Strict):
    cache: CacheFields | None = None  # type: ignore[valid-type]
    outcomes: dict[str, CacheFields] = Field(default={})  # type: ignore[valid-type]
    collection: CollectionFields = CollectionFields()  # type: ignore[valid-type]
    batch: BatchFields = BatchFields()  # type: ignore[valid-type]


class EndpointBlock(HeadersFields, Guards, _Endpoint):  # type: ignore[misc, valid-type]
    """One route of an upstream."""


class _Upstream(Strict):
    adapter: str | None = None  # None: the block's own name
    base_url: BaseUrl | None = None
    base_urls: tuple[BaseUrl, ...] = ()  # in place of it: several that answer alike
    credential: dict[str, str] = Field(default={}, repr=False)
    keep_at_most: Duration | None = None
    terms_accepted: tuple[str, ...] = ()
    sharing_agreed: str = ""  # by which agreement answers may reach others, though the provider's terms forbid it
    learn_user: bool = True
    collection: CollectionFields = CollectionFields()  # type: ignore[valid-type]
    batch: BatchFields = BatchFields()  # type: ignore[valid-type]
    endpoints: dict[str, EndpointBlock] = Field(default={})


class UpstreamBlock(HeadersFields, Guards, _Upstream):  # type: ignore[misc, valid-type]
    """One external API."""


class LiveEventsBlock(Block):
    """Canvas Live Events. With a jwks_url, unsigned events are refused."""

    kind: Literal["canvas-live-events"]
    upstream: str
    root_account_uuid: str
    jwks_url: Annotated[str, Field(pattern=HTTP_URL)] | None = None
    issuer: str | None = None
    unsigned: bool = False  # without a jwks_url: yes, take what nobody signed


class StandardWebhooksBlock(Block):
    """Standard Webhooks 1.0.0. Several secrets while one is exchanged for another."""

    kind: Literal["standard-webhooks"]
    upstream: str
    secret: Annotated[tuple[str, ...], Listed] = Field(repr=False)
    events: dict[str, tuple[str, ...]] = Field(default={})
    tolerance: Duration = 300.0


WebhookBlock = Annotated[LiveEventsBlock | StandardWebhooksBlock, Field(discriminator="kind")]


class AddressesBlock(Strict):
    """Who is asked below /v1/addresses, in this order."""

    providers: tuple[str, ...] | None = None  # None: every upstream that can verify, those without terms first
    autocomplete: tuple[str, ...] | None = None  # None: every one that can and need not be named for it


class CoursesBlock(Strict):
    """Who is asked below /v1/courses, /v1/me and /v1/students."""

    upstream: str | None = None  # None: the one upstream that can tell of courses


class CallbackBlock(Strict):
    """A URL that may be told of jobs that ended, and the secret by which it knows who tells."""

    url: CallbackUrl
    secret: str = Field(repr=False)  # whsec_…, as Standard Webhooks 1.0.0 write it
    callers: tuple[str, ...] | None = None  # None: any may name it


class JobsBlock(Strict):
    """Requests that are answered later."""

    keep: Annotated[Duration, Field(gt=0, le=7 * DAY)] = 1 * HOUR  # from a job's end
    longest: Annotated[Duration, Field(gt=0, le=DAY)] = 15 * MINUTE  # that one may run
    most: Annotated[int, Field(ge=1)] = 100  # under way in one process
    per_caller: Annotated[int, Field(ge=1)] = 20  # of them, of one caller
    at_once: Annotated[int, Field(ge=1)] = 8  # of them, running; the others are queued
    max_bytes: Size = 64 * MIB  # of their requests; and of results that may not be written down
    callbacks: tuple[CallbackBlock, ...] = ()


class V1Block(Strict):
    """Larder's own interface, whichever provider answers."""

    addresses: AddressesBlock = AddressesBlock()
    courses: CoursesBlock = CoursesBlock()
    jobs: JobsBlock = JobsBlock()


class Log(Strict):
    """What is written about requests."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["json", "console", "auto"] = "auto"


class Settings(Strict):
    """The whole of config.yaml."""

    server: Server = Server()
    admin: Admin = Admin()
    store: Store = Store()
    log: Log = Log()
    callers: tuple[CallerBlock, ...] = ()
    defaults: Defaults = Defaults()
    upstreams: dict[str, UpstreamBlock] = Field(default={})
    webhooks: dict[str, WebhookBlock] = Field(default={})
    v1: V1Block = V1Block()


def nearest(name: str, known: "list[str] | tuple[str, ...]") -> str:
    """The question a misspelt name deserves, or what there is."""
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known: {', '.join(known) or 'none'}"


class _AsWritten(GenerateJsonSchema):
    """Fields read by a validator of ours may be written as text too: 5m, 10MiB, 20%, or one of a list."""

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """Text, or what the validator makes of it."""
        return {"anyOf": [super().function_before_schema(schema), {"type": "string"}]}


def settings_schema() -> dict[str, Any]:
    """The JSON Schema of config.yaml, for editors."""
    schema = Settings.model_json_schema(schema_generator=_AsWritten)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
