"""Content codings: which of them a caller can take (RFC 9110 §8.4.1, §12.5.3)."""

import re
from functools import lru_cache

_MEMBER = re.compile(r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*;[ \t]*[qQ]=([01](?:\.[0-9]{0,3})?))?[ \t]*")
_SAME = {"x-gzip": "gzip", "x-compress": "compress"}  # §8.4.1.1, §8.4.1.3


@lru_cache(maxsize=256)
def is_acceptable(accept_encoding: str | None, coding: str) -> bool:
    """Whether a caller that sent this Accept-Encoding takes a coding. One that sent none takes any; a field that cannot
    be read refuses nothing, since passing on what came is the lesser harm.
    """
    if accept_encoding is None:
        return True
    weights: dict[str, float] = {}
    for member in filter(str.strip, accept_encoding.split(",")):
        match = _MEMBER.fullmatch(member)
        if match is None:
            return True
        weights[_name(match[1])] = float(match[2] or 1)
    wanted = _name(coding)
    if wanted in weights:
        return weights[wanted] > 0
    if wanted == "identity":
        return weights.get("*", 1.0) > 0
    return weights.get("*", 0.0) > 0


def _name(coding: str) -> str:
    lower = coding.strip().lower()
    return _SAME.get(lower, lower)
