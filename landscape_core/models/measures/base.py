"""What a measure is: what a slice reads at each of its points."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Recipe
from landscape_core.foundation.registry import entries
from landscape_core.models.generators import kept_generators
from landscape_core.models.gradient_mode import without_gradients
from landscape_core.models.loss_function import loss_values
from landscape_core.models.losses.base import Loss
from landscape_core.models.network_objective import ModelObjective


@dataclass(frozen=True, eq=False)
class Answers:
    """What the outputs are compared with: targets (N,) or (N, D), the loss, how many classes.

    `classes` is None where the targets are numbers. `loss` may be a function of one's own, from
    (outputs (N, ...), targets) to one value per example or to their mean; it sees one point at a
    time.
    """

    targets: Tensor
    loss: Callable[[Tensor, Tensor], Tensor]
    classes: int | None = None

    def losses(self, outputs: Tensor) -> Tensor:
        """The loss of each example, (..., N), for outputs (..., N, C).

        Raises:
            SpecError: the loss gives the mean alone.
        """
        if isinstance(self.loss, Loss):
            return self.loss(outputs, self.targets)
        found = loss_values(self.loss, outputs, self.targets)
        if found.ndim == 0 or len(found) != len(self.targets):
            accepted = "one value per example, for instance with reduction='none'"
            raise SpecError("what the loss gives", f"shape {tuple(found.shape)}", accepted)
        return found.flatten(start_dim=1).mean(dim=1) if found.ndim > 1 else found

    def mean(self, outputs: Tensor) -> Tensor:
        """The mean loss, (...), for outputs (..., N, C)."""
        if isinstance(self.loss, Loss):
            return self.loss(outputs, self.targets).mean(dim=-1)
        return loss_values(self.loss, outputs, self.targets).mean()

    def right(self, outputs: Tensor) -> Tensor:
        """Whether the predicted class is the right one, (..., N), as numbers."""
        if isinstance(self.loss, Loss):
            predicted = self.loss.predict(outputs)
        else:
            predicted = outputs.max(dim=-1).indices
        return (predicted == self.targets).to(outputs.dtype)


@dataclass(frozen=True, kw_only=True)
class Measure(Recipe, ABC):
    """A number, or several along a dimension, that is read at each point."""

    unit: ClassVar[str] = "1"

    is_loss: ClassVar[bool] = False
    """Whether it is the loss itself, for which the plain evaluation asks the user's own one."""

    usual: ClassVar[bool] = True
    """Whether it is read where nobody has chosen measures."""

    dimension: ClassVar[str] = ""
    """The name of the dimension along which a measure has several values; none by default."""

    def applies(self, classes: int | None) -> bool:
        """Whether the measure means anything for such data (None: targets are numbers)."""
        del classes
        return True

    def size(self, classes: int | None) -> int:
        """How many values it has at a point."""
        del classes
        return 1


@dataclass(frozen=True, kw_only=True)
class OutputMeasure(Measure, ABC):
    """Read from the network's outputs on all examples."""

    is_mean: ClassVar[bool] = True
    """Whether it is a mean over examples, so that parts of the data can be joined."""

    @abstractmethod
    def read(self, outputs: Tensor, answers: Answers) -> Tensor:
        """The value, (...), for outputs (..., N, C); with a dimension, (..., size)."""


@dataclass(frozen=True, kw_only=True)
class GradientMeasure(Measure, ABC):
    """Read from the gradient of the mean loss."""

    usual: ClassVar[bool] = False

    @abstractmethod
    def of_gradient(self, gradient: Tensor) -> Tensor:
        """The value, (...), for gradients (..., P)."""


def classes_of(parts: Mapping[str, ModelObjective]) -> int | None:
    """How many classes the targets name; None where they are numbers, or many an example.

    None, too, where the outputs have no number for each class: which one is predicted is then not
    known, for instance of one number an example.
    """
    targets = [part.targets for part in parts.values()]
    if any(one.is_floating_point() or one.ndim != 1 for one in targets):
        return None
    least, most = min(int(one.min()) for one in targets), max(int(one.max()) for one in targets)
    known = least >= 0 and all(_tells(part, most + 1) for part in parts.values())
    return most + 1 if known else None


def _tells(part: ModelObjective, classes: int) -> bool:
    """Whether the outputs have a number for each class, or the loss knows what they mean."""
    if isinstance(part.loss_function, Loss):
        return True
    few = part.first(2).alone()
    with kept_generators(part.start.device):
        outputs = without_gradients(lambda: few.outputs(part.start))
    return isinstance(outputs, Tensor) and outputs.ndim == 2 and outputs.shape[1] >= classes


def usual(classes: int | None) -> dict[str, Measure]:
    """The measures that are read where nobody has chosen, by name; the loss is one.

    Those of other packages are read where they are named: to install one changes no slice.
    """
    shipped = entries(Measure).shipped()
    known = {name: kind() for name, kind in shipped.items() if kind.usual}
    return {name: measure for name, measure in known.items() if measure.applies(classes)}
