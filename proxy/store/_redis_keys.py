"""Names of keys in Redis. They hold digests only: whoever lists them learns no tag, user or notification.

P:e:<key>         an entry                             P:m:<digest>  a notification seen
P:n:<key>         a note
P:t:<digest>      the keys of the entries under a tag  P:l:<digest>  what an enrollment belongs to
P:k:<digest>      a partition's key, wrapped           P:b           whom principals are
P:format          which Larder writes here             P:f:<digest>  a lease (redis_leases.py)
{P}:…             fences and guards (redis_ledger.py, redis_reports.py)
"""

import re
from hashlib import blake2b

from proxy.messages import partition_tag
from proxy.store.codec import as_bytes
from proxy.store.purges import TagDigest, tag_digest

DIGEST = 8  # bytes by which an entry says what it is under


def short_digest(tag: str) -> bytes:
    """What an entry's value lists of a tag."""
    return tag_digest(tag)[:DIGEST]


class Keys:
    """The names under one prefix."""

    def __init__(self, prefix: str, digest: TagDigest = tag_digest) -> None:
        """`digest` names the lists of tags: they outlive what they name, and may not tell what was there."""
        self._prefix = prefix.encode()
        self._digest = digest
        self.format = self._prefix + b":format"
        self.bindings = self._prefix + b":b"
        self.entries = self._prefix + b":e:"
        self.all_entries = _literal(self.entries) + b"*"
        self.all_links = _literal(self._prefix) + b":l:*"
        self.all_partition_keys = _literal(self._prefix) + b":k:*"
        self.all = _literal(self._prefix) + b":*"
        self._ours = re.compile(re.escape(self._prefix) + rb":(?:(e|k|m|n|l|t|f):[0-9a-f]+|(b|format))")

    def __repr__(self) -> str:
        return f"<Keys {self._prefix.decode()}>"

    def entry(self, key: bytes) -> bytes:
        """An entry."""
        return self.entries + key.hex().encode()

    def entry_key(self, name: bytes) -> bytes | None:
        """The key of the entry under a name; None: it names none."""
        try:
            return bytes.fromhex(name.removeprefix(self.entries).decode())
        except ValueError:
            return None

    def tag(self, tag: str) -> bytes:
        """The list of a tag's entries."""
        return self._named(b"t", self._digest(tag))

    def partition_key(self, partition: str) -> bytes:
        """A partition's key."""
        return self.partition_key_of(short_digest(partition_tag(partition)))

    def partition_key_of(self, digest: bytes) -> bytes:
        """The same, by the digest that the partition's entries hold."""
        return self._named(b"k", digest)

    def mark(self, source: str, token: str) -> bytes:
        """A notification."""
        return self._named(b"m", _digest(source, token))

    def note(self, key: bytes) -> bytes:
        """A note."""
        return self._named(b"n", key)

    def link(self, upstream: str, enrollment: str) -> bytes:
        """An enrollment."""
        return self._named(b"l", _digest(upstream, enrollment))

    def kind(self, name: bytes) -> str | None:
        """The letter, or word, that a name of ours has behind the prefix; None: Larder never writes that."""
        match = self._ours.fullmatch(name)
        return None if match is None else (match[1] or match[2]).decode()

    def _named(self, letter: bytes, digest: bytes) -> bytes:
        return b":".join((self._prefix, letter, digest.hex().encode()))


def _digest(*parts: str) -> bytes:
    """Of several strings: each is preceded by its length, so that none can run into the next."""
    digest = blake2b(digest_size=16)
    for part in map(as_bytes, parts):
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.digest()


def _literal(text: bytes) -> bytes:
    """Text as a part of a glob pattern that means itself."""
    return re.sub(rb"([*?\[\]\\^-])", rb"\\\1", text)
