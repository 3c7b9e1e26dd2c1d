"""What a run will take, known from its recipe before anything of it is built."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.memory import amount, free_memory
from landscape_core.foundation.recipes import Knob, Recipe, fields_of, parts_of
from landscape_core.models.problems.base import Problem, ProblemSize

SHARE = 0.5
"""Of the free memory, how much a run may take: the estimate is rough, and others live there too."""

SMALL = 64 * 2**20
"""Bytes that need no counting of what is free."""

VECTORS = 6
"""Vectors of all parameters besides the optimizer's and the recorded ones: the network, its copy
for evaluation, the iterate, its gradient, and two for intermediate results."""

AXES = 4
"""Vectors that span a plane, and what they are computed from."""

DATA_COPIES = 3
"""Copies of the data while they are built: drawn, in order, of the run's type."""

GRADIENT = 3
"""Evaluations that a gradient takes as long as."""

FEWEST = 4
"""Iterates that are recorded at least."""

SUGGESTED = 2
"""Fields that an error names with what would fit."""

R = TypeVar("R", bound=Recipe)


@runtime_checkable
class Trained(Protocol):
    """What is asked of a run."""

    @property
    def problem(self) -> Problem: ...
    @property
    def optimizer(self) -> Any: ...
    @property
    def checkpoints(self) -> int: ...
    @property
    def memory_mb(self) -> int: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def device(self) -> str: ...
    @property
    def dtype(self) -> str: ...


@dataclass(frozen=True)
class RunCost:
    """Parameters, and bytes by what takes them."""

    parameters: int
    network: int
    history: int
    data: int

    @property
    def memory(self) -> int:
        """Bytes altogether."""
        return self.network + self.history + self.data

    def __str__(self) -> str:
        """In words, for an error."""
        parts = {"network": self.network, "recorded iterates": self.history, "data": self.data}
        words = ", ".join(f"{name} {amount(size)}" for name, size in parts.items())
        return f"{counted(self.parameters)} parameters take about {amount(self.memory)} ({words})"


def run_cost(run: Trained) -> RunCost | None:
    """What a run and a plane of it take; None where a part of the user's own keeps it to itself.

    Raises:
        SpecError: parts that do not fit together.
    """
    size = run.problem.estimated_size()
    if size is None:
        return None
    item = 8 if run.dtype == "float64" else 4
    vector = size.parameters * item
    remembered = round(run.optimizer.kept_vectors() * vector)
    recorded = max(FEWEST, min(run.checkpoints, run.memory_mb * 2**20 // max(1, vector)))
    return RunCost(
        size.parameters,
        (VECTORS + AXES) * vector + remembered,
        2 * recorded * vector,  # in a row for the plane once more
        DATA_COPIES * size.data,
    )


def step_operations(run: Trained, least: float) -> float:
    """Floating-point operations of a training step, or of an evaluation if that takes more.

    A gradient takes about three times what an evaluation does, and every recorded iterate is
    evaluated on all examples. Operations are counted, which takes time, only where they can be as
    many as `least`; else, or where nobody knows them, there are 0.

    Raises:
        SpecError: parts that do not fit together.
    """
    size = run.problem.estimated_size()
    if size is None or _most_operations(run, size) < least:
        return 0
    return _evaluated(run, size) * size.operations()


def is_light(run: Trained, operations: float) -> bool:
    """Whether a training step, and an evaluation, are known to take at most so many operations.

    Raises:
        SpecError: parts that do not fit together.
    """
    size = run.problem.estimated_size()
    if size is None:
        return False
    if _most_operations(run, size) <= operations:
        return True
    return 0 < _evaluated(run, size) * size.operations() <= operations


def _evaluated(run: Trained, size: ProblemSize) -> int:
    """The examples of which an evaluation, or a gradient in its place, takes as long as a step."""
    return max(size.examples, GRADIENT * min(run.batch_size, size.examples))


def _most_operations(run: Trained, size: ProblemSize) -> int:
    """About how many operations a step can take at most: each parameter at each position."""
    return 2 * _evaluated(run, size) * size.parameters * size.positions


def check_run_cost(run: Trained) -> None:
    """Refuse a run that would not fit into the memory that is free, before any of it is taken.

    Raises:
        SpecError: names a field, what would fit, and the bytes.
    """
    cost = run_cost(run)
    if cost is None or cost.memory < SMALL:
        return
    limit = SHARE * free_memory(run.device)
    if cost.memory <= limit:
        return
    words = f"{cost}, and {amount(limit)} may be used"
    raise too_large(run, words, lambda other: _memory(other) <= limit)


def _memory(run: Trained) -> float:
    try:
        cost = run_cost(run)
    except SpecError:
        return math.inf  # no such run
    return math.inf if cost is None else cost.memory


def too_large(recipe: Any, words: str, fits: Callable[[Any], bool]) -> SpecError:
    """The error about a recipe that takes too much: which fields would, by themselves, make it fit.

    Args:
        recipe: a run, or what holds one.
        words: what it takes, in words.
        fits: whether another recipe of the kind would do.
    """
    found = list(_fitting(recipe, fits))
    if not found:
        return SpecError("the run", "all its settings", f"smaller: {words}")
    field, value, most = found[0]
    others = "".join(f", or {name} at most {fit}" for name, _, fit in found[1:])
    return SpecError(field, value, f"at most {most}{others}, as {words}")


def _fitting(run: Any, fits: Callable[[Any], bool]) -> Iterator[tuple[str, int, int]]:
    """Fields, changed ones first, with their values and the largest that fit."""
    fields = [
        (part, field)
        for part in parts_of(run)
        for field in fields_of(type(part))
        if isinstance(field.mark, Knob) and field.type is int and "seed" not in field.name
    ]
    fields.sort(key=lambda pair: getattr(pair[0], pair[1].name) == pair[1].default)
    left = SUGGESTED
    for part, field in fields:
        now, low = int(getattr(part, field.name)), int(field.mark.low)  # type: ignore[union-attr]

        def tried(value: int, part: Recipe = part, name: str = field.name) -> bool:
            try:
                return bool(fits(replaced(run, part, part.replace(**{name: value}))))
            except SpecError:
                return False

        if left and now > low and tried(low):
            yield f"{type(part).__name__}.{field.name}", now, _largest(low, now, tried)
            left -= 1


def _largest(low: int, high: int, fits: Callable[[int], bool]) -> int:
    """The largest number from low to high that fits, of two significant digits."""
    while high - low > max(1, low // 50):
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def replaced(recipe: R, part: Recipe, other: Any) -> R:
    """The recipe with a part of it, at any depth, replaced."""
    if recipe is part:
        return other
    changes = {}
    for field in fields_of(type(recipe)):
        value = getattr(recipe, field.name)
        if isinstance(value, Recipe) and (new := replaced(value, part, other)) is not value:
            changes[field.name] = new
    return recipe.replace(**changes) if changes else recipe


def counted(number: float) -> str:
    """A large number in words: 310 million."""
    for unit, name in ((1e12, " trillion"), (1e9, " billion"), (1e6, " million")):
        if number >= unit:
            return f"{number / unit:.3g}{name}"
    return f"{number:.0f}"
