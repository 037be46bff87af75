"""Run folders and what is kept in them: atomic files, manifests, the history of runs, baselines."""

from harness.store.atomic import write_bytes, write_text
from harness.store.baseline import Baseline, baseline_from_text, baseline_of, baseline_to_text
from harness.store.folder import RunFolder, create, create_named, digest, latest, list_runs, only_if_run, open_run
from harness.store.history import PastCheck, PastRun, history, last_good, past_run, trend
from harness.store.locks import target_lock

__all__ = [
    "Baseline",
    "PastCheck",
    "PastRun",
    "RunFolder",
    "baseline_from_text",
    "baseline_of",
    "baseline_to_text",
    "create",
    "create_named",
    "digest",
    "history",
    "last_good",
    "latest",
    "list_runs",
    "only_if_run",
    "open_run",
    "past_run",
    "target_lock",
    "trend",
    "write_bytes",
    "write_text",
]
