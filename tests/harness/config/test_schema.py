from __future__ import annotations

import json
import re
from typing import Any

import pytest

from harness.config import json_schema
from harness.config.plan import Plan
from harness.config.problems import models_in
from harness.config.schema import KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_json_and_closed(kind: str) -> None:
    schema = json_schema(kind)
    assert json.loads(json.dumps(schema, allow_nan=False)) == schema
    assert schema["additionalProperties"] is False
    for reference in re.findall(r'"\$ref": "#/\$defs/([^"]+)"', json.dumps(schema)):
        assert reference in schema["$defs"]


def test_every_field_of_the_plan_is_in_it_and_says_what_it_is() -> None:
    fields = json_schema("plan")["properties"]
    for name, info in Plan.model_fields.items():
        assert (info.alias or name) in fields
    silent = [name for name, field in fields.items() if not described(field)]
    assert silent == []


def described(field: dict[str, Any]) -> bool:
    return bool(field.get("description") or field.get("$ref") or field.get("allOf") or field.get("anyOf"))


def test_models_inside_annotations() -> None:
    assert len(models_in(Plan.model_fields["arrivals"].annotation)) == 1
    assert len(models_in(Plan.model_fields["journeys"].annotation)) == 1
