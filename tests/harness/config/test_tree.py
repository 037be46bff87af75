from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.config.tree import DEPTH_MAX, FILE_BYTES_MAX, read_tree, scalar_of
from harness.errors import Problem, UsageError


def problems(text: str) -> tuple[Problem, ...]:
    with pytest.raises(UsageError) as caught:
        read_tree(text, "plan.yaml")
    return caught.value.problems


def test_every_value_knows_its_place() -> None:
    tree = read_tree("a: 1\nb:\n  - x\n  - {c: true}\n", "plan.yaml")
    assert tree.plain_value() == {"a": 1, "b": ["x", {"c": True}]}
    _, place = tree.locate(("b", 1, "c"))
    assert place == (4, 6)
    node, _ = tree.locate(("b", 1, "c"))
    assert (node.line, node.column) == (4, 9)


def test_a_path_that_ends_early_points_at_the_deepest_value() -> None:
    tree = read_tree("a:\n  b: 1\n", "plan.yaml")
    node, place = tree.locate(("a", "missing", "more"))
    assert place == (1, 1)
    assert isinstance(node.value, dict)


@pytest.mark.parametrize(
    ("text", "value"),
    [("on", "on"), ("no", "no"), ("12:30", "12:30"), ("010", 10), ("1e3", 1000.0), ("0x10", "0x10"), ("true", True),
     ("~", None), ("2026-01-01", "2026-01-01"), ("1_000", "1_000"), (".5", 0.5), ("-3", -3), (".", "."),
     ("nan", "nan")],
)  # fmt: skip
def test_plain_scalars_hold_no_surprise(text: str, value: object) -> None:
    assert scalar_of(text) == value
    assert type(scalar_of(text)) is type(value)


def test_a_quoted_scalar_stays_text() -> None:
    assert read_tree("a: \"1\"\nb: 'true'\n", "p").plain_value() == {"a": "1", "b": "true"}


def test_duplicate_keys_are_refused_with_both_places() -> None:
    (problem,) = problems("a: 1\nb: 2\na: 3\n")
    assert (problem.line, problem.column) == (3, 1)
    assert "given twice (first on line 1)" in problem.what


def test_anchors_and_merge_keys_work_and_explicit_keys_win() -> None:
    tree = read_tree("base: &b {x: 1, y: 2}\none: {<<: *b, y: 3}\ntwo: *b\n", "p")
    assert tree.plain_value() == {"base": {"x": 1, "y": 2}, "one": {"x": 1, "y": 3}, "two": {"x": 1, "y": 2}}


def test_a_bomb_is_refused_before_it_grows() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10)}]" for k in range(1, 10)]
    (problem,) = problems("\n".join(lines))
    assert "expands to more than" in problem.what


@pytest.mark.parametrize("depth", [DEPTH_MAX + 2, 5_000])
def test_deep_nesting_is_refused(depth: int) -> None:
    assert "levels" in problems("[" * depth + "]" * depth)[0].what


def test_a_self_reference_is_refused() -> None:
    assert "expands to more than" in problems("&a [*a, *a]")[0].what


def test_an_oversized_file_is_refused() -> None:
    assert "larger than" in problems("a: " + "x" * FILE_BYTES_MAX)[0].what


@pytest.mark.parametrize(
    ("text", "line", "column", "says"),
    [
        ("a: 1\n\tb: 2\n", 2, 1, "a tab"),
        ("a: b: c\n", 1, 5, "a second ':'"),
        ("a: @x\n", 1, 4, "cannot start"),
        ("a: [1, 2\n", 1, 4, "not closed"),
        ("a: 1\n---\nb: 2\n", 2, 1, "second document"),
        ("a: !!python/object:os.system x\n", 1, 4, "a tag"),
        ("? [a]\n: b\n", 1, 3, "not a word"),
        ("", 0, 0, "empty"),
        ("# nothing\n", 0, 0, "empty"),
    ],
)
def test_what_is_not_yaml_is_said_with_its_place(text: str, line: int, column: int, says: str) -> None:
    problem = problems(text)[0]
    assert says in problem.what
    assert (problem.line, problem.column) == (line, column)


def test_a_variable_inside_braces_gets_the_right_advice() -> None:
    assert "needs quotes" in problems("a: {b: ${N}}\n")[0].advice


def test_a_control_character_is_refused() -> None:
    problem = problems("a: 1\nb: \x1b[31m\n")[0]
    assert problem.line == 2
    assert "\x1b" not in str(problem)


def test_a_goodput_promise_needs_no_quotes_and_keeps_its_place() -> None:
    tree = read_tree("slos:\n  - goodput >= 98%  {ttft: 2s, tpot: 80ms}   # both\n  - errors < 1%\n", "slo.yaml")
    assert tree.plain_value() == {"slos": ["goodput >= 98%  {ttft: 2s, tpot: 80ms}", "errors < 1%"]}
    node, _ = tree.locate(("slos", 0))
    assert (node.line, node.column) == (2, 5)
    assert node.source.lines[1].startswith("  - goodput")


def test_other_lines_with_braces_are_left_alone() -> None:
    text = "a:\n  - {b: '<= 2s', c: {d: 1}}\n  - \"x >= {y: 1}\"\n"
    assert read_tree(text, "p").plain_value() == yaml.safe_load(text)


WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"]), max_size=8)
KEYS = st.text("abcdef", min_size=1, max_size=4)
JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(JSONISH)
def test_what_yaml_writes_is_read_back(value: object) -> None:
    text = yaml.safe_dump({"v": value}, default_style='"' if isinstance(value, str) else None)
    if isinstance(value, str):
        assert read_tree(text, "p").plain_value() == {"v": value}
    else:
        got = read_tree(text, "p").plain_value()["v"]
        assert got == value or _words_differ(got, value)


def _words_differ(got: object, value: object) -> bool:
    """PyYAML leaves text such as `1e5` bare, which YAML 1.2 calls a number; everything else must be equal."""
    if isinstance(value, dict) and isinstance(got, dict):
        return got.keys() == value.keys() and all(got[k] == value[k] or _words_differ(got[k], value[k]) for k in value)
    if isinstance(value, list) and isinstance(got, list):
        return len(got) == len(value) and all(g == v or _words_differ(g, v) for g, v in zip(got, value, strict=True))
    return isinstance(value, str) and isinstance(got, int | float)


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_never_a_crash(text: str) -> None:
    try:
        read_tree(text, "p")
    except UsageError as error:
        assert all(problem.what for problem in error.problems)
