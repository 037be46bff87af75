from __future__ import annotations

from typing import Literal

import pytest
from pydantic import Field, ValidationError

from harness.config.problems import did_you_mean, field_names, path_text, problems_of
from harness.config.strict import Strict
from harness.config.tree import read_tree


class Inner(Strict):
    weight: float
    kind: Literal["chat", "embed"] = "chat"


class Outer(Strict):
    name: str
    for_s: float = Field(default=1.0, alias="for")
    inner: Inner | None = None
    many: dict[str, Inner] = Field(default={})
    row: tuple[Inner, ...] = ()


def found(text: str) -> list[tuple[int, int, str]]:
    tree = read_tree(text, "f.yaml")
    with pytest.raises(ValidationError) as caught:
        Outer.model_validate(tree.plain_value())
    return [(p.line, p.column, f"{p.what} | {p.advice}") for p in problems_of(caught.value, tree, Outer)]


@pytest.mark.parametrize(
    ("text", "line", "column", "what"),
    [
        ("name: x\nfro: 1\n", 2, 1, "fro: unknown field, did you mean 'for'? | "),
        ("name: x\nzzzzz: 1\n", 2, 1, "zzzzz: unknown field | known here: for, inner, many, name, row"),
        ("for: 1\n", 1, 1, "name: missing | it is needed here"),
        ("name: x\nmany: {a: {wieght: 1}}\n", 2, 12, "many.a.wieght: unknown field, did you mean 'weight'? | "),
        (
            "name: x\nrow: [{weight: 1}, {weight: x}]\n",
            2,
            21,
            "row[1].weight: should be a valid number, unable to parse",
        ),
        (
            "name: x\ninner: {weight: 1, kind: caht}\n",
            2,
            20,
            "inner.kind: not one of the choices: 'caht', did you mean 'chat'? | ",
        ),
        ("name: 3\n", 1, 1, "name: should be a valid string, not 3 | "),
    ],
)
def test_words_and_places(text: str, line: int, column: int, what: str) -> None:
    (got,) = found(text)
    assert got[:2] == (line, column)
    assert got[2].startswith(what)


def test_a_misspelt_field_is_not_called_missing_too() -> None:
    assert [what for _, _, what in found("nmae: x\n")] == ["nmae: unknown field, did you mean 'name'? | "]


def test_a_field_that_is_missing_beside_another_unknown_one_is_said() -> None:
    assert len(found("zzzzz: x\n")) == 2


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a",), "a"),
        (("slos", 1, "metrc"), "slos[1].metrc"),
        (("slo", "slos", 0), "slos[0]"),
        (("slo",), "slo"),
    ],
)
def test_paths_in_words(path: tuple[str | int, ...], text: str) -> None:
    assert path_text(path) == text


def test_names_below_a_path() -> None:
    assert field_names(Outer, ()) == ["name", "for", "inner", "many", "row"]
    assert field_names(Outer, ("many", "a")) == ["weight", "kind"]
    assert field_names(Outer, ("row", 3)) == ["weight", "kind"]


def test_nothing_is_meant_where_nothing_is_near() -> None:
    assert did_you_mean("xyzzy", ["target", "slo"]) == ""
    assert did_you_mean("Target", ["target"]) == ", did you mean 'target'?"
