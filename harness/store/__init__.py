"""Run folders and what is kept in them: atomic files, manifests, the history of runs."""

from harness.store.atomic import write_bytes, write_text
from harness.store.folder import RunFolder, create, digest, latest, list_runs, open_run

__all__ = ["RunFolder", "create", "digest", "latest", "list_runs", "open_run", "write_bytes", "write_text"]
