"""The one thread that a SQLite connection lives on: jobs in order of coming, errors translated, connection renewed."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from proxy.store._sqlite_errors import is_damage, primary_code, store_error
from proxy.store._sqlite_file import SQLiteFile
from proxy.store.contract import Opened, StoreError

_T = TypeVar("_T")
Job = Callable[[sqlite3.Connection], _T]

_RECONNECT_AFTER = frozenset(
    {
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)


class SQLiteThread:
    """Runs jobs against a database file. Everything but `attempt` and `is_writable` is for the event loop."""

    def __init__(self, file: SQLiteFile, let_go: Callable[[], None] = lambda: None) -> None:
        """`let_go` is called on the thread when it is done, before the file is given up."""
        self.failures = 0  # jobs that the disk refused
        self._read_error: str | None = None  # of the last job that reads; None when that one worked
        self._write_error: str | None = None  # None when something was written since: on a full disk, reading works
        self._also_let_go = let_go
        self._file = file
        self._is_open = False
        self._connection: sqlite3.Connection | None = None
        self._executor: ThreadPoolExecutor | None = None

    @property
    def is_running(self) -> bool:
        """Whether jobs are taken."""
        return self._executor is not None

    @property
    def last_error(self) -> str | None:
        """What is wrong now."""
        return self._write_error or self._read_error

    @property
    def is_writable(self) -> bool:
        """Whether the last write worked."""
        return self._write_error is None

    async def start(self) -> Opened:
        """Open the file. Raises StoreError."""
        if self._executor is not None:
            raise StoreError("the store is open already")
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="larder-sqlite")
        try:
            return await self._in_thread(self._open)
        except StoreError:
            await self.stop()
            raise

    async def read(self, job: Job[_T]) -> _T:
        """What `job` finds in the file. Raises StoreError when it cannot be done."""
        return await self._in_thread(lambda: self.attempt(job, reads=True))

    async def write(self, job: Job[_T]) -> _T:
        """What comes of a `job` that may change the file. Raises StoreError when it cannot be done."""
        return await self._in_thread(lambda: self.attempt(job))

    async def run_aside(self, work: Callable[[], _T]) -> _T:
        """What `work` gives when it is its turn on the thread; it calls `attempt` for itself. Raises StoreError."""
        return await self._in_thread(work)

    def submit(self, work: Callable[[], None]) -> None:
        """Have the thread do `work` when it is its turn; it must not raise. Also to be called by such work itself."""
        if self._executor is not None:
            self._executor.submit(work)

    def attempt(self, job: Job[_T], *, reads: bool = False) -> _T:
        """Do `job` here and now, on the thread itself. Raises StoreError."""
        return self._translated(lambda: self._done(job), reads=reads)

    async def stop(self) -> None:
        """Let go of the file; what was submitted is done first."""
        executor, self._executor = self._executor, None
        if executor is not None:
            try:
                await asyncio.get_running_loop().run_in_executor(executor, self._let_go)
            finally:
                executor.shutdown(wait=False)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        if self._executor is None:
            raise StoreError("the store is not open")
        return await asyncio.get_running_loop().run_in_executor(self._executor, work)

    def _open(self) -> Opened:
        self._read_error = self._write_error = None  # of an earlier opening
        self._connection, opened = self._translated(self._file.open, reads=True)
        self._is_open = True
        return opened

    def _done(self, job: Job[_T]) -> _T:
        connection = self._ready_connection()
        changes = connection.total_changes
        result = job(connection)
        if connection.total_changes != changes:
            self._write_error = None
        return result

    def _ready_connection(self) -> sqlite3.Connection:
        if not self._is_open:
            raise StoreError("the store is not open")
        if self._connection is None:
            self._connection = self._file.reopen()
        elif not self._file.is_in_place():
            # SQLite would go on writing to a file without a name, and purges would be acknowledged that nobody finds.
            raise StoreError("the database file was moved, replaced or removed: put it back, or restart Larder")
        return self._connection

    def _translated(self, work: Callable[[], _T], *, reads: bool) -> _T:
        """The one place where SQLite's and the system's errors become StoreError."""
        try:
            result = work()
        except StoreError as error:
            self._note(str(error), reads=reads)
            raise
        except (sqlite3.Error, OSError, TypeError, ValueError, OverflowError) as error:
            self._recover_from(error)
            told = store_error(error)
            self._note(str(told), reads=reads)
            raise told from error
        self._read_error = None
        return result

    def _note(self, reason: str, *, reads: bool) -> None:
        self.failures += 1
        if reads:
            self._read_error = reason
        else:
            self._write_error = reason

    def _recover_from(self, error: Exception) -> None:
        """A connection may not survive an I/O error, and must not go on with damaged pages in its cache."""
        if primary_code(error) in _RECONNECT_AFTER:
            self._disconnect()
        if is_damage(error):
            with suppress(OSError):  # a disk that is full or gone: then a later read finds the damage again
                self._file.suspect()

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):  # its last checkpoint may fail; the WAL keeps what was committed
                connection.close()

    def _let_go(self) -> None:
        self._is_open = False
        self._also_let_go()
        self._disconnect()
        self._file.release()
