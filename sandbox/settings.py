"""What an operator may switch in the sandbox as a whole: where notifications go, and how they are signed."""

from dataclasses import fields, replace
from typing import Any, TypeVar

from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")
# Base64 of 32 fixed bytes: invented, published, and the secret of the test vector in UPSTREAMS.md §6.
SANDBOX_WEBHOOK_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

Settings = TypeVar("Settings")


class UnknownField(ValueError):
    """A control body names a field that does not exist, or a value that does not fit it."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SandboxSettings:
    """`notify`: URLs that get Live Events; `webhooks`: URLs that get Standard Webhooks."""

    notify: tuple[str, ...] = ()
    sign: bool = False
    webhooks: tuple[str, ...] = ()
    webhook_secret: str = SANDBOX_WEBHOOK_SECRET


def changed(settings: Settings, given: dict[str, Any], where: str = "") -> Settings:
    """The settings with the given fields replaced; raises UnknownField naming the field and the valid ones."""
    known = [field.name for field in fields(settings)]  # type: ignore[arg-type]  # always a dataclass
    for name in given:
        if name not in known:
            raise UnknownField(f"unknown field {where + name!r}; valid are: {', '.join(known)}")
    try:
        return replace(settings, **given)  # type: ignore[type-var]  # always a dataclass
    except ValidationError as error:
        first = error.errors()[0]
        raise UnknownField(f"field {where}{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
