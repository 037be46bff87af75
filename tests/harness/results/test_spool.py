from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.results import RESULT_DTYPE, Catalog, SpoolWriter, read_spools

CATALOG = Catalog(journeys=("ask",), phases=("peak",), served_by=("", "primary"))
FIELDS = len(RESULT_DTYPE.names or ())


def row(seq: int, worker: int = 0, served_by: int = 0) -> list[int]:
    values = dict.fromkeys(RESULT_DTYPE.names or (), 0)
    values.update(seq=seq, due_ns=seq * 10, sent_ns=-1, worker=worker, served_by=served_by)
    return list(values.values())


def write(path: Path, count: int, worker: int = 0, block_rows: int = 8, close: bool = True) -> None:
    writer = SpoolWriter(path, worker, block_rows)
    writer.name("served_by", ["", "primary", "fallback"])
    for seq in range(count):
        writer.add(*row(seq, worker, seq % 3))
    if close:
        writer.close()
    else:
        writer.flush()
        os.close(writer._fd)


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9, 100])
def test_rows_come_back_as_written(tmp_path: Path, count: int) -> None:
    write(tmp_path / "a.spool", count)
    rows = read_spools([tmp_path / "a.spool"], CATALOG)
    assert rows.damage == ()
    assert rows.array["seq"].tolist() == list(range(count))
    assert rows.array["due_ns"].tolist() == [seq * 10 for seq in range(count)]
    assert (rows.array["sent_ns"] == -1).all()


def test_two_workers_who_number_the_same_names_differently_agree_after_reading(tmp_path: Path) -> None:
    for worker, names in enumerate((["", "blue", "green"], ["", "green", "blue"])):
        writer = SpoolWriter(tmp_path / f"{worker}.spool", worker)
        writer.name("served_by", names)
        writer.add(*row(worker, worker, served_by=1))
        writer.close()
    rows = read_spools([tmp_path / "0.spool", tmp_path / "1.spool"], CATALOG)
    assert rows.catalog.served_by == ("", "primary", "blue", "green")
    assert [rows.catalog.served_by[i] for i in rows.array["served_by"]] == ["blue", "green"]


def test_names_may_grow_in_the_middle(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "a.spool", 0)
    writer.add(*row(0))
    writer.name("steps", ["arrival", "search"])
    writer.add(*row(1))
    writer.name("steps", ["arrival", "search", "chat"])
    writer.add(*row(2))
    writer.close()
    rows = read_spools([tmp_path / "a.spool"], CATALOG)
    assert rows.damage == ()
    assert rows.catalog.steps == ("arrival", "search", "chat")


def test_a_worker_that_died_loses_nothing_it_flushed_and_is_seen(tmp_path: Path) -> None:
    write(tmp_path / "a.spool", 20, close=False)
    rows = read_spools([tmp_path / "a.spool"], CATALOG)
    assert rows.array.size == 20
    assert "without its end mark" in rows.damage[0]


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    rows = read_spools([tmp_path / "gone.spool"], CATALOG)
    assert rows.array.size == 0
    assert rows.damage == ("gone.spool: cannot be read: No such file or directory",)


def test_bytes_after_the_end_are_damage(tmp_path: Path) -> None:
    write(tmp_path / "a.spool", 3)
    with (tmp_path / "a.spool").open("ab") as file:
        file.write(b"x")
    assert "follow the end mark" in read_spools([tmp_path / "a.spool"], CATALOG).damage[0]


def test_another_workers_file_under_this_name_is_damage(tmp_path: Path) -> None:
    writer = SpoolWriter(tmp_path / "a.spool", worker=1)
    writer.add(*row(0, worker=2))
    writer.close()
    assert "another worker's rows" in read_spools([tmp_path / "a.spool"], CATALOG).damage[0]


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_any_flipped_bit_and_any_cut_is_detected_and_what_is_read_is_true(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "a.spool"
    path.unlink(missing_ok=True)
    write(path, 21)
    whole = path.read_bytes()
    at = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        path.write_bytes(whole[:at])
    else:
        broken = bytearray(whole)
        broken[at] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(bytes(broken))
    rows = read_spools([path], CATALOG)
    assert len(rows.damage) == 1
    assert rows.array["seq"].tolist() == list(range(rows.array.size))
    assert rows.array.size <= 21


def test_a_full_disk_breaks_the_writer_without_an_exception(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    writer = SpoolWriter(tmp_path / "a.spool", 0, block_rows=4)
    os.dup2(os.open(full, os.O_WRONLY), writer._fd)
    for seq in range(9):
        writer.add(*row(seq))
    assert "No space left" in writer.broken
    assert writer.written == 0
    writer.close()


def test_a_spool_is_never_overwritten(tmp_path: Path) -> None:
    write(tmp_path / "a.spool", 1)
    with pytest.raises(FileExistsError):
        SpoolWriter(tmp_path / "a.spool", 0)


def test_add_takes_every_field() -> None:
    assert len(row(0)) == FIELDS
    assert np.dtype(RESULT_DTYPE).itemsize == 80


def test_who_wrote_an_answer_comes_back_in_the_catalogs_numbers(tmp_path: Path) -> None:
    place = (RESULT_DTYPE.names or ()).index("written_by")
    for worker, names in enumerate((["", "a", "b"], ["", "b"])):
        writer = SpoolWriter(tmp_path / f"worker-{worker}.spool", worker)
        writer.name("written_by", names)
        values = row(worker, worker)
        values[place] = names.index("b")
        writer.add(*values)
        writer.close()
    rows = read_spools(sorted(tmp_path.glob("*.spool")), Catalog(("j",), ("p",)))
    assert not rows.damage
    assert [rows.catalog.written_by[i] for i in rows.array["written_by"]] == ["b", "b"]
