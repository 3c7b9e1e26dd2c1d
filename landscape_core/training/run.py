"""Training as a stream: a run is recipe, a state leads to the next, the consumer sets the pace.

Pause is not asking for more; a single step is asking once; stop is forgetting the iterator. A
state can be kept, pickled and continued, under another learning rate if one likes.
"""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, cast, final

import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.foundation.precision import full_precision
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Choice, Knob, Note, Recipe, label_of, name_of
from landscape_core.foundation.types import Scalar, Vector
from landscape_core.models.closure_network import ClosureNetwork
from landscape_core.models.file_digests import changed, data_digests, data_folders
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.problems.base import Instance, Problem
from landscape_core.models.problems.supervised import Supervised
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run_cost import check_run_cost
from landscape_core.training.samplers.base import Asked, Sampler
from landscape_core.training.samplers.shuffled import Shuffled
from landscape_core.training.schedules.base import Schedule
from landscape_core.training.schedules.constant import Constant

DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True, kw_only=True)
class Run(Recipe):
    """Everything that determines a training run."""

    problem: Annotated[Problem, Note("data, network and loss")] = field(default_factory=Supervised)
    optimizer: Annotated[Optimizer[Any], Note("update rule of the parameters")] = field(
        default_factory=SGD
    )
    schedule: Annotated[Schedule, Note("learning-rate schedule")] = field(default_factory=Constant)
    sampler: Annotated[Sampler[Any], Note("batch sampler")] = field(default_factory=Shuffled)
    batch_size: Annotated[
        int,
        Knob(
            1,
            100_000,
            "examples per mini-batch; all training examples: full-batch gradient",
            scale="log",
        ),
    ] = 32
    steps: Annotated[int, Knob(1, 100_000_000, "number of training steps", scale="log")] = 2000
    seed: Annotated[
        int, Knob(0, 2**31 - 1, "random seed of data, initial weights and mini-batches")
    ] = 0
    checkpoints: Annotated[
        int,
        Knob(
            2,
            100_000,
            "maximum number of recorded iterates; beyond it every second one is dropped",
            scale="log",
        ),
    ] = 200
    memory_mb: Annotated[
        int, Knob(1, 1_000_000, "maximum size of the recorded iterates in megabytes", scale="log")
    ] = 256
    device: Annotated[str, Choice(("cpu", "cuda"), "device")] = "cpu"
    dtype: Annotated[str, Choice(("float32", "float64"), "floating-point type")] = "float32"


def continues(run: Run, other: Run) -> bool:
    """Whether one run can go on as another: only step sizes, batch size or end differ."""
    same = other.replace(
        optimizer=run.optimizer,
        schedule=run.schedule,
        batch_size=run.batch_size,
        steps=run.steps,
    )
    return same == run and type(other.optimizer) is type(run.optimizer)


@dataclass(frozen=True, eq=False)
class State:
    """Where a run stands after `index` steps and `seen` examples.

    `batch_loss` is the loss of the mini-batch that led here, before its step (NaN at the start).
    `drawing` is the sampler's memory. A state with `diverged` is the end: its theta is the last
    finite one.
    """

    index: int
    seen: int
    theta: Vector
    memory: Any
    buffers: dict[str, Tensor]
    drawing: Any = None
    batch_loss: float = math.nan
    diverged: bool = False


class Training:
    """A run made concrete: the problem built, and the function from one state to the next.

    `files` are the digests of the data files that were read, by their names.
    """

    @public_call
    def __init__(self, run: Run) -> None:
        """Build the problem.

        Raises:
            SpecError: parts that do not fit, a batch larger than the data, no such device, more
                than memory bears; before any work.
            MissingDataError: a data file is not there.
            FileFormatError: a data file that is damaged, or changes while it is read.
        """
        if run.device == "cuda" and not torch.cuda.is_available():
            raise SpecError("Run.device", run.device, "cpu, as this machine has no CUDA device")
        check_run_cost(run)
        self.run = run
        self.files = data_digests(run.problem)
        self.instance: Instance = run.problem.build(run.seed, run.device, DTYPES[run.dtype])
        if others := changed(self.files, data_digests(run.problem)):
            where = ", ".join(data_folders(run.problem))
            raise FileFormatError(f"{', '.join(others)} in {where} changed while it was read.")
        self.examples = self.instance.train.examples
        self.check(run)

    def check(self, run: Run) -> None:
        """Raise `SpecError` if a run's batches or schedule do not go with its other parts."""
        if run.batch_size > self.examples:
            accepted = f"at most the number of training examples, {self.examples}"
            raise SpecError("Run.batch_size", run.batch_size, accepted)
        train = self.instance.train
        if run.batch_size == 1 and isinstance(train, ModelObjective) and _normalizes(train.module):
            raise SpecError("Run.batch_size", 1, "at least 2 with batch normalization")
        if run.schedule != Constant() and not run.optimizer.scaled_by_rate():
            has = hasattr(run.optimizer, "learning_rate")
            why = "whose steps are not scaled by it" if has else "which has no learning rate"
            accepted = f"constant for {label_of(type(run.optimizer))}, {why}"
            raise SpecError("Run.schedule", name_of(type(run.schedule)), accepted)
        run.optimizer.check_objective(train)
        run.sampler.check_objective(train)

    @public_call
    def start(self, at: State | None = None) -> State:
        """The state before the first step, or with the weights and statistics of another.

        Raises:
            SpecError: that state is of another network.
        """
        theta, train = self.instance.start, self.instance.train
        buffers = train.buffers if isinstance(train, ModelObjective) else {}
        if at is not None:
            if at.theta.shape != theta.shape:
                accepted = f"the network's {len(theta)} parameters"
                raise SpecError("start", f"{len(at.theta)} parameters", accepted)
            theta, buffers = at.theta.to(theta), at.buffers
        drawing = self.run.sampler.init(self.examples)
        made = len(self.instance.path) if at is None else 0
        return State(made, 0, theta, self.run.optimizer.init(theta), buffers, drawing)

    @public_call
    def advance(self, state: State, run: Run | None = None) -> State:
        """The state one step later, by the run's optimizer, schedule and batch size or another's.

        The same run and state give the same next state, bit for bit on a CPU.
        """
        run = run or self.run
        whole = _with_buffers(self.instance.train, state.buffers)
        asked = Asked(whole, state.theta, run.batch_size, state.index, state.seen, run.seed)
        drawn, drawing = run.sampler.draw(asked, state.drawing)
        objective = _Noted(drawn)
        optimizer = _scaled(run.optimizer, run.schedule.factor(state.index, run.steps))
        with full_precision(state.theta.device):
            theta, memory = optimizer.step(objective, state.theta, state.memory)
            theta = theta if self.instance.within is None else self.instance.within(theta)
        seen = state.seen + drawn.examples
        if not (math.isfinite(objective.noted) and _finite(theta)):
            return replace(
                state, index=state.index + 1, seen=seen, batch_loss=objective.noted, diverged=True
            )
        buffers = objective.buffers()
        return State(state.index + 1, seen, theta, memory, buffers, drawing, objective.noted)

    def epoch(self, state: State) -> float:
        """How many times the state has seen the training data."""
        return state.seen / self.examples


def train(run: Run) -> Iterator[State]:
    """Yield the start and then every step, until `run.steps` or divergence.

    Raises:
        SpecError: parts that do not fit together; before any work.
    """
    training = Training(run)
    state = training.start()
    yield state
    while state.index < run.steps and not state.diverged:
        state = training.advance(state)
        yield state


@final
class _Noted(Objective):
    """An objective that notes the first loss it gives: the mini-batch's, before the step."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self.layout = objective.layout
        self.examples = objective.examples
        self._whole, self._indices = objective.whole, objective.indices
        self.noted = math.nan
        self._fresh = True

    def loss(self, theta: Vector) -> Scalar:
        return self._note(self._objective.loss(theta))

    def value_and_gradient(self, theta: Vector) -> tuple[Scalar, Vector]:
        value, gradient = self._objective.value_and_gradient(theta)
        return self._note(value), gradient

    def prox(self, theta: Vector, step: float) -> Vector:
        return self._objective.prox(theta, step)

    def restricted(self, indices: Tensor) -> "_Noted":
        return _Noted(self._objective.minibatch(indices))

    @property
    def network(self) -> ModelObjective | None:
        return self._objective.network

    @property
    def still(self) -> Objective:
        return self._objective.still

    def buffers(self) -> dict[str, Tensor]:
        """Statistics as the step's evaluations left them."""
        return {} if self.network is None else self.network.buffers

    def _note(self, value: Scalar) -> Scalar:
        if self._fresh:
            self.noted, self._fresh = float(value.detach()), False
        return value


def _scaled(optimizer: Optimizer[Any], factor: float) -> Optimizer[Any]:
    """The optimizer with its learning rate multiplied, also to less than its field accepts."""
    if factor == 1.0:
        return optimizer
    scaled: Any = copy.copy(optimizer)
    object.__setattr__(scaled, "learning_rate", factor * scaled.learning_rate)
    return cast(Optimizer[Any], scaled)


def _finite(theta: Vector) -> bool:
    """Whether all entries are finite; several times faster than looking at each by itself."""
    return float((0.0 * theta).sum()) == 0.0


def _with_buffers(objective: Objective, buffers: dict[str, Tensor]) -> Objective:
    return objective.with_buffers(buffers) if isinstance(objective, ModelObjective) else objective


def _normalizes(module: nn.Module) -> bool:
    """Whether a batch of one example has no statistics; that of a closure is all its batches."""
    return not isinstance(module, ClosureNetwork) and any(
        isinstance(part, nn.modules.batchnorm._BatchNorm) for part in module.modules()
    )
