"""The checks on a graphics card, tried on the processor and on a card that is not there."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import bench_gpu
from card import card
from on_card import work
from on_card.machine import Machine, Wrong, same

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = [section for part in bench_gpu.PARTS.values() for section in part]
QUICK = {"freed_memory", "tf32", "live_pictures"}


def marked(sections):
    return [
        pytest.param(one, id=one.__name__, marks=[] if one.__name__ in QUICK else EXHAUSTIVE)
        for one in sections
    ]


EXHAUSTIVE = pytest.mark.exhaustive


@pytest.mark.parametrize("section", marked(SECTIONS))
def test_each_section_gives_a_table_on_the_processor(section):
    head, rule, *rows = section(Machine("cpu", tiny=True)).splitlines()
    assert rows
    assert len({line.count(" | ") for line in (head, rule, *rows)}) == 1


@pytest.mark.exhaustive
@pytest.mark.parametrize("section", marked(one for one in SECTIONS if one is not work.training))
def test_each_section_takes_the_way_of_a_card(section):
    # Not training, whose device has no number: only torch's build for CUDA takes it.
    with card():
        assert section(Machine("cuda:0", tiny=True)).startswith("| ")


def test_a_wrong_number_ends_the_program_with_an_error(monkeypatch, tmp_path, capsys):
    def section(machine):
        return str(same("a number", torch.ones(2), torch.tensor([1.0, 2.0]), 1e-9))

    monkeypatch.setitem(bench_gpu.PARTS, 1, (section,))
    monkeypatch.setattr(
        sys, "argv", ["bench_gpu", "--parts", "1", "--results", str(tmp_path / "r")]
    )
    assert bench_gpu.main() == 1
    assert "Wrong: a number: 5.0e-01" in (tmp_path / "r").read_text()
    with pytest.raises(Wrong):
        same("not finite", torch.tensor([torch.nan]), torch.ones(1), 1e-9)


def run(*arguments):
    asked = {"cwd": ROOT, "capture_output": True, "text": True, "check": False}
    return subprocess.run(["bash", "benchmarks/gpu.sh", *arguments], **asked)


@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
def test_the_script_refuses_a_part_that_there_is_not():
    found = run("7")
    assert found.returncode == 2
    assert "a part is 1, 2 or 3; got 7" in found.stderr


@pytest.mark.exhaustive
@pytest.mark.skipif(sys.platform == "win32", reason="needs bash")
@pytest.mark.skipif(torch.cuda.is_available(), reason="would measure for minutes")
def test_the_script_tries_itself_where_there_is_no_card(monkeypatch):
    monkeypatch.setenv("PYTHON", sys.executable)
    found = run("1", "3")
    assert found.returncode == 0, found.stderr
    assert "No CUDA here" in found.stdout
    assert "## Hostile modules" in found.stdout
    assert "## Live pictures" in found.stdout
    assert "## Trial" not in found.stdout
