"""The config file: YAML with line numbers, values from the environment, and errors that say where and what instead."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from proxy.config.yaml_words import told

# One pair of braces may stand in a default: ${URL:-https://{api}.example}.
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-((?:[^{}\n]|\{[^{}\n]*\})*))?\}")
# Variables are marked before YAML is read, since braces mean something there; private-use letters mean nothing.
_OPEN, _CLOSE = "\ue000", "\ue001"
_UNSPACED = re.compile(r"^([A-Za-z_]+:).+$", re.DOTALL)
_SHELL = re.compile(r"\$[A-Z][A-Z0-9_]*")
_MARKED = re.compile(f"{_OPEN}([0-9]+){_CLOSE}")

Place = tuple[str | int, ...]


class ConfigProblem(NamedTuple):
    """One thing that is wrong. Never quotes text that may be a secret, or came from the environment."""

    file: str
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        field = f" {self.field}:" if self.field else ""
        return f"{self.file}:{self.line}:{field} {self.message}"


class ConfigError(Exception):
    """The config cannot be used; every problem found is listed."""

    def __init__(self, problems: list[ConfigProblem]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class ConfigFile:
    """A config file as data, with the line each field stands on."""

    def __init__(self, name: str, text: str, environment: Mapping[str, str]) -> None:
        """Raises ConfigError where it is no YAML, or no mapping; what else is wrong with it stands in `problems`."""
        self.name = name
        self._environment = environment
        self._lines: dict[Place, int] = {(): 1}
        self.problems: list[ConfigProblem] = []
        self.unset: list[Place] = []  # where a variable has no value, or something else is no value at all
        self._variables: list[re.Match[str]] = []
        self._around: list[yaml.Node] = []
        try:
            root = yaml.compose(self._marked(text), Loader=yaml.SafeLoader)
            self.data = {} if root is None else self._value(root, ())
        except yaml.MarkedYAMLError as error:
            line, why = told(error)
            raise ConfigError([ConfigProblem(name, line, "", f"not YAML: {why}")]) from None
        except yaml.YAMLError:
            raise ConfigError([ConfigProblem(name, 1, "", "not YAML: a character that YAML does not allow")]) from None
        except RecursionError:
            raise ConfigError(
                [ConfigProblem(name, 1, "", "not YAML that anybody could read: nested too deeply")]
            ) from None
        if not isinstance(self.data, dict):
            raise ConfigError([self.problem((), "has to be a mapping such as `server: {port: 8080}`")])

    def line_of(self, place: Place) -> int:
        """The line of a field, or of the nearest thing that holds it."""
        while place not in self._lines:
            place = place[:-1]
        return self._lines[place]

    def problem(self, place: Place, message: str) -> ConfigProblem:
        """A problem with the field at `place`."""
        return ConfigProblem(self.name, self.line_of(place), written(place), message)

    def _wrong(self, place: Place, message: str) -> None:
        self.problems.append(self.problem(place, message))

    def _value(self, node: yaml.Node, place: Place) -> Any:
        self._lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node, place)
        if any(node is outer for outer in self._around):
            self._wrong(place, "holds itself")
            return None
        self._around.append(node)
        value: Any = self._mapping(node, place) if isinstance(node, yaml.MappingNode) else self._sequence(node, place)
        self._around.pop()
        return value

    def _sequence(self, node: yaml.Node, place: Place) -> list[Any]:
        return [self._value(item, (*place, index)) for index, item in enumerate(node.value)]

    def _marked(self, text: str) -> str:
        """The text with a mark for each variable; lines stay what they are, and nobody else may set a mark."""
        return _VARIABLE.sub(self._mark, text.replace(_OPEN, "\ufffd").replace(_CLOSE, "\ufffd"))

    def _mark(self, match: re.Match[str]) -> str:
        self._variables.append(match)
        return f"{_OPEN}{len(self._variables) - 1}{_CLOSE}"

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        data: dict[str, Any] = {}
        for key, value in node.value:
            name = self._name(key, place)
            inner = (*place, name)
            if name in data:
                self._lines[inner] = key.start_mark.line + 1
                self._wrong(inner, "stands here twice")
            self._lines[inner] = key.start_mark.line + 1
            if _OPEN in str(key.value):
                self._unset(inner, "a variable can stand in a value only, not in a field's name")
            data[name] = self._value(value, inner)
        return data

    def _name(self, key: yaml.Node, place: Place) -> str:
        """A field's name as it is written."""
        if isinstance(key, yaml.ScalarNode):
            return _MARKED.sub(lambda mark: self._variables[int(mark[1])][0], str(key.value))
        self.problems.append(
            ConfigProblem(self.name, key.start_mark.line + 1, written(place), "a field's name is a word")
        )
        self.unset.append((*place, "?"))
        return "?"

    def _scalar(self, node: yaml.Node, place: Place) -> Any:
        text = str(node.value)
        if _OPEN not in text:
            self._look_for_variables(text, place, is_quoted=getattr(node, "style", None) is not None)
            try:
                return yaml.constructor.SafeConstructor().construct_object(node)
            except (yaml.YAMLError, ValueError):
                self._unset(place, "is not a value YAML knows")
                return None
        return _MARKED.sub(lambda mark: self._variable(self._variables[int(mark[1])], place), text)

    def _variable(self, match: re.Match[str], place: Place) -> str:
        value = self._environment.get(match[1])
        if value:
            return value
        if match[2] is None:
            self._unset(place, f"${{{match[1]}}} is not set: set {match[1]}, or write ${{{match[1]}:-default}}")
        return match[3] or ""

    def _look_for_variables(self, text: str, place: Place, *, is_quoted: bool) -> None:
        """What was meant to be a variable, and is not written as one."""
        if "${" in text:
            self._unset(
                place, "has ${ without a variable: write ${NAME} or ${NAME:-default}; names have A-Z, 0-9 and _"
            )
        elif not is_quoted and _SHELL.fullmatch(text):
            self._unset(place, "is no variable without braces: write ${NAME}, or put quotes around it")

    def _unset(self, place: Place, message: str) -> None:
        self.unset.append(place)
        self._wrong(place, message)


def read_config(path: Path, environment: Mapping[str, str]) -> ConfigFile:
    """Read a config file. Raises ConfigError when it cannot be read."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError([ConfigProblem(str(path), 1, "", f"cannot be read: {reason}")]) from None
    return ConfigFile(str(path), text, environment)


def written(place: Place) -> str:
    """A place as an operator reads it: upstreams.courseworks.endpoints."GET /x".cache.ttl. Of a field that lacks
    the space after its colon only the name, since what follows may be a secret.
    """
    parts = [_UNSPACED.sub(r"\1…", str(part)) for part in place]
    return ".".join(f'"{part}"' if " " in part or "." in part else part for part in parts)
