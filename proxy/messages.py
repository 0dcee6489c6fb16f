"""What travels through Larder: an answer, and an answer that is kept."""

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from math import inf

import msgspec

from policies import ShelfLife
from policies.http.fields import Fields, as_mapping


def pack_head(fields: Fields) -> str:
    """Header fields as HTTP writes them, a line each: a fifth of the memory of a tuple of pairs."""
    return "\n".join(f"{name}: {value}" for name, value in fields)


def unpack_head(head: str) -> Fields:
    """The fields of a packed head."""
    return tuple(pair for line in head.split("\n") if len(pair := line.split(": ", 1)) == 2)  # type: ignore[misc]


@lru_cache(maxsize=4_096)
def one_copy(partition: str) -> str:
    """A partition's name as the entries of it have it that were made of late: one object for all of them. Interned for
    good it would stand in a table that takes more than that saves, where each of many partitions has few entries.
    """
    return partition


class Entry(msgspec.Struct, gc=False, kw_only=True, array_like=True):
    """A stored answer. Nothing of it changes once it is stored, but for what is in memory only.

    Instants are seconds since the epoch. Kept small: a million of them live in memory (bench/ holds it to 1.5 KB
    beyond the body), so fields and tags are one string each, and what many entries share is one object (`intern`,
    `one_copy`).
    """

    key: bytes
    status: int
    head: str
    body: bytes
    stored_at: float  # when the upstream made it: the moment of its arrival less its Age
    life: ShelfLife
    fence: int  # the fence noted before the fetch went out
    sequence: int  # which fetch it was: of two fills under one fence the later fetch wins
    upstream: str
    endpoint: str  # the template, such as "GET /api/v1/courses/{course}"
    partition: str
    tagged: str = ""  # its own tags, a line each, without the upstream's name that all of them begin with
    plan: str = ""  # version of the plan its life was reckoned by
    outcome: str = ""  # which of the endpoint's outcomes it is; "missing" for 404 and 410
    jitter: float = 0.0
    ceiling: float = inf  # no plan makes it fresh beyond this instant (what the upstream or a settling purge allows)
    checked: int = 0  # the revision of the fences it was last found valid at; in memory only
    softened: int = -1  # the revision at which it was last found purged softly, if its tags are many; in memory only
    marks: bytes = b""  # by what its tags are found, once all were looked at, if they are many; in memory only
    hit_at: float = 0.0  # when it was last read, in seconds since the epoch; in memory only

    @property
    def order(self) -> tuple[int, int]:
        """Its place among the fills of its key: the higher one stays."""
        return self.fence, self.sequence

    @property
    def fields(self) -> Fields:
        """Its header fields."""
        return unpack_head(self.head)

    @property
    def headers(self) -> Mapping[str, str]:
        """Its header fields by lower-case name, repeated lines joined."""
        return as_mapping(self.fields)

    @property
    def tags(self) -> Iterator[str]:
        """Every tag it is purged by: its own, and those that its place implies."""
        if self.tagged:
            for tag in self.tagged.split("\n"):
                yield f"{self.upstream}/{tag}"
        yield key_tag(self.key)
        yield from implied_tags(self.upstream, self.endpoint, self.partition)

    @property
    def size(self) -> int:
        """Bytes it takes in memory, near enough to bound the store by."""
        return 1000 + len(self.body) + len(self.head) + len(self.tagged)


ALL = "@all"
REPLAY = "replay"  # the own tag of a write's first answer, which is kept for who sends the write again


JOBS = "v1"  # whose entry is what is written down of jobs; no upstream has this name
JOB = "job"  # the own tag of their requests
UNLEARNED = "unlearned"  # the own tag of what was read with a credential of which nobody knows whose it is, or names
# whom nobody knows
_WHOSE = "whose:"


def whose(user: str | None) -> str:
    """The own tag of what was read with the credential of an upstream's user; None: whose it is was not known. So
    what they read is found though no row of it names them, and whatever is forgotten of their credential since.
    """
    return UNLEARNED if user is None else f"{_WHOSE}{user}"


def implied_tags(upstream: str, endpoint: str, partition: str) -> tuple[str, ...]:
    """The tags an answer has by its place alone."""
    return ALL, upstream_tag(upstream), endpoint_tag(upstream, endpoint), partition_tag(partition)


def key_tag(key: bytes) -> str:
    """The tag of one entry."""
    return f"@key:{key.hex()}"


def upstream_tag(upstream: str) -> str:
    """The tag of everything from an upstream."""
    return f"@upstream:{upstream}"


def endpoint_tag(upstream: str, endpoint: str) -> str:
    """The tag of everything from one endpoint."""
    return f"@endpoint:{upstream} {endpoint}"


def replay_tag(upstream: str) -> str:
    """The tag of all first answers of writes to an upstream."""
    return f"{upstream}/{REPLAY}"


def job_tag() -> str:
    """The tag of all requests of jobs that are not over."""
    return f"{JOBS}/{JOB}"


def whose_tags(upstream: str, users: Iterable[str]) -> set[str]:
    """The tags of what was read with the credentials of these users."""
    return {f"{upstream}/{whose(user)}" for user in users}


def unlearned_tag(upstream: str) -> str:
    """The tag of what was read with credentials of which nobody knew whose they are."""
    return f"{upstream}/{UNLEARNED}"


def partition_tag(partition: str) -> str:
    """The tag of everything in one partition."""
    return f"@partition:{partition}"
