"""Settings' fields: the types that blocks of config.yaml are made of, with their checks."""

import re
from dataclasses import fields as dataclass_fields
from ipaddress import ip_network
from typing import Annotated, Any, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    create_model,
    field_validator,
)

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


class Block(BaseModel):
    """Fields that are all known."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Strict(Block):
    """A block of the config."""

    @field_validator("*", mode="wrap")
    @classmethod
    def _yes_is_no_number(cls, value: Any, read: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
        """YAML reads `on`, `off`, yes and no as booleans, and pydantic would read those as 1 and 0."""
        if isinstance(value, bool) and info.field_name is not None:
            types = _types_of(cls.model_fields[info.field_name].annotation)
            if "off" in types and not value:
                return read("off")
            if types & {int, float} and bool not in types:
                raise ValueError("has to be a number, not yes or no")
        return read(value)


def _types_of(annotation: Any) -> set[Any]:
    """The plain types, and the words, that an annotation is made of."""
    inner = get_args(annotation)
    return set().union(*map(_types_of, inner)) if inner else {annotation}


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
    try:
        ip_network(text)
    except ValueError as error:
        if "host bits" in str(error):
            raise ValueError("has host bits set: write the network's first address, such as 10.0.0.0/8") from None
        raise ValueError("has to be a network such as 10.0.0.0/8, or an address such as 192.0.2.7") from None
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
BASE_URL = r"^https?://[^\s/?#@]+(/[^\s?#]*)?$"
CALLBACK_URL = r"^https?://[^\s/?#@]+(/[^\s#]*)?$"
HASH = r"^sha256:[0-9a-f]{64}$"
NAME = r"^[A-Za-z0-9._-]{1,64}$"
HTTP_URL = r"^https?://"
PREFIX = r"^[A-Za-z0-9._-]{1,40}$"
CallbackUrl = Annotated[str, Field(pattern=CALLBACK_URL)]
BaseUrl = Annotated[str, Field(pattern=BASE_URL)]
KeyHash = Annotated[str, Field(pattern=HASH)]
Listed = BeforeValidator(_listed)  # one of a list may be written without its brackets
Workers = Annotated[int | str, BeforeValidator(_workers)]
DurableUrl = Annotated[str, AfterValidator(_durable)]
