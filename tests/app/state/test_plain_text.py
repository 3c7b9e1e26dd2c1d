"""What is printed cannot move the cursor, and a failure is one sentence."""

import io
import warnings

import pytest

from landscape_lab.cli import main as module
from landscape_lab.cli.main import main
from landscape_lab.state.plain_text import PlainStream, one_line, plain, plain_output


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\x1b[31mb\x1b[0m", "ab"),
        ("a\x1b]0;title\x07b", "ab"),
        ("a\x1b]8;;http://x\x1b\\b", "ab"),
        ("a\x9b31mb\x08\x7f\r", "a31mb"),
        ("a\u202eb", "ab"),
        ("tab\tline\nα × 3", "tab\tline\nα × 3"),
    ],
)
def test_escape_sequences_are_taken_out(text, left):
    assert plain(text) == left


def test_an_error_is_one_line():
    assert one_line("a\n  b\x1b[2J\tc") == "a b c"


def test_characters_that_the_terminal_lacks_are_replaced():
    written = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    PlainStream(written).write("α\x1b[1m × 3")
    written.flush()
    assert written.buffer.getvalue() == b"? ? 3"


def test_a_closed_stream_is_no_error():
    stream = PlainStream(None)
    assert stream.write("text") == 4
    stream.flush()


def test_warnings_are_sentences():
    with plain_output():
        told = warnings.formatwarning("a file says \x1b[31mred", UserWarning, "a.py", 3)
    assert told == "landscape: a file says red\n"
    assert "a.py" in warnings.formatwarning("text", UserWarning, "a.py", 3)


def _failing(error):
    def parser(words):
        raise error

    return parser


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "landscape: There is not enough memory for this (none is left). "),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: 8 bytes"),
            "landscape: There is not enough memory for this (DefaultCPUAllocator: can't allocate",
        ),
        (KeyError("\x1b[31mx"), "landscape: Something failed: KeyError: '\\x1b[31mx' (--debug"),
        (OSError(5, "a\nb"), "landscape: [Errno 5] a b. What could be kept is in the cache"),
    ],
)
def test_whatever_fails_is_one_sentence_and_debug_shows_where(error, told, monkeypatch, capsys):
    monkeypatch.setattr(module, "parser", _failing(error))
    assert main(["list"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(told)
    assert main(["list", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err
