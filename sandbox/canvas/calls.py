"""One authenticated request on its way to an endpoint."""

from dataclasses import dataclass

from aiohttp import web

from sandbox.canvas.access import Reader
from sandbox.canvas.parameters import Given
from sandbox.canvas.state import State


@dataclass(frozen=True)
class Call:
    """`reader` sees what a read sees (replicas may lag); writes act on `state` and answer from the primary."""

    request: web.Request
    given: Given
    state: State
    reader: Reader

    def on_primary(self) -> "Call":
        """The same call against the rows as they are now."""
        world = self.state.primary
        reader = Reader(world, self.reader.user_id, self.reader.settings, self.reader.clock)
        return Call(self.request, self.given, self.state, reader)
