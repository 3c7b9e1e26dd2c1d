"""Your network in a notebook: the same page as the app's, on your module and data."""

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any

import torch
from torch import nn

from landscape_core.experiments.horizon import MOST_OPERATIONS
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.registry import make
from landscape_core.models.adapter import Adapter
from landscape_core.models.closure_network import Closure
from landscape_core.models.fitting_state import opened
from landscape_core.models.loss_function import LossFunction
from landscape_core.models.module_objective import try_training
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective_cost import evaluation_cost
from landscape_core.models.user_model import user_problem
from landscape_core.models.user_parts import is_closure
from landscape_core.storage.store import Store
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.run import Run, Training
from landscape_core.training.run_cost import GRADIENT
from landscape_lab.bridge.jupyter import setup
from landscape_lab.notebook.widget import HEIGHT, LandscapeWidget
from landscape_lab.state.form_model import assign
from landscape_lab.state.scene import Scene

BATCH = 32
"""Examples per step where nobody says, or all, if there are fewer."""

HORIZON = 60
"""Steps that a light run is trained ahead, so that its axes stay while it goes on."""

MOST_CALLS = 500
"""Operators of an evaluation, where a run is trained ahead: some milliseconds."""


def explore(  # noqa: PLR0913 - every choice in one line is what it is for
    model: nn.Module,
    loss: LossFunction | None = None,
    data: Any = None,
    *,
    objective: Closure | None = None,
    test: Any = None,
    batch: Callable[[Any], Any] | None = None,
    reduction: str | None = None,
    path: Sequence[Mapping[str, Any]] | str | PathLike[str] | None = None,
    optimizer: Optimizer[Any] | str = "adam",
    steps: int = 1000,
    batch_size: int | None = None,
    seed: int = 0,
    settings: Mapping[str, Any] | None = None,
    adapter: Adapter | None = None,
    max_examples: int | None = None,
    device: str | None = None,
    dtype: str | None = None,
    store: Store | None = None,
    height: int = HEIGHT,
) -> LandscapeWidget:
    """The landscape of a network as a live widget: train it from its present weights, and look.

    The network is copied, never changed. Mini-batches are drawn and trained on in training mode;
    every picture and reading is in evaluation mode.

    Args:
        model: any module.
        loss: from (outputs, targets) to one value per example or to their mean, for instance
            `torch.nn.functional.cross_entropy`.
        data: inputs and targets, or batches of the two, for instance a DataLoader.
        objective: in place of a loss, as for `landscape`. Every training step is on all batches,
            and so it is with a loss of several outputs.
        test: a second part of the data, or none.
        batch: takes (inputs, targets) out of what the data give, as for `landscape`.
        reduction: `mean` or `sum` of the values of an `objective`, as for `landscape`.
        path: state dictionaries saved in your own training, the latest last, or a file or folder of
            checkpoints; the run goes on from there, and its steps are counted from the first.
        optimizer: a recipe, for instance `make(Optimizer, "sgd", learning_rate=0.1)`, or a name.
        steps: where the run ends, after the path.
        batch_size: examples per step; by default 32, or all, if there are fewer; left out where
            steps are on all batches.
        seed: random seed of the mini-batches and directions; the weights are the model's.
        settings: any others by their path, as `LandscapeWidget.choose` takes them, for instance
            `{"slice.directions": "random", "slice.span": 2.0}`.
        adapter: takes what the model gives if that is no tensor, gives the outputs.
        max_examples: train on the first so many examples of each part; by default all.
        device: `cpu` or `cuda`; by default where the model's parameters lie.
        dtype: `float32` or `float64`; by default the model's, or `float32`.
        store: keeps slices; by default this user's.
        height: pixels of the cell; the width is all there is.

    Raises:
        SpecError: a value that is not accepted; before any work.
    """
    setup()
    states = opened(path)
    problem = user_problem(
        model, loss, data, test=test, objective=objective, batch=batch, reduction=reduction,
        path=states, adapter=adapter, max_examples=max_examples,
    )  # fmt: skip
    train = problem.parts["train"]
    if is_closure(train):
        _check_closure(train, batch_size)
    start, examples = train.start, train.examples
    run = Run(
        problem=problem,
        optimizer=make(Optimizer, optimizer) if isinstance(optimizer, str) else optimizer,
        batch_size=batch_size or min(BATCH, examples),
        steps=steps + len(states or ()),
        seed=seed,
        device=device or start.device.type,
        dtype=dtype or ("float64" if start.dtype == torch.float64 else "float32"),
    )
    ahead = {"slice.horizon": _horizon(run, train, len(states or ()))}
    return LandscapeWidget(_checked(run, {**ahead, **(settings or {})}), store, height)


def _horizon(run: Run, train: ModelObjective, gone: int) -> int:
    """The horizon where none is chosen; 0 where the steps up to it would take seconds.

    Args:
        run: what is trained.
        train: its objective.
        gone: steps that were made before.
    """
    batch = train if is_closure(train) else train.first(run.batch_size)
    operations, calls = evaluation_cost(batch, train.start)
    light = GRADIENT * operations <= MOST_OPERATIONS and calls <= MOST_CALLS
    return min(gone + HORIZON, run.steps) if light else 0


def _check_closure(train: ModelObjective, batch_size: int | None) -> None:
    """Refuse what a closure's training, whose steps are on all batches, does not take.

    Raises:
        SpecError: a batch size, or batches of one example that batch normalization is to train on.
    """
    if batch_size is not None:
        accepted = "left out, as each training step is on all batches of the objective"
        raise SpecError("batch_size", batch_size, accepted)
    if train.normalizes:
        try_training(train)


def _checked(run: Run, settings: Mapping[str, Any]) -> Scene:
    """The scene of a run with these settings; parts that do not fit are refused here."""
    scene = Scene(run=run)
    for path, value in settings.items():
        scene = assign(scene, path, value)
    Training(scene.run)  # raises here rather than in the picture
    return scene
