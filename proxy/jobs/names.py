"""Names: whose a job is, and under which keys it lies. All of them are keyed digests: nobody finds what is not theirs.

A record's key is made of its id, the caller and the caller's credentials. So another caller's job, another token's and
one that never was are one and the same: nothing is found.
"""

from typing import NamedTuple

from proxy.jobs.record import Record
from proxy.keys import Digester, credential_of
from proxy.store.sealing import SECRET_BYTES
from proxy.typed.visitors import Visitor

SHARED_JOBS = "jobs"  # the partition of a request that carries nobody's credential


def result_of(job: bytes, record: Record) -> bytes:
    """What a job's result is known by: one that another process makes, which was believed to be gone, is another."""
    return job + record.holder


class Owner(NamedTuple):
    """Whose jobs are told of together: one caller's, with the same credentials."""

    key: bytes  # where they are told
    secret: bytes  # what that is sealed with

    def __repr__(self) -> str:
        return f"<Owner {self.key.hex()}>"


class Names:
    """Makes names."""

    def __init__(self, digester: Digester) -> None:
        self._digester = digester

    def job(self, visitor: Visitor, job_id: str) -> bytes:
        """The key of a job's record."""
        return self._digester.digest("job", (job_id, *_whose(visitor)))

    def owner(self, visitor: Visitor) -> Owner:
        """Whose jobs are this visitor's."""
        whose = _whose(visitor)
        secret = b"".join(self._digester.digest("jobs-sealed", (half, *whose)) for half in ("first", "second"))
        return Owner(self._digester.digest("jobs", whose), secret[:SECRET_BYTES])

    def request(self, job: bytes) -> bytes:
        """Where a job's request lies."""
        return self._digester.digest("job-request", (job.hex(),))

    def callback(self, job: bytes) -> bytes:
        """Where it lies that somebody is still to be told of a job's end; and whose turn that is."""
        return self._digester.digest("job-callback", (job.hex(),))

    def share(self, result: bytes, index: int) -> bytes:
        """Where a part of a job's result lies."""
        return self._digester.digest("job-result", (result.hex(), str(index)))

    def partition(self, visitor: Visitor) -> str:
        """Whose request it is: that of the first principal whose credential it carries, so that it ends with it."""
        for upstream in visitor.plans.upstreams.values():
            if upstream.credential is None and visitor.caller.may_use(upstream.name):
                presented = credential_of(upstream.adapter.credential_places, visitor.headers, visitor.query)
                if presented:
                    return self._digester.principal(upstream.name, presented)
        return SHARED_JOBS


def _whose(visitor: Visitor) -> tuple[str, ...]:
    """The caller, and every credential that came."""
    places = {place: None for one in visitor.plans.upstreams.values() for place in one.adapter.credential_places}
    ordered = sorted(places, key=lambda place: (place.where, place.name))
    return (visitor.caller.name, *credential_of(ordered, visitor.headers, visitor.query))
