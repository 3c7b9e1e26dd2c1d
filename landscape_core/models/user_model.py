"""A problem outside the catalogue: a network, a loss and data of the user's.

A recipe is plain text, and no text holds a network: the recipe says what was given, by a digest of
its content, and carries the content as well. Equal weights, code and data give an equal
recipe, so that the store knows them again; the text alone builds nothing.
"""

import uuid
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, ClassVar

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import Knob, Note
from landscape_core.models.adapter import Adapter
from landscape_core.models.batch_norm import BatchNorm
from landscape_core.models.batches import Batches, pairs_of
from landscape_core.models.call_errors import loss_errors, network_errors
from landscape_core.models.content_hash import Content, add_objective
from landscape_core.models.copying import copied_together
from landscape_core.models.datasets.base import Data, Split
from landscape_core.models.fitting_state import GivenPath, fitting, states_in_path
from landscape_core.models.generators import kept_generators
from landscape_core.models.gradient_mode import without_gradients
from landscape_core.models.known_loss import with_known_loss
from landscape_core.models.loss_conversion import move_loss
from landscape_core.models.loss_function import LossFunction, loss_values
from landscape_core.models.measures.base import classes_of
from landscape_core.models.module_state import as_given
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.number_types import as_taken, converted, device_named, kind_named
from landscape_core.models.problems.base import Instance, Iterate, Problem

FEW = 2
"""Examples on which a network and a loss are tried before any work."""

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
def user_problem(
    model: nn.Module,
    loss: LossFunction,
    data: Batches,
    *,
    test: Batches | None = None,
    path: GivenPath = (),
    adapter: Adapter | None = None,
) -> UserProblem:
    """The problem of training this network from its present parameters on.

    The network is copied, never changed. Parameters that require no gradient stay as they are; tied
    ones move together. Where the code refers to what no digest can be made of, for instance a file,
    a warning names it, and the problem equals no other one.

    Args:
        model: any module from one tensor to outputs.
        loss: from (outputs, targets) to one value per example or to their mean.
        data: inputs and targets, or batches of the two, for instance a DataLoader.
        test: a second part of the data, or none.
        path: state dictionaries that were saved on the way to the present weights, in order, or a
            file or folder of checkpoints.
        adapter: takes what the model gives if that is no tensor, gives the outputs.

    Raises:
        SpecError: something else than these, or parts that do not fit together.
    """
    check_given(model, loss, adapter)
    batches = {"data": pairs_of("data", data)}
    if test is not None:
        batches["test"] = pairs_of("test", test)
    made = (
        with_known_loss(from_module(model, loss, each, adapter=adapter))
        for each in batches.values()
    )
    parts = dict(zip(("train", "test"), made, strict=False))
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


def check_given(model: object, loss: object, adapter: object) -> None:
    """Refuse what is no network, no function of (outputs, targets) and no adapter.

    Raises:
        SpecError: says which.
    """
    if not isinstance(model, nn.Module):
        raise SpecError("model", type(model).__name__, "a torch.nn.Module")
    if isinstance(loss, type) and issubclass(loss, nn.Module):
        place = "nn." if loss.__module__.startswith("torch.nn.") else ""
        raise SpecError("loss", loss.__name__, f"an instance, {place}{loss.__name__}()")
    if isinstance(loss, type) or not callable(loss):
        accepted = "a function of (outputs, targets), for instance torch.nn.MSELoss()"
        raise SpecError("loss", getattr(loss, "__name__", loss), accepted)
    if adapter is not None and not callable(adapter):
        raise SpecError("adapter", adapter, "a function of what the model gives")


def _iterates(path: object, train: ModelObjective) -> tuple[Iterate, ...]:
    """What was saved, without an end that is the present itself."""
    found = []
    for name, content in states_in_path(path):
        try:
            one = fitting(content, train.module, [block.name for block in train.layout.blocks])
            theta = train.layout.join(one).to(train.start)
        except SpecError as error:
            raise SpecError(f"{name}: {error.field}", error.value, error.accepted) from error
        own = train.buffers.items()
        found.append(Iterate(theta, {key: one.get(key, now).detach().clone() for key, now in own}))
    if found and torch.equal(found[-1].theta, train.start):
        found.pop()
    return tuple(found)


def try_call(part: ModelObjective) -> None:
    """Evaluate a few examples, so that what does not fit is said before any work.

    Raises:
        SpecError: what the network or the loss raises, or a loss without a gradient.
    """
    few = part.first(FEW).alone()
    with network_errors(few.inputs):
        outputs = few.outputs(few.start.detach().requires_grad_())
    kept = kept_generators(few.start.device), as_given(few.loss_function)
    with kept[0], kept[1], loss_errors(outputs, few.targets):
        value = loss_values(few.loss_function, outputs, few.targets)
    if not value.requires_grad:
        accepted = "a value that torch can differentiate by the parameters"
        raise SpecError("what the loss gives", "one without a gradient", accepted)


def _converted(part: ModelObjective, device: str, dtype: torch.dtype) -> ModelObjective:
    return from_module(
        part.module,
        part.loss_function,
        (part.inputs, part.targets),
        device=device,
        dtype=None if part.start.dtype == dtype else dtype,
        adapter=part.adapter,
    )


def _split(train: ModelObjective, test: ModelObjective | None) -> Split | None:
    """The examples, where outputs are rows of numbers: then an answer can be right, or drawn."""
    few = train.first(FEW).alone()
    if without_gradients(lambda: few.outputs(train.start)).ndim != 2:
        return None
    parts = {"train": train} if test is None else {"train": train, "test": test}
    held = test or train.first(0)
    return Split(
        Data(train.inputs, train.targets), Data(held.inputs, held.targets), classes_of(parts)
    )


@public_call
def from_module(  # noqa: PLR0913 - every choice in one line is what it is for
    model: nn.Module,
    loss_function: LossFunction,
    data: Batches,
    *,
    device: str | torch.device | None = None,
    dtype: torch.dtype | str | None = None,
    batch_norm: BatchNorm = "running",
    adapter: Adapter | None = None,
) -> ModelObjective:
    """The objective of a user's own network; its `start` holds the present parameters.

    Args:
        model: any module from inputs to outputs; copied, never changed.
        loss_function: for instance `torch.nn.functional.cross_entropy`.
        data: a pair (inputs, targets), or batches of such pairs, for instance a DataLoader; of
            batches with more entries, those meant: `((x, y) for x, y, *_ in loader)`.
        device: where to compute; by default where the model's parameters lie.
        dtype: floating type to compute in. By default parameters and buffers keep their types,
            and data are handed over as given; what network or loss refuses in its type, float64
            data of NumPy for one, is converted to that of the parameters.
        batch_norm: which statistics batch normalization uses off the centre.
        adapter: takes what the model gives if that is no tensor, for instance
            `lambda found: found["logits"]`.

    Raises:
        SpecError: no data, batches of other than two entries, or no trainable parameters.
    """
    check_given(model, loss_function, adapter)
    inputs, targets = (torch.cat(part) for part in zip(*pairs_of("data", data), strict=True))
    where = device_named(device or next(iter(model.parameters()), torch.empty(0)).device)
    dtype = None if dtype is None else kind_named(dtype)
    _check_initialized(model)
    network, own, taken = copied_together(model, loss_function, adapter, checked=False)
    network = network.to(where)  # before the loss, which may hold it
    network = network if dtype is None else converted(network, dtype)
    given = move_loss(own, where, dtype), inputs.to(where), targets.to(where)
    if dtype is not None:
        given = given[0], converted(given[1], dtype), converted(given[2], dtype)
    own, inputs, targets = as_taken(network, taken, given)
    made = ModelObjective(network, own, inputs, targets, batch_norm=batch_norm, adapter=taken)
    return made.of_a_user(model)


def _check_initialized(model: nn.Module) -> None:
    """Refuse a network whose shapes are not known yet.

    Raises:
        SpecError: a lazy layer that was never called.
    """
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if is_lazy(tensor):
            accepted = "initialized: call it once on a batch, so that lazy layers have their shapes"
            raise SpecError("model", f"{name} without a shape", accepted)
