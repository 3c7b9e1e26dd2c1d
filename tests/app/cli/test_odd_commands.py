"""Whatever a command line says, it ends in a sentence or a right result, soon."""

import json
import os
import resource
import stat
import time
from pathlib import Path

import pytest

from landscape_core.training import run_cost
from landscape_lab.cli.main import main
from odd_inputs import COMMANDS, odd_folder

MOST_SECONDS = 2.0
MOST_MEMORY = 500e6
REPLACING = {"train", "slice", "plot", "picture", "connect", "convexity", "planes"}
"""Commands that would otherwise be refused for a file that an earlier one wrote."""

REPRESENTATIVE = 8
"""Of so many command lines one is run in the ordinary run."""

ORDINARY = [
    case if index % REPRESENTATIVE == 0 else pytest.param(case, marks=pytest.mark.exhaustive)
    for index, case in enumerate(COMMANDS)
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("odd")
    os.environ["LANDSCAPE_CACHE"] = str(made / "cache")
    asked = ["train", "--dataset", "moons", "--steps", "5", "--set", "problem.architecture.width=4"]
    odd_folder(made, lambda path: main([*asked, "-o", path]))
    main(["slice", str(made / "run.nc"), "--resolution", "3", "-o", str(made / "warm.nc")])
    main(["plot", str(made / "warm.nc"), "-o", str(made / "warm.png")])  # all is imported
    return made


@pytest.fixture(autouse=True)
def _ten_gigabytes(monkeypatch):
    """What a large machine accepts would fill it, and hide what later commands take."""
    monkeypatch.setattr(run_cost, "free_memory", lambda _: 10**10)


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.skipif(os.name != "posix", reason="has pipes and devices")
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("words", ORDINARY, ids=lambda words: repr(words)[:60])
def test_it_ends_in_a_sentence(words, folder, monkeypatch, capsys, record_property):
    monkeypatch.chdir(folder)
    capsys.readouterr()
    before, began = peak(), time.process_time()
    try:
        code = main([*words, "--force"] if {*words[:1]} & REPLACING else words)
    except SystemExit as ended:  # argparse
        code = ended.code
    seconds, memory = time.process_time() - began, peak() - before
    told = capsys.readouterr()
    record_property("odd", json.dumps([words, code, seconds, memory, told.err[-300:]]))
    assert code in (0, 1, 2)
    assert "Traceback" not in told.err + told.out
    assert "omething failed" not in told.err
    assert "\x1b" not in told.err + told.out
    if code:
        assert told.err.strip().splitlines()[-1].startswith("landscape")
        assert seconds < MOST_SECONDS
    assert memory < MOST_MEMORY
    assert not list(folder.glob(".*.part"))
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
