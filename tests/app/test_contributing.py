"""The examples of CONTRIBUTING: each file, put where it says, is a part like all others."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("landscape_core", "app/landscape_lab")


PAGE = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
FILE = re.compile(
    r"`((?:landscape_core|app/landscape_lab)/[^`]+\.\w+)`:\n\n(`{3,})\w+\n(.*?)\n\2\n", re.S
)
TRY = re.compile(r"Try it:\n\n```python\n(.*?)```\n", re.S)

_, *PARTS = re.split(r"^### (An? .+)\n", PAGE, flags=re.MULTILINE)
KINDS = dict(zip(PARTS[::2], PARTS[1::2], strict=True))
WANTED = {
    *("An optimizer", "A data set", "An architecture", "A loss", "A measure"),
    *("A rule for directions", "A strategy", "A regularizer", "A learning-rate schedule"),
    *("A batch sampler", "A side panel", "An export", "A preset", "A tour", "A command"),
    "A kind of plot",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    """A copy of the packages with the files of all examples, and the new command in the list."""
    copy = tmp_path_factory.mktemp("checkout")
    for package in PACKAGES:
        shutil.copytree(
            ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    for body in KINDS.values():
        for path, _, content in FILE.findall(body):
            assert not (ROOT / path).exists(), f"{path} is there already"
            (copy / path).write_text(content + "\n", "utf-8")
    commands = copy / "app/landscape_lab/cli/main.py"
    listed = commands.read_text("utf-8")
    assert '"metrics", ' in listed
    commands.write_text(listed.replace('"metrics", ', '"metrics", "sizes", ', 1), "utf-8")
    return copy


def test_there_is_an_example_of_each_kind_of_part():
    assert set(KINDS) == WANTED
    assert all(FILE.search(body) for body in KINDS.values())


IN_TURN = """
import json, sys, traceback
told = {}
for kind, code in json.load(sys.stdin).items():
    try:
        exec(compile(code, kind, "exec"), {"__name__": kind})
        told[kind] = ""
    except BaseException:
        told[kind] = traceback.format_exc()
print("\\n" + json.dumps(told))
"""
"""Runs programs one after another, each with names of its own; tells the error of each."""


@pytest.fixture(scope="module")
def errors(checkout):
    """What went wrong in the trial of each kind, by kind; empty if nothing did."""
    trials = {kind: TRY.search(body)[1] for kind, body in KINDS.items()}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", IN_TURN],
        input=json.dumps(trials),
        env={
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "PYTHONPATH": os.pathsep.join((str(checkout), str(checkout / "app"))),
            "LANDSCAPE_CACHE": str(checkout / "cache"),
            "OMP_NUM_THREADS": "1",
        },
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("kind", sorted(WANTED), ids=lambda kind: kind.replace(" ", "-"))
def test_the_example_of_a_part_does_what_it_says(kind, errors):
    assert FILE.findall(KINDS[kind])
    assert errors[kind] == ""
