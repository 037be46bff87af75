from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.app import main


def test_what_init_writes_validates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "folder"
    assert main(["init", str(folder), "--template", "rag"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [f"{folder}/plan.yaml", f"{folder}/slo.yaml"]
    assert captured.err.splitlines() == [
        "next:",
        f"  peakproof validate {folder}/plan.yaml",
        f"  peakproof doctor {folder}/plan.yaml",
        f"  peakproof run {folder}/plan.yaml --profile smoke",
    ]
    assert main(["validate", f"{folder}/plan.yaml", f"{folder}/slo.yaml"]) == 0


def test_init_refuses_to_overwrite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path)]) == 0
    assert main(["init", str(tmp_path)]) == 2
    assert "there already (another folder, or --force" in capsys.readouterr().err
    assert main(["init", str(tmp_path), "--force"]) == 0


def test_an_unknown_template(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["init", str(tmp_path), "-t", "chta"]) == 2
    assert "templates: chat, rag, agent, gateway, self-hosted, openai, anthropic" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_init_says_what_a_key_and_a_foreign_host_need(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert main(["init", str(tmp_path), "-t", "openai"]) == 0
    told = capsys.readouterr().err
    assert "  export OPENAI_API_KEY=...\n" in told
    assert told.endswith("--profile smoke --i-own-this-target\n")
