"""Groups: answers that an origin lets go together, by names of its own (RFC 9875)."""

from http_sf import StructuredFieldError, parse

MOST = 64  # groups that are read of one field; 32 have to be (§2)
LONGEST = 128  # characters of a group's name; 32 have to be (§2)


def groups(value: str | None) -> tuple[str, ...]:
    """The groups in a Cache-Groups or Cache-Group-Invalidation field, sorted, each once. Never raises.

    None of them where the field is no Structured Fields List. Members that are no Strings or too long are left out,
    parameters ignored (§2, §3), and of too many groups the first ones count.
    """
    if value is None or not value.isascii():
        return ()
    try:
        members = parse(value.encode(), tltype="list")
    except StructuredFieldError:
        return ()
    assert isinstance(members, list)  # noqa: S101 - that is what was asked for
    names = (member[0] for member in members if isinstance(member, tuple))
    strings = dict.fromkeys(name for name in names if isinstance(name, str) and len(name) <= LONGEST)
    return tuple(sorted(list(strings)[:MOST]))
