"""How a policy is declared: strict about spelling, and 5 * MINUTE in Python where config.yaml says 5m."""

import re
from typing import Annotated

from pydantic import BeforeValidator, ConfigDict, Field

STRICT = ConfigDict(extra="forbid")

SECOND, MINUTE, HOUR, DAY = 1.0, 60.0, 3_600.0, 86_400.0
KIB, MIB, GIB = 1024, 1024**2, 1024**3

_SECONDS = {"ms": 0.001, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_BYTES = {"B": 1, "KiB": KIB, "MiB": MIB, "GiB": GIB}


def seconds(text: object) -> object:
    """Seconds in a duration such as "5m"; plain numbers pass through. Raises ValueError on anything else."""
    if not isinstance(text, str):
        return text
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|[smhd])", text)
    if match is None:
        raise ValueError(f"{text!r} is not a duration such as 250ms, 30s, 5m, 1h or 2d")
    return float(match[1]) * _SECONDS[match[2]]


def size_in_bytes(text: object) -> object:
    """Bytes in a size such as "10MiB"; plain numbers pass through. Raises ValueError on anything else."""
    if not isinstance(text, str):
        return text
    match = re.fullmatch(r"(\d+)(B|KiB|MiB|GiB)", text)
    if match is None:
        raise ValueError(f"{text!r} is not a size such as 512KiB, 10MiB or 2GiB")
    return int(match[1]) * _BYTES[match[2]]


def ratio(text: object) -> object:
    """A share between 0 and 1 from "50%"; plain numbers up to 1 pass through. Raises ValueError on anything else."""
    if isinstance(text, int | float) and not isinstance(text, bool) and 1 < text <= 100:
        raise ValueError(f"{text!r} is more than all: write {text:g}% or {text / 100:g}")
    if not isinstance(text, str):
        return text
    match = re.fullmatch(r"(\d+(?:\.\d+)?)%", text)
    if match is None:
        raise ValueError(f"{text!r} is not a share such as 50%")
    return float(match[1]) / 100


def per_second(text: object) -> object:
    """Events per second from "1/s" or "30/m"; plain numbers pass through. Raises ValueError on anything else."""
    if not isinstance(text, str):
        return text
    match = re.fullmatch(r"(\d+(?:\.\d+)?)/([smhd])", text)
    if match is None:
        raise ValueError(f"{text!r} is not a rate such as 1/s or 30/m")
    return float(match[1]) / _SECONDS[match[2]]


Duration = Annotated[float, BeforeValidator(seconds), Field(ge=0, allow_inf_nan=False)]
Size = Annotated[int, BeforeValidator(size_in_bytes), Field(ge=0)]
Ratio = Annotated[float, BeforeValidator(ratio), Field(ge=0, le=1)]
Rate = Annotated[float, BeforeValidator(per_second), Field(ge=0, allow_inf_nan=False)]
