"""Recording of the user's training loop: states of the network, thinned, in one file."""

import time
import warnings
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import Any, final

import torch
from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.memory import amount, free_memory
from landscape_core.storage import netcdf
from landscape_core.storage.recorded_projection import RecordedProjection
from landscape_core.storage.recorded_states import ENDING, RecordedStates
from landscape_core.training import trainer_callbacks
from landscape_core.training.recorded_forms import Form, ProjectedForm, WholeForm

COPIES = 4
"""How often the recorded states are in memory while they are written."""

MARGIN, OF_TENSOR = 2**16, 2**10
"""Bytes of a file besides its numbers, at most: in all, and for each tensor."""

FEWEST = 3
"""States that a plane of a path needs."""

SHARE = 0.5
"""Of the free memory, how much they may take."""

WAIT, RATIO = 10.0, 20.0
"""Seconds between two writings in training, at least, and as a multiple of how long one takes."""


@dataclass(frozen=True, eq=False)
class _Kept:
    """A recorded state: after how many steps, and its numbers."""

    step: int
    numbers: Any


@final
class ModelRecorder:
    """The states of a network in training: at the start, at regular intervals, and at the end.

    When there are `most`, every second one is dropped and the interval doubled, so that what stays
    are the multiples of `every`. States whose parameters are not finite are not recorded.
    """

    def __init__(self, model: nn.Module, form: Form, *, every: int, file: Path, most: int) -> None:
        """Record nothing yet: that begins with the context."""
        self.every, self.file, self.most = every, file, most
        self._asked = every
        self._model, self._form = model, form
        self._count = 0
        self._kept: list[_Kept] = []
        self._written, self._cost = time.monotonic(), 0.0
        self._open = False

    @property
    def is_open(self) -> bool:
        """Whether it is recording: between the beginning and the end of its context."""
        return self._open

    def lightning_callback(self) -> Any:
        """A callback that records in the `fit` of a Trainer of Lightning.

        In the process of rank 0 it records the start, counts each batch after which an optimizer
        has made a step, and writes the file at the end or after an exception.

        Raises:
            MissingPackageError: Lightning is not installed.
        """
        return trainer_callbacks.lightning_callback(self, self._model)

    def transformers_callback(self) -> Any:
        """A callback that records in the `train` of a Trainer of transformers, in rank 0.

        That trainer does not report exceptions: `with record(...) as recorder:` around `train`
        writes the file then as well.

        Raises:
            MissingPackageError: transformers is not installed.
        """
        return trainer_callbacks.transformers_callback(self, self._model)

    def __enter__(self) -> "ModelRecorder":
        """Record the state before the first step.

        Raises:
            OSError: the file cannot be written.
        """
        netcdf.check_folder(self.file)
        self.every, self._count, self._kept = self._asked, 0, []
        self._written = time.monotonic()
        self._keep()
        self._open = True
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Record the last state, unless the training failed, and write the file in any case."""
        self.close(last=kind is None)

    def close(self, *, last: bool = True) -> None:
        """Write the file, and before it record the present state if that is the `last` one.

        Raises:
            OSError: the file cannot be written.
        """
        self._open = False
        if last and (not self._kept or self._kept[-1].step != self._count):
            self._keep()
        self.save()

    def step(self) -> None:
        """Count a step of the optimizer that was made, and record the state if it is one of them.

        Raises:
            SpecError: the network has other tensors than at the start.
        """
        self._count += 1
        if self._count % self.every:
            return
        self._keep()
        while len(self._kept) > self.most:
            self.every *= 2
            self._kept = [one for one in self._kept if one.step % self.every == 0]
        if time.monotonic() - self._written > max(WAIT, RATIO * self._cost):
            try:
                self.save()
            except OSError as error:
                self._written = time.monotonic()
                warnings.warn(f"The states were not written yet: {error}", stacklevel=2)

    def states(self) -> RecordedStates | RecordedProjection:
        """What is recorded so far: state dictionaries, or their projections; `path=` takes it."""
        steps = [one.step for one in self._kept]
        return self._form.gathered(steps, [one.numbers for one in self._kept], str(self.file))

    def save(self) -> None:
        """Write what is recorded so far, whole or not at all.

        Raises:
            OSError: the file cannot be written.
        """
        began = time.monotonic()
        netcdf.save(self.states().dataset(), self.file)
        self._written = time.monotonic()
        self._cost = self._written - began

    def _keep(self) -> None:
        """Record the present state, unless its parameters are not finite.

        Raises:
            SpecError: the network has other tensors than at the start.
        """
        if not all(bool(one.isfinite().all()) for one in self._model.parameters()):
            return
        with torch.no_grad():
            self._kept.append(_Kept(self._count, self._form.numbers(self._model)))


def record(
    model: nn.Module,
    *,
    every: int = 1,
    file: str | PathLike[str],
    most: int = 200,
    max_bytes: int | None = None,
    projection: int | None = None,
) -> ModelRecorder:
    """Record the states of a network in a training loop; `path=` takes the file.

    Use it as a context, and call `step()` after each step of the optimizer:

        with record(model, every=10, file="run.nc") as recorder:
            for inputs, targets in loader:
                ...
                optimizer.step()
                recorder.step()

    Or give a trainer `recorder.lightning_callback()` or `recorder.transformers_callback()` of it.

    The file holds parameters and buffers at the start, after every `every` steps and at the end. It
    is written at the end and from time to time before, whole or not at all; one of this name is
    replaced.

    Args:
        model: the network that is trained.
        every: the number of steps between two recorded states.
        file: the name of the file, which ends with `.nc`.
        most: the largest number of recorded states, but for the last; when there are more, every
            second one is dropped and `every` doubled.
        max_bytes: the largest size of the file, for large networks: fewer states than `most` are
            kept where so many would take more. Memory takes four times as much while it is written.
        projection: K, for networks whose states are too large to keep: of each state K numbers
            alone, the random projection of the parameters that require a gradient. `path=` then
            estimates coordinates on a plane that does not depend on the path, without losses.

    Raises:
        SpecError: a value that is not accepted, or more states than memory can hold.
    """
    if not isinstance(model, nn.Module):
        raise SpecError("model", type(model).__name__, "a torch.nn.Module")
    for name, value, least in (("every", every, 1), ("most", most, 2)):
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise SpecError(name, value, f"a whole number from {least} on")
    if not isinstance(file, str | PathLike) or Path(file).suffix != ENDING:
        raise SpecError("file", str(file), f"the name of a file that ends with {ENDING}")
    lazy = UninitializedParameter | UninitializedBuffer
    if any(isinstance(one, lazy) for one in model.state_dict(keep_vars=True).values()):
        raise SpecError("model", type(model).__name__, "one whose lazy layers were called once")
    form = WholeForm.of(model) if projection is None else ProjectedForm.of(model, projection)
    if max_bytes is not None:
        most = min(most, _fitting(form, max_bytes))
    _check_memory(form, most)
    return ModelRecorder(model, form, every=every, file=Path(file), most=most)


def _fitting(form: Form, most: object) -> int:
    """How many states, and the last one besides, are in a file of at most so many bytes.

    Raises:
        SpecError: no number of bytes, or fewer than the three states need that a plane needs.
    """
    if isinstance(most, bool) or not isinstance(most, int) or most < 1:
        raise SpecError("max_bytes", most, "a whole number of bytes, or None")
    size, rest = form.size, MARGIN + OF_TENSOR * len(form.layout.names)
    if (most - rest) // size < FEWEST:
        least = f"{FEWEST * size + rest} (three states of {amount(size)} each)"
        raise SpecError("max_bytes", most, f"at least {least}")
    return (most - rest) // size - 1


def _check_memory(form: Form, most: int) -> None:
    """Refuse more states than fit into half of the free memory with their copies.

    Raises:
        SpecError: says how many do.
    """
    size = form.size
    limit = SHARE * free_memory() / COPIES
    if most * size > limit:
        accepted = f"at most {int(limit / size)}, as a state takes {amount(size)} of memory; or"
        accepted += " give a smaller max_bytes"
        raise SpecError("most", most, accepted)
