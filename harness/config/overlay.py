"""Laying one tree over another: `profiles:` of the plan file and `--set a.b=c` of the command line."""

from __future__ import annotations

import re

from harness.config.tree import Node, Source, read_tree, scalar_of
from harness.errors import Problem, UsageError

_SINGLE = ("a single value", "")
_STEP = re.compile(r"[^.\[\]]+|\[\d+\]")


def merged(below: Node, above: Node) -> Node:
    """`above` laid over `below`: mappings are merged key by key, anything else is replaced. Places come along
    (both are of one file)."""
    if not (isinstance(below.value, dict) and isinstance(above.value, dict)):
        return above
    children = dict(below.value)
    for key, child in above.value.items():
        children[key] = merged(children[key], child) if key in children else child
    result = Node(children, below.source, below.line, below.column)
    result.keys = {**below.keys, **above.keys}
    return result


def set_value(tree: Node, assignment: str) -> None:
    """Apply `a.b[0].c=value` to the tree, in place. The value may be `24k`, `[a, b]` or `{for: 5m}`; what fits there is
    left to the schema. Raises UsageError where the assignment cannot be read or does not fit the tree."""
    source = Source(f"--set {assignment}")
    path, equals, text = assignment.partition("=")
    steps = _steps(path, tree)
    if not equals or not steps:
        raise UsageError(Problem("not an assignment", "write --set arrivals.seed=7", source.name))
    value = _value(text, source)
    node = tree
    for position, word in enumerate(steps):
        last = position == len(steps) - 1
        step = int(word) if isinstance(node.value, list) and str(word).isdecimal() else word  # segments.1
        if isinstance(step, int):
            if not isinstance(node.value, list) or step >= len(node.value):
                raise UsageError(Problem(f"there is no item [{step}] here", "", source.name))
            node.value[step] = value if last else node.value[step]
            node = node.value[step]
        else:
            if node.value is None:
                node.value = {}
            if not isinstance(node.value, dict):
                has, advice = ("a list", "name an item by its number: [0]") if isinstance(node.value, list) else _SINGLE
                raise UsageError(Problem(f"{step}: the plan has {has} here, not fields", advice, source.name))
            if last:
                node.value[step] = value
                node.keys.pop(step, None)
            else:
                node = node.value.setdefault(step, Node({}, source))


def _steps(path: str, tree: Node) -> list[str | int]:
    """`"upstreams.llm/primary.tpm"` -> its steps. A key with dots in it is found when the tree has it."""
    steps: list[str | int] = []
    node: Node | None = tree
    rest = path.strip()
    while rest:
        known = sorted(node.value, key=len, reverse=True) if node and isinstance(node.value, dict) else []
        found = next((key for key in known if rest == key or rest.startswith((key + ".", key + "["))), None)
        match = _STEP.match(rest)
        if found is None and match is None:
            return []
        text = found if found is not None else match.group() if match else ""
        rest = rest[len(text) :].removeprefix(".")
        step: str | int = int(text[1:-1]) if text.startswith("[") else text
        steps.append(step)
        if node is not None and isinstance(step, str):
            node = node.value.get(step) if isinstance(node.value, dict) else None
        elif node is not None and isinstance(step, int):
            node = node.value[step] if isinstance(node.value, list) and step < len(node.value) else None
    return steps


def _value(text: str, source: Source) -> Node:
    """`[a, b]`, `{for: 5m}` and quoted text are YAML; anything else is one plain value, whatever it holds."""
    text = text.strip()
    if text[:1] in ("[", "{", "'", '"'):
        return _without_places(read_tree(text, source.name), source)
    return Node(scalar_of(text) if text else "", source, plain=True)


def _without_places(node: Node, source: Source) -> Node:
    if isinstance(node.value, dict):
        return Node({key: _without_places(child, source) for key, child in node.value.items()}, source)
    if isinstance(node.value, list):
        return Node([_without_places(child, source) for child in node.value], source)
    return Node(node.value, source, plain=node.plain)
