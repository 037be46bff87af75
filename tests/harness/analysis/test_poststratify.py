import numpy as np
import pytest

from harness.analysis import Rules, Word
from harness.analysis.interval import upper_share
from harness.analysis.poststratify import poststratify
from harness.analysis.view import View
from harness.results import Outcome
from tests.harness.analysis.worlds import run


def sample(seed: int, rag_share: float, chat_bad: float, rag_bad: float) -> tuple[View, np.ndarray]:
    world = run(seed=seed, judged_s=300)
    rng = np.random.default_rng(seed)
    world.array["journey"] = rng.random(len(world.array)) < rag_share
    view = View.of(world.rows)
    bad = rng.random(len(view)) < np.where(view.journey == 1, rag_bad, chat_bad)
    return view, bad


def test_the_planned_mix_answers_not_the_one_that_came() -> None:
    """A tenth were slow rag requests; the plan says half: the plain share of 2 % flatters, 6 % is the truth."""
    shares = [poststratify(*sample(s, 0.1, 0.01, 0.11), {"chat": 1, "rag": 1}).share for s in range(12)]
    assert np.mean(shares) == pytest.approx(0.06, abs=0.008)
    assert np.mean([sample(s, 0.1, 0.01, 0.11)[1].mean() for s in range(12)]) == pytest.approx(0.02, abs=0.003)


def test_its_upper_bound_covers_the_truth_and_it_pays_in_effective_size() -> None:
    missed = 0
    for seed in range(40):
        view, bad = sample(seed, 0.1, 0.01, 0.11)
        found = poststratify(view, bad, {"chat": 1, "rag": 1})
        assert found.n_effective < len(bad) / 2
        missed += upper_share(found.share, found.n_effective / 1.19, 0.01) < 0.06
    assert missed <= 2


def test_a_stratum_that_never_came_is_named() -> None:
    view, bad = sample(1, 0.1, 0.01, 0.11)
    assert poststratify(view, bad, {"chat": 1, "tool": 1}).missing == ("tool",)


def test_the_own_mix_changes_little() -> None:
    view, bad = sample(2, 0.5, 0.05, 0.05)
    found = poststratify(view, bad, {"chat": 1, "rag": 1})
    assert found.share == pytest.approx(bad.mean(), abs=0.003)
    assert found.n_effective == pytest.approx(len(bad), rel=0.5)


def test_a_check_is_weighed_where_the_rules_ask_for_it() -> None:
    """A run that met few of the slow requests: under the plan's own mix it fails."""
    world = run(seed=3, judged_s=300)
    rng = np.random.default_rng(3)
    rare = rng.random(len(world.array)) < 0.1
    world.array["journey"] = rare
    by_seq = np.zeros(len(world.array), np.uint8)
    by_seq[world.array["seq"]] = world.array["journey"]
    world.evidence.planned.journey[:] = by_seq
    world.fail(rare & (rng.random(len(rare)) < 0.3), Outcome.SERVER_ERROR)
    world.change(journey_mix={"chat": 1.0, "rag": 1.0})
    assert world.judged("errors < 6%").word is Word.PASS
    weighed = world.judged("errors < 6%", rules=Rules(smoke=True, post_stratify=True))
    assert weighed.word is Word.FAIL
    assert weighed.checks[0].bad_share == pytest.approx(0.15, abs=0.03)
    missing = world.change(journey_mix={"chat": 1.0, "tool": 1.0}).judged(
        "errors < 6%", rules=Rules(smoke=True, post_stratify=True)
    )
    assert missing.word is Word.INVALID
