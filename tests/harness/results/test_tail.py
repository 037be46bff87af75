from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.results import RESULT_DTYPE, Catalog, SpoolTails, SpoolWriter, read_spools

CATALOG = Catalog(journeys=("ask",), phases=("peak",), served_by=("", "primary"))


def add(writer: SpoolWriter, *seqs: int, served_by: int = 0, worker: int = 0) -> None:
    for seq in seqs:
        values = dict.fromkeys(RESULT_DTYPE.names or (), 0) | {"seq": seq, "served_by": served_by, "worker": worker}
        writer.add(*values.values())
    writer.flush()


def test_each_look_gives_what_is_new_and_all_of_it_once(tmp_path: Path) -> None:
    paths = [tmp_path / f"{worker}.spool" for worker in range(2)]
    tails = SpoolTails(paths, CATALOG)
    assert tails.read().array.size == 0
    first = SpoolWriter(paths[0], 0)
    add(first, 1, 2)
    assert tails.read().array["seq"].tolist() == [1, 2]
    assert tails.read().array.size == 0
    second = SpoolWriter(paths[1], 1)
    add(second, 3, worker=1)
    add(first, 4)
    assert sorted(tails.read().array["seq"].tolist()) == [3, 4]
    first.close()
    second.close()
    assert tails.read().array.size == 0
    assert read_spools(paths, CATALOG).array.size == 4


@pytest.mark.parametrize("cut", range(1, 200, 17))
def test_a_block_that_is_still_being_written_is_read_when_it_is_whole(tmp_path: Path, cut: int) -> None:
    whole, growing = tmp_path / "whole.spool", tmp_path / "growing.spool"
    writer = SpoolWriter(whole, 0)
    add(writer, 1, 2, 3)
    writer.close()
    data = whole.read_bytes()
    tails = SpoolTails([growing], CATALOG)
    seen = []
    for end in (len(data) - cut, len(data)):
        growing.write_bytes(data[: max(0, end)])
        seen += tails.read().array["seq"].tolist()
    assert seen == [1, 2, 3]


def test_after_damage_nothing_more_is_believed(tmp_path: Path) -> None:
    path = tmp_path / "a.spool"
    writer = SpoolWriter(path, 0)
    add(writer, 1)
    size = path.stat().st_size
    add(writer, 2)
    add(writer, 3)
    writer.close()
    data = bytearray(path.read_bytes())
    data[size + 40] ^= 1
    path.write_bytes(data)
    tails = SpoolTails([path], CATALOG)
    assert tails.read().array["seq"].tolist() == [1]
    assert tails.read().array.size == 0


def test_two_workers_names_become_one_catalog(tmp_path: Path) -> None:
    paths = [tmp_path / f"{worker}.spool" for worker in range(2)]
    for worker, names in enumerate((["", "blue", "green"], ["", "green", "blue"])):
        writer = SpoolWriter(paths[worker], worker)
        writer.name("served_by", names)
        add(writer, worker, served_by=1, worker=worker)
        writer.close()
    rows = SpoolTails(paths, CATALOG).read()
    assert [rows.catalog.served_by[i] for i in rows.array["served_by"]] == ["blue", "green"]
    assert np.array_equal(rows.array["seq"], [0, 1])
