from __future__ import annotations

import pytest

from harness.config.tree import read_tree
from harness.config.variables import expand, expand_text, secret_names


@pytest.mark.parametrize(
    ("text", "environ", "value"),
    [
        ("${HOST}", {"HOST": "h"}, "h"),
        ("http://${HOST:-127.0.0.1}:80", {}, "http://127.0.0.1:80"),
        ("${HOST:-d}", {"HOST": ""}, "d"),
        ("${HOST}", {"HOST": ""}, ""),
        ("${HOST:?say which}", {"HOST": "h"}, "h"),
        ("$$5 and $HOME", {}, "$5 and $HOME"),
        ("$${A}", {}, "${A}"),
        ("Bearer ${env:KEY}", {"KEY": "s3cret"}, "Bearer ${env:KEY}"),
        ("${A}${B}", {"A": "${B}", "B": "x"}, "${B}x"),
    ],
)
def test_forms(text: str, environ: dict[str, str], value: str) -> None:
    assert expand_text(text, environ) == value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("${HOST}", "HOST is not set; set it, or give a default"),
        ("${HOST:?say which}", "HOST is not set: say which"),
        ("${HOST:?}", "it is needed"),
        ("${ HOST }", "not a variable"),
        ("${env:}", "not a variable"),
        ("${HOST", "not a variable"),
        ("${HOST:+x}", "not a variable"),
    ],
)
def test_what_cannot_be_replaced(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says.replace("?", r"\?")):
        expand_text(text, {})


def test_a_plain_scalar_is_typed_anew_and_a_quoted_one_stays_text() -> None:
    tree = read_tree('a: ${N:-8080}\nb: "${N:-8080}"\n', "p")
    assert expand(tree, {}) == []
    assert tree.plain_value() == {"a": 8080, "b": "8080"}


def test_a_variable_cannot_bring_structure_in() -> None:
    tree = read_tree("a: ${X}\n", "p")
    expand(tree, {"X": "{evil: 1}\nb: 2"})
    assert tree.plain_value() == {"a": "{evil: 1}\nb: 2"}


def test_every_unset_variable_is_reported_with_its_place() -> None:
    problems = expand(read_tree("a: ${X}\nb: [1, '${Y}']\n", "p"), {})
    assert [(p.line, p.column) for p in problems] == [(1, 4), (2, 8)]


def test_secret_names() -> None:
    assert secret_names("Bearer ${env:A} ${env:B_2} ${C}") == ("A", "B_2")
