"""The scene of a script: Larder, its clock, the origin, and how field values look on the wire there."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from time import gmtime, strftime

from proxy.larder import Larder
from tests.house import Clock
from tests.stories.http.wires import Lines, RawOrigin

# The three forms of an HTTP date (RFC 9110 §5.6.7).
IMF, RFC850, ASCTIME = "%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"

_DATES = frozenset({"date", "expires", "last-modified", "if-modified-since", "if-unmodified-since", "if-range"})


@dataclass(frozen=True)
class Moment:
    """An instant in seconds since the script began, in some form."""

    seconds: float
    form: str = IMF


@dataclass(frozen=True)
class Has:
    """A field that must say all of these, among other things."""

    parts: tuple[str, ...]


class Something(Enum):
    """A field that must be there, whatever it says."""

    ANY = "any"


ANY = Something.ANY
Value = str | int | None | Moment | Has | Something | tuple[str, ...]  # a tuple stands for several lines
Fields = Mapping[str, Value]  # names with `_` for `-`; None: not there


@dataclass
class Scene:
    """What a script runs on."""

    larder: Larder
    clock: Clock
    origin: RawOrigin
    began: float  # seconds since the epoch, by that clock

    @property
    def port(self) -> int:
        """Where callers find Larder."""
        return self.larder.listener.port

    @property
    def now(self) -> int:
        """Seconds since it began."""
        return int(self.clock.now - self.began)

    def text(self, name: str, value: Value) -> str:
        """A value as it stands on the wire; `{origin}` in it is the origin's base URL, `{host}` its host and port."""
        if isinstance(value, int) and name.lower() in _DATES:
            value = Moment(value)
        if isinstance(value, Moment):
            return strftime(value.form, gmtime(self.began + value.seconds))
        url = self.origin.url
        return str(value).replace("{origin}", url).replace("{host}", url.removeprefix("http://"))

    def lines(self, fields: Fields) -> Lines:
        """Fields as header lines."""
        found: Lines = []
        for key, value in fields.items():
            name = named(key)
            values = value if isinstance(value, tuple) else (value,)
            found += [(name, self.text(name, one)) for one in values if one is not None]
        return found

    def check(self, name: str, found: str | None, wanted: Value, where: str = "the answer's ") -> None:
        """Assert that a field, found as this or (None) not at all, is as wanted."""
        what = where + name
        match wanted:
            case None:
                assert found is None, f"{what} is {found!r}, but should not be there"
            case Something.ANY:
                assert found is not None, f"{what} is missing"
            case Has():
                assert found is not None, f"{what} is missing"
                assert all(part in found for part in wanted.parts), f"{what} is {found!r}"
            case _:
                text = ", ".join(wanted) if isinstance(wanted, tuple) else self.text(name, wanted)
                assert found == text, f"{what} is {found!r}, not {text!r}"


def named(key: str) -> str:
    """A field's name from a keyword."""
    return key.replace("_", "-").title()
