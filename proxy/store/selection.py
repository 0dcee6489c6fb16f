"""Selection: which entries a tag or an operator's filter means, asked of entries that are at hand in memory."""

from collections.abc import Callable

from proxy.messages import ALL, Entry, endpoint_tag, key_tag, partition_tag, upstream_tag
from proxy.store.contract import Filter, Summary

Wanted = Callable[[Entry], bool]


def under(tag: str) -> Wanted:
    """Whether an entry is under `tag`: as `tag in entry.tags` says, without making all of them for each entry."""
    if tag == ALL:
        return lambda _: True
    kind = tag.partition(":")[0]
    implied = _IMPLIED.get(kind)
    if implied is None:
        return lambda entry: _has_itself(entry, tag)
    return lambda entry: implied(entry) == tag or _has_itself(entry, tag)


_IMPLIED: dict[str, Callable[[Entry], str]] = {
    "@key": lambda entry: key_tag(entry.key),
    "@upstream": lambda entry: upstream_tag(entry.upstream),
    "@endpoint": lambda entry: endpoint_tag(entry.upstream, entry.endpoint),
    "@partition": lambda entry: partition_tag(entry.partition),
}


def _has_itself(entry: Entry, tag: str) -> bool:
    upstream, _, own = tag.partition("/")
    return upstream == entry.upstream and own in entry.tagged and own in entry.tagged.split("\n")


def matching(wanted: Filter) -> Wanted:
    """Whether an entry is what `wanted` asks for; its limit does not apply."""
    tagged = under(ALL if wanted.tag is None else wanted.tag)

    def meets(entry: Entry) -> bool:
        return (
            (wanted.upstream is None or entry.upstream == wanted.upstream)
            and (wanted.endpoint is None or entry.endpoint == wanted.endpoint)
            and tagged(entry)
        )

    return meets


def key_of(tag: str) -> bytes | None:
    """The key that a key's own tag names; None for every other tag."""
    kind, _, digest = tag.partition(":")
    if kind != "@key":
        return None
    try:
        return bytes.fromhex(digest)
    except ValueError:
        return None


def summary(entry: Entry) -> Summary:
    """What an operator may see of an entry."""
    return Summary(
        key=entry.key.hex(),
        upstream=entry.upstream,
        endpoint=entry.endpoint,
        partition=entry.partition,
        tags=tuple(f"{entry.upstream}/{tag}" for tag in entry.tagged.split("\n")) if entry.tagged else (),
        stored_at=entry.stored_at,
        fence=entry.fence,
        size=entry.size,
        status=entry.status,
        fresh_until=entry.life.fresh_until,
        fallback_until=entry.life.gone_at,
    )
