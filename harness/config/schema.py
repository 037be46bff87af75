"""The JSON Schema of each file kind, for editors and for the reference."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from harness.config.launch import LaunchFile
from harness.config.plan import Plan
from harness.config.slo import SloFile

KINDS: dict[str, type[BaseModel]] = {"plan": Plan, "slo": SloFile, "launch": LaunchFile}


def json_schema(kind: str) -> dict[str, Any]:
    """Draft 2020-12 schema of `plan`, `slo` or `launch`, short forms included. Raises KeyError for another kind."""
    schema = KINDS[kind].model_json_schema(by_alias=True, mode="validation")
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": f"peakproof {kind} file"}
    definitions = schema.get("$defs", {})
    for name, short in _SHORT_FORMS.items():
        if name in definitions:
            long_form = definitions[name]
            definitions[name] = {"description": long_form.get("description", ""), "anyOf": [short, long_form]}
    if kind == "plan":
        weakness = definitions["Upstream"]["properties"]["weakness"]
        definitions["Upstream"]["properties"]["weakness"] = {
            "description": weakness["description"],
            "anyOf": [{key: weakness[key] for key in ("type", "additionalProperties")}, _NAMES],
        }
        fields = schema["properties"]
        fields["slo"] = {
            "description": fields["slo"].get("description", ""),
            "anyOf": [_PATH, fields["slo"], _SLO_LIST],
        }
        fields["segments"] = {"description": "Short for arrivals: {segments: ...}.", "$ref": "#/$defs/Segments"}
        fields["slos"] = {"description": "Short for slo: {slos: ...}.", **_SLO_LIST}
        fields["profiles"] = {
            "type": "object",
            "description": "Overlays by name: fields that replace those above where `--profile NAME` is given.",
            "additionalProperties": {"type": "object"},
        }
        definitions["Segments"] = {"type": "array", "items": {"$ref": "#/$defs/Segment"}, "minItems": 1}
        schema["required"] = ["target"]
    return schema


_PATH = {"type": "string", "title": "path"}
_SLO_LIST = {"type": "array", "items": {"type": ["string", "object"]}, "minItems": 1}
_WORDS = {"type": "string"}
_NAMES = {"type": "array", "items": {"type": "string"}}
_SHORT_FORMS: dict[str, dict[str, Any]] = {
    "Slice": {"type": "string", "examples": ["5m"]},
    "Burst": {"enum": ["fitted", "none", "poisson", "chat", "code"]},
    "Prompts": {"type": "string", "title": "path of a JSONL"},
    "Confidence": {"type": "number", "exclusiveMinimum": 0.5, "exclusiveMaximum": 1},
}
