"""What was asked, as one number: the same plan, promises and input files give the same hash on any machine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from harness.config.plan import Plan


def plan_hash(plan: Plan) -> str:
    """SHA-256 (hex) of the plan in force: overlays, `--set` and variables applied, secrets unresolved, files by
    content.

    Paths do not count, only what lies there: a moved folder keeps its hash.
    """
    fields = plan.model_dump(by_alias=True)
    fields.pop("trace_url")  # where a reader is led is no part of what was asked
    if plan.profile:
        fields["profile"] = Path(plan.profile)
    for line in fields["slo"]["slos"]:
        line.pop("source")
    canonical = json.dumps(_by_content(fields), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _by_content(value: Any) -> Any:
    if isinstance(value, Path):
        return hashlib.sha256(value.read_bytes()).hexdigest()
    if isinstance(value, dict):
        return {key: _by_content(child) for key, child in value.items()}
    if isinstance(value, list | tuple):
        return [_by_content(child) for child in value]
    return value
