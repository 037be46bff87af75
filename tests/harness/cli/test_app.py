from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import COMMAND, __version__
from harness.cli import app
from harness.cli.app import main
from harness.cli.terminal import BROKEN_PIPE
from harness.errors import ExitCode

COMMANDS = ("init", "validate", "doctor", "plan", "explain", "schema", "version")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"  {command} " in out for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, "-h"]) == 0
    assert "Usage:" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nonsense"], "No such command"),
        (["validate", "--jsno"], "--json"),
        (["schema"], "Missing argument"),
        (["init", "a", "b"], "extra argument"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_exit_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert main(arguments) == ExitCode.USAGE
    captured = capsys.readouterr()
    assert says in captured.err
    assert captured.err.startswith("error: ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_no_command_is_answered_with_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == ExitCode.USAGE
    err = capsys.readouterr().err
    assert err.startswith("Usage:")
    assert "error" not in err


def test_a_reader_that_went_away_is_no_crash() -> None:
    code = "import sys; from harness.cli.app import main; sys.exit(main(['schema', 'plan']))"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    child.stdout.close()
    assert child.stderr is not None
    assert child.stderr.read() == b""
    child.stderr.close()
    assert child.wait(timeout=60) == BROKEN_PIPE


def test_an_error_for_people_carries_its_exit_code(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["doctor", str(tmp_path / "none.yaml")]) == ExitCode.USAGE
    assert "no such file" in capsys.readouterr().err


def test_a_crash_is_a_short_note(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError("Bearer abcdefghijkl")

    monkeypatch.setattr(app, "build", broken)
    assert main([]) == ExitCode.CRASH
    err = capsys.readouterr().err
    assert "a defect of peakproof" in err
    assert "ZeroDivisionError" in err
    assert "abcdefghijkl" not in err
    assert "Traceback" not in err
    monkeypatch.setenv("PEAKPROOF_TRACEBACK", "1")
    main([])
    assert "Traceback" in capsys.readouterr().err


def test_ctrl_c_is_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("harness.cli.version.platform.python_version", interrupted)
    assert main(["version"]) == ExitCode.INTERRUPTED


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert f"{COMMAND} {__version__}" in capsys.readouterr().out
    assert main(["version", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["version"] == __version__


def test_help_imports_nothing_heavy() -> None:
    heavy = "{'numpy', 'pandas', 'pydantic', 'yaml', 'locust', 'gevent', 'jinja2', 'httpx', 'rich'}"
    code = "import sys; from harness.cli.app import main; main(['--help']); "
    code += f"print({heavy} & set(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "set()"


@pytest.mark.parametrize("name", ["ENOSPC", "EROFS", "EMFILE"])
def test_a_machine_that_gave_out_is_no_defect_and_never_a_pass(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(getattr(errno, name), os.strerror(getattr(errno, name)), "runs/7f3k/report.html")

    monkeypatch.setattr("harness.config.starter.write_starter", full)
    assert main(["init", str(tmp_path)]) == ExitCode.INVALID
    told = capsys.readouterr().err
    assert "runs/7f3k/report.html" in told and "peakproof report runs/ID" in told
    assert "defect" not in told
