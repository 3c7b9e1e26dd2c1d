"""Torch's plain cross-entropy recognized as the loss of the catalogue, of which more is known."""

from contextlib import nullcontext

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from landscape_core.foundation.precision import full_precision
from landscape_core.models.adapter import outputs_in
from landscape_core.models.call_errors import loss_errors, network_errors
from landscape_core.models.copying import copied
from landscape_core.models.few_examples import on_few
from landscape_core.models.generators import kept_generators
from landscape_core.models.gradient_mode import without_gradients
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.module_state import as_given
from landscape_core.models.network_checks import registering_nothing
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.notices import unheard
from landscape_core.models.plain_networks import as_written

IGNORED = -100
"""The class that torch's cross-entropy leaves out by default."""


FORWARD = "the network's forward"
"""What an error calls the first call of a network."""


def with_known_loss(part: ModelObjective) -> ModelObjective:
    """The objective with the loss of the catalogue that a function of torch is, if it is one."""
    loss, targets = part.loss_function, part.targets
    named = loss is cross_entropy or _plain(loss)
    if not named or targets.ndim != 1 or targets.is_floating_point() or int(targets.min()) < 0:
        return part
    device = part.start.device
    whole = part.module, part.loss_function, part.adapter
    given = nullcontext() if part.evaluation.is_plain else as_given(*whole)
    with kept_generators(device), full_precision(device), unheard(), given:
        with network_errors(part.inputs):
            outputs, some = on_few(part, lambda few: (fresh_outputs(few), few.targets))
        if outputs.ndim != 2:
            return part
        with loss_errors(outputs, targets, loss):
            told = loss(outputs, some)
            loss(outputs[:1], targets.max()[None])  # a class that the outputs do not name, if any
        known = CrossEntropy()(outputs, some).mean()
    same = torch.allclose(known, told, rtol=1e-4, atol=1e-6, equal_nan=True)
    return part.recognized(CrossEntropy()) if same else part


def fresh_outputs(part: ModelObjective) -> Tensor:
    """The outputs of a fresh copy of the network on all examples, detached.

    Raises:
        SpecError: no outputs, or the first call makes parameters.
    """
    own = copied(part.module).eval()
    with registering_nothing(own, FORWARD):
        return without_gradients(lambda: outputs_in(own(part.inputs.clone()), part.adapter))


def _plain(loss: object) -> bool:
    """Whether a loss is torch's cross-entropy, itself and averaged, without any option."""
    return (
        type(loss) is nn.CrossEntropyLoss
        and as_written(loss)
        and (loss.weight, loss.label_smoothing, loss.ignore_index) == (None, 0, IGNORED)
        and loss.reduction == "mean"
    )
