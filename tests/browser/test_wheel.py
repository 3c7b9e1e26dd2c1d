"""The wheel alone: what is in it, and that the app and the command line run from it."""

import json
import os
import subprocess
import sys
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from browser_support import ROOT, Visitor, browser

IN_IT = (
    "landscape_core/py.typed",
    "landscape_lab/py.typed",
    "landscape_lab/components/toolbar/toolbar.js",
    "landscape_lab/content/presets/spirals.yaml",
    "landscape_lab/content/tours/first_steps.md",
    "landscape_lab/hosting/app.ipynb",
    "landscape_lab/hosting/share/voila.json",
    "landscape_lab/hosting/share/jupyter/voila/templates/landscape/index.html.j2",
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel as pip builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    subprocess.run(
        [*command, "--quiet", "--wheel-dir", folder, ROOT], check=True, timeout=240, cwd=folder
    )
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder that holds what the wheel does, and the environment of who has nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    cache = tmp_path_factory.mktemp("cache")
    env = {k: v for k, v in os.environ.items() if not k.startswith(("JUPYTER", "LANDSCAPE"))}
    return folder, {**env, "PYTHONPATH": str(folder), "LANDSCAPE_CACHE": str(cache)}


COMMAND = "from landscape_lab.cli.main import main; exit(main())"
"""The command as the installed script runs it."""

IN_TURN = """
import json, sys, landscape_core
from landscape_lab.cli.main import main
print(landscape_core.__file__)
for words in json.loads(sys.argv[1]):
    print("landscape", *words)
    if main(words):
        sys.exit(1)
"""
"""Several commands, one after another."""


@contextmanager
def running(*words, env, cwd):
    """The command until the block ends."""
    command = [sys.executable, "-u", "-c", COMMAND, *words]
    with subprocess.Popen(command, env=env, cwd=cwd, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def test_the_wheel_holds_all_that_the_app_reads_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert set(IN_IT) <= set(names)
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "landscape_core",
        "landscape_lab",
    }
    kept = subprocess.run(
        ["git", "ls-files", "landscape_core", "app/landscape_lab"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.split()
    assert {path.removeprefix("app/") for path in kept} <= set(names)


@pytest.mark.exhaustive
def test_the_command_line_runs_from_the_wheel_in_any_folder(installed, tmp_path):
    folder, env = installed
    lines = (
        ["train", "--dataset", "spirals", "--steps", "3", "-o", "run.nc"],
        ["slice", "run.nc", "--resolution", "5", "-o", "slice.nc"],
        ["plot", "slice.nc", "-o", "slice.png"],
        ["paths"],
    )
    told = subprocess.run(
        [sys.executable, "-c", IN_TURN, json.dumps(lines)],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=True, timeout=240,
    ).stdout  # fmt: skip
    assert told.startswith(str(folder))
    assert (tmp_path / "slice.png").stat().st_size > 5000
    found = dict(line.split("=", 1) for line in told.partition("landscape paths\n")[2].splitlines())
    assert Path(found["NOTEBOOK"]).is_file()
    assert (Path(found["TEMPLATES"]) / "voila/templates/landscape/index.html.j2").is_file()
    assert (Path(found["SETTINGS"]) / "voila.json").is_file()


@pytest.mark.slow
@pytest.mark.browser
@pytest.mark.timeout(240)
@pytest.mark.parametrize("command", ["app", pytest.param("serve", marks=pytest.mark.exhaustive)])
def test_the_app_opens_from_the_wheel(command, installed, tmp_path):
    _, env = installed
    ends = {"app": "/", "serve": "/serve"}
    with (
        running(command, "--no-browser", "--port", "0", env=env, cwd=tmp_path) as process,
        browser() as chromium,
    ):
        words = process.stdout.readline()
        url = next(word for word in words.split() if word.startswith("http://"))
        visitor = Visitor(chromium, url.rstrip("/")).open(ends[command])
        visitor.at_rest()
        visitor.press("step")
        visitor.until(lambda: visitor.step() > 0, "a step of the run")
        assert not visitor.strangers
        assert not visitor.errors
