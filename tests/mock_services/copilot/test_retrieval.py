from __future__ import annotations

import pytest

from mock_services.copilot.retrieval import TOOLS, choose_tool, tool_arguments
from mock_services.copilot.settings import Settings
from mock_services.tools.functions import TOOLBOX


def test_a_seeded_share_of_the_questions_call_a_tool() -> None:
    settings = Settings("http://p", tool_share=0.25, seed=7)
    questions = [f"question number {n}" for n in range(4000)]
    chosen = [choose_tool(question, None, settings) for question in questions]
    share = sum(tool is not None for tool in chosen) / len(chosen)
    assert share == pytest.approx(0.25, abs=0.03)
    assert chosen == [choose_tool(question, "auto", settings) for question in questions]
    other = Settings("http://p", tool_share=0.25, seed=8)
    assert chosen != [choose_tool(question, None, other) for question in questions]
    assert set(chosen) == {None, *TOOLS}


def test_the_edges_of_the_share() -> None:
    assert not any(choose_tool(str(n), None, Settings("http://p", tool_share=0.0)) for n in range(200))
    assert all(choose_tool(str(n), None, Settings("http://p", tool_share=1.0)) for n in range(200))


def test_the_body_may_ask() -> None:
    settings = Settings("http://p", tool_share=0.0)
    assert choose_tool("Will it rain in Paris?", "required", settings) == "weather"
    assert choose_tool("x", {"type": "function", "function": {"name": "search"}}, settings) == "search"
    assert choose_tool("Will it rain?", "none", Settings("http://p", tool_share=1.0)) is None
    with pytest.raises(ValueError, match="no tool"):
        choose_tool("x", {"function": {"name": "rm"}}, settings)


@pytest.mark.parametrize("name", TOOLS)
@pytest.mark.parametrize(
    "question",
    ["", "Is 007 more than 0x1f or 08?", "What about order 123456789012345 in Paris, 20 percent of 80?", "é" * 900],
)
def test_the_arguments_are_ones_that_the_tool_takes(name: str, question: str) -> None:
    if name == "search" and not question:
        question = "anything"
    assert TOOLBOX[name].call(tool_arguments(name, question))["result"]
