"""The Forwarded header field (RFC 7239 §4 and §6), read strictly: one wrong character, and all of it is refused."""

import re
from functools import lru_cache

from proxy.callers.addresses import parse_address

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - RFC 9110 §5.6.2, no password
_QUOTED = r'"(?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*"'  # §5.6.4
_PAIR = re.compile(rf"(?P<name>{_TOKEN})=(?P<value>{_TOKEN}|{_QUOTED})")
_SEPARATOR = re.compile(r"[ \t]*([;,])[ \t]*")
_NODE = re.compile(r"(?:\[(?P<ipv6>[^\[\]]+)\]|(?P<ipv4>[0-9.]+))(?::(?:\d{1,5}|_[A-Za-z0-9._-]+))?")
_LONGEST = 4096  # characters
_LONGEST_NODE = 128  # characters

Element = dict[str, str]


class Malformed(ValueError):
    """The field does not follow its grammar."""


def parse_forwarded(text: str) -> list[Element]:
    """The elements in the order they were added, names in lower case, values unquoted. Raises Malformed."""
    if len(text) > _LONGEST:
        raise Malformed
    text = text.strip(" \t")
    elements: list[Element] = [{}]
    position, end = 0, len(text)
    while position < end:
        pair = _PAIR.match(text, position, end)
        if pair is not None:
            _add(elements[-1], pair["name"].lower(), _unquoted(pair["value"]))
            position = pair.end()
        separator = _SEPARATOR.match(text, position, end)
        if separator is None:
            if position < end:
                raise Malformed
            break
        if separator[1] == ",":
            elements.append({})
        position = separator.end()
    return [element for element in elements if element]  # empty list elements count for nothing (RFC 9110 §5.6.1)


def node_address(node: str | None) -> str | None:
    """The address in a node (§6), its port taken off; None for "unknown", a made-up name or anything else."""
    return None if node is None or len(node) > _LONGEST_NODE else _node_address(node)


@lru_cache(maxsize=4096)
def _node_address(node: str) -> str | None:
    bare = parse_address(node)  # X-Forwarded-For has IPv6 addresses without brackets
    if bare is None:
        match = _NODE.fullmatch(node)
        bare = parse_address(match["ipv6"] or match["ipv4"]) if match is not None else None
    return None if bare is None else str(bare)


def _add(element: Element, name: str, value: str) -> None:
    if name in element:
        raise Malformed  # §4: no parameter more than once in an element
    element[name] = value


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
