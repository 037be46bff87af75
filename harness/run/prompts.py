"""Which prompt each arrival carries, kept with the run: a prompt asked before may be answered from a cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from harness import store
from harness.engine import EngineJob, prompt_numbers
from harness.errors import EvidenceError, Problem


def keep_prompt_numbers(job: EngineJob, folder: store.RunFolder, arrivals: int) -> None:
    """Write prompts.npy where the prompts come from a file; generated ones are each their own."""
    if job.prompts:
        np.save(folder.prompts, prompt_numbers(job.seed, Path(job.prompts), arrivals), allow_pickle=False)


def read_prompt_numbers(folder: store.RunFolder) -> npt.NDArray[np.uint32] | None:
    """By seq; None where every prompt was its own. Raises EvidenceError where the file is broken."""
    if not folder.prompts.exists():
        return None
    try:
        return np.asarray(np.load(folder.prompts, allow_pickle=False), dtype=np.uint32)
    except (OSError, ValueError) as error:
        raise EvidenceError(
            Problem(f"which prompts were sent cannot be read: {error}", file=str(folder.prompts))
        ) from None
