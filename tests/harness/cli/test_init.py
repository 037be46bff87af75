from __future__ import annotations

from pathlib import Path

import pytest

from harness.cli.app import main


def test_what_init_writes_validates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "folder"
    assert main(["init", str(folder), "--template", "rag"]) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines() == [f"{folder}/plan.yaml", f"{folder}/slo.yaml"]
    assert "next: peakproof validate" in captured.err
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
