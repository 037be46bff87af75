from pathlib import Path

import jsonschema
import pytest

from harness.config import read_file
from harness.drill import drill_schema

DRILLS = sorted((Path(__file__).parents[3] / "drills").glob("[0-9]*.yaml"))
CHECK = jsonschema.Draft202012Validator(drill_schema())


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(drill_schema())


@pytest.mark.parametrize("path", DRILLS, ids=lambda path: path.stem)
def test_the_catalogue_keeps_it(path: Path) -> None:
    assert [error.message for error in CHECK.iter_errors(read_file(path).plain_value())] == []


PROGRAM = {"name": "x", "provider": {"type": "process", "path": "true", "arguments": "-a b", "timeout": "5s"}}
OUTSIDE = {"action": PROGRAM, "rollback": PROGRAM, "gone": {**PROGRAM, "tolerance": [0, 3]}, "for": "5s"}
WHOLE = {"title": "t", "plan": "p.yaml", "outside": [OUTSIDE], "expect": {"recovered": {"within": "5s"}}}


def test_faults_on_what_is_not_ours_keep_it() -> None:
    assert [error.message for error in CHECK.iter_errors(WHOLE)] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"outside": [{**OUTSIDE, "rollback": None}]},
        {"outside": [{k: v for k, v in OUTSIDE.items() if k != "rollback"}]},
        {"ttl": 15},
        {"shrot": {}},
        {"short": {"titel": "t"}},
        {"expect": {"recovered": {"within": "5s", "after": "lunch"}}},
    ],
)
def test_what_does_not(changes: dict[str, object]) -> None:
    assert not CHECK.is_valid({**WHOLE, **changes})
    assert not CHECK.is_valid({k: v for k, v in WHOLE.items() if k != "outside"}), "nothing breaks"
