"""Control: what a supervisor and its workers say to each other. Tags go as bytes: one may hold what is no UTF-8."""

from collections.abc import Sequence

from msgspec import Struct

from proxy.config.file import ConfigProblem
from proxy.store.codec import as_bytes, as_text
from proxy.store.contract import Filter, Summary
from proxy.upstream.orders import Order as GivenOrder
from proxy.upstream.orders import Word as OrderWord
from proxy.upstream.view import UpstreamState
from proxy.workers.ward_words import OfWards, WardReply


class ConfigText(Struct, frozen=True):
    """A config file as it was read: a worker that starts after a bad edit runs by what was accepted."""

    name: str
    text: str


class Inherited(Struct, frozen=True):
    """The descriptors that a worker got when it was started."""

    page: int  # the shared page
    listening: tuple[int, ...]  # sockets that callers connect to
    handing: tuple[int, int]  # a socketpair for connections: into the first, out of the second
    lock: int | None = None  # the durable store's lock file


class Wanted(Struct, frozen=True):
    """A Filter on its way."""

    tag: bytes | None
    upstream: str | None
    endpoint: str | None
    limit: int

    @classmethod
    def of(cls, wanted: Filter) -> "Wanted":
        """As it goes out."""
        tag = None if wanted.tag is None else as_bytes(wanted.tag)
        return cls(tag, wanted.upstream, wanted.endpoint, wanted.limit)

    @property
    def filter(self) -> Filter:
        """As it came."""
        return Filter(None if self.tag is None else as_text(self.tag), self.upstream, self.endpoint, self.limit)


class Told(Struct, frozen=True, array_like=True):
    """A Summary on its way."""

    key: str
    upstream: str
    endpoint: str
    partition: str
    tags: tuple[bytes, ...]
    stored_at: float
    fence: int
    size: int
    status: int
    fresh_until: float
    fallback_until: float

    @classmethod
    def of(cls, summary: Summary) -> "Told":
        """As it goes out."""
        return cls(**{**summary._asdict(), "tags": tuple(map(as_bytes, summary.tags))})

    @property
    def summary(self) -> Summary:
        """As it came."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__}
        return Summary(**{**fields, "tags": tuple(map(as_text, self.tags))})


class Guard(Struct, frozen=True, tag=True):
    """What an operator orders of an upstream. Also a question: it is done when it is answered."""

    upstream: str
    word: OrderWord
    seconds: float = 0.0

    @classmethod
    def of(cls, upstream: str, order: GivenOrder) -> "Guard":
        """As it goes out."""
        return cls(upstream, order.word, order.seconds)

    @property
    def order(self) -> GivenOrder:
        """As it came."""
        return GivenOrder(self.word, self.seconds)


# from the supervisor: orders


class Begin(Struct, frozen=True, tag=True):
    """The first word: open, and serve. `started` is the config the supervisor began with: some of it holds on."""

    process: int
    processes: int
    config: ConfigText
    started: ConfigText
    secret: str  # of the store, also where nobody configured one
    instance: str  # what the machine is known as to others
    inherited: Inherited
    guards: tuple[Guard, ...] = ()  # what operators ordered before


class Drain(Struct, frozen=True, tag=True):
    """The last word: finish what is under way, and end. `hands_over`: others take the connections that are idle."""

    hands_over: bool


# from the supervisor: questions


class Prepare(Struct, frozen=True, tag=True):
    """Check a config and make everything it needs; it does not hold yet."""

    config: ConfigText


class Commit(Struct, frozen=True, tag=True):
    """What was prepared holds from the next request on."""


class Abort(Struct, frozen=True, tag=True):
    """What was prepared is thrown away."""


class Count(Struct, frozen=True, tag=True):
    """How many entries in memory are wanted."""

    wanted: Wanted


class Summaries(Struct, frozen=True, tag=True):
    """Entries in memory, newest first."""

    wanted: Wanted


class Remove(Struct, frozen=True, tag=True):
    """Let the bytes of every entry in memory go that is under a tag."""

    tag: bytes


class Report(Struct, frozen=True, tag=True):
    """How memory and guards are."""


class Measure(Struct, frozen=True, tag=True):
    """The metrics."""


Question = Prepare | Commit | Abort | Count | Summaries | Remove | Report | Measure | Guard | OfWards


class Ask(Struct, frozen=True, tag=True):
    """A question with a number, which its answers carry."""

    number: int
    question: Question


# from a worker


class Ready(Struct, frozen=True, tag=True):
    """It listens."""


class CannotStart(Struct, frozen=True, tag=True):
    """It cannot open; one line says why."""

    reason: str


class Done(Struct, frozen=True, tag=True):
    """It is done; `count` entries were met."""

    count: int = 0


class Refused(Struct, frozen=True, tag=True):
    """A config cannot be used."""

    problems: tuple[ConfigProblem, ...]


class Several(Struct, frozen=True, tag=True):
    """Some of the entries asked for; `more` follow."""

    entries: tuple[Told, ...]
    more: bool


class State(Struct, frozen=True, tag=True):
    """How one worker's memory and guards are."""

    entries: int = 0
    bytes: int = 0
    upstreams: tuple[UpstreamState, ...] = ()


class Measured(Struct, frozen=True, tag=True):
    """The metrics of one worker, as Prometheus reads them. Also its last word when it ends in order."""

    text: bytes


class Failed(Struct, frozen=True, tag=True):
    """It could not be done; the word is the kind of what went wrong."""

    kind: str


Reply = Done | Refused | Several | State | Measured | Failed | WardReply


class Answer(Struct, frozen=True, tag=True):
    """The answer to the question with this number; to one there may be several."""

    number: int
    reply: Reply


Order = Begin | Drain | Ask
"""What a worker hears."""

Word = Ready | CannotStart | Answer | Measured
"""What a supervisor hears."""


def told(summaries: Sequence[Summary], at_once: int) -> list[Several]:
    """Summaries in answers of `at_once` each, so that none is too large; one that is empty where there are none."""
    starts = range(0, len(summaries), at_once) or range(1)
    return [
        Several(tuple(map(Told.of, summaries[start : start + at_once])), more=start + at_once < len(summaries))
        for start in starts
    ]
