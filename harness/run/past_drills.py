"""The drills of one target that lie beside a run: what each came to the last time it was held."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness import store
from harness.errors import EvidenceError
from harness.run.comparing import target_name

SHOWN = 8


def drills_of(root: Path, target: str, before: str) -> tuple[str, ...]:
    """A sentence for each drill of `target` under `root` that started before the ISO time `before`, its last result;
    newest first. Folders that cannot be read are left out: they are no part of this run."""
    last: dict[str, dict[str, Any]] = {}
    for path in root.glob("*/drill.json"):
        folder = store.RunFolder(root, path.parent.name)
        try:
            drill, manifest = folder.read_json(path), folder.read_manifest()
        except (EvidenceError, OSError):
            continue
        title, started = str(drill.get("title", "")), str(drill.get("started", ""))
        older = str(last.get(title, {}).get("started", ""))
        if target_name(manifest) == target and older < started < before:
            last[title] = drill
    newest = sorted(last.values(), key=lambda drill: str(drill["started"]), reverse=True)
    told = [f"{drill.get('result', '')}, {str(drill['started'])[:10]}: {drill['title']}" for drill in newest[:SHOWN]]
    return (*told, *([f"and {len(newest) - SHOWN} more"] if len(newest) > SHOWN else []))
