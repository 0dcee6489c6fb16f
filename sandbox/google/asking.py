"""One request to a classic Maps service, and the ways it can be turned down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sandbox.google.state import State


class Denied(Exception):
    """The service does not answer: `status` is what the body says, `code` the HTTP status around it."""

    def __init__(self, status: str, message: str, code: int = 200) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Invalid(Exception):
    """The caller's parameters are wrong (INVALID_REQUEST), or name what is not there (NOT_FOUND)."""

    def __init__(self, message: str, status: str = "INVALID_REQUEST") -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Ask:
    """The parameters, the language to answer in, and who pays."""

    query: Mapping[str, str]
    language: str
    consumer: str
    state: State

    def point(self, name: str) -> tuple[float, float]:
        """A parameter `latitude,longitude`. Invalid when it is not one."""
        latitude, _, longitude = self.query.get(name, "").partition(",")
        try:
            found = float(latitude), float(longitude)
        except ValueError as error:
            raise Invalid(f"Invalid request. Invalid '{name}' parameter.") from error
        if not (abs(found[0]) <= 90 and abs(found[1]) <= 180):
            raise Invalid(f"Invalid request. Invalid '{name}' parameter.")
        return found
