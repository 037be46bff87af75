"""The reference of the plan and SLO files, written from the models themselves: docs/plan-file.md."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from harness.config.plan import Plan
from harness.config.problems import models_in
from harness.config.schema import json_schema
from harness.config.slo import SloFields, SloFile

_INTRO = """\
# The plan file and the SLO file

Written from the models by `peakproof schema plan --markdown`; a test keeps it current. One plan file says it all: every
other file is named from it, as a path from the folder of the plan. `peakproof init` writes a plan, `peakproof validate`
checks one, `peakproof schema plan` prints its JSON Schema for your editor.

- **Units are written out**: `20m`, `250ms`, `40/s`, `600/min`, `25 USD`, `16 MiB`, `60k`. A bare number is refused
  where a unit belongs.
- **Variables**: `${VAR}`, `${VAR:-default}`, `${VAR:?message}` are replaced when the file is read; `$$` is a
  dollar sign. Inside `{ }` or `[ ]` put them in quotes.
- **Secrets** are written `${env:NAME}`, in `headers` only. They stay as they are until a request is sent, so no
  file, report or log holds them.
- **`--set a.b=c`** lays one value over the plan, typed by these tables: `--set arrivals.seed=7`,
  `--set upstreams.llm/primary.tpm=24k`, `--set 'arrivals.segments[1].hold=30/s'`.
- **`profiles:`** holds overlays by name: `profiles: {ci: {smoke: true}}`, then `--profile ci`. Mappings are merged,
  anything else is replaced.
- **`target`** is a URL, or the name of one of `upstreams`: `target: copilot` tests the mock of that name.
- **In an editor**: `peakproof schema plan > plan.schema.json`, and `# yaml-language-server: $schema=plan.schema.json`
  as the first line of the plan.
- YAML 1.2: `on` and `no` are words. Duplicate keys and tags are refused; anchors are fine.
"""

_SHORT = {
    "Slice": "the duration alone, `slice: 5m`: the busiest five minutes",
    "Burst": "the word alone, `burst: fitted`",
    "Prompts": "the path of the JSONL alone, `prompts: prompts.jsonl`",
    "Confidence": "one number for both, `confidence: 0.99`",
    "SloFile": "a bare list is its `slos`. It is a file of its own, or stands in the plan under `slo:`",
}


def reference() -> str:
    """The whole reference as Markdown."""
    parts = [_INTRO, *_sections(Plan, "Plan"), *_sections(SloFile, "SLO file"), *_sections(SloFields, "")]
    return "\n".join(parts)


def fields() -> Iterator[tuple[str, str]]:
    """Every field of the plan by its path (`arrivals.quantile`, `journeys.NAME.kind`), with what may stand there."""
    yield from _fields(Plan, "")


def _fields(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str]]:
    definition = _definition(model)
    for field, info in model.model_fields.items():
        shape = definition["properties"][info.alias or field]
        container = _container(shape)
        step = {"list of ": "[N]", "by name: ": ".NAME"}.get(container, "")
        path = f"{prefix}{info.alias or field}"
        inner = models_in(info.annotation)
        default = _default(info).strip("*`")
        value = inner[0].__doc__ or "" if inner else _plain(shape)
        text = f"{info.description or ''} Takes: {' '.join(value.split()).rstrip('.')}."
        yield path, text.strip() + (f" Default: {default}." if default and default != "its own defaults" else "")
        if inner and inner[0].__name__ != "SloLine":
            yield from _fields(inner[0], f"{path}{step}.")


def _sections(model: type[BaseModel], title: str) -> Iterator[str]:
    yield _section(model, title)
    for inner in _inner(model):
        yield _section(inner, "")


def _inner(model: type[BaseModel]) -> list[type[BaseModel]]:
    """The models below one, each once, in the order of the fields; the SLO file has a section of its own."""
    found: dict[type[BaseModel], None] = {}
    for info in model.model_fields.values():
        for inner in models_in(info.annotation):
            if inner.__name__ not in ("SloFile", "SloLine"):
                found[inner] = None
                found |= dict.fromkeys(_inner(inner))
    return list(found)


def _section(model: type[BaseModel], title: str) -> str:
    name = model.__name__
    text = " ".join((model.__doc__ or "").split())
    lines = [f"## {title or _spaced(name)}", "", text]
    if name in _SHORT:
        lines += ["", f"Short form: {_SHORT[name]}."]
    lines += ["", "| field | value | default | |", "|---|---|---|---|"]
    definition = _definition(model)
    for field, info in model.model_fields.items():
        alias = info.alias or field
        shape = definition["properties"][alias]
        lines.append(f"| `{alias}` | {_value(shape, info)} | {_default(info)} | {_cell(info.description or '')} |")
    return "\n".join(lines) + "\n"


def _definition(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema(by_alias=True) if model is not SloFile else json_schema("slo")


def _spaced(name: str) -> str:
    return "".join(f" {c.lower()}" if c.isupper() and i else c for i, c in enumerate(name))


def _value(shape: dict[str, Any], info: FieldInfo) -> str:
    inner = models_in(info.annotation)
    if inner and inner[0].__name__ == "SloLine":
        return "list of sentences, or [fields](#slo-fields)"
    if inner:
        name = _spaced(inner[0].__name__)
        if name == "Slo file":
            return "path, or [SLO file](#slo-file)"
        return f"{_container(shape)}[{name.lower()}](#{name.lower().replace(' ', '-')})"
    return _cell(_plain(shape))


def _container(shape: dict[str, Any]) -> str:
    for option in (shape, *shape.get("anyOf", [])):
        if option.get("type") == "array":
            return "list of "
        if option.get("type") == "object" and "additionalProperties" in option:
            return "by name: "
    return ""


_WORDS = {
    "object": "fields",
    "array": "list",
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "`true` / `false`",
}


def _plain(shape: dict[str, Any]) -> str:
    """A field without fields of its own: what kind of value it takes, with an example."""
    options = [option for option in shape.get("anyOf", []) if option.get("type") != "null"]
    kind, title = shape.get("type"), shape.get("title")
    if options and title not in ("count", "probability"):
        return " or ".join(dict.fromkeys(_plain(option) for option in options))
    if "enum" in shape:
        text = " / ".join(f"`{choice}`" for choice in shape["enum"])
    elif "examples" in shape:
        text = f"{title}, `{shape['examples'][0]}`"
    elif kind == "array":
        text = f"list of {_plain(shape.get('items') or (shape.get('prefixItems') or [{}])[0])}"
    elif kind == "object":
        inner = shape.get("additionalProperties")
        text = f"by name: {_plain(inner)}" if isinstance(inner, dict) else "fields"
    else:
        kinds = [str(kind)] if isinstance(kind, str) else kind or []
        words = " or ".join(_WORDS.get(one, "anything") for one in kinds) or "anything"
        text = str(title) if title in ("path", "probability") else words
    return text


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "**needed**"
    value = info.get_default(call_default_factory=True)
    kinds = [getattr(entry, "json_schema", {}).get("title") for entry in info.metadata]
    if value is None or value in ("", (), {}):
        text = ""
    elif isinstance(value, BaseModel):
        text = getattr(value, "kind", "") or "its own defaults"
    elif "duration" in kinds:
        text = _duration(value)
    elif "size" in kinds:
        text = f"{value // 2**20} MiB"
    else:
        text = (
            f"{value:g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)
        )
    return f"`{text}`" if text and text != "its own defaults" else text


def _duration(seconds: float) -> str:
    """As a plan writes it, in the largest unit that divides it."""
    for unit, length in (("h", 3600), ("m", 60)):
        if seconds % length == 0:
            return f"{seconds / length:g}{unit}"
    return f"{seconds:g}s"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
