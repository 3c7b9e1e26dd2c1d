"""Packages of other people, installed into a folder for the length of a test."""

import contextlib
import importlib
import io
import os
import shutil
import subprocess
import sys
import tomllib
import types
from pathlib import Path

import pytest

from landscape_core.foundation import entry_points, outside_parts

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).parent / "foreign_package"
PACKAGE = "foreign_parts"


def declared():
    """The entry points of the small package, by group."""
    return tomllib.loads((SOURCE / "pyproject.toml").read_text())["project"]["entry-points"]


def install(folder):
    """The small package as an installer lays it down; the folder."""
    shutil.copytree(
        SOURCE / PACKAGE, Path(folder, PACKAGE), ignore=shutil.ignore_patterns("__pycache__")
    )
    describe(folder, "foreign-parts", declared())
    return folder


def describe(folder, name, points, version="1.0"):
    """The metadata of an installed package with entry points: {group: {name: value}}."""
    info = Path(folder, f"{name.replace('-', '_')}-{version}.dist-info")
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = []
    for group, named in points.items():
        lines += [f"[{group}]", *(f"{key} = {value}" for key, value in named.items())]
    (info / "entry_points.txt").write_text("\n".join(lines) + "\n")


@contextlib.contextmanager
def on_path(folder):
    """The packages of a folder are importable meanwhile, and forgotten afterwards."""
    before = dict(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        forget()
        yield folder
    finally:
        sys.path.remove(str(folder))
        here = Path(folder).resolve()
        for name in set(sys.modules) - set(before):
            file = getattr(sys.modules[name], "__file__", None)
            if file and Path(file).resolve().is_relative_to(here):
                del sys.modules[name]
        forget()


def forget():
    """Metadata and modules of other packages are read anew."""
    importlib.invalidate_caches()
    entry_points.forget()
    outside_parts.forget()


CELL = '''
from dataclasses import dataclass
from typing import Annotated
from landscape_core import Optimizer, Run
from landscape_core.foundation.recipes import Knob


@dataclass(frozen=True, kw_only=True)
class Halving(Optimizer[int]):
    """Gradient descent whose learning rate halves at regular intervals."""

    learning_rate: Annotated[float, Knob(1e-5, 10.0, "step size η", "log")] = 0.1
    every: Annotated[int, Knob(1, 1000, "steps until it halves")] = 10

    def init(self, theta):
        return 0

    def step(self, objective, theta, memory):
        rate = self.learning_rate * 0.5 ** (memory // self.every)
        return theta - rate * objective.gradient(theta), memory + 1
'''
"""What somebody types into a notebook."""


def command(folder, *words, expected=0):
    """What a command prints in this process, with the packages of a folder on the path."""
    from landscape_lab.cli.main import main

    with on_path(folder), pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_CACHE_HOME", str(folder))
        patch.setattr(sys, "path", [*sys.path])
        patch.setitem(sys.modules, "__main__", types.ModuleType("__main__"))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(list(words))
    assert code == expected, err.getvalue()
    return err.getvalue() if expected else out.getvalue()


def landscape(folder, *words, expected=0, **more):
    """The same in a process of its own."""
    paths = [str(folder), str(ROOT), str(ROOT / "app")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "XDG_CACHE_HOME": str(folder)}
    done = subprocess.run(
        [sys.executable, "-m", "landscape_lab.cli.main", *words],
        capture_output=True,
        text=True,
        env=env,
        cwd=folder,
        timeout=250,
        **more,
    )
    assert done.returncode == expected, done.stderr
    return done.stderr if expected else done.stdout
