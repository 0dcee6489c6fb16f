"""The crew: all workers of a machine. They run by one config; another one holds in all of them or in none."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

from proxy.clocks import Clocks
from proxy.config.file import ConfigProblem
from proxy.config.setting_fields import MOST_WORKERS
from proxy.upstream.orders import Order
from proxy.workers.agreeing import committed, prepared
from proxy.workers.asking import WorkerGone, WorkerSilent, ask_all
from proxy.workers.control import ConfigText, Guard
from proxy.workers.hired import CannotServe, Worker
from proxy.workers.orders import CrewOrders
from proxy.workers.posts import Post, Watching
from proxy.workers.restarting import Restarts

MOST = MOST_WORKERS + 1  # processes beside the supervisor that the page has room for: one more, to be replaced by

ORDER_WITHIN = 5.0  # seconds

Start = Callable[[int, ConfigText], Awaitable[Worker]]
"""Starts a process of that number with that config. Raises CannotServe."""


class Crew:
    """Keeps as many workers as it is told to."""

    def __init__(self, config: ConfigText, start: Start, watching: Watching, clocks: Clocks) -> None:
        self.config = config  # what all run by
        self.orders = CrewOrders(clocks.monotonic)
        self._start = start
        self._watching = watching
        self._clocks = clocks
        self._posts: list[Post] = []
        self._leaving: dict[Post, asyncio.Task[None]] = {}
        self._joining = asyncio.Lock()  # a worker joins either before a config is prepared, or after it holds
        self._one_left = asyncio.Event()

    def __repr__(self) -> str:
        return f"<Crew of {len(self._posts)}, {len(self._leaving)} leaving>"

    def __iter__(self) -> Iterator[Worker]:
        """All that live, those that are leaving too: what they hold is there as long as they are."""
        posts = [*self._posts, *self._leaving]
        return iter([post.worker for post in posts if post.worker is not None])

    @property
    def serving(self) -> list[Worker]:
        """Those that take new connections."""
        return [post.worker for post in self._posts if post.worker is not None]

    async def open(self, count: int) -> None:
        """Have so many, all at once. Raises CannotServe when one of them cannot."""
        self._posts = [self._post(number) for number in range(1, count + 1)]
        filling = [asyncio.create_task(post.fill()) for post in self._posts]
        try:
            await asyncio.gather(*filling)
        except BaseException:
            for one in filling:
                one.cancel()
            await asyncio.gather(*filling, return_exceptions=True)
            await self.close(within=0)
            raise

    async def take(self, config: ConfigText) -> tuple[ConfigProblem, ...]:
        """Let a config hold in all of them; or why it cannot, and then none knows of it."""
        async with self._joining:
            workers = self.serving
            problems = await prepared(workers, config)
            if not problems:
                self.config = config
                await committed(workers)
        return problems

    async def tell(self, upstream: str, order: Order) -> bool:
        """Let all hear of an order that was taken; whether all said that it holds."""
        gathered = await ask_all(self, Guard.of(upstream, order), ORDER_WITHIN)
        return not gathered.silent

    async def replace(self, count: int, *, within: float) -> None:
        """Have `count` others instead, one after the other: who leaves does so when the next one serves, and has
        `within` seconds to finish. Raises CannotServe; those who were not replaced stay.
        """
        before = list(self._posts)
        for place in range(max(count, len(before))):
            if place < count:
                post = self._post(await self._free_number())
                await post.fill()
                self._posts.append(post)
            if place < len(before):
                self._posts.remove(before[place])
                self._dismiss(before[place], within, hands_over=True)

    async def close(self, *, within: float) -> None:
        """Have none: all finish what is under way, as long as `within` seconds."""
        posts, self._posts = self._posts, []
        for post in posts:
            self._dismiss(post, within, hands_over=False)
        await asyncio.gather(*self._leaving.values())

    def kill(self) -> None:
        """End all at once."""
        for post in (*self._posts, *self._leaving):
            post.kill()

    def _post(self, process: int) -> Post:
        return Post(process, self._hire, self._watching, self._clocks, Restarts())

    async def _hire(self, process: int) -> Worker:
        """A worker that serves, by the config that holds by then. Raises CannotServe."""
        config = self.config
        worker = await self._start(process, config)
        try:
            await worker.serves()
            async with self._joining:
                if config is not self.config:  # another one holds since
                    await self._catch_up(worker)
                await self._tell_orders(worker)
        except BaseException:
            worker.kill()
            raise
        return worker

    async def _catch_up(self, worker: Worker) -> None:
        if await prepared([worker], self.config):
            raise CannotServe("a worker could not take the config that holds by now")
        await committed([worker])

    async def _tell_orders(self, worker: Worker) -> None:
        """Those that hold, and those that are given meanwhile: until it has joined, nobody else tells it."""
        told = None
        try:
            while told != self.orders.changes:
                told = self.orders.changes
                for guard in self.orders.told:
                    await worker.ask(guard, ORDER_WITHIN)
        except (WorkerGone, WorkerSilent):
            raise CannotServe("a worker could not be told what operators ordered") from None

    async def _free_number(self) -> int:
        while True:
            taken = {post.process for post in (*self._posts, *self._leaving)}
            for number in range(1, MOST + 1):
                if number not in taken:
                    return number
            self._one_left.clear()
            await self._one_left.wait()

    def _dismiss(self, post: Post, within: float, *, hands_over: bool) -> None:
        self._leaving[post] = asyncio.create_task(self._leave(post, within, hands_over=hands_over))

    async def _leave(self, post: Post, within: float, *, hands_over: bool) -> None:
        try:
            await post.give_up(within=within, hands_over=hands_over)
        finally:
            del self._leaving[post]
            self._one_left.set()
