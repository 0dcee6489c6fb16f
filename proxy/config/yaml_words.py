"""YAML's errors in plain words: where it is wrong, and what would be right; never with a piece of the text."""

import re

import yaml

_FIELD = "a field is written `name: value`, with a space after the colon"
_WORDS = (  # what the parser finds · what that means
    (r"found character '\\t'", "a tab: indent with spaces only"),
    (r"found character '(.)' that cannot start", "a value that begins with {0}: put quotes around it"),
    (
        "mapping values are not allowed",
        "a colon where none can stand: this line is indented further than those it "
        "belongs to, or its value has `: ` in it and needs quotes",
    ),
    (r"expected <block end>, but found '[\]}]'", "a } or ] too many"),
    ("found another document", "a second document after `---`: a config is one"),
    ("expected <block end>", "this line is indented unlike the lines it belongs to"),
    ("expected ',' or '}', but got '{'", "a value with { in it: put quotes around it"),
    ("could not find expected ':'", f"no field: {_FIELD}"),
    ("expected ',' or '}'", "the { that opens here is not closed before the next field, or a comma is missing"),
    (r"expected ',' or '\]'", "the [ that opens here is not closed before the next field, or a comma is missing"),
    ("unexpected end of stream|unexpected document separator", "the quote that opens here is not closed"),
    ("alias|anchor", "an alias without its anchor; put quotes around a value that begins with * or &"),
    ("tag", "a tag; put quotes around a value that begins with !"),
    ("escape character", "a \\ in double quotes that means nothing: put single quotes around it"),
)
_WHERE_IT_BEGAN = re.compile(r"expected ',' or|could not find|unexpected")  # the parser itself names where it gave up


def told(error: yaml.MarkedYAMLError) -> tuple[int, str]:
    """The line, and what is wrong there."""
    problem = error.problem or "it cannot be read"
    mark = error.problem_mark
    if _WHERE_IT_BEGAN.search(problem) and "'{'" not in problem:
        mark = error.context_mark or mark
    for pattern, words in _WORDS:
        found = re.search(pattern, problem)
        if found is not None:
            return _line(mark), words.replace("{0}", found[1]) if found.groups() else words
    return _line(mark), problem


def _line(mark: yaml.Mark | None) -> int:
    return 1 if mark is None else mark.line + 1
