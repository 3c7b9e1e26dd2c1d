"""The objectives that a call on a user's own network is about, one for each part of the data."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import nn

from landscape_core.foundation.errors import SpecError
from landscape_core.models.adapter import Adapter
from landscape_core.models.batch_norm import BatchNorm
from landscape_core.models.batches import Batches, pairs_of
from landscape_core.models.known_loss import with_known_loss
from landscape_core.models.loss_function import LossFunction
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.user_model import from_module


def user_parts(  # noqa: PLR0913 - each choice of a public call by its name
    model: nn.Module,
    loss: LossFunction,
    data: Batches,
    *,
    test: Batches | None = None,
    batch_norm: BatchNorm | None = None,
    adapter: Adapter | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
) -> dict[str, ModelObjective]:
    """The objectives by the name of their split, `train` and perhaps `test`.

    The arguments are those of `landscape`; without a choice of statistics it is `running`.

    Raises:
        SpecError: a value that is not accepted, or no data.
    """
    given = {"train": ("data", data), "test": ("test", test)}
    parts = {
        split: with_known_loss(
            from_module(
                model,
                loss,
                pairs_of(name, part),
                device=device,
                dtype=dtype,
                batch_norm=batch_norm or "running",
                adapter=adapter,
            )
        )
        for split, (name, part) in given.items()
        if part is not None or split == "train"
    }
    if "test" in parts:
        parts["test"] = parts["test"].with_reference(parts["train"].inputs)
    return parts


def limited(
    parts: Mapping[str, ModelObjective], max_examples: int | None
) -> dict[str, ModelObjective]:
    """The parts with at most so many examples each, the first; all by default."""
    if max_examples is None:
        return dict(parts)
    return {name: part.first(int(max_examples)) for name, part in parts.items()}


def check_numbers(max_examples: object, seed: object) -> None:
    """Refuse what is no number of examples or no seed.

    Raises:
        SpecError: says which.
    """
    check_max_examples(max_examples)
    check_seed(seed)


def check_max_examples(given: object) -> None:
    """Refuse what is no number of examples.

    Raises:
        SpecError: neither a whole number from 1 on nor None.
    """
    if given is not None and (not is_whole(given) or given < 1):  # type: ignore[operator]
        accepted = "a whole number from 1 on, or None for all examples"
        raise SpecError("max_examples", given, accepted)


def check_seed(given: object) -> None:
    """Refuse what is no seed.

    Raises:
        SpecError: it is no whole number.
    """
    if not is_whole(given):
        raise SpecError("seed", given, "a whole number")


def check_finite(part: ModelObjective) -> None:
    """Refuse a network whose parameters are not all finite.

    Raises:
        SpecError: some are NaN or infinite; names the tensors.
    """
    tensors = part.layout.split(part.start)
    wrong = [name for name, tensor in tensors.items() if not bool(tensor.isfinite().all())]
    if wrong:
        more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        shown = f"one with NaN or infinity in {wrong[0]}{more}"
        raise SpecError("model", shown, "a network whose parameters are finite")


def is_whole(given: object) -> bool:
    """Whether a value is a whole number, and no switch."""
    return isinstance(given, int | np.integer) and not isinstance(given, bool)
