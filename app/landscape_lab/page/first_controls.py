"""The controls of the first screen: data set, depth, optimizer, learning rate, batch size."""

from landscape_core.foundation.recipes import Recipe, TableFile, fields_of
from landscape_core.models.datasets.base import ProblemData
from landscape_core.models.problems.base import Problem
from landscape_lab.state.form_model import value_at
from landscape_lab.state.scene import Scene

PROBLEM, OPTIMIZER = "run.problem", "run.optimizer"
RATE, BATCH = f"{OPTIMIZER}.learning_rate", "run.batch_size"


def first_paths(scene: Scene) -> tuple[str, ...]:
    """The paths of the settings that are shown at once, in their order.

    A problem without a data set has its own menu in place of it; without a stated depth there is
    none. An optimizer without a learning rate has no row of that path.
    """
    problem = scene.run.problem
    data = data_path(problem)
    return (data, *_file_paths(scene, data), *depth_path(problem), OPTIMIZER, RATE, BATCH)


def data_path(problem: Problem) -> str:
    """The path of the data set of a problem, or that of the problem itself where it has none."""
    found = (name for name, part in _parts(problem) if isinstance(part, ProblemData))
    return next((f"{PROBLEM}.{name}" for name in found), PROBLEM)


def depth_path(problem: Problem) -> tuple[str, ...]:
    """The path of the depth that the problem, or else one of its parts, states; or nothing."""
    if problem.depth_field:
        return (f"{PROBLEM}.{problem.depth_field}",)
    stated = ((name, getattr(type(part), "depth_field", "")) for name, part in _parts(problem))
    return tuple(f"{PROBLEM}.{name}.{field}" for name, field in stated if field)[:1]


def _file_paths(scene: Scene, data: str) -> tuple[str, ...]:
    """The path of the table that the data are in, which is to be chosen with them."""
    fields = fields_of(type(value_at(scene, data)))
    return tuple(f"{data}.{one.name}" for one in fields if isinstance(one.mark, TableFile))


def _parts(problem: Problem) -> list[tuple[str, Recipe]]:
    values = {field.name: getattr(problem, field.name) for field in fields_of(type(problem))}
    return [(name, value) for name, value in values.items() if isinstance(value, Recipe)]
