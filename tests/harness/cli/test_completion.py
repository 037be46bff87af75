from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.app import main


@pytest.fixture
def offered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]  -- a closure
    def offer(words: str) -> list[str]:
        monkeypatch.setenv("_PEAKPROOF_COMPLETE", "complete_bash")
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
        with pytest.raises(SystemExit):
            main([])
        return capsys.readouterr().out.split()

    return offer


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("peakproof expl", ["explain"]),
        ("peakproof init --template ga", ["gateway"]),
        ("peakproof schema ", ["plan", "slo", "launch"]),
        ("peakproof explain exit", ["exit-codes"]),
        ("peakproof plan --pro", ["--profile"]),
        ("peakproof plan nowhere.yaml --profile s", []),
    ],
)
def test_what_the_shell_offers(offered, words: str, expected: list[str]) -> None:  # type: ignore[no-untyped-def]  -- a fixture
    assert offered(words) == expected


def test_the_profiles_of_the_plan_on_the_line(offered, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]  -- a fixture
    (tmp_path / "mine.yaml").write_text("target: x\nprofiles: {ci: {}, cold: {}, soak: {}}\n")
    assert offered(f"peakproof plan {tmp_path}/mine.yaml --profile c") == ["ci", "cold"]
