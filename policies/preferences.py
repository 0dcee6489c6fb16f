"""Preferences: what a caller would rather have, where it can be had (RFC 7240)."""

import re
from collections.abc import Mapping

_HANDLING = re.compile(r"(?:^|,)\s*handling\s*=\s*\"?(strict|lenient)\"?\s*(?=$|[,;])", re.ASCII | re.IGNORECASE)

LENIENT = ("Preference-Applied", "handling=lenient")


def wants_lenient(headers: Mapping[str, str]) -> bool:
    """Whether what is wrong with a part of a request is not to end all of it: `Prefer: handling=lenient` (§4.4). The
    first that is said counts (§2); of what is no preference, none.
    """
    found = _HANDLING.search(headers.get("Prefer", ""))
    return found is not None and found[1].lower() == "lenient"
