from __future__ import annotations

import io

import pytest

from harness.cli.terminal import color_wanted, note, printable, show_error


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environ", "wanted"),
    [
        (Terminal(), {}, True),
        (Terminal(), {"NO_COLOR": "1"}, False),
        (Terminal(), {"NO_COLOR": ""}, True),
        (Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
        (io.StringIO(), {"FORCE_COLOR": "1"}, True),
        (io.StringIO(), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colour_only_where_it_is_wanted(stream: io.StringIO, environ: dict[str, str], wanted: bool) -> None:
    assert color_wanted(stream, environ) is wanted


def test_control_characters_are_shown_not_sent() -> None:
    assert printable("a\x1b[31mb\r\nc\u202e") == "a\\x1b[31mb\\r\nc\\u202e"


def test_what_goes_to_stderr_is_clean(capsys: pytest.CaptureFixture[str]) -> None:
    show_error("Authorization: Bearer s3cretvalue99 \x1b]0;x\x07")
    note("https://u:s3cretvalue99@h")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "s3cretvalue99" not in captured.err
    assert "\x1b" not in captured.err
