"""`peakproof mock` against mocks that are really up."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harness.cli.mock import _read_fields
from harness.errors import UsageError

PEAKPROOF = [sys.executable, "-c", "import sys; from harness.cli.app import main; sys.exit(main())"]


def test_fields_are_json_where_they_are_and_text_else() -> None:
    assert _read_fields(["add_ms=250", "tpm=40%", "reset_open=false", "message=a=b"]) == {
        "add_ms": 250,
        "tpm": "40%",
        "reset_open": False,
        "message": "a=b",
    }
    with pytest.raises(UsageError, match="no FIELD=VALUE"):
        _read_fields(["add_ms"])


@pytest.fixture
def home(tmp_path: Path) -> Iterator[dict[str, str]]:
    """The environment of a shell in which `mock up` is serving an OpenAI and an Anthropic mock."""
    environ = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    command = [*PEAKPROOF, "mock", "up", "llm", "--dialect", "anthropic", "--free-ports"]
    serving = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    for _ in range(600):
        if (tmp_path / "peakproof" / "mock.json").exists() or serving.poll() is not None:
            break
        time.sleep(0.05)
    yield environ
    serving.send_signal(signal.SIGINT)
    assert serving.wait(20) == 0
    assert not (tmp_path / "peakproof" / "mock.json").exists()


@pytest.mark.e2e
def test_env_faults_add_and_remove(home: dict[str, str]) -> None:
    def mock(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [*PEAKPROOF, "mock", *arguments], env=home, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout, done.stderr

    code, said, _ = mock("env", "--json")
    variables = json.loads(said)
    assert code == 0 and {"OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"} <= variables.keys()
    assert f"export OPENAI_BASE_URL={variables['OPENAI_BASE_URL']}\n" in mock("env", "--shell")[1]
    code, said, _ = mock("fault", "add", "llm", "error", "status=529", "--for", "50s")
    lease_id = said.split()[0]
    models = variables["OPENAI_BASE_URL"] + "/models"
    headers = {"authorization": "Bearer k"}
    assert code == 0 and httpx.get(models, headers=headers, trust_env=False).status_code == 529
    assert "status=529" in mock("faults")[1]
    assert mock("fault", "remove", lease_id)[0] == 0
    assert httpx.get(models, headers=headers, trust_env=False).status_code == 200
    assert json.loads(mock("faults", "--json")[1])["reverted"][-1]["reason"] == "deleted"
    code, _, said = mock("fault", "add", "llm", "gremlin")
    assert code == 2 and "unknown fault 'gremlin'; there are:" in said
