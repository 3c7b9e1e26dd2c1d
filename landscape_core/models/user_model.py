"""A problem outside the catalogue: a network, a loss and data of the user's.

A recipe is plain text, and no text holds a network: the recipe says what was given, by a digest of
its content, and carries the content as well. Equal weights, code and data give an equal
recipe, so that the store knows them again; the text alone builds nothing.
"""

import uuid
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

import torch
from torch import nn

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob, Note
from landscape_core.models.adapter import Adapter
from landscape_core.models.batch_norm import BatchNorm
from landscape_core.models.closure_network import Closure, network_in
from landscape_core.models.content_hash import Content, add_objective
from landscape_core.models.datasets.base import Data, Split
from landscape_core.models.few_examples import on_few, outputs_of
from landscape_core.models.fitting_state import GivenPath, fitting, states_in_path
from landscape_core.models.loss_function import LossFunction
from landscape_core.models.measures.base import classes_of
from landscape_core.models.module_objective import module_objective, try_call
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance, Iterate, Problem
from landscape_core.models.user_parts import check_max_examples, is_closure, limited, user_parts

DIGITS = 16
"""Hexadecimal digits of the content's digest that a recipe shows."""


@dataclass(frozen=True, kw_only=True)
class UserProblem(Problem):
    """The user's network, as it is; made by `user_problem`."""

    label: ClassVar[str] = "own network"

    model: Annotated[str, Note("the class of the network")]
    parameters: Annotated[int, Knob(1, 10**15, "how many of its numbers are trained")]
    digest: Annotated[str, Note("equal for equal weights, code and data, and only for those")]

    def estimated_size(self) -> None:
        """Not estimated: network and data are there already."""

    @public_call
    def build(self, seed: int, device: str = "cpu", dtype: torch.dtype = torch.float32) -> Instance:
        """The instance; it starts at the given weights, whatever the seed, which draws batches.

        Raises:
            SpecError: a recipe that was read from text.
        """
        del seed
        parts = {name: _converted(part, device, dtype) for name, part in self.parts.items()}
        train, test = parts["train"], parts.get("test")
        if test is not None:
            test = test.with_reference(train.inputs)
        path = tuple(
            Iterate(one.theta.to(train.start), {n: b.to(device) for n, b in one.buffers.items()})
            for one in vars(self)["_path"]
        )
        return Instance(train, test, train.start, _split(train, test), path)

    @property
    def parts(self) -> Mapping[str, ModelObjective]:
        """The objectives on the data by split, `train` and perhaps `test`.

        Raises:
            SpecError: a recipe that was read from text.
        """
        found: Mapping[str, ModelObjective] | None = vars(self).get("_parts")
        if found is None:
            accepted = "made by given(model, loss, data), as text holds no network"
            raise SpecError("problem", f"the text of {self.model} {self.digest}", accepted)
        return found


@public_call
def user_problem(  # noqa: PLR0913 - every choice in one line is what it is for
    model: nn.Module,
    loss: LossFunction | None = None,
    data: Any = None,
    *,
    objective: Closure | None = None,
    test: Any = None,
    batch: Callable[[Any], Any] | None = None,
    reduction: str | None = None,
    path: GivenPath | None = None,
    adapter: Adapter | None = None,
    max_examples: int | None = None,
) -> UserProblem:
    """The problem of training this network from its present parameters on.

    The network is copied, never changed. Parameters that require no gradient stay as they are; tied
    ones move together. Where the code refers to what no digest can be made of, for instance a file,
    a warning names it, and the problem equals no other one. An objective, and a loss of several
    outputs, are of all batches at once: a training step is on all of them.

    Args:
        model: any module.
        loss: from (outputs, targets) to one value per example or to their mean.
        data: inputs and targets, or batches of the two, for instance a DataLoader.
        objective: in place of a loss, as for `landscape`.
        test: a second part of the data, or none.
        batch: takes (inputs, targets) out of what the data give, as for `landscape`.
        reduction: `mean` or `sum` of the values of an `objective`, as for `landscape`.
        path: state dictionaries that were saved on the way to the present weights, in order, or a
            file or folder of checkpoints.
        adapter: takes what the model gives if that is no tensor, gives the outputs.
        max_examples: the first so many examples of each part; by default all.

    Raises:
        SpecError: something else than these, or parts that do not fit together.
    """
    check_max_examples(max_examples)
    parts = user_parts(
        model, loss, data, test=test, objective=objective, batch=batch, reduction=reduction,
        adapter=adapter, max_examples=max_examples,
    )  # fmt: skip
    parts = limited(parts, max_examples)
    iterates = _iterates(path, parts["train"])
    for part in parts.values():
        try_call(part)
    problem = UserProblem(
        model=type(model).__name__,
        parameters=parts["train"].layout.size,
        digest=_digest(parts, iterates)[:DIGITS],
    )
    object.__setattr__(problem, "_parts", parts)
    object.__setattr__(problem, "_path", iterates)
    return problem


def _digest(parts: Mapping[str, ModelObjective], iterates: Sequence[Iterate]) -> str:
    """The digest of all that was given; another one each time where it is not known."""
    content = Content()
    try:
        content.add([(one.theta, one.buffers) for one in iterates])
        for part in parts.values():
            content.add(part.start)
            add_objective(content, part)
        return content.digest()
    except SpecError as error:
        warnings.warn(f"Results on this network are not kept: {error}", stacklevel=3)
        return uuid.uuid4().hex


def _iterates(path: object, train: ModelObjective) -> tuple[Iterate, ...]:
    """What was saved, without an end that is the present itself."""
    found = []
    for name, content in states_in_path(path):
        try:
            one = fitting(
                content, network_in(train.module), [block.name for block in train.layout.blocks]
            )
            theta = train.layout.join(one).to(train.start)
        except SpecError as error:
            raise SpecError(f"{name}: {error.field}", error.value, error.accepted) from error
        own = train.buffers.items()
        found.append(Iterate(theta, {key: one.get(key, now).detach().clone() for key, now in own}))
    if found and torch.equal(found[-1].theta, train.start):
        found.pop()
    return tuple(found)


def _converted(part: ModelObjective, device: str, dtype: torch.dtype) -> ModelObjective:
    return module_objective(
        part.module,
        part.loss_function,
        (part.inputs, part.targets),
        device=device,
        dtype=None if part.start.dtype == dtype else dtype,
        adapter=part.adapter,
    )


def _split(train: ModelObjective, test: ModelObjective | None) -> Split | None:
    """The examples, where outputs are rows of numbers: then an answer can be right, or drawn."""
    if is_closure(train):
        return None
    outputs = on_few(train, outputs_of)
    if outputs.ndim != 2:
        return None
    parts = {"train": train} if test is None else {"train": train, "test": test}
    held = test or train.first(0)
    return Split(
        Data(train.inputs, train.targets), Data(held.inputs, held.targets), classes_of(parts)
    )


@public_call
def from_module(  # noqa: PLR0913 - every choice in one line is what it is for
    model: nn.Module,
    loss_function: LossFunction | None = None,
    data: Any = None,
    *,
    objective: Closure | None = None,
    batch: Callable[[Any], Any] | None = None,
    reduction: str | None = None,
    device: str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
    batch_norm: BatchNorm | None = None,
    adapter: Adapter | None = None,
    max_examples: int | None = None,
) -> ModelObjective:
    """The objective of a user's own network; its `start` holds the present parameters.

    Args:
        model: any module; copied, never changed.
        loss_function: for instance `torch.nn.functional.cross_entropy`.
        data: a pair (inputs, targets), or batches of such pairs, for instance a DataLoader; of
            batches with more entries, those meant: `((x, y) for x, y, *_ in loader)`.
        objective: in place of a loss, as for `landscape`.
        batch: takes (inputs, targets) out of what the data give, as for `landscape`.
        reduction: `mean` or `sum` of the values of an `objective`, as for `landscape`.
        device: where to compute; by default where the model's parameters lie.
        dtype: floating type to compute in. By default parameters and buffers keep their types,
            and data are handed over as given; what network or loss refuses in its type, float64
            data of NumPy for one, is converted to that of the parameters.
        batch_norm: which statistics batch normalization uses off the centre; by default `running`.
        adapter: takes what the model gives if that is no tensor, for instance
            `lambda found: found["logits"]`.
        max_examples: the first so many examples; by default all.

    Raises:
        SpecError: no data, batches of other than two entries, or no trainable parameters.
    """
    check_max_examples(max_examples)
    parts = user_parts(
        model, loss_function, data, objective=objective, batch=batch, reduction=reduction,
        device=device, dtype=dtype, batch_norm=batch_norm, adapter=adapter,
        max_examples=max_examples, whole=batch_norm == "reestimated",
    )  # fmt: skip
    return limited(parts, max_examples)["train"]
