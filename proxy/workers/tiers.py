"""Tiers: the memory of all workers as the one that operators see. Asked anew each time; an entry lies in several."""

from collections.abc import Callable, Iterable
from http import HTTPStatus

from proxy.admin.problems import AdminProblem
from proxy.store.codec import as_bytes
from proxy.store.contract import Filter, Summary
from proxy.workers.asking import Asked, Gathered, ask_all
from proxy.workers.control import Count, Done, Question, Remove, Report, Several, State, Summaries, Wanted

COUNT_WITHIN = 1.0  # seconds a flush may be held up by a worker that does not answer
REMOVE_WITHIN = 5.0  # seconds; a worker that takes longer does it behind the answer
LOOK_WITHIN = 1.0  # seconds
TELL_WITHIN = 30.0  # seconds; a memory of millions of entries takes its time


class NotAllAnswered(AdminProblem):
    """503: a worker did not answer, so that less than the truth would be told."""

    def __init__(self) -> None:
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, "A worker did not answer; what it holds cannot be told.")


class WorkersMemory:
    """What the admin listener asks of a MemoryStore, of all workers."""

    def __init__(self, workers: Callable[[], Iterable[Asked]], on_silence: Callable[[str], None]) -> None:
        """`workers` are those that live now. `on_silence` hears of an operation that some did not do in time."""
        self._workers = workers
        self._on_silence = on_silence
        self.states: list[State] = []

    def __len__(self) -> int:
        """Entries in all memories at the last `look`; one that lies in several counts as often."""
        return sum(state.entries for state in self.states)

    @property
    def bytes(self) -> int:
        """The sum of Entry.size of all that was kept at the last `look`."""
        return sum(state.bytes for state in self.states)

    async def look(self) -> None:
        """Ask how memories and guards are. Of a worker that does not answer in time nothing is known."""
        gathered = await self.ask("look", Report(), LOOK_WITHIN)
        self.states = [reply for reply in gathered.replies if isinstance(reply, State)]

    async def count(self, wanted: Filter) -> int:
        """How many entries `wanted` asks for, at least: what the fullest memory holds (`limit` does not apply)."""
        gathered = await self.ask("count", Count(Wanted.of(wanted)), COUNT_WITHIN)
        return max((reply.count for reply in gathered.replies if isinstance(reply, Done)), default=0)

    async def summaries(self, wanted: Filter) -> list[Summary]:
        """Entries, newest first; of those in several memories, the latest answer. Raises NotAllAnswered."""
        gathered = await self.ask("summaries", Summaries(Wanted.of(wanted)), TELL_WITHIN)
        if gathered.silent:
            raise NotAllAnswered
        latest: dict[str, Summary] = {}
        for summary in _told(gathered):
            held = latest.get(summary.key)
            if held is None or (held.fence, held.stored_at) < (summary.fence, summary.stored_at):
                latest[summary.key] = summary
        return sorted(latest.values(), key=lambda summary: summary.stored_at, reverse=True)[: wanted.limit]

    async def remove(self, tag: str) -> int:
        """Remove every entry under `tag` (any of Entry.tags) from every memory; how many went, at least."""
        gathered = await self.ask("remove", Remove(as_bytes(tag)), REMOVE_WITHIN)
        return sum(reply.count for reply in gathered.replies if isinstance(reply, Done))

    async def ask(self, operation: str, question: Question, within: float) -> Gathered:
        """Ask all; that some did not answer in time is said."""
        gathered = await ask_all(self._workers(), question, within)
        if gathered.silent:
            self._on_silence(operation)
        return gathered


def _told(gathered: Gathered) -> Iterable[Summary]:
    for reply in gathered.replies:
        if isinstance(reply, Several):
            yield from (told.summary for told in reply.entries)
