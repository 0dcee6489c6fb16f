"""A crew of workers that are no processes: they start, answer, end and drain when told."""

import asyncio

from proxy.clocks import Clocks
from proxy.config.file import ConfigProblem
from proxy.workers.asking import WorkerGone, WorkerSilent
from proxy.workers.control import Abort, Commit, ConfigText, Done, Failed, Prepare, Refused
from proxy.workers.crew import Crew
from proxy.workers.hired import CannotServe

FIRST, SECOND = ConfigText("config.yaml", "first"), ConfigText("config.yaml", "second")
BAD = ConfigText("config.yaml", "bad")
PROBLEM = ConfigProblem("config.yaml", 1, "servr", "did you mean server?")


class Puppet:
    """A worker."""

    last_measured = None

    def __init__(self, process, config):
        self.process, self.config = process, config
        self.prepared = None
        self.heard = []
        self.drains = "at once"  # or: never
        self.commits = Done()
        self.is_silent = False
        self._serves = asyncio.get_running_loop().create_future()
        self._gone = asyncio.get_running_loop().create_future()

    def __repr__(self):
        return f"<Puppet {self.process} by {self.config.text}>"

    def start(self, reason=None):
        """Let it serve, or fail."""
        if reason is None:
            self._serves.set_result(None)
        else:
            self._serves.set_exception(CannotServe(reason))
            self.end()

    def end(self, how="killed by signal 9"):
        if not self._gone.done():
            self._gone.set_result(how)

    @property
    def is_gone(self):
        return self._gone.done()

    async def serves(self):
        await asyncio.shield(self._serves)

    async def ended(self):
        return await asyncio.shield(self._gone)

    async def ask(self, question, within):
        self.heard.append(question)
        if self._gone.done():
            raise WorkerGone("gone")
        if self.is_silent:
            raise WorkerSilent("silent")
        match question:
            case Prepare(config) if "bad" in config.text:
                return [Refused((PROBLEM,))]
            case Prepare(config):
                self.prepared = config
            case Commit() if isinstance(self.commits, Failed):
                return [self.commits]
            case Commit():
                self.config = self.prepared
            case Abort():
                self.prepared = None
        return [Done()]

    async def drain(self, *, hands_over):
        self.heard.append(("drain", hands_over))
        if self.drains == "at once":
            self.end("ended with status 0")

    def kill(self):
        self.end()


class Time:
    """Moves when somebody sleeps."""

    def __init__(self):
        self.now = 0.0
        self.waits = []

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


class Stage:
    """A crew, and what it is told and tells."""

    def __init__(self, *, starts=True):
        self.time = Time()
        self.puppets, self.told = [], []
        self.starts = starts  # True: at once; a text: not, and why; None: when the test says so
        self.crew = Crew(FIRST, self._start, self, Clocks(self.time, self.time, self.time.sleep, lambda: 0.0))

    async def _start(self, process, config):
        puppet = Puppet(process, config)
        self.puppets.append(puppet)
        if self.starts is not None:
            puppet.start(None if self.starts is True else self.starts)
        return puppet

    @property
    def serving(self):
        return [(one.process, one.config.text) for one in self.crew.serving]

    async def until(self, condition):
        async with asyncio.timeout(5):
            while not condition():
                await asyncio.sleep(0)

    # who watches

    def ended(self, worker):
        self.told.append(("ended", worker.process))

    def lost(self, process, how, wait):
        self.told.append(("lost", process, how, wait))

    def not_started(self, process, reason, wait):
        self.told.append(("not started", process, reason, wait))

    def restarted(self, process):
        self.told.append(("restarted", process))

    def not_drained(self, process):
        self.told.append(("not drained", process))
