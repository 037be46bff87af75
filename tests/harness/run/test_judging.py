"""A stored run that was damaged, altered or thinned is never a PASS: one whole folder, corrupted by hypothesis."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from harness import store
from harness.analysis import Verdict, Word, parse_slo
from harness.errors import EvidenceError, PeakproofError
from harness.results import NEVER, RESULT_DTYPE, TELEMETRY_DTYPE, TELEMETRY_HEAD, Outcome, ResultArray
from harness.run.inputs import Inputs
from harness.run.judging import judge_run, pacing_limit_s
from tests.harness.run.folders import inputs_of, rows_of, stored_run, write_engine

FEW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


class Kept:
    """A healthy stored run, and what it was made of."""

    def __init__(self, folder: store.RunFolder, inputs: Inputs, rows: ResultArray) -> None:
        self.folder, self.inputs, self.rows = folder, inputs, rows
        self.files = {path: path.read_bytes() for path in folder.path.rglob("*") if path.is_file()}

    def again(self) -> None:
        """Puts everything back."""
        for path, data in self.files.items():
            path.write_bytes(data)

    def judged(self) -> Verdict:
        return judge_run(self.folder, keep=False).verdict

    def with_rows(self, rows: ResultArray) -> Verdict:
        """Judged with other rows in whole, well-formed spools; telemetry and facts are those of the true run."""
        kept = {path: data for path, data in self.files.items() if path.suffix != ".spool"}
        write_engine(self.folder, self.inputs, rows)
        for path, data in kept.items():
            path.write_bytes(data)
        try:
            return self.judged()
        finally:
            self.again()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kept]:
    root = tmp_path_factory.mktemp("kept")
    inputs = inputs_of(root)
    rows = rows_of(inputs)
    folder = stored_run(root / "runs", inputs, rows)
    yield Kept(folder, inputs, rows)
    shutil.rmtree(root)


def judged_peak(kept: Kept) -> np.ndarray[Any, Any]:
    return np.flatnonzero(kept.rows["phase"] == 1)


def test_the_stored_run_as_it_is_passes(kept: Kept) -> None:
    verdict = kept.judged()
    assert verdict.word is Word.PASS, verdict.caveats
    assert kept.with_rows(kept.rows) == verdict


@FEW
@given(data=st.data())
def test_dropped_rows_are_invalid(kept: Kept, data: st.DataObject) -> None:
    gone = data.draw(st.sets(st.integers(0, len(kept.rows) - 1), min_size=1, max_size=20))
    verdict = kept.with_rows(np.delete(kept.rows, list(gone)))
    assert verdict.word is Word.INVALID and "ledger" in verdict.reasons


@FEW
@given(data=st.data())
def test_doubled_rows_are_invalid(kept: Kept, data: st.DataObject) -> None:
    twice = data.draw(st.sets(st.integers(0, len(kept.rows) - 1), min_size=1, max_size=20))
    verdict = kept.with_rows(np.concatenate([kept.rows, kept.rows[list(twice)]]))
    assert verdict.word is Word.INVALID and "ledger" in verdict.reasons


@FEW
@given(data=st.data(), field=st.sampled_from(("due_ns", "phase", "journey", "seq", "worker")))
def test_rows_that_are_not_as_planned_are_invalid(kept: Kept, data: st.DataObject, field: str) -> None:
    """Also two rows that change places."""
    first, second = data.draw(st.lists(st.integers(0, len(kept.rows) - 1), min_size=2, max_size=2, unique=True))
    rows = kept.rows.copy()
    if field in {"phase", "journey", "worker"}:
        rows[field][first] = 1 - rows[field][first]
    elif field == "seq":
        rows[field][first] = rows[field][second]
    else:
        rows[field][first], rows[field][second] = rows[field][second], rows[field][first]
    assert kept.with_rows(rows).word is Word.INVALID


IMPOSSIBLE: dict[str, Callable[[ResultArray], None]] = {
    "an outcome that is none": lambda row: row.__setitem__("outcome", 200),
    "a reason that is none": lambda row: row.__setitem__("reason", 250),
    "a negative due time": lambda row: row.__setitem__("due_ns", -5),
    "a success without an end": lambda row: row.__setitem__("finished_ns", NEVER),
    "an end before the send": lambda row: row.__setitem__("finished_ns", row["sent_ns"] - 10**7),
    "a send before the due time": lambda row: row.__setitem__("sent_ns", row["due_ns"] - 10**8),
    "a success that was never sent": lambda row: row.__setitem__("sent_ns", NEVER),
    "a first token before the send": lambda row: row.__setitem__("first_token_ns", row["sent_ns"] - 1),
    "a first token after the end": lambda row: row.__setitem__("first_token_ns", row["finished_ns"] + 1),
    "a phase without a name": lambda row: row.__setitem__("phase", 77),
    "a journey without a name": lambda row: row.__setitem__("journey", 77),
    "a tenant without a name": lambda row: row.__setitem__("tenant", 77),
    "a lost arrival of a worker that was not lost": lambda row: row.__setitem__("outcome", Outcome.LOST_WITH_WORKER),
}


@pytest.mark.parametrize("what", IMPOSSIBLE)
def test_rows_that_cannot_be_are_invalid(kept: Kept, what: str) -> None:
    for place in judged_peak(kept)[[0, 300, -1]]:
        rows = kept.rows.copy()
        row = rows[place : place + 1]
        IMPOSSIBLE[what](row)
        try:
            verdict = kept.with_rows(rows)
        except PeakproofError:
            continue
        assert verdict.word is Word.INVALID, (what, place)


def test_no_rows_and_no_plan_are_never_good_news(kept: Kept) -> None:
    assert kept.with_rows(np.empty(0, RESULT_DTYPE)).word is Word.INVALID


@FEW
@given(data=st.data())
@example(data=None)
def test_a_flipped_or_missing_byte_of_any_evidence_is_never_a_pass_unless_nothing_changed(
    kept: Kept, data: st.DataObject | None
) -> None:
    spools = kept.folder.spools()
    path = spools[0] if data is None else data.draw(st.sampled_from(spools))
    good = kept.files[path]
    at = len(good) - 1 if data is None else data.draw(st.integers(0, len(good) - 1))
    bit = 1 if data is None else data.draw(st.sampled_from((1, 2, 64, 128)))
    cut = data is not None and data.draw(st.booleans())
    path.write_bytes(good[:at] if cut else good[:at] + bytes([good[at] ^ bit]) + good[at + 1 :])
    try:
        verdict = kept.judged()
        assert verdict.word is Word.INVALID and "spool" in verdict.reasons
    finally:
        kept.again()


@pytest.mark.parametrize(
    "name", ["arrivals.npy", "engine/job.json", "engine/catalog.json", "engine/engine.json", "manifest.json"]
)
@pytest.mark.parametrize("content", [b"", b"{}", b"null", b"[NaN]", b"\x93NUMPY\x01\x00"])
def test_evidence_that_is_empty_or_nonsense_is_an_error_or_invalid(kept: Kept, name: str, content: bytes) -> None:
    (kept.folder.path / name).write_bytes(content)
    try:
        assert kept.judged().word is Word.INVALID
    except PeakproofError:
        pass
    finally:
        kept.again()


@pytest.mark.parametrize(
    "name", ["arrivals.npy", "engine/worker-0.spool", "engine/worker-1.telemetry", "engine/engine.json"]
)
def test_evidence_that_is_gone_is_an_error_or_invalid(kept: Kept, name: str) -> None:
    (kept.folder.path / name).unlink()
    try:
        assert kept.judged().word is Word.INVALID
    except PeakproofError:
        pass
    finally:
        kept.again()


GATED = ("t_s", "cpu_share", "loop_lag_s_p99", "in_flight_area_s")


@pytest.mark.parametrize("name", ["mix", "process", "upstreams", "notes"])
def test_a_manifest_that_lost_a_fact_is_an_error_in_words(kept: Kept, name: str) -> None:
    try:
        manifest = json.loads(kept.folder.manifest.read_bytes())
        del manifest[name]
        kept.folder.manifest.write_text(json.dumps(manifest))
        with pytest.raises(EvidenceError, match=name):
            kept.judged()
    finally:
        kept.again()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -1.0])
@pytest.mark.parametrize("field", GATED)
def test_telemetry_that_is_no_number_is_invalid(kept: Kept, field: str, value: float) -> None:
    path = kept.folder.telemetry(0)
    records = np.frombuffer(kept.files[path], TELEMETRY_DTYPE, offset=len(TELEMETRY_HEAD)).copy()
    records[field][8:] = value
    path.write_bytes(TELEMETRY_HEAD + records.tobytes())
    try:
        assert kept.judged().word is Word.INVALID, (field, value)
    finally:
        kept.again()


@FEW
@given(
    place=st.integers(0, 900),
    slower_ns=st.integers(0, 4 * 10**8),
    outcome=st.sampled_from(("server_error", "throttled", "timeout", "ok")),
)
def test_a_worse_row_never_makes_a_verdict_better(kept: Kept, place: int, slower_ns: int, outcome: str) -> None:
    """Its bad requests never become fewer; the bounds at a fixed window and design effect follow (test_judge)."""
    before = kept.judged()
    at = judged_peak(kept)[place]
    rows = kept.rows.copy()
    rows["finished_ns"][at] += slower_ns
    rows["outcome"][at] = Outcome.parse(outcome)
    after = kept.with_rows(rows)
    for one, other in zip(before.checks, after.checks, strict=True):
        assert other.bad >= one.bad


@pytest.mark.parametrize(
    ("slos", "limit_s"),
    [
        (("e2e p95 <= 3s",), 0.15),
        (("e2e p95 <= 3s", "ttft p95 <= 400ms"), 0.05),
        (("errors < 1%",), 0.05),
        (("e2e p95 <= 30s", "tpot p95 <= 60ms"), 0.05),
        (("goodput >= 90% {e2e: 10s}",), 0.5),
        (("goodput >= 90% {e2e: 10s, tpot: 80ms}",), 0.05),
    ],
)
def test_mocks_may_be_as_late_as_the_generator_but_for_single_tokens(slos: tuple[str, ...], limit_s: float) -> None:
    assert pacing_limit_s([parse_slo(text) for text in slos]) == pytest.approx(limit_s)
