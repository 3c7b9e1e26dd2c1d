"""What a recorder keeps of each state of a network: all of it, or a random projection."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.storage.random_projection import RandomProjection
from landscape_core.storage.recorded_projection import FEWEST, MOST, RecordedProjection
from landscape_core.storage.recorded_states import FLOATS, RecordedStates, StateLayout


@dataclass(frozen=True)
class Form(ABC):
    """What is kept of each state; `layout` lists the tensors that the network has throughout."""

    layout: StateLayout

    @property
    @abstractmethod
    def size(self) -> int:
        """The bytes of a recorded state."""

    @abstractmethod
    def numbers(self, model: nn.Module) -> Any:
        """What is kept of the present state.

        Raises:
            SpecError: the network has other tensors than at the start.
        """

    @abstractmethod
    def gathered(
        self, steps: Sequence[int], kept: Sequence[Any], file: str
    ) -> RecordedStates | RecordedProjection:
        """The states that were kept after these steps."""

    @final
    def check(self, layout: StateLayout) -> None:
        """Refuse other tensors than at the start.

        Raises:
            SpecError: there are.
        """
        if layout != self.layout:
            accepted = "of the names, shapes and types that they had at the start"
            raise SpecError("the recorded tensors", "others", accepted)


@final
@dataclass(frozen=True)
class WholeForm(Form):
    """Parameters and buffers, without loss."""

    @classmethod
    def of(cls, model: nn.Module) -> "WholeForm":
        """The form for a network.

        Raises:
            SpecError: a tensor is of a type that is not recorded.
        """
        return cls(StateLayout.of(model.state_dict()))

    @property
    def size(self) -> int:
        of_floats, of_integers = self.layout.sizes
        return max(1, of_floats * np.dtype(self.layout.stored).itemsize + 8 * of_integers)

    def numbers(self, model: nn.Module) -> Any:
        state = model.state_dict()
        self.check(StateLayout.of(state))
        return self.layout.rows(state)

    def gathered(self, steps: Sequence[int], kept: Sequence[Any], file: str) -> RecordedStates:
        floats, integers = ([rows[at] for rows in kept] for at in (0, 1))
        of_floats, of_integers = self.layout.sizes
        return RecordedStates(
            self.layout,
            np.array(steps, np.int64),
            np.array(floats, self.layout.stored).reshape(len(kept), of_floats),
            np.array(integers, np.int64).reshape(len(kept), of_integers),
            file,
        )


@final
@dataclass(frozen=True)
class ProjectedForm(Form):
    """The random projection of the parameters that require a gradient."""

    projection: RandomProjection

    @classmethod
    def of(cls, model: nn.Module, components: object) -> "ProjectedForm":
        """The form for a network, with K numbers of each state.

        Raises:
            SpecError: too few or too many numbers, or parameters of a type that is not recorded.
        """
        layout = StateLayout.of(_trainable(model))
        for name, kind in zip(layout.names, layout.kinds, strict=True):
            if kind not in FLOATS:
                raise SpecError(f"the type of {name}", kind, f"one of {', '.join(FLOATS)}")
        size, accepted = layout.sizes[0], f"a whole number from {FEWEST} to {MOST}"
        if isinstance(components, bool) or not isinstance(components, int):
            raise SpecError("projection", components, accepted)
        if not FEWEST <= components <= MOST:
            raise SpecError("projection", components, accepted)
        if components >= size:
            accepted = f"fewer numbers than the {size} parameters that require a gradient, or None"
            raise SpecError("projection", components, accepted)
        return cls(layout, RandomProjection(components))

    @property
    def size(self) -> int:
        return 8 * self.projection.components

    def numbers(self, model: nn.Module) -> Any:
        tensors = _trainable(model)
        self.check(StateLayout.of(tensors))
        return self.projection.of_tensors(list(tensors.values()))

    def gathered(self, steps: Sequence[int], kept: Sequence[Any], file: str) -> RecordedProjection:
        rows = np.array(kept, np.float64).reshape(len(kept), self.projection.components)
        numbers = np.array(steps, np.int64)
        return RecordedProjection(self.layout, numbers, rows, self.projection, file)


def _trainable(model: nn.Module) -> dict[str, Tensor]:
    """The parameters that require a gradient; tied ones are counted once."""
    return {name: one for name, one in model.named_parameters() if one.requires_grad}
