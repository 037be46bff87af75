"""JMeter: a JTL in its CSV form. `timeStamp` is the start in ms since 1970, `elapsed` the time to the last byte, in ms.

`Latency` (to the first byte) is not a time to first content and is left alone.
"""

from __future__ import annotations

import numpy as np

from harness.analysis.assemble import Recorded, outcome_of_status
from harness.analysis.foreign.jsonlines import from_start
from harness.analysis.rows_csv import settled
from harness.analysis.table import read_table
from harness.errors import Problem, UsageError
from harness.results import Outcome, Rows

_YEAR_2100_S = 4.1e9


def rows_from_jtl(text: str, name: str) -> Rows:
    """Rows of a JTL. Raises UsageError for the XML form and where columns are missing."""
    if text.lstrip("\ufeff \n").startswith("<"):
        raise UsageError(Problem("a JTL in XML", "set jmeter.save.saveservice.output_format=csv", name, 1, 1))
    table = read_table(text, name)
    if not table.has("timeStamp", "elapsed", "success"):
        advice = "jmeter.save.saveservice.print_field_names=true, with timeStamp, elapsed and success"
        raise UsageError(Problem("not JMeter's CSV", advice, name, 1, 1))
    sent, spent = table.numbers("timeStamp", 1e-3), table.numbers("elapsed", 1e-3)
    advice = "timeStamp is milliseconds since 1970, as JMeter writes it"
    table.wrong_where(np.abs(sent - _YEAR_2100_S / 2) > _YEAR_2100_S / 2, "timeStamp is of no time before 2100", advice)
    codes, success = table.words("responseCode"), table.words("success")
    table.wrong_where([word.lower() not in {"true", "false"} for word in success], "success is neither true nor false")
    table.wrong_where(np.isnan(sent) | np.isnan(spent), "a sample without its times")
    table.settle()
    words = [_outcome(code, word.lower() == "true") for code, word in zip(codes, success, strict=True)]
    sent, end = from_start(sent, sent + spent)
    recorded = Recorded(
        outcome=np.array([int(word) for word in words], dtype=np.uint8),
        finished_s=end,
        sent_s=sent,
        status=np.array([int(code) if code.isdigit() and len(code) == 3 else 0 for code in codes], dtype=np.uint16),
        journey=table.words("label"),
    )
    return settled(recorded, table)


def _outcome(code: str, success: bool) -> Outcome:
    if success:
        return Outcome.OK
    if code.isdigit() and 100 <= int(code) <= 599:
        word = outcome_of_status(int(code))
        # A 200 that an assertion turned down.
        return Outcome.WRONG_SHAPE if word is Outcome.OK else word
    said = code.lower()
    if "timeout" in said:
        return Outcome.TIMEOUT
    return Outcome.REFUSED if "connect" in said and "reset" not in said else Outcome.RESET
