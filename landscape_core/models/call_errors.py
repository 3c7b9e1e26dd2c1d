"""What a network or a loss raises on the data that it is given, in words."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

import torch
from torch import Tensor

from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.models.gradient_mode import needs_gradients

RAISED = (RuntimeError, IndexError, ValueError, TypeError)
"""What torch raises where shapes, types or values do not fit; other errors are the user's own."""

TYPES = ("expected scalar type", "same device", "same dtype")
"""What torch says where tensors are of different types, or on different devices."""

WITHIN = (
    "; tensors within a function, as class weights, are not converted: write weight.to(outputs)"
    " there, or give a module, nn.CrossEntropyLoss(weight=weight)"
)
"""The remedy where a loss is a function that holds tensors."""


def network_errors(inputs: Tensor) -> AbstractContextManager[None]:
    """Within it the network is called on some of the inputs.

    Raises:
        SpecError: the network raised an error of torch's, which is the cause.
    """
    return _told("inputs", inputs, "network", lambda: "the given inputs")


def loss_errors(
    outputs: Tensor, targets: Tensor, loss: Callable[[Tensor, Tensor], Tensor]
) -> AbstractContextManager[None]:
    """Within it the loss is called on outputs and targets.

    Raises:
        SpecError: the loss raised an error of torch's, which is the cause; says which change of
            type or shape it would take, if there is one.
    """

    def shapes() -> str:
        given = f"the targets (shape {tuple(targets.shape)})"
        return f"the network's outputs (shape {tuple(outputs.shape)}) and {given}"

    def taken() -> str:
        return _taken(loss, outputs.detach(), targets[: len(outputs)])

    return _told("targets", targets, "loss", shapes, taken, WITHIN)


def _taken(loss: Callable[[Tensor, Tensor], Tensor], outputs: Tensor, targets: Tensor) -> str:
    """The first change of targets or outputs that a loss takes, in words; empty for none."""
    for words, (given, changed) in _changes(outputs, targets).items():
        if given is outputs and (changed.dtype, changed.shape) == (targets.dtype, targets.shape):
            continue  # no change
        with suppress(Exception), torch.no_grad():  # of what users write
            if bool(torch.isfinite(loss(given.clone(), changed)).all()):
                return f"; it takes {words}"
    return ""


def _changes(outputs: Tensor, targets: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Outputs and targets after changes of their types or shapes, by the words of each.

    Shapes other than those of the outputs are tried for classes alone, as torch broadcasts others.
    """
    column = targets.ndim == 2 and targets.shape[1] == 1 and outputs.ndim == 2
    whole = not targets.is_floating_point() or bool((targets == targets.round()).all())
    tried: dict[str, tuple[Tensor, Tensor]] = {}
    if outputs.shape == targets.shape:
        tried["targets.float()"] = outputs, targets.to(outputs.dtype)
    if outputs.shape == (len(targets), 1) and targets.ndim == 1:
        tried["targets[:, None]"] = outputs, targets[:, None]
        tried["targets[:, None].float()"] = outputs, targets[:, None].to(outputs.dtype)
    if whole and outputs.ndim == targets.ndim + 1:
        tried["targets.long()"] = outputs, targets.long()
        if outputs.ndim > 2:
            tried["outputs.transpose(1, -1), for instance by adapter="] = (
                outputs.transpose(1, -1), targets.long(),
            )  # fmt: skip
    if whole and column and outputs.shape[1] > 1:
        tried["targets.squeeze(1).long()"] = outputs, targets.squeeze(1).long()
    return tried


@contextmanager
def _told(
    field: str,
    given: Tensor,
    caller: str,
    data: Callable[[], str],
    taken: Callable[[], str] = str,
    remedy: str = "",
) -> Iterator[None]:
    """Raise a `SpecError` in place of an error of torch's: who raised it, and on what data."""
    try:
        yield
    except RAISED as error:
        if _passes(error):
            raise
        accepted = (
            f"such that the {caller} takes them;"
            f" the {caller} raised {first_line(error)} on {data()}{taken()}"
        )
        if any(word in str(error) for word in TYPES):
            accepted += remedy
        raise SpecError(field, _shown(given), accepted) from error


def _passes(error: Exception) -> bool:
    """Whether an error is raised as it is, or means that gradients have to be recorded."""
    told = isinstance(error, LandscapeError | torch.OutOfMemoryError)
    return told or (isinstance(error, RuntimeError) and needs_gradients(error))


def first_line(error: Exception) -> str:
    """The type of an error and the first line of what it says."""
    line = next(iter(str(error).strip().splitlines()), "")
    return f"{type(error).__name__}: {line.rstrip('.')}" if line else type(error).__name__


def _shown(given: Tensor) -> str:
    """Type, shape and extent."""
    kind = str(given.dtype).removeprefix("torch.")
    whole = not (given.is_floating_point() or given.is_complex() or given.is_meta)
    extent = f", {int(given.min())} to {int(given.max())}" if whole and given.numel() else ""
    return f"{kind} {tuple(given.shape)}{extent}"
