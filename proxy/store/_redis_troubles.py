"""What is wrong with a Redis, in one line for an operator: what it said is judged here, and never repeated.

A StoreUnavailable may be over by itself; any other StoreError needs somebody to mend the config, or Redis.
"""

import ssl
from collections.abc import Iterator

from redis import exceptions as said_by
from redis.exceptions import RedisClusterException, RedisError

from proxy.store.contract import StoreError, StoreUnavailable

FAILURES = (RedisError, RedisClusterException, OSError, TimeoutError)  # what a call may raise, connecting included
PREFIX_TAKEN = "another program's keys are under the prefix: name one of Larder's own in store.redis.prefix"
NOT_OF_ONE_KEY = (
    "Larders with another store.secret use this Redis: give all the same one, or name another store.redis.prefix"
)
TOO_NEW = "a newer Larder wrote what is in this Redis: run that, or name another store.redis.prefix"
NO_SUCH_URL = (
    "is no URL of a Redis: write redis://[USER:PASSWORD@]HOST:PORT/DB, rediss://… for TLS, redis+cluster://HOST:PORT"
)


class NotPermitted(StoreError):
    """The user whom Redis knows Larder as may not do that."""


class NotOurs(StoreError):
    """Under one of Larder's keys lies what Larder never writes."""


_FULL = "Redis is full (its maxmemory) and takes no writes"
_REPLICA = "this Redis is a replica and takes no writes: name its master"
_PART_OF_CLUSTER = "this Redis is part of a cluster: write redis+cluster:// in its URL"
_NO_CLUSTER = "this Redis is no cluster: write redis:// in its URL"
_CLUSTER_DOWN = "the Redis cluster is down: not all of its slots are served"

_Line = tuple[type[StoreError], str]

_NOT_PERMITTED: _Line = NotPermitted, "Redis does not permit its user what Larder needs: see its ACL"
_BY_KIND: tuple[tuple[type[Exception], _Line], ...] = (  # the first that fits
    (said_by.OutOfMemoryError, (StoreUnavailable, _FULL)),
    (said_by.ReadOnlyError, (StoreError, _REPLICA)),
    (said_by.BusyLoadingError, (StoreUnavailable, "Redis is loading its data")),
    (said_by.MaxConnectionsError, (StoreUnavailable, "there are too many calls to Redis at once")),
    (said_by.MasterDownError, (StoreUnavailable, "Redis has lost its master")),
    (said_by.ClusterDownError, (StoreUnavailable, _CLUSTER_DOWN)),
    (said_by.SlotNotCoveredError, (StoreUnavailable, _CLUSTER_DOWN)),
    (said_by.MovedError, (StoreError, _PART_OF_CLUSTER)),
    (said_by.ClusterCrossSlotError, (StoreError, _PART_OF_CLUSTER)),
)
_BY_WORDS: tuple[tuple[str, _Line], ...] = (  # of what Redis, or redis-py, says; the first that it holds
    ("WRONGTYPE", (NotOurs, PREFIX_TAKEN)),
    ("cluster support disabled", (StoreError, _NO_CLUSTER)),
    ("Cluster mode is not enabled", (StoreError, _NO_CLUSTER)),
    ("without any password configured", (StoreError, "the Redis URL names a password, but this Redis has none")),
    ("Authentication required", (StoreError, "Redis needs a password: write redis://:PASSWORD@HOST:PORT/DB")),
    ("username-password pair", (StoreError, "Redis refused the user or the password")),
    ("DB index is out of range", (StoreError, "Redis has no database of that number")),
    ("unknown command", (StoreError, "this Redis lacks a command that Larder needs: it has to be 6.2 or newer")),
    (
        "protected mode",
        (StoreError, "Redis is in protected mode: give it a password, or let it listen on loopback only"),
    ),
    ("max number of clients", (StoreUnavailable, "Redis has as many clients as it allows (its maxclients)")),
    ("MISCONF", (StoreUnavailable, "Redis cannot write to its disk, and takes no writes until it can")),
    ("NOREPLICAS", (StoreUnavailable, "Redis has fewer replicas than it asks for (min-replicas-to-write)")),
    ("OOM ", (StoreUnavailable, _FULL)),  # by 6.2, out of a script
    ("READONLY ", (StoreError, _REPLICA)),
    ("BUSY ", (StoreUnavailable, "Redis is busy with somebody's script")),
)


def trouble(error: BaseException, *, is_tls: bool = False, has_answered: bool = True) -> StoreError:
    """The one line, as an error to raise. `is_tls`: Redis was called with TLS; `has_answered`: it did, some time."""
    if isinstance(error, StoreError):
        return error
    chain = list(_chain(error))
    kind, line = _said(chain) or _certificate(chain) or _connection(chain, is_tls=is_tls, has_answered=has_answered)
    return kind(line)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what it came of: redis-py wraps what the socket said."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _said(chain: list[BaseException]) -> _Line | None:
    """What Redis itself told."""
    if _holds(chain, said_by.NoPermissionError):
        return _NOT_PERMITTED
    for kind, line in _BY_KIND:
        if isinstance(chain[0], kind):
            return line
    said = "\n".join(str(error) for error in chain if isinstance(error, (RedisError, RedisClusterException)))
    for words, line in _BY_WORDS:
        if words in said:
            return line
    if _holds(chain, said_by.AuthenticationError):
        return StoreError, "Redis refused the user or the password"
    return None


def _certificate(chain: list[BaseException]) -> _Line | None:
    for error in chain:
        if isinstance(error, ssl.SSLCertVerificationError):
            return StoreError, f"Redis shows a certificate {_flaw(error.verify_message)}"
        if isinstance(error, FileNotFoundError):
            return StoreError, "a file that the Redis URL names is not there (ssl_ca_certs, a socket, …)"
        if isinstance(error, ssl.SSLError):
            return StoreError, "Redis does not speak TLS as Larder does: if it speaks none, write redis:// in its URL"
    return None


def _flaw(verify_message: str) -> str:
    if "mismatch" in verify_message:
        return "for another host than its URL names"
    if "expired" in verify_message:
        return "that has expired"
    return "of an authority that is not known here: name it with ?ssl_ca_certs=FILE"


def _connection(chain: list[BaseException], *, is_tls: bool, has_answered: bool) -> _Line:
    if _holds(chain, TimeoutError, said_by.TimeoutError):
        hint = ": if it speaks no TLS, write redis:// in its URL" if is_tls and not has_answered else ""
        return StoreUnavailable, f"Redis did not answer in time{hint}"
    if _holds(chain, ConnectionRefusedError):
        return StoreUnavailable, "Redis refused the connection: nothing listens there"
    if _holds(chain, ConnectionResetError) or any("closed by server" in str(error) for error in chain):
        hint = " at once: if it speaks TLS, write rediss:// in its URL" if not is_tls and not has_answered else ""
        return StoreUnavailable, f"Redis closed the connection{hint}"
    if _holds(chain[:1], said_by.InvalidResponse, said_by.ResponseError):
        return StoreError, "Redis refused what Larder asked, or what listens there is no Redis"
    return StoreUnavailable, "Redis cannot be reached"


def _holds(chain: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(error, kinds) for error in chain)
