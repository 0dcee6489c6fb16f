"""Settings' fields: the types that blocks of config.yaml are made of, with their checks."""

import re
from dataclasses import fields as dataclass_fields
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model

from policies import (
    BatchPolicy,
    BreakerPolicy,
    CachePolicy,
    CollectionPolicy,
    ConcurrencyPolicy,
    EgressPolicy,
    HedgePolicy,
    PacingPolicy,
    PayloadPolicy,
    RetryPolicy,
    TimeoutPolicy,
    WritesPolicy,
)
from policies.http.storing import HeadersPolicy


class Strict(BaseModel):
    """A block of the config."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _partial(policy: type[Any]) -> type[Strict]:
    """The same fields as a policy, each optional: what an operator leaves out stays what it was."""
    fields: dict[str, Any] = {field.name: (_annotation(policy, field.name), None) for field in dataclass_fields(policy)}
    return create_model(f"{policy.__name__}Fields", __base__=Strict, **fields)


def _annotation(policy: type[Any], name: str) -> Any:
    """The checked type of a policy's field, its constraints included."""
    info = policy.__pydantic_fields__[name]
    annotation = info.annotation
    for extra in info.metadata:
        annotation = Annotated[annotation, extra]
    return annotation


CacheFields = _partial(CachePolicy)
TimeoutFields = _partial(TimeoutPolicy)
RetryFields = _partial(RetryPolicy)
BreakerFields = _partial(BreakerPolicy)
ConcurrencyFields = _partial(ConcurrencyPolicy)
PacingFields = _partial(PacingPolicy)
HedgeFields = _partial(HedgePolicy)
BatchFields = _partial(BatchPolicy)
CollectionFields = _partial(CollectionPolicy)
EgressFields = _partial(EgressPolicy)
PayloadFields = _partial(PayloadPolicy)
WritesFields = _partial(WritesPolicy)
HeadersFields = _partial(HeadersPolicy)
BY_HEADERS_FIELDS = frozenset(HeadersFields.model_fields)  # of upstreams whose own headers decide, and their endpoints


def _network(text: str) -> str:
    ip_network(text)
    return text


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


_DURABLE = re.compile(
    r"none|sqlite:///.+|rediss?://([^/@\s]*@)?[^/@\s]+(/\d*)?(\?\S*)?|rediss?\+cluster://([^/@\s]*@)?[^/@\s]+/?(\?\S*)?"
)


def _durable(text: str) -> str:
    if _DURABLE.fullmatch(text) is None:
        raise ValueError(
            "has to be none, sqlite:///FILE, redis://HOST:PORT/DB, rediss://HOST:PORT/DB or redis+cluster://HOST:PORT"
        )
    return text


MOST_WORKERS = 64


def _workers(value: object) -> object:
    if value == "auto":
        return value
    number = int(value) if isinstance(value, str) and value.isdecimal() else value  # text: from the environment
    if isinstance(number, int) and not isinstance(number, bool) and 1 <= number <= MOST_WORKERS:
        return number
    raise ValueError(f"has to be a number from 1 to {MOST_WORKERS}, or auto")


Network = Annotated[str, AfterValidator(_network)]
Port = Annotated[int, Field(ge=0, le=65535)]
BaseUrl = Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")]
KeyHash = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
Listed = BeforeValidator(_listed)  # one of a list may be written without its brackets
Workers = Annotated[int | str, BeforeValidator(_workers)]
DurableUrl = Annotated[str, AfterValidator(_durable)]
