"""Health: /-/health says that the process lives, /-/ready which part is not ready."""

from collections.abc import Callable, Mapping

from adapters import Problem
from proxy.errors import LarderError
from proxy.wire import WholeResponse, json_response

Part = Callable[[], str | None]
"""None when the part is ready, else a fixed word for why it is not."""


class Health:
    """Knows the parts that have to be ready."""

    def __init__(self, parts: Mapping[str, Part]) -> None:
        self._parts = parts
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
        ready = all(word == "ok" for word in parts.values())
        return json_response(200 if ready else 503, {"ready": ready, "parts": parts})
