"""One evaluation watched: what it gives, what else it does, and whether it reads an original."""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from landscape_core.foundation.types import Scalar
from landscape_core.models.call_errors import loss_errors, network_errors
from landscape_core.models.loss_function import LossFunction
from landscape_core.models.originals import check_reads
from landscape_core.models.shared_memory import Addresses
from landscape_core.models.trace import Watch, traced

Measured = Callable[[Tensor], Any]
"""What is evaluated from the outputs in addition to the loss."""


def observed(
    forward: Callable[[], Tensor],
    loss_of: Callable[[Tensor], Scalar],
    measures: Sequence[Measured],
    addresses: Addresses,
    data: tuple[Tensor, Tensor, LossFunction],
) -> tuple[Tensor, Scalar, tuple[str, ...], list[warnings.WarningMessage]]:
    """Outputs and loss, what the network did that depends on values, and the warnings given.

    Args:
        forward: gives the outputs.
        loss_of: gives the loss of outputs.
        measures: are called with the outputs.
        addresses: of the memory of originals, which nothing may read, with names.
        data: inputs, targets and the loss, which errors speak of.

    Raises:
        SpecError: something reads an original; the network or the loss raised an error of torch's.
    """
    watches = {name: Watch(addresses) for name in ("model", "loss", "measures")}
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        with network_errors(data[0]):
            outputs, found = traced(forward, watches["model"])
        check_reads(watches["model"].read)
        outputs = outputs.detach()
        with loss_errors(outputs, *data[1:]):
            loss, _ = traced(partial(loss_of, outputs), watches["loss"])
        for measure in measures:
            traced(partial(measure, outputs.clone()), watches["measures"])
    for name, watch in watches.items():
        check_reads(watch.read, name)
    return outputs, loss.detach(), found, heard
