"""Agreeing: a config holds in all workers or in none.

all prepare ── one cannot ──▶ all throw it away: what held, holds
          └─── all could ───▶ all are told that it holds; one that is not able to ends, and begins anew with it
"""

import asyncio
from collections.abc import Sequence

from proxy.config.file import ConfigProblem
from proxy.workers.asking import WorkerGone, WorkerSilent, ask_all
from proxy.workers.control import Abort, Commit, ConfigText, Done, Prepare, Refused
from proxy.workers.hired import Worker

PREPARE_WITHIN = 20.0  # seconds; a large config on a busy machine
COMMIT_WITHIN = 5.0  # seconds; everything is made by then


async def prepared(workers: Sequence[Worker], config: ConfigText) -> tuple[ConfigProblem, ...]:
    """Have all workers prepare a config. Why they cannot, and then none holds anything of it; nothing if they can."""
    gathered = await ask_all(workers, Prepare(config), PREPARE_WITHIN)
    refusals = [reply.problems for reply in gathered.replies if isinstance(reply, Refused)]
    if not refusals and not gathered.silent:
        return ()
    await ask_all(workers, Abort(), COMMIT_WITHIN)
    return refusals[0] if refusals else (ConfigProblem(config.name, 1, "", "a worker could not prepare it"),)


async def committed(workers: Sequence[Worker]) -> None:
    """Let what all have prepared hold. A worker that cannot do so is ended: the one that follows begins with it."""
    await asyncio.gather(*[_commit(worker) for worker in workers])


async def _commit(worker: Worker) -> None:
    try:
        replies = await worker.ask(Commit(), COMMIT_WITHIN)
    except (WorkerGone, WorkerSilent):
        replies = []
    if not any(isinstance(reply, Done) for reply in replies):
        worker.kill()
