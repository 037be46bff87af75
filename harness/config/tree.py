"""A YAML file as a tree in which every value still knows its place, so that every error can point at it.

The composer runs on PyYAML's base loader: no tag is ever constructed, so a file can make strings, numbers, lists and
mappings and nothing else (stricter than `safe_load`). Plain scalars follow YAML 1.2's core schema: `on`, `no` and
`12:30` stay text. Duplicate keys, tags, several documents, and files that expand beyond their bounds are refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from harness.errors import Problem, UsageError

FILE_BYTES_MAX = 256 * 1024
NODES_MAX = 20_000
"""After anchors are expanded: what stops a "billion laughs" file."""
DEPTH_MAX = 32

Scalar = str | int | float | bool | None

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_PLAIN_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:seq", "tag:yaml.org,2002:map")
# `- goodput >= 98%  {ttft: 2s, tpot: 80ms}` reads as one sentence to a person and as a broken mapping to YAML.
_SENTENCE = re.compile(
    r"(?P<head>\s*-\s+)(?P<text>[a-z][^'\"#\[\]:]*[<>]=?[^'\"#\[\]:{]*\{[^'\"#{}]*\}[^#'\"{}:]*?)(?P<tail>\s*(\s#.*)?)"
)


@dataclass(frozen=True)
class Source:
    """Where text came from. `lines` are those of the file as written."""

    name: str
    lines: tuple[str, ...] = ()

    def line(self, number: int) -> str:
        """A line to show above a caret, counted from 1: tabs are one blank wide. Empty where there is none."""
        return self.lines[number - 1].rstrip().replace("\t", " ") if 0 < number <= len(self.lines) else ""


@dataclass
class Node:
    """A value with its place. `value` is a scalar, a list of nodes, or a dict of nodes; lines and columns count from 1
    (0: it has no place, it came from the command line)."""

    value: Scalar | list[Node] | dict[str, Node]
    source: Source
    line: int = 0
    column: int = 0
    plain: bool = False
    """A scalar written without quotes."""
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)
    """For a mapping: the place of each key."""

    def problem(self, what: str, advice: str = "", at: tuple[int, int] | None = None) -> Problem:
        line, column = at or (self.line, self.column)
        return Problem(what, advice, self.source.name, line, column, self.source.line(line))

    def plain_value(self) -> Any:
        """The tree as ordinary lists and dicts."""
        if isinstance(self.value, dict):
            return {key: child.plain_value() for key, child in self.value.items()}
        if isinstance(self.value, list):
            return [child.plain_value() for child in self.value]
        return self.value

    def scalars(self, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Node]]:
        """Every scalar below with its path."""
        if isinstance(self.value, dict):
            for key, child in self.value.items():
                yield from child.scalars((*path, key))
        elif isinstance(self.value, list):
            for index, child in enumerate(self.value):
                yield from child.scalars((*path, index))
        else:
            yield path, self

    def locate(self, path: tuple[str | int, ...]) -> tuple[Node, tuple[int, int]]:
        """The deepest node that exists along `path`, and the place to point at: the key where the path ends on one."""
        node, place = self, (self.line, self.column)
        for step in path:
            if isinstance(node.value, dict) and isinstance(step, str) and step in node.value:
                key_place = node.keys.get(step)
                node = node.value[step]
                place = key_place or (node.line, node.column)
            elif isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
                node = node.value[step]
                place = (node.line, node.column)
            else:
                break
        return node, place


def scalar_of(text: str) -> Scalar:
    """A plain scalar by YAML 1.2's core schema (decimal numbers only)."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text) and len(text) < 20:
        return int(text)
    if _FLOAT.fullmatch(text) and len(text) < 40:
        return float(text)
    return text


def read_tree(text: str, name: str) -> Node:
    """Parse one YAML document. `name` is what errors call the file. Raises UsageError with every problem it can see."""
    source = Source(name, tuple(text.splitlines()))
    if len(text) > FILE_BYTES_MAX:
        raise UsageError(Problem(f"larger than {FILE_BYTES_MAX // 1024} KiB", "a plan is a page, not data", name))
    try:
        root = yaml.compose(_quote_sentences(text), Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        raise UsageError(_syntax_problem(error, source)) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        what = f"the character {chr(error.character) if isinstance(error.character, int) else error.character!r}"
        raise UsageError(Problem(f"{what!a} does not belong in a text file", "", name, line, 1)) from None
    except RecursionError:
        raise UsageError(Problem(f"nested deeper than {DEPTH_MAX} levels", "", name)) from None
    if root is None:
        raise UsageError(Problem("the file is empty", "`peakproof init` writes one to start from", name))
    builder = _Builder(source)
    tree = builder.build(root, depth=0)
    if builder.problems:
        raise UsageError(*builder.problems)
    return tree


def _quote_sentences(text: str) -> str:
    """Put quotes around list items that are sentences; each begins where it began, so places stay true."""
    lines = []
    for line in text.split("\n"):
        match = _SENTENCE.fullmatch(line.rstrip("\r")) if "{" in line else None
        lines.append(f'{match["head"]}"{match["text"]}"{match["tail"]}' if match else line)
    return "\n".join(lines)


# What PyYAML says, what a person did, how to mend it; whether the place to show is where the thing began.
_SYNTAX = (
    (
        "mapping values are not allowed",
        "a second ':' in one value",
        "put quotes around the value, or indent the next line",
        False,
    ),
    ("found character '\\t'", "a tab", "indent with spaces", False),
    ("cannot start any token", "", "put quotes around the value", False),
    ("second document", "a second document", "one file holds one plan", False),
    ("single document", "a second document", "one file holds one plan", False),
    (
        "could not find expected ':'",
        "neither `name: value` nor `- item`",
        "a ':' and a blank belong after the name",
        True,
    ),
    (
        "while parsing a flow",
        "a { or [ that is not closed, or a ',' missing in it",
        "close it, or put one item a line",
        True,
    ),
    ("quoted scalar", "a quote that is not closed", "close it on the same line", True),
)


def _syntax_problem(error: yaml.MarkedYAMLError, source: Source) -> Problem:
    said = f"{error.context}: {error.problem}" if error.context else error.problem or "not YAML"
    mark = error.problem_mark or error.context_mark
    snippet = source.line(mark.line + 1) if mark else ""
    what, advice = said, ""
    if "${" in snippet and "{" in snippet.replace("${", ""):
        what, advice = error.problem or said, 'inside { } or [ ] a variable needs quotes: "${NAME}"'
    elif "expected <block end>" in said and mark and error.context_mark:
        what, advice = _misplaced(snippet[: mark.column], error.context_mark)
    elif "mapping values" in said and mark and ":" not in snippet[: mark.column] + source.line(mark.line):
        what, advice = "neither `name: value` nor `- item`", "a ':' and a blank belong after the name"
        return Problem(what, advice, source.name, mark.line, 1, source.line(mark.line))
    elif found := next((row for row in _SYNTAX if row[0] in said), None):
        _, words, advice, at_its_begin = found
        what = words or said
        mark = (at_its_begin and error.context_mark) or mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
    return Problem(what, advice, source.name, line, column, source.line(line))


def _misplaced(before: str, block: yaml.Mark) -> tuple[str, str]:
    """Something stands where a block should end: a line of its own in the wrong column, or the rest of a line."""
    if before.strip():
        return "text where a value had ended", "is a quote above it not closed, or one too many?"
    began = f"the block began on line {block.line + 1}, in column {block.column + 1}"
    return "not indented like the lines beside it", f"{began}; its items all begin in that column"


class _Builder:
    """Turns PyYAML's nodes into ours, counting, and collecting every problem."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []
        self.count = 0

    def build(self, node: yaml.Node, depth: int) -> Node:
        mark = node.start_mark
        built = Node(None, self.source, mark.line + 1, mark.column + 1)
        self.count += 1
        if self.count > NODES_MAX or depth > DEPTH_MAX:
            bound = f"{NODES_MAX} values" if self.count > NODES_MAX else f"{DEPTH_MAX} levels"
            raise UsageError(*self.problems, built.problem(f"the file expands to more than {bound}"))
        if node.tag not in _PLAIN_TAGS and node.tag != "?":
            self.problems.append(built.problem(f"a tag ({node.tag})", "tags are not used here: write the plain value"))
        elif isinstance(node, yaml.ScalarNode):
            built.plain = node.style is None
            built.value = scalar_of(node.value) if built.plain else node.value
        elif isinstance(node, yaml.SequenceNode):
            built.value = [self.build(child, depth + 1) for child in node.value]
        else:
            self._fill_mapping(built, node, depth)
        return built

    def _fill_mapping(self, built: Node, node: yaml.Node, depth: int) -> None:
        children: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        for key, value in node.value:
            place = (key.start_mark.line + 1, key.start_mark.column + 1)
            if not isinstance(key, yaml.ScalarNode):
                self.problems.append(built.problem("a key that is not a word", at=place))
                continue
            child = self.build(value, depth + 1)
            if key.value == "<<" and key.style is None:
                for other in child.value if isinstance(child.value, list) else [child]:
                    if isinstance(other.value, dict):
                        merged = {**other.value, **merged}
                        built.keys = {**other.keys, **built.keys}
            elif key.value in children:
                first = built.keys[key.value][0]
                self.problems.append(built.problem(f"{key.value}: given twice (first on line {first})", at=place))
            else:
                children[key.value] = child
                built.keys[key.value] = place
        built.value = {**merged, **children}
