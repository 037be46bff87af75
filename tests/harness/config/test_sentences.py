from __future__ import annotations

import pytest

from harness.config.sentences import read_sentences
from harness.config.tree import read_tree


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("slos: [warn tfft p95 < 1s]\n", 13),
        ("slos: ['warn tfft p95 < 1s']\n", 14),
        ("slos:\n  - tfft p95 < 1s\n", 5),
        ("slos:\n  - goodput >= 98% {tfft: 2s}\n", 21),
    ],
)
def test_a_misread_promise_is_pointed_at_inside_the_sentence(text: str, column: int) -> None:
    (problem,) = read_sentences(read_tree(text, "slo.yaml"))
    assert problem.column == column
    assert "tfft" in problem.what
    assert problem.advice


def test_a_promise_in_fields_that_is_misread_is_pointed_at_as_a_whole() -> None:
    (problem,) = read_sentences(read_tree("slos:\n  - {metric: tfft, quantile: p95, limit: < 1s}\n", "slo.yaml"))
    assert (problem.line, problem.column) == (2, 5)
    assert "did you mean 'ttft'?" in problem.advice
