"""The file that makes somebody else's scheduler run a drill: the project owns no daemon (drills.md, "Schedules").

Runs never overlap, are never retried (a person looks first at what a drill broke), and have a deadline.
"""

from __future__ import annotations

import math
import re
import shlex

from harness import COMMAND
from harness.errors import Problem, UsageError

KINDS = ("github", "gitlab", "k8s", "crontab", "systemd")
_FIELD = r"[0-9*,/-]+"
_CRON = re.compile(
    rf"(?P<minute>{_FIELD}) (?P<hour>{_FIELD}) (?P<day>{_FIELD}) (?P<month>{_FIELD}) (?P<weekday>{_FIELD})"
)
_SPARE_S = 300
_WEEKDAYS = ("Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def emit(kind: str, *, title: str, file: str, cron: str, zone: str, lasts_s: float) -> str:
    """The text of the schedule file. `lasts_s` is how long the drill takes. Raises UsageError for another kind, a cron
    line that is none, or a zone where the scheduler knows only UTC."""
    cron = " ".join(cron.split())
    if kind not in KINDS:
        raise UsageError(Problem(f"no schedule of kind {kind!r}", f"there are {', '.join(KINDS)}"))
    if not _CRON.fullmatch(cron):
        raise UsageError(Problem(f"not a cron line: {cron!r}", 'write five fields, like "17 10 * * 2"'))
    if not re.fullmatch(r"[A-Za-z0-9_+/-]+", zone):
        raise UsageError(Problem(f"not a time zone: {zone!r}", "use a name like Europe/Berlin"))
    if zone != "UTC" and kind == "github":
        raise UsageError(Problem("GitHub's schedules run in UTC", "leave --zone out and give the cron line in UTC"))
    deadline_s = math.ceil(lasts_s + _SPARE_S)
    writers = {"github": _github, "gitlab": _gitlab, "k8s": _k8s, "crontab": _crontab, "systemd": _systemd}
    return writers[kind](_one_line(title), file, cron, zone, deadline_s)


def _one_line(title: str) -> str:
    return re.sub(r"[^\w ,.;()%/+-]", " ", title)[:120].strip()


def _name(file: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", file.lower().rpartition("/")[2].removesuffix(".yaml")).strip("-")[:40] or "drill"


def _command(file: str) -> str:
    return f"{COMMAND} drill run {shlex.quote(file)} --junit drill.xml"


def _github(title: str, file: str, cron: str, _zone: str, deadline_s: int) -> str:
    return f"""\
# {title}
name: drill {_name(file)}
on:
  schedule:
    - cron: "{cron}"
  workflow_dispatch: {{}}
concurrency:
  group: peakproof-drills
  cancel-in-progress: false
permissions:
  contents: read
jobs:
  drill:
    runs-on: ubuntu-latest
    timeout-minutes: {math.ceil(deadline_s / 60)}
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with: {{python-version: "3.11"}}
      - run: pip install {COMMAND}
      - run: {_command(file)}
      - uses: actions/upload-artifact@v4
        if: always()
        with: {{name: drill, path: "runs/"}}
"""


def _gitlab(title: str, file: str, cron: str, zone: str, deadline_s: int) -> str:
    return f"""\
# {title}
# GitLab keeps the time beside the file: Build > Pipeline schedules, interval pattern "{cron}", time zone {zone}.
drill-{_name(file)}:
  image: python:3.11-slim
  rules:
    - if: $CI_PIPELINE_SOURCE == "schedule"
  resource_group: peakproof-drills
  retry: 0
  timeout: {math.ceil(deadline_s / 60)} minutes
  script:
    - pip install {COMMAND}
    - {_command(file)}
  artifacts:
    when: always
    paths: [runs/]
    reports:
      junit: drill.xml
"""


def _k8s(title: str, file: str, cron: str, zone: str, deadline_s: int) -> str:
    command = ", ".join(f'"{part}"' for part in (COMMAND, "drill", "run", file))
    return f"""\
# {title}
apiVersion: batch/v1
kind: CronJob
metadata:
  name: drill-{_name(file)}
spec:
  schedule: "{cron}"
  timeZone: {zone}
  concurrencyPolicy: Forbid
  startingDeadlineSeconds: 300
  jobTemplate:
    spec:
      backoffLimit: 0
      activeDeadlineSeconds: {deadline_s}
      template:
        spec:
          restartPolicy: Never
          containers:
            - name: drill
              image: {COMMAND}:latest
              command: [{command}]
"""


def _crontab(title: str, file: str, cron: str, zone: str, deadline_s: int) -> str:
    command = _command(file).replace("%", r"\%")  # cron ends a command at a bare %
    return f"""\
# {title}
CRON_TZ={zone}
{cron} cd $HOME/drills && flock -n .drill.lock timeout --signal=INT {deadline_s} {command}
"""


def _systemd(title: str, file: str, cron: str, zone: str, deadline_s: int) -> str:
    command = _command(file).replace("%", "%%")
    calendar = "\n".join(f"OnCalendar={when} {zone}" for when in _calendar(cron))
    return f"""\
# drill-{_name(file)}.service
[Unit]
Description={title.replace("%", "%%")}

[Service]
Type=oneshot
WorkingDirectory=%h/drills
ExecStart=/usr/bin/env {command}
TimeoutStartSec={deadline_s}
KillSignal=SIGINT

# drill-{_name(file)}.timer
[Unit]
Description=When to run drill-{_name(file)}

[Timer]
{calendar}
Persistent=false

[Install]
WantedBy=timers.target
"""


def _calendar(cron: str) -> list[str]:
    """`17 10 * * 2` -> `Tue *-*-* 10:17:00`. Where cron is given both a day of the month and one of the week it runs on
    either; systemd would want both, so that it gets a line for each."""
    match = _CRON.fullmatch(cron)
    assert match is not None, "checked before"
    clock = f"{_spans(match['hour'], 0)}:{_spans(match['minute'], 0)}:00"
    month, day = _spans(match["month"], 1), _spans(match["day"], 1)
    weekday = re.sub(r"\d", lambda d: _WEEKDAYS[int(d[0])] if int(d[0]) < 8 else d[0], match["weekday"])
    by_day, by_week = f"*-{month}-{day} {clock}", f"{weekday.replace('-', '..')} *-{month}-* {clock}"
    if match["weekday"] == "*":
        return [by_day]
    return [by_week] if match["day"] == "*" else [by_day, by_week]


def _spans(field: str, first: int) -> str:
    """`1-7` -> `01..07`, `*/20` -> `00/20`; `first` is where the field begins."""
    whole = re.sub(r"\*(?=/)", f"{first:02d}", field)
    return re.sub(r"(?<!/)\b\d+", lambda n: f"{int(n[0]):02d}", whole).replace("-", "..")
