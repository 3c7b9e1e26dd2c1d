"""`landscape lab`: what is listed, what a run and a report write, and what is refused."""

import contextlib
import signal

import pytest
import xarray as xr

import foreign
from landscape_core import labs
from landscape_core.foundation.progress import Progress
from landscape_core.storage import netcdf
from landscape_lab.cli.main import main
from landscape_lab.cli.progress_bar import shown

PARTS = ["--parts", str(foreign.SOURCE / foreign.PACKAGE / "averages.py")]
AVERAGES = ["lab", "run", "Averages", *PARTS, "--set", "repetitions=20"]


@pytest.fixture(autouse=True)
def _store(tmp_path, monkeypatch):
    monkeypatch.setenv("LANDSCAPE_CACHE", str(tmp_path / "cache"))


def test_labs_are_listed_by_family_with_their_questions(capsys):
    assert main(["lab", "list"]) == 0
    listed = capsys.readouterr().out
    assert "Noise and batches\n" in listed
    for name in labs.names():
        assert f"  {name} " in listed
    assert main(["lab", "list", "games"]) == 0
    assert "constant_target" not in capsys.readouterr().out


def test_a_run_prints_its_verdict_and_writes_dataset_and_figure(tmp_path, capsys):
    folder = tmp_path / "found"
    for _ in range(2):  # the second time the folder is there
        assert main([*AVERAGES, "--seeds", "3,5,8-11", "-o", str(folder)]) == 0
        assert "PASS: 6 of 6 seeds" in capsys.readouterr().out
    found = netcdf.load(folder / "Averages.nc")
    assert found["seed"].values.tolist() == [3, 5, 8, 9, 10, 11]
    assert str(labs.verdict(found)) == found.attrs["verdict_in_words"]
    assert (folder / "Averages.png").read_bytes().startswith(b"\x89PNG")


def test_a_number_of_seeds_may_have_spaces_around_it(tmp_path):
    assert main([*AVERAGES, "--seeds", " 2 ", "-o", str(tmp_path)]) == 0
    assert netcdf.load(tmp_path / "Averages.nc")["seed"].values.tolist() == [0, 1]


def test_a_report_writes_a_page_with_every_verdict_and_picture(tmp_path, capsys):
    folder = tmp_path / "docs"
    asked = ["lab", "report", "Averages", *PARTS, "--seeds", "6", "-o", str(folder)]
    for _ in range(2):
        assert main(asked) == 0
    assert "Averages: PASS: 6 of 6 seeds" in capsys.readouterr().out
    page = (folder / "labs.md").read_text("utf-8")
    assert "| [Averages](#averages) |" in page
    assert "![Averages](labs/Averages.png)" in page
    assert (folder / "labs" / "Averages.png").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["lab", "run"], "the name of one lab"),
        (["lab", "run", "no_such_lab"], "no_such_lab"),
        ([*AVERAGES, "--seeds", "none"], "--seeds"),
        ([*AVERAGES, "--seeds", "0"], "--seeds"),
        ([*AVERAGES, "--seeds", "3-1"], "--seeds"),
        ([*AVERAGES, "--seeds", "1_0"], "--seeds"),
        ([*AVERAGES, "--seeds", "1-2-3"], "--seeds"),
        ([*AVERAGES, "--seeds", "3,"], "--seeds"),
        ([*AVERAGES, "--seeds", "9" * 5000], "--seeds"),
        ([*AVERAGES, "-o", __file__], "--output must be a folder"),
        (["lab", "report", "Averages", *PARTS, "-o", __file__], "--output must be a folder"),
        ([*AVERAGES, "--set", "repetitions"], "FIELD=VALUE"),
        ([*AVERAGES, "--set", "repetitions=1"], "between 10 and 1000"),
        ([*AVERAGES, "--set", "size=1"], "size"),
        (["lab", "report", "--set", "target=1"], "default settings"),
    ],
)
def test_what_is_not_accepted_is_one_sentence(words, told, capsys):
    assert main(words) == 1
    error = capsys.readouterr().err
    assert told in error
    assert error.count("\n") == 1


def test_an_interrupt_that_is_lost_in_a_library_ends_the_work_all_the_same():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job ignores it

    def work():
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        yield Progress(1, 2)
        yield Progress(2, 2, xr.Dataset())

    with pytest.raises(KeyboardInterrupt):
        shown(work(), "lab", "seed")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)
