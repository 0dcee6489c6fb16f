"""Another process that uses a SQLite store's file, attached to it: told what to do, line by line."""

import asyncio
import json
import subprocess
import sys
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).parents[3]


class Attached:
    """Does what a store does, over there."""

    def __init__(self, process):
        self.process = process

    async def do(self, verb, *arguments):
        """What came of it; a StoreError's text where that was it."""
        self.process.stdin.write(json.dumps([verb, *arguments]).encode() + b"\n")
        return json.loads(await self.process.stdout.readline())

    async def end(self):
        """Close the store and go."""
        self.process.stdin.close()
        await self.process.wait()


@asynccontextmanager
async def attached(path, lock_fd=None):
    """A process with the store open, in the role of a worker."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.unit.store.attached",
        str(path),
        str(-1 if lock_fd is None else lock_fd),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=() if lock_fd is None else (lock_fd,),
        cwd=ROOT,
    )
    worker = Attached(process)
    try:
        assert json.loads(await process.stdout.readline()) == "open"
        yield worker
    finally:
        if process.returncode is None:
            await worker.end()


async def work(path, lock_fd):  # noqa: C901 - a verb a line
    """What the other process does: each line of its input is a verb and what it is about."""
    from proxy.store.contract import StoreError  # noqa: PLC0415
    from proxy.store.purges import Mode, Purge  # noqa: PLC0415
    from proxy.store.sqlite import SQLiteStore  # noqa: PLC0415
    from tests.unit.store.samples import NOW, Clock, an_entry, key  # noqa: PLC0415

    store = SQLiteStore(path, role="attached", lock_fd=None if lock_fd < 0 else lock_fd, clock=Clock(), sleep=no_sleep)
    opened = await store.open()
    say("open")
    while line := await asyncio.to_thread(sys.stdin.readline):
        match json.loads(line):
            case ["opened"]:
                answer = [opened.opening, [purge.tag for purge in opened.purges]]
            case ["put", number, body, tags, fence]:
                answer = store.put(an_entry(number, body=body.encode(), tags=tags, order=(fence, 1)))
            case ["put many", first, last]:
                for number in range(first, last):
                    store.put(an_entry(number))
                answer = await store.flush()
            case ["get", number]:
                entry = await store.get(key(number))
                answer = None if entry is None else entry.body.decode()
            case ["purge", tag, mode, number]:
                answer = await store.purge([Purge(tag, Mode(mode), number, NOW, 0)])
            case ["sweep", now]:
                answer = await store.sweep(now, 0)
            case ["dropped"]:
                answer = [store.dropped, store.failures]
            case [verb, *arguments]:
                try:
                    answer = await getattr(store, verb)(*arguments)
                except StoreError as error:
                    answer = str(error)
        say(answer)
    await store.close()


async def no_sleep(seconds):
    """Time passes by itself."""
    await asyncio.sleep(0)


def say(answer):
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    asyncio.run(work(Path(sys.argv[1]), int(sys.argv[2])))
