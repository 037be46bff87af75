from __future__ import annotations

from typing import Any

import pytest

from harness.config.overlay import merged, set_value
from harness.config.tree import read_tree
from harness.errors import UsageError

PLAN = (
    "arrivals: {seed: 1, segments: [{hold: 1/s}, {hold: 2/s}]}\n"
    "upstreams: {llm/primary: {tpm: 60k}, a.b: {tpm: 1}}\nempty:\n"
)


@pytest.mark.parametrize(
    ("assignment", "path", "value"),
    [
        ("arrivals.seed=7", ("arrivals", "seed"), 7),
        ("arrivals.segments[1].hold=30/s", ("arrivals", "segments", 1, "hold"), "30/s"),
        ("arrivals.segments.1.hold=30/s", ("arrivals", "segments", 1, "hold"), "30/s"),
        ("upstreams.llm/primary.tpm=24k", ("upstreams", "llm/primary", "tpm"), "24k"),
        ("upstreams.a.b.tpm=5", ("upstreams", "a.b", "tpm"), 5),
        ("allow_hosts=[a, b]", ("allow_hosts",), ["a", "b"]),
        ("limits.cost=25 USD", ("limits", "cost"), "25 USD"),
        ("empty.x.y=true", ("empty", "x", "y"), True),
        ("title=", ("title",), ""),
        ("title=a=b: c", ("title",), "a=b: c"),
    ],
)
def test_set_reaches_any_value(assignment: str, path: tuple[Any, ...], value: Any) -> None:
    tree = read_tree(PLAN, "p")
    set_value(tree, assignment)
    node, _ = tree.locate(path)
    assert node.plain_value() == value
    assert node.source.name == f"--set {assignment}"
    assert node.line == 0


@pytest.mark.parametrize(
    "assignment",
    ["seed", "=3", "arrivals.segments[9].hold=1/s", "arrivals.seed.x=1", "arrivals.segments.hold=1", "[0]=1"],
)
def test_a_set_that_does_not_fit_is_refused(assignment: str) -> None:
    with pytest.raises(UsageError):
        set_value(read_tree(PLAN, "p"), assignment)


def test_an_overlay_merges_mappings_and_replaces_the_rest() -> None:
    tree = read_tree("a: {x: 1, l: [1, 2]}\nb: 1\no: {a: {x: 9, y: 2, l: [3]}, c: 4}\n", "p")
    assert isinstance(tree.value, dict)
    over = tree.value.pop("o")
    result = merged(tree, over)
    assert result.plain_value() == {"a": {"x": 9, "y": 2, "l": [3]}, "b": 1, "c": 4}
    assert result.locate(("a", "x"))[1] == (3, 9)
    assert result.locate(("a", "l"))[1] == (3, 21)
    assert tree.plain_value() == {"a": {"x": 1, "l": [1, 2]}, "b": 1}
