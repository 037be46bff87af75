from __future__ import annotations

from pathlib import Path

import pytest

from harness.config import load_plan
from harness.config.check import check_file
from harness.config.starter import TEMPLATES, starter_files, write_starter
from harness.errors import UsageError


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_validates_as_it_is(tmp_path: Path, template: str) -> None:
    for path in write_starter(tmp_path, starter_files(template)):
        assert check_file(path, {}).problems == ()
    assert load_plan(tmp_path / "plan.yaml", profile="smoke").smoke is True
    assert load_plan(tmp_path / "plan.yaml").smoke is False


def test_the_openai_template_takes_any_endpoint(tmp_path: Path) -> None:
    files = starter_files("openai", target="https://llm.example.com:8443/openai/v1", model="my: model", key="MY_KEY")
    write_starter(tmp_path, files)
    plan = load_plan(tmp_path / "plan.yaml")
    assert plan.target == "https://llm.example.com:8443/openai/v1"
    assert plan.allow_hosts == ("llm.example.com",)
    assert plan.journeys["chat"].path == ""
    assert plan.journeys["chat"].model == "my: model"
    assert plan.headers == {"Authorization": "Bearer ${env:MY_KEY}"}


def test_a_server_without_keys(tmp_path: Path) -> None:
    write_starter(tmp_path, starter_files("openai", target="http://127.0.0.1:8000/v1", key="none"))
    assert load_plan(tmp_path / "plan.yaml").headers == {}


def test_the_openai_template_is_ten_lines_to_read() -> None:
    lines = [line for line in starter_files("openai")["plan.yaml"].splitlines() if line and not line.startswith("#")]
    without_profiles = lines[: next(i for i, line in enumerate(lines) if line.startswith("profiles"))]
    assert len(without_profiles) <= 11


def test_nothing_is_overwritten_or_half_written(tmp_path: Path) -> None:
    (tmp_path / "slo.yaml").write_text("mine")
    with pytest.raises(UsageError, match="there already"):
        write_starter(tmp_path, starter_files("chat"))
    assert (tmp_path / "slo.yaml").read_text() == "mine"
    assert not (tmp_path / "plan.yaml").exists()
    write_starter(tmp_path, starter_files("chat"), force=True)
    assert (tmp_path / "slo.yaml").read_text() != "mine"


@pytest.mark.parametrize(
    "arguments",
    [{"template": "chta"}, {"template": "chat", "target": "http://h"}, {"template": "openai", "target": "h"},
     {"template": "openai", "key": "sk-abc-123"}, {"template": "openai", "target": "https://u:p@h"}],
)  # fmt: skip
def test_what_does_not_fit_is_refused(arguments: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        starter_files(**arguments)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="cannot write"):
        write_starter(tmp_path / "file" / "x", {"plan.yaml": ""})
