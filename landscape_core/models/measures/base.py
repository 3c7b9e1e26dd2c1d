"""The base classes of measures: the values that a slice evaluates at each point."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Recipe
from landscape_core.foundation.registry import entries
from landscape_core.models.few_examples import on_few, outputs_of
from landscape_core.models.generators import kept_generators
from landscape_core.models.loss_function import is_library_loss, loss_values
from landscape_core.models.losses.base import Loss
from landscape_core.models.module_state import as_given
from landscape_core.models.network_objective import ModelObjective


@dataclass(frozen=True, eq=False)
class Answers:
    """Targets (N,) or (N, D), loss function and number of classes.

    `classes` is None for regression targets. `loss` may be a user's function from (outputs (N,
    ...), targets) to one value per example or to their mean; it is called for one point at a time.
    """

    targets: Tensor
    loss: Callable[[Tensor, Tensor], Tensor]
    classes: int | None = None

    def losses(self, outputs: Tensor) -> Tensor:
        """Return the loss of each example, (..., N), for outputs (..., N, C).

        Raises:
            SpecError: the loss returns only the mean.
        """
        if isinstance(self.loss, Loss):
            return self.loss(outputs, self.targets)
        found = loss_values(self.loss, outputs, self.targets)
        if found.ndim == 0 or len(found) != len(self.targets):
            accepted = "one value per example, for instance with reduction='none'"
            raise SpecError("the value of the loss", f"shape {tuple(found.shape)}", accepted)
        return found.flatten(start_dim=1).mean(dim=1) if found.ndim > 1 else found

    def mean(self, outputs: Tensor) -> Tensor:
        """Return the mean loss, (...), for outputs (..., N, C)."""
        if isinstance(self.loss, Loss):
            return self.loss(outputs, self.targets).mean(dim=-1)
        return loss_values(self.loss, outputs, self.targets).mean()

    def right(self, outputs: Tensor) -> Tensor:
        """Return 1 where the predicted class is correct, else 0, (..., N)."""
        if isinstance(self.loss, Loss):
            predicted = self.loss.predict(outputs)
        else:
            predicted = outputs.max(dim=-1).indices
        return (predicted == self.targets).to(outputs.dtype)


@dataclass(frozen=True, kw_only=True)
class Measure(Recipe, ABC):
    """A value, or several along a dimension, evaluated at each point."""

    unit: ClassVar[str] = "1"

    is_loss: ClassVar[bool] = False
    """Whether it is the loss itself, which the plain evaluation computes by the user's function."""

    usual: ClassVar[bool] = True
    """Whether it is evaluated by default."""

    dimension: ClassVar[str] = ""
    """The name of the dimension of a measure with several values; empty by default."""

    def applies(self, classes: int | None) -> bool:
        """Whether the measure applies to data with this many classes (None: regression)."""
        del classes
        return True

    def size(self, classes: int | None) -> int:
        """The number of values at a point."""
        del classes
        return 1


@dataclass(frozen=True, kw_only=True)
class OutputMeasure(Measure, ABC):
    """A measure computed from the network's outputs on all examples."""

    is_mean: ClassVar[bool] = True
    """Whether it is a mean over examples, so that chunks of the data can be combined."""

    @abstractmethod
    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        """Return the value, (...), for outputs (..., N, C); with a dimension, (..., size)."""


def read_as_given(measure: OutputMeasure, outputs: Tensor, answers: Answers) -> Tensor:
    """Return a measure's value; a user's loss, which may remember, is afterwards as it was."""
    if isinstance(answers.loss, Loss) or is_library_loss(answers.loss):
        return measure.read(outputs, answers)
    with as_given(answers.loss):
        return measure.read(outputs, answers)


@dataclass(frozen=True, kw_only=True)
class GradientMeasure(Measure, ABC):
    """A measure computed from the gradient of the mean loss."""

    usual: ClassVar[bool] = False

    @abstractmethod
    def of_gradient(self, gradient: Tensor) -> Tensor:
        """Return the value, (...), for gradients (..., P)."""


def classes_of(parts: Mapping[str, ModelObjective]) -> int | None:
    """The number of classes of the targets; None for regression or several targets per example.

    Also None if the outputs do not have one value per class, so that the predicted class is not
    defined, for instance for a scalar output.
    """
    targets = [part.targets for part in parts.values()]
    if any(one.is_floating_point() or one.ndim != 1 for one in targets):
        return None
    least, most = min(int(one.min()) for one in targets), max(int(one.max()) for one in targets)
    known = least >= 0 and all(_tells(part, most + 1) for part in parts.values())
    return most + 1 if known else None


def _tells(part: ModelObjective, classes: int) -> bool:
    """Whether the outputs have one value per class, or the loss defines a prediction."""
    if isinstance(part.loss_function, Loss):
        return True
    with kept_generators(part.start.device):
        outputs = on_few(part, outputs_of)
    return isinstance(outputs, Tensor) and outputs.ndim == 2 and outputs.shape[1] >= classes


def usual(classes: int | None) -> dict[str, Measure]:
    """The default measures by name, including the loss.

    Those of other packages are read where they are named: to install one changes no slice.
    """
    shipped = entries(Measure).shipped()
    known = {name: kind() for name, kind in shipped.items() if kind.usual}
    return {name: measure for name, measure in known.items() if measure.applies(classes)}
