"""Each schedule file is read by its own format's parser, schema or validator."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from harness.drill import emit
from harness.errors import UsageError

CRONS = ("17 10 1-7 * 2", "*/20 9-17 * 1,7 1-5", "0 0 * * *", "5,35 0-23/6 15 * *", "1 2 3 4 0")
TITLE = 'A "tricky": title, 40 % of it ${HOME} `x` <b>\n'


def emitted(kind: str, cron: str = CRONS[0], zone: str = "UTC", file: str = "drills/10-full outage%.yaml") -> str:
    return emit(kind, title=TITLE, file=file, cron=cron, zone=zone, lasts_s=400.2)


def bundled(name: str) -> Any:
    """A schema that check-jsonschema brings along."""
    folder = resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    return json.loads((folder / f"{name}.json").read_text("utf-8"))


def validate(document: Any, schema: Any) -> None:
    kind = jsonschema.validators.validator_for(schema)
    errors = [error.message for error in kind(schema).iter_errors(document)]
    assert not errors, errors


@pytest.mark.parametrize("cron", CRONS)
def test_github(cron: str) -> None:
    # YAML 1.1 reads `on` as true; GitHub reads it as the word it is
    document = {("on" if key is True else key): value for key, value in yaml.safe_load(emitted("github", cron)).items()}
    validate(document, bundled("github-workflows"))
    assert document["on"]["schedule"] == [{"cron": cron}]
    assert document["concurrency"]["cancel-in-progress"] is False
    assert document["jobs"]["drill"]["timeout-minutes"] == 12


def test_gitlab() -> None:
    text = emitted("gitlab", zone="Europe/Berlin")
    document = yaml.safe_load(text)
    validate(document, bundled("gitlab-ci"))
    (job,) = document.values()
    assert job["retry"] == 0 and job["resource_group"] and CRONS[0] in text and "Europe/Berlin" in text


CRON_JOB = {
    "type": "object",
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "additionalProperties": False,
    "properties": {
        "apiVersion": {"const": "batch/v1"},
        "kind": {"const": "CronJob"},
        "metadata": {
            "properties": {"name": {"type": "string", "pattern": r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$", "maxLength": 52}}
        },
        "spec": {
            "required": ["schedule", "jobTemplate"],
            "additionalProperties": False,
            "properties": {
                "schedule": {"type": "string"},
                "timeZone": {"type": "string"},
                "concurrencyPolicy": {"const": "Forbid"},
                "startingDeadlineSeconds": {"type": "integer", "minimum": 0},
                "jobTemplate": {
                    "additionalProperties": False,
                    "properties": {
                        "spec": {
                            "required": ["template"],
                            "additionalProperties": False,
                            "properties": {
                                "backoffLimit": {"const": 0},
                                "activeDeadlineSeconds": {"type": "integer", "minimum": 1},
                                "template": {
                                    "additionalProperties": False,
                                    "properties": {
                                        "spec": {
                                            "required": ["containers", "restartPolicy"],
                                            "additionalProperties": False,
                                            "properties": {
                                                "restartPolicy": {"const": "Never"},
                                                "containers": {
                                                    "type": "array",
                                                    "minItems": 1,
                                                    "items": {
                                                        "required": ["name", "image"],
                                                        "additionalProperties": False,
                                                        "properties": {
                                                            "name": {"type": "string"},
                                                            "image": {"type": "string"},
                                                            "command": {"type": "array", "items": {"type": "string"}},
                                                        },
                                                    },
                                                },
                                            },
                                        }
                                    },
                                },
                            },
                        }
                    },
                },
            },
        },
    },
}
"""batch/v1 CronJob as the API reference has it, as far as we write it."""


@pytest.mark.parametrize("cron", CRONS)
def test_kubernetes(cron: str) -> None:
    document = yaml.safe_load(emitted("k8s", cron, "Europe/Berlin"))
    validate(document, CRON_JOB)
    container = document["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"][0]
    assert container["command"][-1] == "drills/10-full outage%.yaml"
    assert (document["spec"]["schedule"], document["spec"]["timeZone"]) == (cron, "Europe/Berlin")


LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_PART = re.compile(r"(?:\*|(\d+)(?:-(\d+))?)(?:/(\d+))?")


def cron_fields(line: str) -> str:
    """Read one line of a crontab as crontab(5) says; returns its command with `\\%` undone. Asserts what it must."""
    *fields, command = line.split(" ", 5)
    assert len(fields) == 5
    for field, (low, high) in zip(fields, LIMITS, strict=True):
        for part in field.split(","):
            match = _PART.fullmatch(part)
            assert match, part
            first, last, step = (int(v) if v else None for v in match.groups())
            assert first is None or low <= first <= (last or first) <= high, part
            assert step is None or 1 <= step <= high, part
    assert not re.search(r"(?<!\\)%", command), "a bare % ends the command"
    return command.replace(r"\%", "%")


@pytest.mark.parametrize("cron", CRONS)
def test_crontab(cron: str) -> None:
    comment, zone, line = emitted("crontab", cron, "Europe/Berlin").splitlines()
    assert comment.startswith("# ") and zone == "CRON_TZ=Europe/Berlin"
    words = shlex.split(cron_fields(line))
    assert "drills/10-full outage%.yaml" in words and words[words.index("timeout") + 2] == "701"


@pytest.mark.parametrize("cron", CRONS)
@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd's own parser is not here")
def test_systemd_reads_the_calendar(cron: str) -> None:
    text = emitted("systemd", cron, "Europe/Berlin")
    times = re.findall(r"^OnCalendar=(.*)$", text, re.M)
    done = subprocess.run(["systemd-analyze", "calendar", *times], capture_output=True, text=True, check=False)
    assert times and done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("cron", "times"),
    [
        ("17 10 * * 2", ["Tue *-*-* 10:17:00 UTC"]),
        ("17 10 1-7 * 2", ["*-*-01..07 10:17:00 UTC", "Tue *-*-* 10:17:00 UTC"]),
        ("*/20 0-23/6 */2 * *", ["*-*-01/2 00..23/6:00/20:00 UTC"]),
    ],
)
def test_systemd_runs_on_either_day_as_cron_does(cron: str, times: list[str]) -> None:
    assert re.findall(r"^OnCalendar=(.*)$", emitted("systemd", cron), re.M) == times


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd's own parser is not here")
def test_systemd_verifies_the_units(tmp_path: Path) -> None:
    service, timer = re.split(r"^# drill-\S+\.timer\n", emitted("systemd"), flags=re.M)
    names = [tmp_path / f"drill-x.{kind}" for kind in ("service", "timer")]
    for path, text in zip(names, (service, timer), strict=True):
        path.write_text(text.replace("%h/drills", str(tmp_path)))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *map(str, names)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "drill-x" not in done.stderr, done.stderr


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"kind": "jenkins"}, "no schedule of kind"),
        ({"cron": "17 10 * *"}, "not a cron line"),
        ({"cron": "17 10 * * MON"}, "not a cron line"),
        ({"zone": "Europe/Berlin; rm -rf /"}, "not a time zone"),
        ({"kind": "github", "zone": "Europe/Berlin"}, "run in UTC"),
    ],
)
def test_what_is_refused(change: dict[str, str], says: str) -> None:
    words = {"kind": "crontab", "cron": CRONS[0], "zone": "UTC", **change}
    with pytest.raises(UsageError, match=says):
        emitted(words["kind"], words["cron"], words["zone"])
