"""Callbacks with which the trainers of Lightning and of transformers record a network's states.

Neither package is needed unless its callback is asked for.

https://lightning.ai/docs/pytorch/stable/extensions/callbacks.html
https://huggingface.co/docs/transformers/main_classes/callback
"""

import importlib
import sys
from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

from torch import nn

from landscape_core.foundation.errors import MissingPackageError, SpecError
from landscape_core.models.kept_values import changes_of

LIGHTNING = ("lightning.pytorch", "pytorch_lightning")
"""Modules that define the same callbacks; the one that is imported already is used."""

DIVIDED = "torch.distributed.tensor"
"""The module of the class of parameters that are divided among processes."""

MISSING = "{} is not installed, which this callback needs: pip install {}."


@runtime_checkable
class Recording(Protocol):
    """What a callback does with a recorder."""

    @property
    def is_open(self) -> bool:
        """Whether it is recording."""

    def __enter__(self) -> Any: ...

    def close(self, *, last: bool = True) -> None:
        """Record the present state if it is the last one, and write the file."""

    def step(self) -> None:
        """Count a step."""


class _Counter:
    """Begins, counts and ends the recording of one training; within a context it only counts."""

    def __init__(self, recorder: Recording, model: nn.Module) -> None:
        """Nothing is recorded yet."""
        self._recorder, self._model = recorder, model
        self._own, self._seen = False, 0
        self._versions: list[int] = []

    def begin(self, trained: nn.Module, step: int, *, first: bool) -> None:
        """Begin before the first step, in the process that writes files, the `first` one.

        Raises:
            SpecError: the network that is trained is another one, or divided among processes.
        """
        self._own, self._seen, self._versions = False, step, self._changes()
        if not first:
            return
        own = {id(one) for one in self._model.parameters()}
        if not own <= {id(one) for one in trained.parameters()}:
            name = type(trained).__name__
            accepted = f"the network that is trained, or a part of it; that is another {name}"
            raise SpecError("model", type(self._model).__name__, accepted)
        divided = sys.modules.get(DIVIDED)
        if divided is not None:
            kinds = {type(one) for one in (*self._model.parameters(), *trained.parameters())}
            if any(issubclass(kind, divided.DTensor) for kind in kinds):
                accepted = "a network that each process has as a whole"
                raise SpecError("model", "one that is divided among processes", accepted)
        if not self._recorder.is_open:
            self._recorder.__enter__()
            self._own = True

    def count(self, step: int) -> None:
        """Count a step, unless no optimizer has made one since."""
        if self._recorder.is_open and step > self._seen:
            self._recorder.step()
        self._seen, self._versions = step, self._changes()

    def end(self, *, failed: bool = False) -> None:
        """End what `begin` has begun.

        The present state is not the last of training after a failure, nor if it has changed since
        the last step: a trainer may load its best state, or the mean of some, at the end.
        """
        if self._own:
            self._own = False
            self._recorder.close(last=not failed and self._changes() == self._versions)

    def _changes(self) -> list[int]:
        """How often each parameter has been changed in place."""
        return [changes_of(one) for one in self._model.parameters()]


def lightning_callback(recorder: Recording, model: nn.Module) -> Any:
    """A callback for the Trainer of Lightning that records in its `fit`.

    Raises:
        MissingPackageError: Lightning is not installed.
    """
    loaded = [name for name in LIGHTNING if name in sys.modules]
    base: Any = _class("Callback", (*loaded, *LIGHTNING), "lightning")
    counter = _Counter(recorder, model)

    class RecorderCallback(base):  # type: ignore[misc]
        """Records the network after the steps of its optimizers."""

        def on_train_start(self, trainer: Any, pl_module: Any) -> None:
            """Record the state before the first step."""
            counter.begin(pl_module, trainer.global_step, first=trainer.is_global_zero)

        def on_train_batch_end(self, trainer: Any, *_: Any, **__: Any) -> None:
            """Count a step if one was made."""
            counter.count(trainer.global_step)

        def on_train_end(self, *_: Any) -> None:
            """Record the last state and write the file."""
            counter.end()

        def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
            """Write what is recorded."""
            del trainer, pl_module, exception
            counter.end(failed=True)

    return RecorderCallback()


def transformers_callback(recorder: Recording, model: nn.Module) -> Any:
    """A callback for the Trainer of transformers that records in its `train`.

    Raises:
        MissingPackageError: transformers is not installed.
    """
    base: Any = _class("TrainerCallback", ("transformers",), "transformers")
    counter = _Counter(recorder, model)

    class RecorderCallback(base):  # type: ignore[misc]
        """Records the network after the steps of its optimizer."""

        def on_train_begin(self, args: Any, state: Any, control: Any, **given: Any) -> None:
            """Record the state before the first step."""
            del args, control
            counter.begin(given["model"], state.global_step, first=state.is_world_process_zero)

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            """Count a step; the last one before the trainer loads its best state, if it does."""
            del args
            counter.count(state.global_step)
            if control.should_training_stop:
                counter.end()

        def on_train_end(self, *_: Any, **__: Any) -> None:
            """Record the last state and write the file."""
            counter.end()

    return RecorderCallback()


def _class(name: str, modules: Iterable[str], package: str) -> type:
    """A class of the first of these modules that is installed.

    Raises:
        MissingPackageError: none is.
    """
    for module in modules:
        try:
            found: type = getattr(importlib.import_module(module), name)
        except ModuleNotFoundError as error:
            if error.name is None or not f"{module}.".startswith(f"{error.name}."):
                raise  # what the package itself needs
            continue
        return found
    raise MissingPackageError(MISSING.format(package, package))
