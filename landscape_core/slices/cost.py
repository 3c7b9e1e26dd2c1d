"""What a slice will take, known before it is begun."""

import math
from dataclasses import dataclass

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.memory import amount, free_memory
from landscape_core.slices.grid import Grid
from landscape_core.slices.lattice_refinement import lattice
from landscape_core.slices.probe import Probe

COPIES = 4
"""Copies of the values that exist at a time: computed, guessed, shown, and a spare."""


@dataclass(frozen=True)
class Estimate:
    """Evaluations of the network on all its examples, seconds on this machine, bytes of memory.

    `evaluations` and `seconds` are for the exact slice, which a slice to a tolerance at most takes;
    `first` are the evaluations after which it has its first picture.
    """

    evaluations: int
    first: int
    seconds: float
    memory: int

    def __str__(self) -> str:
        """In words, for a person who is about to begin."""
        return (
            f"{self.evaluations} evaluations, about {_duration(self.seconds)}, "
            f"{amount(self.memory)} of memory (first picture after {self.first} evaluations, "
            f"about {_duration(self.seconds * self.first / self.evaluations)})"
        )


def estimate(read: Probe, grid: Grid) -> Estimate:
    """What a slice will take, from a trial at a few points.

    Raises:
        SpecError: its values would not fit into memory.
    """
    dimensions = read.plane.dimensions
    evaluations = math.prod(grid.shape(dimensions))
    values = memory_of_values(read, grid)
    seconds = read.seconds
    if not seconds > 0:
        seconds = sum(read.pace(part) for part in read.parts)
    working = max(_working(read, part) for part in read.parts)
    first = math.prod(len(lattice(size)[0]) for size in grid.shape(dimensions))
    return Estimate(evaluations, first, seconds * evaluations, values + working)


def memory_of_values(read: Probe, grid: Grid) -> int:
    """The bytes that the values of a slice take.

    Raises:
        SpecError: they would not fit into memory.
    """
    evaluations = math.prod(grid.shape(read.plane.dimensions))
    values = COPIES * 8 * evaluations * len(read.parts) * sum(read.rows.values())
    free = free_memory("cpu")
    if values > free:
        accepted = f"smaller: its values would take {amount(values)}, and {amount(free)} are free"
        raise SpecError("Grid.resolution", grid.resolution, accepted)
    return values


def _working(read: Probe, part: str) -> int:
    """Bytes that one part takes while it is read: data, network, directions, inner values."""
    reading, objective = read.reading(part), read.parts[part]
    held = [objective.inputs, objective.targets, read.plane.origin, read.plane.axes]
    data = sum(one.numel() * one.element_size() for one in held)
    return data + read.used[part].memory(reading)


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{1000 * seconds:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
