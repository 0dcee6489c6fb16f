"""The admin listener beside the proxy: on a port of its own, so that the network can keep it apart."""

from aiohttp import web

from proxy.http.sockets import bound_sockets
from proxy.settings import Admin


class AdminListener:
    """Serves operators. Bound before the proxy serves, it lets who comes in between wait for what `open` begins."""

    def __init__(self, settings: Admin) -> None:
        """Binds its address. Raises OSError when that cannot be had."""
        self._bound = bound_sockets(settings.host, settings.port)
        self._runner: web.AppRunner | None = None

    @property
    def port(self) -> int:
        """The port it listens on, also where the system chose it."""
        return int(self._bound[0].getsockname()[1])

    async def open(self, app: web.Application) -> None:
        """Answer, those who wait already first."""
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        for one in self._bound:
            await web.SockSite(self._runner, one).start()

    async def close(self) -> None:
        """Stop listening, once; again it does nothing."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()
        for one in self._bound:
            one.close()
