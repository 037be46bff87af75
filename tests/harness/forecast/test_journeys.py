import pytest

from harness.errors import UsageError
from harness.forecast import read_history
from harness.forecast.journeys import parse_patterns, path_of


def log(*targets: str) -> str:
    """One request a second, the targets in turn."""
    rows = (
        f'::1 - - [10/Oct/2026:13:{i // 60:02d}:{i % 60:02d} +0000] "POST {targets[i % len(targets)]} HTTP/1.1" 200 1'
        for i in range(120)
    )
    return "\n".join(rows) + "\n"


def named(history):
    return [history.journeys[i] for i in history.requests.journeys]


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/v1/chat?x=1#y", "/v1/chat"),
        ("https://api.example.com:443/v1/chat?x=1", "/v1/chat"),
        ("POST /v1/chat HTTP/1.1", "/v1/chat"),
        ("GET https://h/a b", "/a"),
        ("https://[broken/x", ""),
        ("", ""),
    ],
)
def test_a_path_is_found_in_every_way_logs_write_it(target, path):
    assert path_of(target) == path


def test_well_known_paths_name_the_built_in_kinds():
    history = read_history(log("/v1/chat/completions", "/v1/embeddings?x=1"), "access.log")
    assert sorted(history.journeys) == ["chat", "embed"]
    assert named(history)[:2] == ["chat", "embed"]
    assert "chat 50 %, embed 50 %" in " ".join(history.intake.findings)


def test_a_path_that_is_not_well_known_leaves_the_mix_unknown_and_says_how_to_name_it():
    history = read_history(log("/v1/chat/completions", "/healthz"), "access.log")
    assert history.journeys == ()
    assert history.requests.journeys is None
    assert history.intake.rows_used == 120
    assert "/healthz 50 %; --journey NAME=/path/*" in " ".join(history.intake.findings)


def test_the_first_pattern_that_matches_names_the_journey_and_the_rest_is_reported():
    patterns = parse_patterns(["short=/ask/quick", "ask=/ask*", "idle=/never"])
    history = read_history(log("/ask/quick", "/ask", "/metrics"), "access.log", journeys=patterns)
    assert history.journeys == ("short", "ask")
    assert named(history)[:2] == ["short", "ask"]
    assert history.intake.rows_in == 120
    assert history.intake.rows_used == 80
    assert [(i.kind, i.count, i.first_line) for i in history.intake.issues] == [("unmapped", 40, 3)]


def test_json_lines_may_name_the_journey_themselves():
    text = "\n".join(f'{{"t": {i}, "journey": "{"a[1]" if i % 3 else "b"}", "path": "/x"}}' for i in range(60))
    history = read_history(text, "x.jsonl")
    assert history.journeys == ("b", "a[1]")
    assert named(history)[:3] == ["b", "a[1]", "a[1]"]
    grouped = read_history(text, "x.jsonl", journeys=parse_patterns(["all=*"]))
    assert grouped.journeys == ("all",)


@pytest.mark.parametrize("key", ["path", "request_uri", "url", "request"])
def test_json_lines_name_the_path_under_the_usual_keys(key):
    value = "POST /v1/messages HTTP/1.1" if key == "request" else "/v1/messages"
    text = "\n".join(f'{{"t": {i}, "{key}": "{value}"}}' for i in range(60))
    assert read_history(text, "x.jsonl").journeys == ("chat",)


@pytest.mark.parametrize("text", ["chat", "=x", "chat=", ""])
def test_a_pattern_without_name_or_path_is_refused(text):
    with pytest.raises(UsageError, match="--journey"):
        parse_patterns([text])


def test_patterns_that_name_nothing_are_refused():
    with pytest.raises(UsageError, match=r"no request is of a journey.*/a 100 %"):
        read_history(log("/a"), "access.log", journeys=parse_patterns(["x=/b"]))
    with pytest.raises(UsageError, match="names no paths"):
        read_history("t,count\n0,1\n60,2\n", "counts.csv", journeys=parse_patterns(["x=/b"]))
