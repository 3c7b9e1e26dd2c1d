"""Parts that installed packages of other people offer through entry points.

A package adds a part by an entry point in the group of its kind, in its `pyproject.toml`::

    [project.entry-points."landscape_lab.optimizers"]
    halving = "their_package.halving:Halving"

The metadata of the installed packages is read once in a process, when a part is first looked up;
nothing is imported here.
"""

import functools
import keyword
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from typing import Any

from landscape_core.foundation.part_files import is_shipped

PREFIX = "landscape_lab."
"""What the groups of entry points begin with; the name of the kind follows."""


@dataclass(frozen=True, order=True)
class Offer:
    """An entry point: a name in a group, the class that it names, and the package it is of."""

    group: str
    name: str
    value: str
    package: str

    @property
    def module(self) -> str:
        """The module that is imported for it."""
        return self.value.partition("[")[0].partition(":")[0].strip()

    @property
    def attribute(self) -> str:
        """The qualified name of the class in that module; empty if the value names a module."""
        return self.value.partition("[")[0].partition(":")[2].strip()

    def __str__(self) -> str:
        """The entry point as an error names it."""
        return f"entry point {self.name!r} of {self.package} in {self.group} ({self.value})"


def group_of(package: str) -> str:
    """The group of the kind of parts that a package holds; empty for other people's packages.

    That of `landscape_core.models.losses` is `landscape_lab.losses`.
    """
    return PREFIX + package.rpartition(".")[2] if is_shipped(package) else ""


def offers(group: str) -> tuple[Offer, ...]:
    """The entry points of a group, by name and package."""
    return read().get(group, ())


def offered_name(kind: type) -> str:
    """The name of the entry point that names a class where it is defined; empty if none does."""
    return _names().get((kind.__module__, kind.__qualname__), "")


def is_valid_name(name: str) -> bool:
    """Whether a name is one that a part of a package may have: a lower-case identifier."""
    word = name.isidentifier() and not keyword.iskeyword(name)
    return word and name == name.lower() and not name.startswith("_")


@functools.cache
def read() -> Mapping[str, tuple[Offer, ...]]:
    """The entry points of all groups of the laboratory, of every package that is installed.

    Of a package that is installed twice, the one that Python imports counts.
    """
    found: dict[str, set[Offer]] = {}
    packages: set[str] = set()
    for distribution in distributions():
        offered = list(_offers_of(distribution))
        if not offered or offered[0].package.partition(" ")[0] in packages:
            continue
        packages.add(offered[0].package.partition(" ")[0])
        for offer in offered:
            found.setdefault(offer.group, set()).add(offer)
    return {group: tuple(sorted(known)) for group, known in found.items()}


@functools.cache
def _names() -> Mapping[tuple[str, str], str]:
    """The names of the entry points, by module and qualified name of their classes."""
    every = sorted((offer for group in read().values() for offer in group), reverse=True)
    return {(offer.module, offer.attribute): offer.name for offer in every}


def forget() -> None:
    """Read the metadata of the installed packages anew when a part is next looked up."""
    read.cache_clear()
    _names.cache_clear()


def _offers_of(distribution: Any) -> Iterator[Offer]:
    """The entry points of a package; `importlib_metadata`, too, gives packages, of its own type."""
    try:
        points = [one for one in distribution.entry_points if one.group.startswith(PREFIX)]
    except Exception:  # a package whose metadata is damaged must not hide those of the others
        return
    for point in points:
        package = f"{distribution.metadata['Name']} {distribution.version}"
        yield Offer(point.group, point.name, point.value, package)
