"""Answering: what a worker does when its supervisor asks."""

import asyncio
from collections.abc import Callable

from aiohttp import ClientSession

from proxy.config.file import ConfigError, ConfigProblem
from proxy.config.webhook_sources import WebhookSourceError, channels
from proxy.larder import Larder
from proxy.operating.admin_desk import exposition, states
from proxy.plan import Plans
from proxy.store.codec import as_text
from proxy.telemetry.traces import current_trace
from proxy.workers.answering_wards import warded
from proxy.workers.channel import Channel
from proxy.workers.control import (
    Abort,
    Answer,
    Ask,
    Commit,
    ConfigText,
    Count,
    Done,
    Failed,
    Guard,
    Measure,
    Measured,
    Order,
    Prepare,
    Question,
    Refused,
    Remove,
    Reply,
    Report,
    State,
    Summaries,
    told,
)
from proxy.workers.ward_words import OfWards

AT_ONCE = 1_000  # entries in one answer


class Answering:
    """Answers for one Larder that is open. Questions do not wait for each other."""

    def __init__(self, larder: Larder, channel: Channel[Order], plans_of: Callable[[ConfigText], Plans]) -> None:
        """`plans_of` is what this worker makes of a config. It raises ConfigError."""
        self._larder = larder
        self._channel = channel
        self._plans_of = plans_of
        self._prepared: Plans | None = None
        self._answers: set[asyncio.Task[None]] = set()

    def take(self, ask: Ask) -> None:
        """Answer a question, soon."""
        task = asyncio.create_task(self._answer(ask))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, ask: Ask) -> None:
        try:
            if isinstance(ask.question, OfWards):
                replies: list[Reply] = [await warded(self._larder, ask.question)]
            else:
                replies = await self._replies(ask.question)
        except Exception as error:  # noqa: BLE001 - said in the log, and told to who asked
            self._larder.observing.failed(current_trace.get(), error)
            replies = [Failed(type(error).__name__)]
        for reply in replies:
            await self._channel.say(Answer(ask.number, reply))

    async def _replies(self, question: Question) -> list[Reply]:
        memory = self._larder.memory
        match question:
            case Prepare(config):
                return [await self._prepare(config)]
            case Commit():
                return [self._commit()]
            case Abort():
                self._prepared = None
            case Count(wanted):
                return [Done(await memory.count(wanted.filter))]
            case Summaries(wanted):
                return [*told(await memory.summaries(wanted.filter), AT_ONCE)]
            case Remove(tag):
                return [Done(await self._larder.held.remove(as_text(tag)))]
            case Report():
                return [self._state()]
            case Measure():
                return [self.measured()]
            case Guard():
                self.order(question)
        return [Done()]

    async def _prepare(self, config: ConfigText) -> Done | Refused:
        try:
            plans = self._plans_of(config)
            async with ClientSession() as session:  # made to see that they can be
                channels(plans, session, self._larder.observing.keys_failed)
        except ConfigError as error:
            return Refused(tuple(error.problems))
        except WebhookSourceError as error:
            return Refused((ConfigProblem(config.name, 1, "", str(error)),))
        self._prepared = plans
        return Done()

    def _commit(self) -> Done:
        """Raises RuntimeError when nothing was prepared."""
        plans, self._prepared = self._prepared, None
        if plans is None:
            raise RuntimeError("nothing was prepared")
        self._larder.follow(plans)
        return Done()

    def _state(self) -> State:
        return State(len(self._larder.memory), self._larder.memory.bytes, tuple(states(self._larder)))

    def order(self, guard: Guard) -> None:
        """Let an operator's order hold; one on an upstream that is not here any more is about nothing."""
        for upstream in self._larder.upstreams:
            if upstream.name == guard.upstream:
                upstream.orders.take(guard.order)

    def measured(self) -> Measured:
        """The metrics of this process."""
        return Measured(exposition(self._larder)[1])
