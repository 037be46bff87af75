"""The promises of an SLO file, from YAML to sentences that each know their place."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from harness.config.problems import problems_of
from harness.config.slo import SloFields
from harness.config.tree import Node, Source
from harness.errors import Problem

if TYPE_CHECKING:
    from harness.analysis import SloError


def as_slo_file(node: Node) -> Node:
    """A bare list of promises is an SLO file with nothing else in it."""
    if isinstance(node.value, list):
        return Node({"slos": node}, node.source, node.line, node.column)
    return node


def placeholder(source: Source) -> Node:
    """Stands in for an SLO file that could not be read, so that the rest of the plan is checked too."""
    return Node({"slos": Node([_line("", source.name, source)], source)}, source)


def read_sentences(tree: Node) -> list[Problem]:
    """Turn each item of `slos` into {text, source}, in place. Answers with those that are no SLO."""
    problems: list[Problem] = []
    items = tree.value.get("slos") if isinstance(tree.value, dict) else None
    if items is None or not isinstance(items.value, list):
        return []
    for index, item in enumerate(items.value):
        text, wrong = _sentence(item, index)
        problems += wrong
        place = f"{item.source.name}:{item.line}:{item.column}" if item.line else item.source.name
        items.value[index] = _line(text, place, item.source, item.line, item.column)
    return problems


def _line(text: str, place: str, source: Source, line: int = 0, column: int = 0) -> Node:
    fields = {name: Node(value, source, line, column) for name, value in (("text", text), ("source", place))}
    return Node({**fields}, source, line, column)


def _sentence(item: Node, index: int) -> tuple[str, list[Problem]]:
    """The item as a sentence; with problems where it is none."""
    from harness.analysis import SloError, parse_slo  # late: numpy comes with it

    here = f"slos[{index}]"
    if isinstance(item.value, dict):
        if len(item.value) == 1 and set("<>") & set(next(iter(item.value))):
            return "", [
                item.problem(f"{here}: YAML reads the ':' in it as a field", "put quotes around the whole promise")
            ]
        try:
            text = SloFields.model_validate(item.plain_value()).sentence()
        except ValidationError as error:
            return "", problems_of(error, item, SloFields, prefix=("slos", index))
    elif isinstance(item.value, str) and item.value.strip():
        text = item.value
    else:
        return "", [item.problem(f"{here}: not a promise", "write it like `ttft p99 <= 2s` or `errors < 0.5%`")]
    try:
        parse_slo(text)
    except SloError as error:
        return text, [_misread(item, here, error)]
    return text, []


def _misread(item: Node, here: str, error: SloError) -> Problem:
    column = item.column
    if isinstance(item.value, str) and 0 < item.line <= len(item.source.lines):
        quoted = item.source.lines[item.line - 1][item.column - 1 : item.column] in ("'", '"')
        column += error.position + int(quoted)
    return item.problem(f"{here}: {error.what}", error.advice, at=(item.line, column))
