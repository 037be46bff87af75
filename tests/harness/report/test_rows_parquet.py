from __future__ import annotations

import builtins
import io
from typing import Any

import pytest

from harness.errors import UsageError
from harness.report import Report, rows_parquet


def test_what_is_written_is_read_back(reports: dict[str, Report]) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    rows = reports["fail"].rows
    assert rows is not None
    table = parquet.read_table(io.BytesIO(rows_parquet(rows)))
    assert table.num_rows == rows.array.size
    assert table["due_ns"].to_pylist() == rows.array["due_ns"].tolist()
    assert table["first_token_ns"].null_count == int((rows.array["first_token_ns"] < 0).sum())
    assert set(table["outcome"].to_pylist()) == {"ok", "degraded", "throttled", "timeout", "truncated"}
    assert set(table["journey"].to_pylist()) == {"chat", "search"}


def test_without_pyarrow_the_error_says_what_to_install(
    reports: dict[str, Report], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain_import = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return plain_import(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    rows = reports["pass"].rows
    assert rows is not None
    with pytest.raises(UsageError, match=r"peakproof\[parquet\]"):
        rows_parquet(rows)
