"""The objectives that a call on a user's own network is about, one for each part of the data."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from landscape_core.foundation.errors import LandscapeError, SpecError
from landscape_core.models.adapter import OUTPUT, TAKES, Adapter
from landscape_core.models.additivity import warn_of_unread
from landscape_core.models.batch_norm import BatchNorm
from landscape_core.models.batch_reading import StreamedError, known_examples
from landscape_core.models.batches import first_of, pairs_of
from landscape_core.models.call_errors import first_line
from landscape_core.models.closure_network import Closure, ClosureNetwork, Given
from landscape_core.models.loss_function import LossFunction
from landscape_core.models.loss_of_outputs import LossOfOutputs
from landscape_core.models.module_objective import check_given, module_objective
from landscape_core.models.nested_batches import examples_of
from landscape_core.models.network_checks import check_values
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.open_streams import OpenStreams
from landscape_core.models.streamed_loss import STREAMED
from landscape_core.models.streams import Stream
from landscape_core.models.target_pairing import check_closure_pairing, paired
from landscape_core.models.types_together import as_taken_together
from landscape_core.models.user_closure import (
    batches_by,
    closure_parts,
    from_closure,
    is_pairs,
    joined,
    other_than_tensor,
    taken_by,
)

COUNTED = ("examples", "examples_of", "additivity")
"""Attributes of results that speak of single examples."""


def user_parts(  # noqa: PLR0913 - each choice of a public call by its name
    model: nn.Module,
    loss: LossFunction | None,
    data: Any,
    *,
    test: Any = None,
    objective: Closure | None = None,
    batch: Callable[[Any], Any] | None = None,
    reduction: str | None = None,
    batch_norm: BatchNorm | None = None,
    adapter: Adapter | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
    max_examples: int | None = None,
    whole: bool = False,
    streams: OpenStreams | None = None,
) -> dict[str, ModelObjective]:
    """The objectives by the name of their split, `train` and perhaps `test`.

    The arguments are those of `landscape`; without a choice of statistics it is `running`. With
    `max_examples` no more than so many are read of a loader or generator, unless the `whole` is
    needed; closures are of so many in any case. Data of which not the whole is needed and that do
    not fit into memory are opened as `streams`, if there are any; the objective is that of their
    first batch.

    Raises:
        SpecError: a value that is not accepted, or no data.
    """
    check_closure(loss, objective, adapter=adapter, batch=batch, reduction=reduction)
    check_values(model, device)
    given = {"train": ("data", data), "test": ("test", test)}
    given = {split: one for split, one in given.items() if split == "train" or one[1] is not None}
    most = None if max_examples is None else int(max_examples)
    options = {"batch_norm": batch_norm, "device": device, "dtype": dtype}
    if objective is not None:
        return closure_parts(
            model, objective, given, reduction=reduction, max_examples=most, **options
        )
    how = _Asked(model, loss, batch, adapter, most, whole, options, streams)
    parts = {split: how.part(split, name, one) for split, (name, one) in given.items()}
    if "test" in parts and not is_closure(parts["train"]):
        parts["test"] = parts["test"].with_reference(parts["train"].inputs)
    streamed = {} if streams is None else streams.losses
    for split, part in parts.items():
        known = known_examples(given[split][1])
        if split in streamed and most is not None:
            warn_of_unread(part, of=known, examples=most if known is None else min(most, known))
        elif not whole and split not in streamed and is_shortened(part, given[split][1], most):
            warn_of_unread(part, of=known)
    return parts


def check_closure(loss: object, objective: object, **others: object) -> None:
    """Refuse anything but one of loss and objective, and what goes with the other one.

    Raises:
        SpecError: says which.
    """
    if objective is None and loss is None:
        accepted = "a function of (outputs, targets), or give objective=, one of (model, batch)"
        raise SpecError("loss", None, accepted)
    if objective is not None and loss is not None:
        raise SpecError("objective", objective, "None where there is a loss: give one of the two")
    alone = ("reduction",) if objective is None else ("adapter", "batch")
    for name, value in others.items():
        if name in alone and value:
            where = "without objective=" if objective is None else "with objective="
            raise SpecError(name, value, f"left out {where}")


def is_closure(part: ModelObjective) -> bool:
    """Whether the loss is a closure's, which has neither outputs nor examples of its own."""
    return isinstance(part.module, ClosureNetwork)


def stating_batches(found: xr.Dataset, parts: Mapping[str, ModelObjective]) -> xr.Dataset:
    """Results that state the batches of a closure; those of other objectives as they are.

    The attribute `loss_of` says how the values of the batches are put together, `examples` how many
    examples there are in each part; it is left out where that is not known.
    """
    told = batch_attributes(parts)
    return _without(found, COUNTED).assign_attrs(told) if told else found


def batch_attributes(parts: Mapping[str, ModelObjective]) -> dict[str, Any]:
    """What results state of the batches of closures; empty where there are none."""
    given = [one.module.given for one in parts.values() if isinstance(one.module, ClosureNetwork)]
    if not given:
        return {}
    counts = [one.examples for one in given]
    known = {} if None in counts else {"examples": counts}
    return {**known, "loss_of": [one.words for one in given]}


def examples_in(part: ModelObjective) -> int:
    """How many examples there are; of a closure where that is not known, one."""
    if isinstance(part.module, ClosureNetwork):
        return part.module.given.examples or part.examples
    return part.examples


def with_total(found: xr.Dataset, examples: int | None) -> xr.Dataset:
    """Results on the first examples of a loader that state how many it has, if that is known."""
    kept = _without(found, ("examples_of",))
    return kept if examples is None else kept.assign_attrs(examples_of=examples)


def _without(found: xr.Dataset, names: Collection[str]) -> xr.Dataset:
    """The same results without some attributes."""
    other = found.copy(deep=False)
    other.attrs = {name: value for name, value in found.attrs.items() if name not in names}
    return other


@dataclass(frozen=True, eq=False)
class _Asked:
    """A loss of a network, and how data are read."""

    model: nn.Module
    loss: Any
    batch: Callable[[Any], Any] | None
    adapter: Adapter | None
    most: int | None
    whole: bool
    options: dict[str, Any]
    streams: OpenStreams | None

    def part(self, split: str, name: str, data: Any) -> ModelObjective:
        """The objective on one part of the data, of outputs of one tensor or of a closure."""
        check_given(self.model, self.loss, self.adapter)
        try:
            return self._in_memory(name, data)
        except StreamedError as error:
            begun = error.begun
        take = taken_by(self.batch) if self.batch else (lambda batch: batch)
        stream = Stream(name, data, begun, take, self.most)
        return (self.streams or OpenStreams()).open(split, stream, self._of_first)

    def _in_memory(self, name: str, data: Any) -> ModelObjective:
        most = None if self.whole else self.most
        stream = False if self.whole or self.streams is None else self.streams.asked
        if self.batch is None:
            pairs = pairs_of(name, data, most=most, stream=stream)
        else:
            batches = batches_by(name, data, self.batch, most, stream=stream)
            if not is_pairs(batches):
                whole = joined(name, batches, self.most)
                return as_taken_together(self.model, whole, lambda one: self._of_all(*one))
            pairs = pairs_of(name, batches)
            pairs = pairs if most is None else first_of(pairs, most)
        part = self._of_pairs(pairs)
        kind = other_than_tensor(part)
        if not kind:
            return paired(part)
        few = part if self.most is None else part.first(self.most)
        try:
            return self._of_all(few.inputs, few.targets)  # in the types that the network takes
        except LandscapeError:
            raise
        except Exception as error:  # of what users write
            told = f"a tensor, or give adapter=, {TAKES}, as the loss raises {first_line(error)}"
            raise SpecError(OUTPUT, kind, told) from error

    def _of_pairs(self, pairs: Any) -> ModelObjective:
        known = {**self.options, "batch_norm": self.options["batch_norm"] or "running"}
        return module_objective(self.model, self.loss, pairs, adapter=self.adapter, **known)

    def _of_first(self, pair: tuple[Tensor, Tensor]) -> ModelObjective:
        """The objective of the first batch of a stream."""
        part = self._of_pairs([pair])
        kind = other_than_tensor(part)
        if kind:
            raise SpecError(OUTPUT, kind, f"a tensor, or give adapter=, {TAKES}, {STREAMED}")
        return paired(part)

    def _of_all(self, inputs: Any, targets: Any) -> ModelObjective:
        """The objective of all that the network gives for all examples at once."""
        loss, count = LossOfOutputs(self.loss, self.adapter), examples_of((inputs, targets))
        given = Given([(inputs, targets)], [1.0], count, "the loss of all examples at once")
        part = from_closure(self.model, loss, given, **self.options)
        check_closure_pairing(self.model, loss, given)
        return part


def is_shortened(part: ModelObjective, data: object, max_examples: int | None) -> bool:
    """Whether a loader or generator may have more examples than were read of it."""
    return (
        not (is_closure(part) or isinstance(data, list | tuple))
        and part.examples == max_examples
        and known_examples(data) != max_examples
    )


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
