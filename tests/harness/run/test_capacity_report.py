from __future__ import annotations

import pytest

from harness.analysis import Capacity, Word
from harness.analysis.capacity import Stage, Trial
from harness.run.capacity_report import headline, word_of


def trial(word: Word, rate: float = 10.0) -> Trial:
    return Trial(Stage.PROBE, rate, word, 60.0, 0.01, 0.05, rate)


@pytest.mark.parametrize(
    ("proven", "disproven", "peak", "word"),
    [
        (40.0, 45.0, 30.0, Word.PASS),
        (40.0, None, None, Word.PASS),
        (25.0, 28.0, 30.0, Word.FAIL),
        (25.0, 35.0, 30.0, Word.INCONCLUSIVE),
        (None, 35.0, 30.0, Word.INCONCLUSIVE),
        (None, 5.0, None, Word.FAIL),
        (None, None, 30.0, Word.INCONCLUSIVE),
    ],
)
def test_the_word_is_the_brackets_place_against_the_peak(
    proven: float | None, disproven: float | None, peak: float | None, word: Word
) -> None:
    found = Capacity(proven=proven, disproven=disproven, forecast_peak=peak)
    assert word_of([trial(Word.PASS)], found) is word
    assert headline(word, found)


def test_spoiled_steps_alone_are_no_answer() -> None:
    record = [trial(Word.INVALID), trial(Word.INVALID)]
    assert word_of(record, Capacity(forecast_peak=3.0)) is Word.INVALID
    assert "fix the run" in headline(Word.INVALID, Capacity())
