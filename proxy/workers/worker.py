"""A worker: a process that serves the proxy's callers for a supervisor, as long as there is one.

begun ─▶ open ─▶ ready ─▶ serving, and answering the supervisor ─ told to, or nobody there any more ─▶ drained ─▶ gone
"""

import asyncio
import os
import signal
import socket
import sys

from proxy.config.secrets import SecretError
from proxy.config.webhook_sources import WebhookSourceError
from proxy.larder import Larder
from proxy.observing import Observing
from proxy.plan import Plans
from proxy.sharing.page import Page
from proxy.sharing.share import Share
from proxy.starting import run
from proxy.store.contract import StoreError
from proxy.telemetry.logs import configure_logs
from proxy.workers.accepted import as_running, plans_from, with_secret
from proxy.workers.answering import Answering
from proxy.workers.channel import Channel, to_supervisor
from proxy.workers.control import Ask, Begin, CannotStart, ConfigText, Drain, Inherited, Order, Ready
from proxy.workers.listening import SharedListener
from proxy.workers.output import STDERR, lines_to

GONE_WITHIN = 30.0  # seconds beyond draining, after which the system ends a worker that nobody watches any more


def main() -> None:
    """What `python -m proxy.workers` runs; the descriptor of its end of the channel is its one argument."""
    run(work(socket.socket(fileno=int(sys.argv[1]))))


async def work(end: socket.socket) -> None:
    """Serve until told otherwise, or until the supervisor is gone."""
    for number in (signal.SIGINT, signal.SIGHUP):  # for the whole group, of which the supervisor takes care
        signal.signal(number, signal.SIG_IGN)
    channel = await to_supervisor(end)
    begin = await channel.hear()
    if isinstance(begin, Begin):
        await _begun(begin, channel)
    await channel.close()


async def _begun(begin: Begin, channel: Channel[Order]) -> None:
    started = plans_from(begin.started, os.environ).settings

    def plans_of(config: ConfigText) -> Plans:
        return with_secret(as_running(plans_from(config, os.environ), started), begin.secret)

    plans = plans_of(begin.config)
    observing = Observing(configure_logs(plans.settings.log.level, plans.settings.log.format, lines_to(STDERR)))
    observing.metrics.set("larder_workers", 1)
    larder = Larder(plans, observing, share=_share(begin))
    try:
        await larder.open()
    except (OSError, SecretError, StoreError, WebhookSourceError) as error:
        await channel.say(CannotStart(str(error)))
        await larder.close()
    else:
        answering = Answering(larder, channel, plans_of)
        for guard in begin.guards:
            answering.order(guard)
        await _Serving(larder, channel, answering, begin.inherited).until_told()
    observing.close()


class _Serving:
    """A worker that is open."""

    def __init__(self, larder: Larder, channel: Channel[Order], answering: Answering, inherited: Inherited) -> None:
        self._larder = larder
        self._channel = channel
        self._answering = answering
        self._goes_in, self._comes_out = (socket.socket(fileno=descriptor) for descriptor in inherited.handing)
        self._told = asyncio.Event()

    async def until_told(self) -> None:
        """Serve, and then drain; the supervisor gets its answers until the last moment, and then the metrics."""
        self._listener.take_over(self._comes_out)
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._told.set)
        hearing = asyncio.create_task(self._hear())
        await self._channel.say(Ready())
        await self._told.wait()
        signal.alarm(int(2 * self._larder.plans.settings.server.drain + GONE_WITHIN))
        await self._larder.close()
        await self._channel.say(self._answering.measured())
        hearing.cancel()

    @property
    def _listener(self) -> SharedListener:
        if not isinstance(self._larder.listener, SharedListener):
            raise TypeError("a worker listens on what it inherited")
        return self._larder.listener

    async def _hear(self) -> None:
        while (order := await self._channel.hear()) is not None:
            if isinstance(order, Ask):
                self._answering.take(order)
            elif isinstance(order, Drain):
                if order.hands_over:
                    self._listener.hand_over(self._goes_in)
                self._told.set()
        self._told.set()  # nobody is there any more


def _share(begin: Begin) -> Share:
    return Share(
        page=Page.attach(begin.inherited.page, begin.process),
        process=begin.process,
        processes=begin.processes,
        listening=tuple(socket.socket(fileno=descriptor) for descriptor in begin.inherited.listening),
        lock_fd=begin.inherited.lock,
        instance=begin.instance,
    )


if __name__ == "__main__":
    main()
