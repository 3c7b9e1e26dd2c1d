"""A network whose output is the value of a closure: any loss of a network and of batches.

The closure takes the place of `forward`, so that all that evaluates a network, moves its parameters
and compares ways of computing also does it for a closure. Parameters and buffers keep the names
that they have in the user's network.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, final

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.models.nested_batches import arrays_in, mapped

Closure = Callable[[nn.Module, Any], Tensor]
"""(network, batch) -> a scalar."""


HELD = ("running", "interpolated")
"""Which statistics batch normalization may use where a closure calls the network."""


@final
class Given:
    """Batches that nobody changes: a copy of the network shares them, and evaluations get copies.

    `weights` are those of the batches in the loss, which `words` describe; `examples` is the number
    of all examples, None where it is not known.
    """

    def __init__(
        self, batches: Sequence[Any], weights: Sequence[float], examples: int | None, words: str
    ) -> None:
        """Keep the batches."""
        self.batches, self.weights = tuple(batches), tuple(weights)
        self.examples, self.words = examples, words

    def __deepcopy__(self, memo: dict[int, Any]) -> "Given":
        return self

    def lent(self) -> Iterator[tuple[Any, float]]:
        """Copies of the batches, one after the other, with their weights."""
        for batch, weight in zip(self.batches, self.weights, strict=True):
            yield _own(batch), weight

    def changed(self, change: Callable[[Tensor], Tensor]) -> "Given":
        """The same batches with all tensors changed."""
        batches = [mapped(one, change) for one in self.batches]
        return Given(batches, self.weights, self.examples, self.words)


@final
class ClosureNetwork(nn.Module):
    """A module from one number, which it ignores, to the weighted sum of a closure's values."""

    given: Given

    sets_parameter_data: ClassVar[bool] = True
    """Code of the user's, which gets the network itself, may set the data of its parameters."""

    def __init__(self, network: nn.Module, closure: Closure, given: Given) -> None:
        """Hold the network, the closure and the batches that it is called with."""
        nn.Module.__init__(self)
        self.network, self.closure, self.given = network, closure, given

    def forward(self, number: Tensor) -> Tensor:
        """The loss, shape (1, 1), differentiable."""
        del number
        total: Tensor | float = 0.0
        for batch, weight in self.given.lent():
            total = total + weight * value_of(self.closure(self.network, batch))
        return torch.as_tensor(total).reshape(1, 1)

    def named_parameters(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, nn.Parameter]]:
        """The parameters of the network by their names in it."""
        return self.network.named_parameters(*args, **kwargs)

    def named_buffers(self, *args: Any, **kwargs: Any) -> Iterator[tuple[str, Tensor]]:
        """The buffers of the network by their names in it."""
        return self.network.named_buffers(*args, **kwargs)

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """The state dictionary of the network."""
        return self.network.state_dict(*args, **kwargs)

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> "ClosureNetwork":  # noqa: FBT001, FBT002 - as torch has it
        """Move or convert the network and the batches."""
        nn.Module._apply(self, fn, recurse)
        self.given = self.given.changed(fn)
        return self


def value_of(found: object) -> Tensor:
    """What a closure gives, as a scalar.

    Raises:
        SpecError: it is no tensor of one real number.
    """
    if not isinstance(found, Tensor):
        accepted = "a tensor of one number, as it is before .item() or .detach()"
        raise SpecError("what the objective gives", type(found).__name__, accepted)
    if found.numel() != 1 or not found.is_floating_point():
        accepted = "one real number: the mean or the sum of this, whichever is meant"
        told = f"{str(found.dtype).removeprefix('torch.')} {tuple(found.shape)}"
        raise SpecError("what the objective gives", told, accepted)
    return found.reshape(())


def first_value(outputs: Tensor, targets: Tensor) -> Tensor:
    """The loss that the output of a closure network is, shape (1,)."""
    del targets
    return outputs[:, 0]


def check_held(batch_norm: object, module: nn.Module) -> None:
    """Refuse statistics of inputs where only a closure knows these.

    Raises:
        SpecError: they are neither those stored nor interpolated between such.
    """
    if isinstance(module, ClosureNetwork) and batch_norm not in HELD:
        accepted = f"one of {', '.join(HELD)}, as only the objective knows what the inputs are"
        raise SpecError("batch_norm", batch_norm, accepted)


def network_in(module: nn.Module) -> nn.Module:
    """The user's own network where a module evaluates a closure of it; else the module."""
    return module.network if isinstance(module, ClosureNetwork) else module


def _own(batch: Any) -> Any:
    """A copy of a batch, whose tensors require gradients where its own do.

    Raises:
        SpecError: it holds what cannot be copied.
    """
    found = mapped(batch, lambda one: one.detach().clone().requires_grad_(one.requires_grad))
    own = {id(one): one for one in arrays_in(found) if isinstance(one, Tensor)}
    try:
        return copy.deepcopy(found, own)
    except Exception as error:  # users may hold anything
        accepted = "one that copy.deepcopy copies, so that each evaluation has its own"
        raise SpecError("a batch", type(batch).__name__, accepted) from error
