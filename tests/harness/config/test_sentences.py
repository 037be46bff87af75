from __future__ import annotations

import pytest

from harness.config import sentences
from harness.config.tree import read_tree


def refuses(text: str, source: str = "") -> None:
    error = ValueError("unknown metric 'tfft'")
    error.what, error.position, error.advice = "unknown metric 'tfft'", text.index("tfft"), "did you mean 'ttft'?"  # type: ignore[attr-defined]  -- what the analysis room's own error carries
    if "tfft" in text:
        raise error


@pytest.mark.parametrize(
    ("text", "column"),
    [("slos: [warn tfft < 1s]\n", 13), ("slos: ['warn tfft < 1s']\n", 14), ("slos:\n  - tfft < 1s\n", 5)],
)
def test_a_misread_promise_is_pointed_at_inside_the_sentence(
    monkeypatch: pytest.MonkeyPatch, text: str, column: int
) -> None:
    monkeypatch.setattr(sentences, "parse_slo", refuses)
    (problem,) = sentences.read_sentences(read_tree(text, "slo.yaml"))
    assert problem.column == column
    assert (problem.what, problem.advice) == ("slos[0]: unknown metric 'tfft'", "did you mean 'ttft'?")
