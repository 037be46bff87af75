"""The JSON Schema of a drill file, for editors."""

from __future__ import annotations

from typing import Any

from harness.drill.model import Drill


def drill_schema() -> dict[str, Any]:
    """Draft 2020-12, with what the reader takes beside the model: `short:`, and weaknesses as a name or a list."""
    schema = Drill.model_json_schema(by_alias=True, mode="validation")
    properties = schema["properties"]
    properties["short"] = {
        "type": "object",
        "description": "Laid over the rest with `--short`: the same drill in seconds.",
        "properties": dict.fromkeys(properties, True),
        "additionalProperties": False,
    }
    names = {"type": "array", "items": {"type": "string"}}
    weakness = properties["weakness"]
    properties["weakness"] = {
        "description": weakness.get("description", ""),
        "anyOf": [{key: weakness[key] for key in ("type", "additionalProperties")}, names, {"type": "string"}],
    }
    broken = {"anyOf": [{"required": ["faults"]}, {"required": ["outside"]}]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        **broken,
        "title": "peakproof drill file",
    }
