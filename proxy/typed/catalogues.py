"""Catalogues: which upstream is asked for courses and people, with whose credential, and what its errors mean here."""

from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import quote

from multidict import CIMultiDict

from adapters import Catalogue, Query, Reading, Record
from proxy.asking import Ask, Incoming
from proxy.callers.identify import Way
from proxy.errors import CredentialPaced, LarderError, UpstreamBusy
from proxy.plan import Plans, UpstreamPlan
from proxy.settings import nearest
from proxy.typed.errors import (
    CredentialRefused,
    FieldError,
    InvalidFields,
    NotConfigured,
    NothingThere,
    NotPermitted,
    ProviderRefused,
    Throttled,
    TokenRefused,
)
from proxy.typed.patience import Patience
from proxy.typed.visitors import Credential, Visitor, credentials, headers_for, query_for

_WHAT = "tell of courses"


class Source:
    """An upstream that one visitor reads courses and people from."""

    def __init__(self, visitor: Visitor, upstream: UpstreamPlan, patience: Patience) -> None:
        catalogue = upstream.adapter.catalogue
        if catalogue is None:
            raise ValueError(f"{upstream.name} has no catalogue")
        self.upstream = upstream
        self.catalogue: Catalogue = catalogue
        self._visitor = visitor
        self._own = _own_credential(visitor, upstream)
        self._patience = patience

    def ask(self, reading: Reading[Record], of: str | None = None, query: Query = ()) -> Ask:
        """The ask for it, as the provider's own SDK would make it. `of`: the id that its route names.

        Raises InvalidFields: it is none.
        """
        if of is not None and not self.catalogue.is_id(of):
            raise InvalidFields([FieldError("id", f"has to be {self.catalogue.id_is}")])
        method, _, route = reading.route.partition(" ")
        segments = [quote(of or "", safe=":~") if part.startswith("{") else part for part in route.split("/")]
        path = "/".join(segments)
        plan, params = self.upstream.match(method, path)
        headers = CIMultiDict(headers_for(self._visitor, self._own, self._patience.left))
        headers.popall("Content-Type", None)
        headers.update(self.catalogue.headers)
        raw = query_for(self._own, query)
        incoming = Incoming(method, path, raw, headers, b"", self._visitor.caller.name)
        return replace(self._visitor.runtime.asker.ask(self.upstream, plan, params, incoming), is_read=True)

    def forms(self, ids: Iterable[str]) -> tuple[str, ...]:
        """These ids as an answer may name them."""
        return tuple(form for one in ids for form in self.catalogue.forms(one) or (one,))

    def error(self, error: LarderError) -> LarderError:
        """An error of the upstream in the words of who asked: a token of theirs is theirs to put right."""
        found = self._told(error)
        found.word, found.calls = error.word, error.calls
        return found

    def _told(self, error: LarderError) -> LarderError:
        name, is_own = self.upstream.name, self.upstream.credential is None
        match error:
            case CredentialRefused() if is_own:
                return TokenRefused(name)
            case ProviderRefused(status=404 | 410):
                return NothingThere(name)
            case ProviderRefused(status=401 | 403):
                return NotPermitted(name)
            case CredentialPaced() if is_own:
                return Throttled(name, error.problem.retry_after, error.problem.detail)
            case UpstreamBusy(word="throttled") if is_own:
                return Throttled(name, error.problem.retry_after)
        return error


def source_of(visitor: Visitor, named: str, patience: Patience) -> Source:
    """Whom a visitor reads from: `named`, else whom the config names, else the only one there is.

    Raises NotConfigured, InvalidFields, CallerNotAllowed.
    """
    able = catalogued(visitor.plans)
    if not able:
        raise NotConfigured(_WHAT)
    name = named or visitor.plans.settings.v1.courses.upstream or (able[0] if len(able) == 1 else "")
    if not name:  # a token of one must not be told to another
        raise InvalidFields([FieldError("upstream", f"has to name one of {', '.join(able)}")])
    if name not in able:
        right = f"no upstream that can {_WHAT}; {nearest(name[:64], able)}"
        raise InvalidFields([FieldError("upstream", right)])
    [upstream] = visitor.may_use([name])
    return Source(visitor, upstream, patience)


def catalogued(plans: Plans) -> list[str]:
    """The upstreams that can tell of courses."""
    return [upstream.name for upstream in plans.upstreams.values() if upstream.adapter.catalogue is not None]


def _own_credential(visitor: Visitor, upstream: UpstreamPlan) -> Credential | None:
    """The caller's own, where Larder holds none; never a Larder key that stands in some provider's place."""
    held = [one for one in visitor.plans.upstreams.values() if one.credential is not None and one is not upstream]
    return credentials(visitor, [upstream, *(held if visitor.way is Way.PLACE else ())]).get(upstream.name)
