import pytest

from harness.errors import UsageError
from harness.forecast import forecast_peak, read_history

HEAD = "TIMESTAMP,ContextTokens,GeneratedTokens"
ROWS = [f"2023-11-16 18:{m:02d}:{s:02d}.{m:02d}79600,{100 + m},{s}" for m in range(15) for s in (3, 46)]


def test_azure_traces_keep_their_tokens():
    history = read_history("\n".join([HEAD, *ROWS]), "azure.csv")  # no newline at the end, as published
    assert history.format == "azure-llm"
    assert history.requests.offsets_s.size == 30
    assert list(history.requests.tokens[1]) == [100, 46]
    assert history.requests.offsets_s[1] == pytest.approx(43)
    assert history.requests.offsets_s[2] == pytest.approx(60.01)
    assert history.intake.rows_in == history.intake.rows_used == 30


def test_the_multimodal_trace_has_a_column_more():
    rows = [row + ",2" for row in ROWS]
    history = read_history("\n".join([HEAD + ",NumImages", *rows]), "azure.csv")
    assert list(history.requests.tokens[0]) == [100, 3]


def test_a_short_trace_is_called_what_it_is():
    peak = forecast_peak(read_history("\n".join([HEAD, *ROWS]), "azure.csv")).peak
    assert peak.label == "OBSERVED"
    assert peak.sentence.startswith("observed shape, not a forecast")
    assert peak.level() is None
    assert peak.recorded.tokens.shape[1] == 2


@pytest.mark.parametrize("row", ["2023-11-16 18:00:00,1", "never,1,2", "2023-11-16 18:00:00,-1,2", "2023-11-16,1.5,2"])
def test_a_malformed_row_has_its_line(row):
    with pytest.raises(UsageError, match=r"azure\.csv:4:1: not a trace row"):
        read_history("\n".join([HEAD, ROWS[0], ROWS[1], row]), "azure.csv")


def test_a_wrong_header_under_the_formats_name():
    with pytest.raises(UsageError, match=r"azure\.csv:1:1: no header TIMESTAMP"):
        read_history("a,b,c\n1,2,3\n", "azure.csv", "azure-llm")


def test_burstgpt_by_column_names_with_its_failures():
    head = "Timestamp,Session ID,Elapsed time,Model,Request tokens,Response tokens,Total tokens,Log Type"
    rows = [f"{5 + 30 * i},,1.5,ChatGPT,{400 + i},{0 if i == 3 else 50 + i},9,API log" for i in range(40)]
    history = read_history("\n".join([head, *rows]), "BurstGPT_1.csv")
    assert history.format == "burstgpt"
    assert history.start_ns is None
    assert history.intake.rows_used == 40
    assert list(history.requests.tokens[2]) == [402, 52]
    assert list(history.requests.tokens[3]) == [403, 70]  # failed: the others' median
    assert "1 requests had failed" in history.intake.findings[0]


def test_mooncake_times_are_milliseconds():
    lines = [
        f'{{"timestamp": {27482 * i}, "input_length": {6955 + i}, "output_length": 52, "hash_ids": [46]}}'
        for i in range(40)
    ]
    history = read_history("\n".join(lines), "mooncake.jsonl")
    assert history.format == "mooncake"
    assert history.requests.offsets_s[2] == pytest.approx(54.964)
    assert list(history.requests.tokens[2]) == [6957, 52]


@pytest.mark.parametrize(
    "row", ['{"timestamp": -1, "input_length": 1, "output_length": 1}', '{"timestamp": 5}', "[]", "{"]
)
def test_a_malformed_mooncake_row_has_its_line(row):
    good = '{"timestamp": 0, "input_length": 1, "output_length": 1}'
    with pytest.raises(UsageError, match=r"m\.jsonl:2:1: not a trace row"):
        read_history(f"{good}\n{row}\n", "m.jsonl")
