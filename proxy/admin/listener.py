"""The admin listener beside the proxy: on a port of its own, so that the network can keep it apart."""

from aiohttp import web

from proxy.settings import Admin


class AdminListener:
    """Serves operators."""

    def __init__(self, settings: Admin, app: web.Application) -> None:
        self._host, self._port = settings.host, settings.port
        self._runner = web.AppRunner(app, access_log=None)

    @property
    def port(self) -> int:
        """The port it listens on, also where the system chose it."""
        return int(self._runner.addresses[0][1])

    async def open(self) -> None:
        """Listen. Raises OSError when the address cannot be had."""
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port).start()

    async def close(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()
