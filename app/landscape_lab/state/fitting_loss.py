"""The loss and the batch size that fit a data set which is chosen in the form."""

from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.foundation.recipes import ColumnName, fields_of, label_of, name_of
from landscape_core.foundation.registry import entries
from landscape_core.models.datasets.base import ProblemData, Split
from landscape_core.models.losses.base import Loss
from landscape_lab.state.form_model import assign, value_at
from landscape_lab.state.scene import Scene


def with_fitting_loss(scene: Scene, path: str) -> tuple[Scene, str]:
    """The scene after a choice at a path, with another loss where that data has no use for it.

    Links and the command line say what they mean, and are refused instead.

    Returns:
        The scene, and what was changed, in words; empty if nothing was.
    """
    data = value_at(scene, path)
    if not isinstance(data, ProblemData):
        path = path.rpartition(".")[0]
        data = value_at(scene, path) if path else None
        if not isinstance(data, ProblemData) or not _has_columns(data):
            return scene, ""
    loss_path = _path_of_loss(scene, path)
    if not loss_path:
        return scene, ""
    try:
        size = data.estimated_size()
    except LandscapeError:  # said where the data are needed
        return scene, ""
    loss = value_at(scene, loss_path)
    if size is None or _applies(loss, size.sample):
        return scene, ""
    for name in _by_use(scene, loss_path):
        there = assign(scene, loss_path, name)
        if _applies(value_at(there, loss_path), size.sample):
            kind = "numbers" if size.sample.classes is None else "classes"
            new = label_of(type(value_at(there, loss_path)))
            targets = f"The targets of {label_of(type(data))} are {kind}"
            return there, f"{targets}: the loss is now {new}, in place of {label_of(type(loss))}."
    return scene, ""


def with_fitting_batch(scene: Scene, path: str) -> tuple[Scene, str]:
    """The scene after data were chosen at a path, with mini-batches that they are enough for.

    Returns:
        The scene, and what was changed, in words; empty if nothing was.
    """
    data = value_at(scene, path)
    if not isinstance(data, ProblemData):
        return scene, ""
    try:
        size = data.estimated_size()
    except LandscapeError:  # said where the data are needed
        return scene, ""
    if size is None or scene.run.batch_size <= size.training:
        return scene, ""
    said = f"There are {size.training} training examples: the batch size is now {size.training}."
    return assign(scene, "run.batch_size", size.training), said


def _has_columns(data: ProblemData) -> bool:
    """Whether the targets are a column that is chosen among others."""
    return any(isinstance(field.mark, ColumnName) for field in fields_of(type(data)))


def _path_of_loss(scene: Scene, path: str) -> str:
    """The path of the loss of the problem whose data are at a path, empty if there is none."""
    owner = path.rpartition(".")[0]
    problem = value_at(scene, owner)
    return next(
        (
            f"{owner}.{field.name}"
            for field in fields_of(type(problem))
            if isinstance(getattr(problem, field.name), Loss)
        ),
        "",
    )


def _by_use(scene: Scene, path: str) -> list[str]:
    """The names of the losses, the usual one of the problem first."""
    owner, _, name = path.rpartition(".")
    fields = fields_of(type(value_at(scene, owner)))
    usual = next(name_of(type(field.default)) for field in fields if field.name == name)
    return sorted(entries(Loss), key=lambda one: one != usual)


def _applies(loss: Loss, data: Split) -> bool:
    try:
        loss.outputs(data)
    except SpecError:
        return False
    return True
