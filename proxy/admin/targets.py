"""What an operator names, as one tag: everything, an upstream, an endpoint, a tag, a principal or an entry."""

import re
from collections.abc import Mapping

from proxy.admin.reading import nearest, said
from proxy.errors import BadRequest
from proxy.keys import KEY_BYTES
from proxy.messages import endpoint_tag, key_tag, partition_tag, upstream_tag

Routes = Mapping[str, Mapping[str, str]]
"""The routes of each upstream, each with the one under which its answers are kept."""

_DIGEST = re.compile(rf"[0-9a-f]{{{2 * KEY_BYTES}}}")
_CALLER = re.compile(r"caller:[A-Za-z0-9._-]{1,64}")
_LONGEST_TAG = 300
_LISTED = 8  # endpoints; an upstream may have many, and then only near ones are named

# Canvas' users as its adapter tags them (UPSTREAMS.md §3.5): the person, lists that hold them, lists of theirs.
# `user:unknown` is nobody in particular.
_PERSON = re.compile(r"(in:)?user:(?!unknown(:|$))[^:]+(:[a-z_]+)?|whose:.+")


def upstream_named(name: str, routes: Routes) -> str:
    """The tag of an upstream. Raises BadRequest."""
    _check_upstream("upstream", name, routes)
    return upstream_tag(name)


def endpoint_named(name: str, routes: Routes) -> tuple[str, str]:
    """Upstream and route in "courseworks GET /api/v1/courses", as entries name them: what came for many things is kept
    as the answers to each. Raises BadRequest.
    """
    upstream, space, route = name.partition(" ")
    if not space:
        right = 'an upstream and a route, such as "courseworks GET /api/v1/courses"'
        raise BadRequest("endpoint", "no route", right)
    if upstream not in routes:
        raise BadRequest("endpoint", "an unknown upstream before the route", nearest(upstream, routes))
    if route not in routes[upstream]:
        right = nearest(route, routes[upstream], most=_LISTED)
        raise BadRequest("endpoint", f"no such route of {upstream}", f"a route of it: {right}")
    return upstream, routes[upstream][route]


def tag_of_endpoint(name: str, routes: Routes) -> str:
    """The tag of an endpoint. Raises BadRequest."""
    return endpoint_tag(*endpoint_named(name, routes))


def tag_named(name: str, routes: Routes) -> str:
    """A tag that entries have of themselves; those that their places imply have fields of their own.

    Raises BadRequest.
    """
    upstream, slash, local = name.partition("/")
    if not slash or not local or len(name) > _LONGEST_TAG or not _is_plain(local):
        right = "an upstream and a tag of it, such as courseworks/course:565, as `GET /admin/entries` shows them"
        raise BadRequest("tag", _no_tag(name, slash, local), right)
    _check_upstream("tag", upstream, routes)
    return name


def _no_tag(name: str, slash: str, local: str) -> str:
    if not slash:
        return "no upstream before a slash"
    if not local:
        return "nothing after the slash"
    return said(name) if len(name) > _LONGEST_TAG else "a blank or a line end in it"


def principal_named(name: str) -> str:
    """The tag of a partition: a principal's, or a caller's own. Raises BadRequest."""
    digest = name.removeprefix("principal:")
    if _DIGEST.fullmatch(digest):
        return partition_tag(f"principal:{digest}")
    if _CALLER.fullmatch(name):
        return partition_tag(name)
    right = "principal: and 32 hexadecimal digits, or caller: and its name, as `GET /admin/entries` shows them"
    raise BadRequest("principal", said(name), right)


def key_named(digest: str) -> str:
    """The tag of one entry. Raises BadRequest."""
    if not _DIGEST.fullmatch(digest):
        right = f"{2 * KEY_BYTES} hexadecimal digits, as `GET /admin/entries` shows them"
        raise BadRequest("key", said(digest), right)
    return key_tag(bytes.fromhex(digest))


def is_about_a_person(tag: str) -> bool:
    """Whether a tag is a person's: what is flushed of a person must not come back, not even as a fallback."""
    return _PERSON.fullmatch(tag.partition("/")[2]) is not None


def _check_upstream(field: str, name: str, routes: Routes) -> None:
    if name not in routes:
        raise BadRequest(field, "an unknown upstream", nearest(name, routes))


def _is_plain(text: str) -> bool:
    """Tags are kept a line each."""
    return not any(character.isspace() or ord(character) < 0x20 or ord(character) == 0x7F for character in text)
