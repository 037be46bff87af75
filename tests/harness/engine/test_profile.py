from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from harness.engine import JourneySpec, describe_profile
from harness.engine.profile import choose, load_profile, pick_by_journey
from harness.errors import UsageError

BUILT_IN = Path(__file__).parents[3] / "loadprofiles"


def write(folder: Path, text: str) -> Path:
    path = folder / "mine.py"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("name", "weights"),
    [
        ("chat", {"ask": 1}),
        ("rag", {"answer_from_documents": 1}),
        ("agent", {"tool_turn": 3, "second_thought": 1}),
        ("embeddings", {"query": 9, "batch": 1}),
        ("mixed", {"ask": 8, "find": 1, "use_tool": 1}),
    ],
)
def test_the_built_in_profiles_load_without_locust(name: str, weights: dict[str, float]) -> None:
    profile = load_profile(BUILT_IN / f"{name}.py")
    assert profile.weights == weights
    assert profile.users == {}


def test_named_journeys_and_weights(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "from harness.engine import journey\n"
        "@journey(weight=2, name='first')\ndef a(arrival): yield\n"
        "@journey()\ndef b(arrival): yield\n"
        "def helper(): pass\n",
    )
    assert load_profile(path).weights == {"first": 2.0, "b": 1.0}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = 1\n", "nothing in it says what an arrival does"),
        ("x = 1\nraise ValueError('no')\n", "mine.py:2:1: ValueError: no"),
        ("def (:\n", "mine.py:1:1: invalid syntax"),
        (
            (
                "from harness.engine import journey\n"
                "@journey(name='a')\ndef x(arrival): yield\n"
                "@journey(name='a')\ndef y(arrival): yield\n"
            ),
            "two journeys have the same name",
        ),
    ],
)
def test_a_profile_that_cannot_be_says_why(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_profile(write(tmp_path, text))
    assert says in str(caught.value)


def test_a_profile_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such profile"):
        load_profile(tmp_path / "no.py")


@pytest.mark.parametrize("weight", [0, -1])
def test_a_journey_without_weight_is_refused(weight: float) -> None:
    from harness.engine import journey

    with pytest.raises(ValueError, match="above 0"):
        journey(weight=weight)


def test_the_choice_is_seeded_and_follows_the_weights() -> None:
    weights = {"a": 8.0, "b": 1.0, "c": 1.0}
    drawn = [choose(weights, 5, seq) for seq in range(10_000)]
    assert drawn == [choose(weights, 5, seq) for seq in range(10_000)]
    assert drawn != [choose(weights, 6, seq) for seq in range(10_000)]
    counts = Counter(drawn)
    assert abs(counts["a"] - 8000) < 200
    assert abs(counts["b"] - 1000) < 150


def test_a_job_may_name_the_journeys_or_leave_the_choice() -> None:
    weights = {"a": 1.0, "b": 3.0}
    named = pick_by_journey(weights, [JourneySpec("b", "profile"), JourneySpec("a", "profile")], 1)
    assert (named(0, 9), named(1, 9)) == ("b", "a")
    free = pick_by_journey(weights, [JourneySpec("profile", "profile")], 1)
    assert {free(0, seq) for seq in range(50)} == {"a", "b"}
    with pytest.raises(UsageError, match="no journey 'c'"):
        pick_by_journey(weights, [JourneySpec("c", "profile")], 1)


@pytest.mark.e2e
def test_a_plain_locustfile_is_described_class_by_class(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "from locust import HttpUser, FastHttpUser, task\n"
        "print('hello')\n"
        "class A(HttpUser):\n    weight = 3\n    @task\n    def t(self): pass\n"
        "class B(FastHttpUser):\n    @task\n    def t(self): pass\n"
        "class Base(HttpUser):\n    abstract = True\n"
        "class Off(HttpUser):\n    weight = 0\n",
    )
    assert [(spec.name, spec.kind, spec.weight) for spec in describe_profile(path)] == [
        ("A", "profile", 3.0),
        ("B", "profile", 1.0),
    ]
    with pytest.raises(UsageError, match="nothing in it"):
        describe_profile(write(tmp_path, "x = 1\n"))
