"""What is told of jobs that are not there, not over, or cannot be begun."""

from proxy.errors import LarderError, problem_of

_WHERE_IT_LIES = 1.0  # seconds


class UnknownJob(LarderError):
    """404: there is no such job for this caller with this credential; or there is none any more."""

    def __init__(self) -> None:
        detail = (
            "There is no such job, or it is over and forgotten. A job is known only to the caller that began it, with "
            "the credentials that it was begun with."
        )
        super().__init__(problem_of(404, "Unknown job", detail))
        self.word = "unknown-job"


class JobUnderWay(LarderError):
    """409: a job has no result yet. `retry_after` in seconds."""

    def __init__(self, state: str, retry_after: float) -> None:
        detail = f"The job is {state}; it has no result yet."
        super().__init__(problem_of(409, "Job under way", detail, retry_after=retry_after))
        self.word = "job-under-way"


class NoResult(LarderError):
    """410: a job ended without a result."""

    def __init__(self, state: str) -> None:
        super().__init__(problem_of(410, "No result", f"The job was {state}; send the request again."))
        self.word = "no-result"


class ResultNotKept(LarderError):
    """410: what a job's result was made of was purged for good, or it found no room."""

    def __init__(self) -> None:
        detail = "The job ended, and its result is not kept any more; send the request again."
        super().__init__(problem_of(410, "Result not kept", detail))
        self.word = "result-not-kept"


class ResultElsewhere(LarderError):
    """503: a job's result may not be written down, so that only the process that made it has it."""

    def __init__(self) -> None:
        detail = (
            "The job's result may not be written down, by its provider's terms or the config, and another process has "
            "it; ask again over a new connection."
        )
        super().__init__(problem_of(503, "Result elsewhere", detail, retry_after=_WHERE_IT_LIES))
        self.word = "result-elsewhere"


class TooManyJobs(LarderError):
    """429: a caller has as many jobs under way as it may have."""

    def __init__(self, most: int, retry_after: float) -> None:
        detail = f"This caller has {most} jobs under way, as many as it may; wait for one, or cancel one."
        super().__init__(problem_of(429, "Too many jobs", detail, retry_after=retry_after))
        self.word = "too-many-jobs"


class JobsFull(LarderError):
    """503: there is no room for another job."""

    def __init__(self, retry_after: float) -> None:
        detail = "There is no room for another job now; come later, or without Prefer: respond-async."
        super().__init__(problem_of(503, "Jobs full", detail, retry_after=retry_after))
        self.word = "jobs-full"


class JobUnreadable(LarderError):
    """503: what is known of jobs cannot be read or recorded just now."""

    def __init__(self) -> None:
        detail = "The store cannot tell of jobs just now."
        super().__init__(problem_of(503, "Job unreadable", detail, retry_after=1))
        self.word = "job-unreadable"


class JobTooLong(LarderError):
    """504: a job took longer than `jobs.longest`."""

    def __init__(self, longest: float) -> None:
        super().__init__(problem_of(504, "Job too long", f"The job took longer than {longest:g} seconds."))
        self.word = "job-too-long"
