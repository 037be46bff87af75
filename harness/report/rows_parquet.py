"""Result rows as Parquet, for notebooks and warehouses. pyarrow is an extra: it weighs more than the rest together."""

from __future__ import annotations

import numpy as np

from harness.errors import Problem, UsageError
from harness.report.breakdown import label, name_of
from harness.report.secrets import without_secrets
from harness.results import NEVER, RESULT_DTYPE, Outcome, Reason, Rows

_NAMED = {
    "journey": "journeys",
    "phase": "phases",
    "step": "steps",
    "tenant": "tenants",
    "degraded": "degraded",
    "served_by": "served_by",
    "written_by": "written_by",
}


def rows_parquet(rows: Rows) -> bytes:
    """One file with every row, the requests inside journeys too; names as dictionary columns, times as integer
    nanoseconds from the run's start, null where the moment did not come. Raises `UsageError` without pyarrow."""
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError as missing:
        problem = Problem("Parquet needs pyarrow, which is not installed", "pip install 'peakproof[parquet]'")
        raise UsageError(problem) from missing
    columns = {}
    for field in RESULT_DTYPE.names or ():
        values = np.ascontiguousarray(rows.array[field])
        if field in _NAMED or field in ("outcome", "reason"):
            names = _names(rows, field, int(values.max(initial=0)))
            columns[field] = arrow.DictionaryArray.from_arrays(arrow.array(values.astype(np.int32)), arrow.array(names))
        elif field.endswith("_ns"):
            columns[field] = arrow.array(values, mask=values == NEVER)
        else:
            columns[field] = arrow.array(values)
    sink = arrow.BufferOutputStream()
    parquet.write_table(arrow.table(columns), sink, compression="zstd")
    return bytes(sink.getvalue().to_pybytes())


def _names(rows: Rows, field: str, highest: int) -> list[str]:
    if field in _NAMED:
        known = without_secrets(getattr(rows.catalog, _NAMED[field]))
        return [name_of(known, code) for code in range(max(highest + 1, len(known)))]
    kind = Outcome if field == "outcome" else Reason
    return [label(kind, code) for code in range(highest + 1)]
