"""Names: whose a job is, and under which keys it lies. All of them are keyed digests: nobody finds what is not theirs.

A record's key is made of its id, the caller and the caller's credentials. So another caller's job, another token's and
one that never was are one and the same: nothing is found.
"""

from proxy.jobs.record import Record
from proxy.keys import Digester, credential_of
from proxy.typed.visitors import Visitor

SHARED_JOBS = "jobs"  # the partition of a request that carries nobody's credential


def result_of(job: bytes, record: Record) -> bytes:
    """What a job's result is known by: one that another process makes, which was believed to be gone, is another."""
    return job + record.holder


class Names:
    """Makes names."""

    def __init__(self, digester: Digester) -> None:
        self._digester = digester

    def job(self, visitor: Visitor, job_id: str) -> bytes:
        """The key of a job's record."""
        places = {place: None for one in visitor.plans.upstreams.values() for place in one.adapter.credential_places}
        ordered = sorted(places, key=lambda place: (place.where, place.name))
        credential = credential_of(ordered, visitor.headers, visitor.query)
        return self._digester.digest("job", (job_id, visitor.caller.name, *credential))

    def request(self, job: bytes) -> bytes:
        """Where a job's request lies."""
        return self._digester.digest("job-request", (job.hex(),))

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
