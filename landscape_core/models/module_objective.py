"""The objective of a user's module, of a loss of one tensor of outputs, and what is refused."""

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.models.adapter import Adapter
from landscape_core.models.batch_norm import BatchNorm
from landscape_core.models.batches import Batches, pairs_of
from landscape_core.models.call_errors import RAISED, first_line, loss_errors, network_errors
from landscape_core.models.copying import copied_together
from landscape_core.models.data_parts import fits
from landscape_core.models.few_examples import on_few
from landscape_core.models.generators import kept_generators
from landscape_core.models.loss_conversion import move_loss
from landscape_core.models.loss_function import LossFunction, loss_values, with_gradient
from landscape_core.models.module_state import as_given
from landscape_core.models.network_checks import check_initialized
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.notices import unheard
from landscape_core.models.number_types import as_taken, converted, device_named, kind_named


def module_objective(  # noqa: PLR0913 - each choice of a public call by its name
    model: nn.Module,
    loss_function: LossFunction,
    data: Batches,
    *,
    device: str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
    batch_norm: BatchNorm = "running",
    adapter: Adapter | None = None,
) -> ModelObjective:
    """The objective of a user's own network; its `start` holds the present parameters.

    Args:
        model: any module from inputs to outputs; copied, never changed.
        loss_function: for instance `torch.nn.functional.cross_entropy`.
        data: a pair (inputs, targets), or batches of such pairs, for instance a DataLoader; of
            batches with more entries, those meant: `((x, y) for x, y, *_ in loader)`.
        device: where to compute; by default where the model's parameters lie.
        dtype: floating type to compute in. By default parameters and buffers keep their types,
            and data are handed over as given; what network or loss refuses in its type, float64
            data of NumPy for one, is converted to that of the parameters.
        batch_norm: which statistics batch normalization uses off the centre.
        adapter: takes what the model gives if that is no tensor, for instance
            `lambda found: found["logits"]`.

    Raises:
        SpecError: no data, batches of other than two entries, or no trainable parameters.
    """
    check_given(model, loss_function, adapter)
    inputs, targets = (torch.cat(part) for part in zip(*pairs_of("data", data), strict=True))
    where = device_named(device or next(iter(model.parameters()), torch.empty(0)).device)
    dtype = None if dtype is None else kind_named(dtype)
    check_initialized(model)
    network, own, taken = copied_together(model, loss_function, adapter, checked=False)
    network = network.to(where)  # before the loss, which may hold it
    network = network if dtype is None else converted(network, dtype)
    given = move_loss(own, where, dtype), inputs.to(where), targets.to(where)
    if dtype is not None:
        given = given[0], converted(given[1], dtype), converted(given[2], dtype)
    own, inputs, targets = as_taken(network, taken, given)
    made = ModelObjective(network, own, inputs, targets, batch_norm=batch_norm, adapter=taken)
    return made.of_a_user(model)


def check_given(model: object, loss: object, adapter: object) -> None:
    """Refuse what is no network, no function of (outputs, targets) and no adapter.

    Raises:
        SpecError: says which.
    """
    if not isinstance(model, nn.Module):
        raise SpecError("model", type(model).__name__, "a torch.nn.Module")
    if isinstance(loss, type) and issubclass(loss, nn.Module):
        place = "nn." if loss.__module__.startswith("torch.nn.") else ""
        raise SpecError("loss", loss.__name__, f"an instance, {place}{loss.__name__}()")
    if isinstance(loss, type) or not callable(loss):
        accepted = "a function of (outputs, targets), for instance torch.nn.MSELoss()"
        raise SpecError("loss", getattr(loss, "__name__", loss), accepted)
    if adapter is not None and not callable(adapter):
        raise SpecError("adapter", adapter, "a function of what the model gives")


def try_call(part: ModelObjective) -> None:
    """Evaluate a few examples, so that what does not fit is said before any work.

    Raises:
        SpecError: what the network or the loss raises, or a loss without a gradient.
    """
    with_gradient(on_few(part, _value, fits))


def try_training(part: ModelObjective) -> None:
    """Call an objective in training mode, whose statistics of batches some batches do not have.

    Raises:
        SpecError: what it raises there, as on a batch of one example with batch normalization.
    """
    step = part.restricted(torch.zeros(1, dtype=torch.long, device=part.inputs.device))
    try:
        with kept_generators(part.start.device), unheard():
            step.loss(step.start)
    except RAISED as error:
        if isinstance(error, SpecError):
            raise
        accepted = "one that can be called in training mode: batches of two examples or more where"
        accepted += " there is batch normalization"
        raise SpecError("the objective", first_line(error), accepted) from error


def _value(part: ModelObjective) -> Tensor:
    """What the loss gives, differentiable.

    Raises:
        SpecError: what the network or the loss raises.
    """
    few = part.alone()
    with network_errors(few.inputs):
        outputs = few.outputs(few.start.detach().requires_grad_())
    kept = kept_generators(few.start.device), as_given(few.loss_function)
    with kept[0], kept[1], loss_errors(outputs, few.targets, few.loss_function):
        return loss_values(few.loss_function, outputs, few.targets)
