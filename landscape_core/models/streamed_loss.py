"""The loss of a network over data that are read in passes: that of each batch, and its weight.

The loss of all is made of those of the batches only where it adds up over examples and the network
treats each by itself. Whether it does is tried on the first batch, and for a loss of the user's on
each batch in two halves and some examples of the one before, as batches may differ.
"""

from collections.abc import Generator
from dataclasses import dataclass, replace
from functools import partial
from typing import final

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.models.additivity import Additivity, additivity
from landscape_core.models.gradient_mode import without_gradients
from landscape_core.models.loss_trial import Pairs, adds_up
from landscape_core.models.loss_weights import Kind, is_mean, normalizer
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.streams import Stream
from landscape_core.models.trial_examples import undisturbed

SOME = 8
"""Examples of a batch with which it is tried how the loss of the next one adds up to theirs."""

BLOCK = 256
"""Examples that are evaluated together where that is tried."""

STREAMED = (
    "as the data are read batch by batch and never held all at once; max_examples= takes a part"
)
"""Why something is refused where data are streamed."""

AT_ONCE = ("batch", "reestimated")
"""Statistics of batch normalization that are computed from all examples at once."""

MEANS = "a mean or a sum over examples whose values on two batches make up that on both"


@final
@dataclass(frozen=True, eq=False)
class Joint:
    """Some examples of two batches as one objective; its `pairs` say which are of which batch."""

    whole: ModelObjective
    pairs: Pairs

    def outputs(self) -> Tensor:
        """The outputs at the present parameters, (n, ...)."""
        at = partial(self.whole.outputs, self.whole.start)
        blocks = self.whole.inputs.split(BLOCK)
        return torch.cat([without_gradients(partial(at, block)) for block in blocks])


@final
@dataclass(frozen=True, eq=False)
class Batch:
    """The objective of a batch, its weight in the loss, and a joint one with the batch before.

    There is no `joint` of a batch of one example that has none before.
    """

    part: ModelObjective
    weight: float
    joint: Joint | None


@final
@dataclass(frozen=True, eq=False)
class StreamedLoss:
    """The loss over a stream: `template` is that of its first batch, `kind` how batches add up."""

    template: ModelObjective
    stream: Stream
    kind: Kind
    known: bool

    @classmethod
    def of(cls, template: ModelObjective, stream: Stream) -> "StreamedLoss":
        """The loss over a stream, tried on its first batch.

        Raises:
            SpecError: the loss is no sum or mean over examples, the network couples these, or
                random numbers are drawn: then all are needed at once.
        """
        check_statistics(template)
        found, own = additivity(template), template.with_loss(template.given_loss)
        counted = is_mean(template.loss_function) or normalizer(own) is not None
        _check(found, template, counted=counted)
        kind: Kind = "weighted mean" if normalizer(own) is not None else found.loss
        return cls(template, stream, kind, counted)

    @property
    def words(self) -> str:
        """How the loss adds up, as results state it."""
        even = getattr(self.template.given_loss, "weight", None) is None
        return "mean" if even and self.kind == "weighted mean" else self.kind

    def around(self, template: ModelObjective) -> "StreamedLoss":
        """The same stream with the statistics of another objective of the same network."""
        return replace(self, template=template)

    def batches(self) -> Generator[Batch, None, None]:
        """One pass over the data.

        Raises:
            SpecError: a loss that does not add up over two batches, or what the stream raises.
        """
        before: tuple[Tensor, Tensor] | None = None
        for number, (inputs, targets) in enumerate(self.stream.batches()):
            part = self._part(inputs, targets)
            some = part.first(SOME)
            joint = self._joint(some if self.known else part, before)
            before = some.inputs.clone(), some.targets.clone()
            if joint is not None and not self.known:
                self._verify(joint, number)
            yield Batch(part, self._weight(part), joint)

    def divided(self, total: Tensor, weight: float) -> Tensor:
        """The loss, or what is linear in it, of all, from the weighted sum over batches."""
        return total if self.kind == "sum" else total / total.new_tensor(weight)

    def _part(self, inputs: Tensor, targets: Tensor) -> ModelObjective:
        template = self.template
        part = template.with_inputs(inputs.to(template.inputs), targets.to(template.targets))
        known = is_mean(template.loss_function) and not is_mean(template.given_loss)
        if known and int(part.targets.min()) < 0:
            return part.with_loss(part.given_loss)  # which leaves some targets out
        return part

    def _weight(self, part: ModelObjective) -> float:
        if self.kind == "weighted mean":
            return normalizer(part.with_loss(part.given_loss)) or 0.0
        return 1.0 if self.kind == "sum" else float(part.examples)

    def _joint(self, some: ModelObjective, before: tuple[Tensor, Tensor] | None) -> Joint | None:
        if before is None and some.examples < 2:
            return None
        whole, sizes = some, [some.examples // 2, some.examples - some.examples // 2]
        if before is not None:
            pairs = zip(before, (some.inputs, some.targets), strict=True)
            whole, sizes = some.with_inputs(*map(torch.cat, pairs)), [len(before[0]), *sizes]
        order = torch.arange(whole.examples, device=whole.inputs.device)
        pieces = [piece for piece in order.split(sizes) if len(piece)]
        return Joint(whole, [(whole.reordered(piece), piece) for piece in pieces])

    def _verify(self, joint: Joint, number: int) -> None:
        with undisturbed(joint.whole):
            if not adds_up(joint.whole, joint.outputs(), joint.pairs, self.kind):
                name = _name(joint.whole)
                told = f"{name}, which is no {self.kind} over examples up to batch {number + 1}"
                raise SpecError("loss", told, f"{MEANS}, {STREAMED}")


def check_statistics(part: ModelObjective) -> None:
    """Refuse statistics of batch normalization that are computed from all examples at once.

    Raises:
        SpecError: they are.
    """
    if part.normalizes and part.batch_norm in AT_ONCE:
        raise SpecError("batch_norm", part.batch_norm, f"running or interpolated, {STREAMED}")


def _check(found: Additivity, template: ModelObjective, *, counted: bool) -> None:
    """Refuse what needs all examples at once."""
    name = type(template.module).__name__
    if found.draws:
        raise SpecError("model", name, f"one that draws no random numbers, {STREAMED}")
    if found.coupled:
        raise SpecError("model", name, f"one that treats each example by itself, {STREAMED}")
    if found.loss == "neither" and not counted:
        raise SpecError("loss", _name(template), f"{MEANS}, {STREAMED}")


def _name(objective: ModelObjective) -> str:
    loss = objective.given_loss
    return str(getattr(loss, "__name__", type(loss).__name__))
