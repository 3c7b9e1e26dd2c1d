"""Packages of other people, installed into a folder for the length of a test."""

import contextlib
import shutil
import sys
import tomllib
from pathlib import Path

from landscape_core.foundation import entry_points, outside_parts

SOURCE = Path(__file__).parent / "foreign_package"
PACKAGE = "foreign_parts"

READ_ONCE = (
    entry_points.read,
    entry_points._names,
    outside_parts.warn_once,
    outside_parts._imported,
)
"""What is read once in a process."""


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
    for function in READ_ONCE:
        function.cache_clear()
