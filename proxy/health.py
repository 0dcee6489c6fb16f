"""Health: /-/health says that the process lives, /-/ready which part is not ready."""

from collections.abc import Callable, Mapping

from adapters import Problem
from proxy.errors import LarderError
from proxy.http.wire import WholeResponse, json_response

Part = Callable[[], str | None]
"""None when the part is ready, else a fixed word for why it is not."""


class Health:
    """Knows the parts that have to be ready, and those that are only told."""

    def __init__(self, parts: Mapping[str, Part], told: frozenset[str] = frozenset()) -> None:
        """`told`: parts without which an instance still does its job. What all instances share is one of them: to take
        every instance out of service because of it would turn a slow day into an outage.
        """
        self._parts = parts
        self._told = told
        self.draining = False

    def readiness(self) -> dict[str, str]:
        """Each part: "ok", or why not."""
        return {name: part() or "ok" for name, part in self._parts.items()}

    def respond(self, path: str) -> WholeResponse:
        """The response below /-. Raises LarderError on a path that is none of them."""
        if path == "/health":
            return json_response(200, {"status": "ok"})
        if path != "/ready":
            raise LarderError(Problem(404, "Not found", "There are /-/health and /-/ready."))
        parts = {"draining": "draining"} if self.draining else {}
        parts = {**self.readiness(), **parts}
        ready = all(word == "ok" or name in self._told for name, word in parts.items())
        return json_response(200 if ready else 503, {"ready": ready, "parts": parts})
