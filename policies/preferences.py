"""Preferences: what a caller would rather have, where it can be had (RFC 7240)."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

_HANDLING = re.compile(r"(?:^|,)\s*handling\s*=\s*\"?(strict|lenient)\"?\s*(?=$|[,;])", re.ASCII | re.IGNORECASE)

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
# Read in one go, whatever is sent: a quote that nobody ends goes to the end, and spaces can be cut in one way only.
_MEMBER = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*(?:"|\\?$))+', re.DOTALL)
_PREFERENCE = re.compile(rf"({_WORD})\s*(?:=\s*(?:({_WORD}|{_QUOTED})\s*)?)?(?:;.*)?", re.DOTALL)
_SECONDS = re.compile(r"\d{1,6}", re.ASCII)

LENIENT = ("Preference-Applied", "handling=lenient")


def wants_lenient(headers: Mapping[str, str]) -> bool:
    """Whether what is wrong with a part of a request is not to end all of it: `Prefer: handling=lenient` (§4.4). The
    first that is said counts (§2); of what is no preference, none.
    """
    found = _HANDLING.search(headers.get("Prefer", ""))
    return found is not None and found[1].lower() == "lenient"


class Preferences(NamedTuple):
    """Of all that may be preferred, what Larder can do."""

    respond_async: bool = False  # §4.1
    wait: float | None = None  # seconds (§4.3)


NO_PREFERENCES = Preferences()


def preferences(values: Iterable[str]) -> Preferences:
    """What the `Prefer` header fields say. The first of a name counts, an empty value is none (§2), and what cannot be
    read is as if it were not there: no preference is ever an error.
    """
    found: dict[str, str] = {}
    for member in _MEMBER.findall(",".join(values)):
        match = _PREFERENCE.fullmatch(member.strip())
        if match is not None:
            found.setdefault(match[1].lower(), (match[2] or "").strip('"'))
    wait = found.get("wait", "")
    return Preferences(
        respond_async=found.get("respond-async") == "",
        wait=float(wait) if _SECONDS.fullmatch(wait) else None,
    )
