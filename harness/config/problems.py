"""From what pydantic found to what a person can mend: the place in the file, the path, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from harness.config.tree import Node
from harness.errors import Problem

Path = tuple[str | int, ...]


def problems_of(error: ValidationError, tree: Node, model: type[BaseModel], prefix: Path = ()) -> list[Problem]:
    """Every problem of a failed validation of `tree`, in the file's order. `prefix` goes before the printed paths."""
    found = []
    meant: set[tuple[Path, str]] = set()
    # Misspelt fields first: the field that was meant is then not called missing as well.
    errors = sorted(error.errors(include_url=False), key=lambda d: d["type"] != "extra_forbidden")
    for details in errors:
        path = tuple(details["loc"])
        if details["type"] == "too_short" and any(e["loc"][: len(path)] == path != e["loc"] for e in errors):
            continue  # an item that is wrong is not counted by pydantic, but it is there
        if details["type"] == "missing" and (path[:-1], path[-1]) in meant:
            continue
        node, place = tree.locate(path)
        what, advice = _words(details, path, model)
        if details["type"] == "extra_forbidden":
            meant.add((path[:-1], nearest(str(path[-1]), field_names(model, path[:-1]))))
        shown = path_text((*prefix, *path))
        found.append(node.problem(f"{shown}: {what}" if shown else what, advice, at=place))
    return sorted(found, key=lambda problem: (problem.line, problem.column))


def placed(tree: Node, path: Path, what: str, advice: str = "") -> Problem:
    """A problem at `path` of the tree: its place, its path in words, the source line."""
    node, place = tree.locate(path)
    shown = path_text(path)
    return node.problem(f"{shown}: {what}" if shown else what, advice, at=place)


def path_text(path: Path) -> str:
    """`("slos", 1, "metrc")` -> `slos[1].metrc`. An SLO file's own fields are named as in that file."""
    text = ""
    for step in path[1:] if path[:1] == ("slo",) and len(path) > 1 else path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is nearest to a misspelt one; empty where none is near."""
    original = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), original, n=3, cutoff=0.6)
    # Letters in the wrong order are the commonest slip of all.
    near.sort(key=lambda name: sorted(name) != sorted(word.lower()))
    return original[near[0]] if near else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'metric'?`, or nothing where no known word is near."""
    near = nearest(word, known)
    return f", did you mean '{near}'?" if near else ""


def _words(details: ErrorDetails, path: Path, model: type[BaseModel]) -> tuple[str, str]:
    kind, message, context = details["type"], details["msg"], details.get("ctx", {})
    if kind == "extra_forbidden":
        known = field_names(model, path[:-1])
        meant = did_you_mean(str(path[-1]), known)
        return f"unknown field{meant}", "" if meant else f"known here: {', '.join(sorted(known))}"
    if kind == "missing":
        return "missing", "it is needed here"
    if kind == "literal_error":
        choices = [choice.strip("'") for choice in str(context.get("expected", "")).replace(" or ", ", ").split(", ")]
        given = str(details.get("input", ""))
        return f"not one of the choices: {given!r}{did_you_mean(given, choices)}", f"choices: {', '.join(choices)}"
    if kind == "value_error":
        what, _, advice = message.removeprefix("Value error, ").partition("; ")
        return what, advice
    if kind in _SHAPES:
        return _SHAPES[kind]
    given = details.get("input")
    shown = f", not {given!r}" if isinstance(given, str | int | float | bool | None) else ""
    return f"{message[:1].lower()}{message[1:]}{shown}".replace("input should", "should"), ""


_SHAPES = {
    "too_short": ("empty", "at least one is needed"),
    "dict_type": ("should be fields, not a list or a single value", "write `name: ...` lines under it"),
    "model_type": ("should be fields, not a list or a single value", "write `name: ...` lines under it"),
    "tuple_type": ("should be a list", "write [a, b], or `- a` lines under it"),
}


def field_names(model: type[BaseModel], path: Path) -> list[str]:
    """The names a file may use at `path` below `model`."""
    at: list[type[BaseModel]] = [model]
    for step in path:
        nearer: list[type[BaseModel]] = []
        for candidate in at:
            names = {info.alias or name: info for name, info in candidate.model_fields.items()}
            if step in names:
                nearer += models_in(names[str(step)].annotation)
        # An index or a mapping's own key: the models inside the container are already those of its items.
        at = nearer or at
    return [info.alias or name for candidate in at for name, info in candidate.model_fields.items()]


def models_in(annotation: Any) -> list[type[BaseModel]]:
    """The models inside an annotation such as `dict[str, Journey] | None`."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in models_in(argument)]
