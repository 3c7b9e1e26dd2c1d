"""A digest of the code that a module of the laboratory can reach by its imports.

A result that stays the same while this code does need not be computed again after a change of other
files. Imports are read from the text, those within functions too. Where they do not say all, all of
the engine counts: for code of others, for a module that imports others by names of its own making,
and for names that a package looks up when asked.
"""

import functools
import hashlib
import re
import uuid
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from landscape_core.foundation.part_files import LOADED

ROOT = Path(__file__).resolve().parents[1]
"""The folder of the engine."""

COMPUTING = ("torch", "numpy", "scipy", "scikit-learn", "xarray")
"""The packages of others by which the engine computes; their versions are part of the digest."""

IMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import[ \t]+(\([^)]*\)|[^#\n]*)|import[ \t]+([^#\n]*))",
    re.MULTILINE,
)
BY_NAME = re.compile(r"\b(?:import_module|__import__)\(")
UNRUN = re.compile(r"^if TYPE_CHECKING:\n(?:[ \t]+[^\n]*\n|\n)+", re.MULTILINE)
"""What only type checkers read."""

NAME = re.compile(r"[\w.]+")


@functools.cache
def reachable_digest(module: str) -> str:
    """A digest of the files that a module can reach, as 64 characters.

    A file that was changed after this process began is perhaps not what runs: then the digest is
    one that no other process has.
    """
    paths = reachable_files(module)
    said = [f"{name} {_version(name)}" for name in COMPUTING]
    for path in paths if paths is not None else sorted(ROOT.rglob("*.py")):
        said.append(f"{path.relative_to(ROOT)} {hashlib.sha256(path.read_bytes()).hexdigest()}")
        if path.stat().st_ctime_ns > LOADED:
            said.append(uuid.uuid4().hex)
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def reachable_files(module: str) -> list[Path] | None:
    """The files of the engine that a module imports, and those import, itself included.

    None where all of the engine may be reached.
    """
    found: dict[str, Path] = {}
    left = [module]
    while left:
        name = left.pop()
        if name in found:
            continue
        path = file_of(name)
        if path is None:
            return None
        found[name] = path
        imported = imported_by(path)
        if imported is None:
            return None
        left += imported
    return sorted(set(found.values()))


@functools.cache
def imported_by(path: Path) -> list[str] | None:
    """The modules of the engine that a file imports, with the packages around them."""
    text = UNRUN.sub("", path.read_text("utf-8"))
    if path.name != "__init__.py" and BY_NAME.search(text):
        return None
    found: set[str] = set()
    for package, names, modules in IMPORT.findall(text):
        if package.startswith("."):
            return None
        if _is_ours(package):
            inner = [f"{package}.{name}" for name in _names(names)]
            if _is_asked(package) and not all(map(file_of, inner)):
                return None
            found |= {package, *(name for name in inner if file_of(name))}
        for name in filter(_is_ours, _names(modules)):
            if _is_asked(name):
                return None
            found.add(name)
    return sorted(found | {around for name in found for around in _packages(name)})


def _names(text: str) -> Iterable[str]:
    """The names that an import lists, without those that it gives them."""
    lines = re.sub(r"#.*", "", text).strip("() \t\n").split(",")
    return [match[0] for line in lines if (match := NAME.search(line))]


def _is_ours(module: str) -> bool:
    return module.partition(".")[0] == ROOT.name


def _is_asked(module: str) -> bool:
    """Whether a package imports what it is asked for, by names."""
    path = file_of(module)
    asked = path is not None and path.name == "__init__.py" and BY_NAME.search(path.read_text())
    return bool(asked)


def _packages(module: str) -> list[str]:
    """The packages around a module."""
    parts = module.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


@functools.cache
def file_of(module: str) -> Path | None:
    """The file of a module of the engine; None if it is none."""
    if not _is_ours(module):
        return None
    place = ROOT.parent.joinpath(*module.split("."))
    package, single = place / "__init__.py", place.with_suffix(".py")
    return package if package.is_file() else single if single.is_file() else None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
