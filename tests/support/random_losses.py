"""Losses as people write them, by kind: what they take, and what they give."""

import functools
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

CLASSES = 3

LOSSES = {}
"""By kind, a `Form`."""


@dataclass(frozen=True)
class Form:
    """How a loss is made from dice, and what it takes.

    `targets` is `classes`, `numbers`, `shares` (probabilities) or `some` (classes of which some are
    to be ignored). `deep` says whether outputs may have more than two dimensions, `each` whether
    the loss has a value for each example.
    """

    make: object
    targets: str = "classes"
    deep: bool = False
    each: bool = False


def loss(kind, **form):
    """Enter a maker of losses under its kind."""

    def entered(maker):
        LOSSES[kind] = Form(maker, **form)
        return maker

    return entered


def fixed(kind, value, **form):
    """Enter one loss that needs no dice."""
    LOSSES[kind] = Form(lambda dice: value, **form)


# --- cross-entropy, and what only looks like it ---------------------------------------------------

fixed("cross-entropy, function", functional.cross_entropy, deep=True)
fixed("cross-entropy, module", nn.CrossEntropyLoss(), deep=True)


class Focal(nn.CrossEntropyLoss):
    def forward(self, outputs, targets):
        right = outputs.softmax(1).gather(1, targets[:, None])[:, 0]
        return (
            (1 - right) ** 2 * functional.cross_entropy(outputs, targets, reduction="none")
        ).sum()


class Tempered(nn.CrossEntropyLoss):
    def __call__(self, outputs, targets):
        return super().__call__(outputs / 2, targets)


fixed("cross-entropy, own subclass", Focal())
fixed("cross-entropy, own call", Tempered())


@loss("cross-entropy, sum", deep=True)
def summed(dice):
    partial = functools.partial(functional.cross_entropy, reduction="sum")
    return dice.one_of((nn.CrossEntropyLoss(reduction="sum"), partial))


@loss("cross-entropy, each", deep=True, each=True)
def each(dice):
    return nn.CrossEntropyLoss(reduction="none")


@loss("cross-entropy, smoothed", deep=True)
def smoothed(dice):
    partial = functools.partial(functional.cross_entropy, label_smoothing=0.2)
    return dice.one_of((nn.CrossEntropyLoss(label_smoothing=0.2), partial))


@loss("cross-entropy, weighted", deep=True)
def weighted(dice):
    weights = dice.normal(CLASSES).abs() + 0.2
    return nn.CrossEntropyLoss(weight=weights, reduction=dice.one_of(("mean", "sum")))


@loss("cross-entropy, some ignored", targets="some", deep=True)
def ignoring(dice):
    partial = functools.partial(functional.cross_entropy, ignore_index=1)
    return dice.one_of((nn.CrossEntropyLoss(ignore_index=1), partial))


@loss("cross-entropy, usual ignored", targets="ignored", deep=True)
def ignoring_usual(dice):
    return dice.one_of((nn.CrossEntropyLoss(), functional.cross_entropy))


fixed("cross-entropy of shares", functional.cross_entropy, targets="shares")


def doubled(module, outputs, targets):
    return 2 * functional.cross_entropy(outputs, targets)


@loss("cross-entropy, forward replaced")
def replaced(dice):
    found = nn.CrossEntropyLoss()
    found.forward = functools.partial(doubled, found)
    return found


def squared(module, given, found):
    return found**2


@loss("cross-entropy, hook")
def hooked(dice):
    found = nn.CrossEntropyLoss()
    found.register_forward_hook(squared)
    return found


@loss("cross-entropy, closure")
def closed(dice):
    scale, weights = dice.real(0.5, 2.0), dice.normal(CLASSES).abs().tolist()

    def scaled(outputs, targets):
        given = torch.tensor(weights).to(outputs)
        return scale * functional.cross_entropy(outputs, targets, weight=given) + 0.1

    return scaled


@loss("negative log-likelihood")
def likelihood(dice):
    return lambda outputs, targets: functional.nll_loss(outputs.log_softmax(1), targets)


@loss("margin")
def margin(dice):
    return dice.one_of((nn.MultiMarginLoss(), nn.MultiMarginLoss(p=2, reduction="sum")))


# --- numbers --------------------------------------------------------------------------------------

fixed("squared error", functional.mse_loss, targets="numbers", deep=True)


@loss("squared error, sum", targets="numbers", deep=True)
def squares(dice):
    return nn.MSELoss(reduction="sum")


@loss("squared error, each element", targets="numbers", deep=True, each=True)
def elements(dice):
    return nn.MSELoss(reduction="none")


@loss("absolute error", targets="numbers", deep=True)
def absolute(dice):
    return dice.one_of((nn.L1Loss(), nn.SmoothL1Loss(beta=0.3), nn.HuberLoss(reduction="sum")))


@loss("questions with weights", targets="bits", deep=False)
def questions(dice):
    return nn.BCEWithLogitsLoss(pos_weight=dice.normal(CLASSES).abs() + 0.5)


@loss("likelihood with a parameter", targets="numbers", deep=True)
def gaussian(dice):
    found = Gaussian()
    found.spread.data.fill_(dice.real(0.5, 1.5))
    return found


class Gaussian(nn.Module):
    def __init__(self):
        super().__init__()
        self.spread = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, outputs, targets):
        return (((outputs - targets) / self.spread) ** 2 + self.spread.log()).mean()


# --- what is no mean over examples ----------------------------------------------------------------


@loss("contrastive")
def contrastive(dice):
    return dice.one_of((pairwise, supervised_pairs))


def pairwise(outputs, targets):
    """Every output against all others, as in contrastive learning."""
    near = functional.normalize(outputs, dim=1)
    return functional.cross_entropy(near @ near.T / 0.3, torch.arange(len(outputs)))


def supervised_pairs(outputs, targets):
    same = (targets[:, None] == targets[None]).to(outputs.dtype)
    return (same * torch.cdist(outputs, outputs)).sum() / same.sum()


fixed("largest", lambda outputs, targets: (outputs - targets).abs().max(), targets="numbers")
fixed(
    "root of the mean",
    lambda outputs, targets: functional.mse_loss(outputs, targets).sqrt(),
    targets="numbers",
    deep=True,
)
fixed(
    "spread over examples",
    lambda outputs, targets: (outputs - targets).square().mean(1).std(correction=0),
    targets="numbers",
)
fixed(
    "correlation",
    lambda outputs, targets: -functional.cosine_similarity(outputs, targets, dim=0).mean(),
    targets="numbers",
)
fixed(
    "one example counts double",
    lambda outputs, targets: (
        functional.mse_loss(outputs, targets, reduction="none").mean(1)
        * torch.cat([torch.full((1,), 2.0), torch.ones(len(outputs) - 1)]).to(outputs)
    ),
    targets="numbers",
    each=True,
)


# --- other habits ---------------------------------------------------------------------------------


def numpy_error(outputs, targets):
    """A scale that takes a way around torch, and a loss that branches on its value."""
    scale = float(np.abs(outputs.detach().cpu().numpy()).mean())
    found = functional.mse_loss(outputs, targets)
    return found / (1 + scale) if found.item() > 0.5 else found * 2


fixed("by numpy and branch", numpy_error, targets="numbers", deep=True)


def in_place(outputs, targets):
    outputs -= targets
    return outputs.square().mean()


fixed("in place on the outputs", in_place, targets="numbers", deep=True)
fixed(
    "one number in a vector",
    lambda outputs, targets: functional.mse_loss(outputs, targets).reshape(1),
    targets="numbers",
    deep=True,
)
fixed(
    "too large",
    lambda outputs, targets: (40 * (outputs - targets)).exp().pow(8).mean(),
    targets="numbers",
    deep=True,
)
fixed(
    "no number at some points",
    lambda outputs, targets: (outputs.mean() + 0.05).sqrt() + functional.mse_loss(outputs, targets),
    targets="numbers",
    deep=True,
)


class Remembering(nn.Module):
    """A loss that smooths its own value over its calls."""

    def __init__(self):
        super().__init__()
        self.register_buffer("before", torch.zeros((), dtype=torch.float64))

    def forward(self, outputs, targets):
        found = functional.mse_loss(outputs, targets)
        self.before = 0.5 * self.before + found.detach()
        return found + self.before


@loss("loss that remembers", targets="numbers", deep=True)
def remembering(dice):
    return Remembering()


@loss("loss that draws", targets="numbers", deep=True)
def drawing(dice):
    return lambda outputs, targets: functional.mse_loss(
        outputs + 0.1 * torch.randn_like(outputs), targets
    )
