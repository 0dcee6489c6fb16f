"""What typed callers are told when their request, or a provider, is not as it has to be."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import NamedTuple

from proxy.errors import SHORTEST_WAIT, LarderError, one_line, problem_of


class UnknownRoute(LarderError):
    """404: Larder's own interface has no such path. Names the nearest route, never what was asked."""

    def __init__(self, asked: str, known: Iterable[str]) -> None:
        names = sorted(known)
        near = get_close_matches(asked[:64], names, n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        super().__init__(problem_of(404, "Unknown route", f"There is no such route.{meant} Known: {', '.join(names)}."))


class MethodNotAllowed(LarderError):
    """405: there is such a path, for other methods (RFC 9110 §15.5.6)."""

    def __init__(self, routes: Iterable[str]) -> None:
        names = sorted(routes)
        super().__init__(problem_of(405, "Method not allowed", f"There is {', '.join(names)}."))
        methods = dict.fromkeys(name.partition(" ")[0] for name in names)
        allowed = [other for method in methods for other in ((method, "HEAD") if method == "GET" else (method,))]
        self.extra_fields = (("Allow", ", ".join(allowed)),)


class UnsupportedMediaType(LarderError):
    """415: the body is not what is read here. A page elsewhere can send any other type to this machine unasked."""

    def __init__(self, right: str) -> None:
        detail = f"The body has to come as {right}, and without a Content-Encoding."
        super().__init__(problem_of(415, "Unsupported media type", detail))
        self.extra_fields = (("Accept", right), ("Accept-Encoding", "identity"))  # RFC 9110 §15.5.16


class FieldError(NamedTuple):
    """What is wrong with a field, and what would be right."""

    field: str  # "addresses.57.street"
    message: str


class InvalidFields(LarderError):
    """422: fields of a typed request are not what they have to be. Names each of them."""

    def __init__(self, errors: Sequence[FieldError], **more: object) -> None:
        first, *others = named = [FieldError(one_line(field), message) for field, message in errors]
        rest = f" (and {len(others)} more)" if others else ""
        problem = problem_of(422, "Invalid fields", f"{first.field}: {first.message}{rest}")
        shown = [{"field": field, "detail": message} for field, message in named]
        super().__init__(replace(problem, more={"errors": shown, **more}))


class NotConfigured(LarderError):
    """501: no upstream of this Larder can do it."""

    def __init__(self, what: str) -> None:
        super().__init__(problem_of(501, "Not configured", f"No upstream that is configured can {what}."))


class ProviderRefused(LarderError):
    """502: a provider refuses this one thing; asking another one would not make it right. Says why in the provider's
    words, where there are any.
    """

    def __init__(self, upstream: str, status: int, said: str = "") -> None:
        detail = f"{upstream} refused this with {status}{': ' if said else '.'}{said}"
        super().__init__(problem_of(502, "Provider refused", detail))
        self.status = status


class RefusedTogether(ProviderRefused):
    """502: a provider refuses this together with other things, too many of which are wrong to try each."""

    def __init__(self, upstream: str, status: int) -> None:
        super().__init__(upstream, status)
        detail = (
            f"{upstream} refused this together with others ({status}), too many of which are wrong to try each; it may "
            "be right: send it with fewer."
        )
        self.problem = replace(self.problem, detail=detail)


class TokenRefused(LarderError):
    """401: an upstream does not take the caller's own token, or none came."""

    def __init__(self, upstream: str) -> None:
        detail = f"No token came, or one that {upstream} does not take; send it as Authorization: Bearer."
        super().__init__(problem_of(401, "Token refused", detail))
        self.extra_fields = (("WWW-Authenticate", f'Bearer realm="{upstream}"'),)  # RFC 6750 §3


class NotPermitted(LarderError):
    """403: an upstream does not let this credential read it."""

    def __init__(self, upstream: str) -> None:
        super().__init__(problem_of(403, "Not permitted", f"{upstream} does not let this credential read it."))


class NothingThere(LarderError):
    """404: an upstream has no such thing, or none that this credential may know of."""

    def __init__(self, upstream: str) -> None:
        super().__init__(problem_of(404, "Nothing there", f"{upstream} has no such thing for this credential."))


class ListTooLong(LarderError):
    """422: a list is too long to be answered as one."""

    def __init__(self, upstream: str, path: str) -> None:
        """`path`: the route by which its pages are read."""
        detail = f"The list is too long to be answered whole. Its pages are there: /{upstream}{path}."
        super().__init__(problem_of(422, "List too long", detail))
        self.word = "list-too-long"


class Throttled(LarderError):
    """429: the caller's own credential has to wait at an upstream. `retry_after` in seconds; `why` in a sentence."""

    def __init__(self, upstream: str, retry_after: float | None, why: str = "") -> None:
        wait = SHORTEST_WAIT if retry_after is None else retry_after
        detail = why or f"{upstream} takes no more from this credential for a while."
        super().__init__(problem_of(429, "Throttled", detail, retry_after=wait))


class NoPart(LarderError):
    """503: no part of it came; `more` tells of each. `retry_after` in seconds."""

    def __init__(self, retry_after: float, **more: object) -> None:
        problem = problem_of(503, "No part", "No part of it came.", retry_after=retry_after)
        super().__init__(replace(problem, more=more))


class CredentialRefused(LarderError):
    """502: a provider does not take the credential that it was asked with."""

    def __init__(self, upstream: str) -> None:
        super().__init__(problem_of(502, "Credential refused", f"{upstream} refused the credential it was asked with."))


class QuotaUsedUp(LarderError):
    """503: the account at a provider has nothing left. `retry_after` in seconds."""

    def __init__(self, upstream: str, retry_after: float) -> None:
        detail = f"The account at {upstream} has nothing left."
        super().__init__(problem_of(503, "Quota used up", detail, retry_after=retry_after))


class NoProvider(LarderError):
    """503: no provider could be asked for any of it; `more` tells of each. `retry_after` in seconds."""

    def __init__(self, retry_after: float = SHORTEST_WAIT, **more: object) -> None:
        problem = problem_of(503, "No provider", "No provider gave an answer.", retry_after=retry_after)
        super().__init__(replace(problem, more=more))
