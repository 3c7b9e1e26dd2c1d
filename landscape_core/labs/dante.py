"""DANTE: Sinha, Kudugunta, Sankar, Chavali, Balasubramanian, 2020, arXiv:1902.00491.

An autoencoder 64-32-64 on digits. All layers but one are frozen and that one takes k steps with
its normalized gradient, W ← W − η∇/‖∇‖; then the other has its turn. SGD and alternation without
normalization get as many gradients, the same initialization and the same batches, and three
learning rates each, too. All nine networks are trained at once as one batch of matrices, in single
precision, which saves most of the time; a test compares the steps with those of the optimizers.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import Tensor

from landscape_core.analysis.verdict import Criterion
from landscape_core.experiments.lab_pictures import Curves, Paths
from landscape_core.foundation.random_streams import stream
from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.labs.base import Lab

METHODS = ("SGD", "DANTE", "alternation, not normalized")
RATES = ((0.5, 1.0, 2.0), (0.1, 0.2, 0.4), (0.5, 1.0, 2.0))
"""Learning rates of each method, the same number for all."""
STEPS, PIXELS, HIDDEN = 2000, 64, 32
LAST = np.arange(1600, STEPS + 1, 100)
"""Gradients after which the final loss is averaged: single iterates are noisy at constant rates."""
RECORDED = np.r_[np.unique(np.geomspace(10, 1500, 15).round().astype(int)), LAST]
WALK = 60
"""Steps whose path is drawn: later, a turn is too small to be seen."""
DRAWN = (1, 4)
"""The networks whose paths are drawn: the middle rates of SGD and DANTE."""
GROUND = np.linspace(-0.2, 2.2, 19)
GROUND_IMAGES = 200

Array = npt.NDArray[np.float64]
Layers = list[Tensor]
"""W₁ (R, 32, 64), b₁ (R, 32, 1), W₂ (R, 64, 32), b₂ (R, 64, 1) of R networks."""


@dataclass(frozen=True, kw_only=True)
class Dante(Lab):
    """Layer by layer with normalized gradients, next to SGD and to alternation alone."""

    label: ClassVar[str] = "Training layers in turn"
    family: ClassVar[str] = "Walking downhill"
    question: ClassVar[str] = (
        "Can a network be trained as well one layer at a time as all layers at once?"
    )
    claim: ClassVar[str] = (
        "Alternation between layers, each trained for a few steps with its normalized gradient,"
        " reaches at least as low a loss as SGD on all layers with the same number of gradients."
    )
    shows: ClassVar[str] = (
        "In the plane of the two layers the path of DANTE is a staircase, that of SGD is diagonal."
        " The normalization does the work: alternation without it is behind SGD. As all steps of"
        " DANTE have the same length, its loss stops falling at a level set by the learning rate,"
        " and with small batches it is no better than SGD."
    )
    source: ClassVar[str] = (
        "Sinha, Kudugunta, Sankar, Chavali, Balasubramanian, DANTE: Deep AlterNations for Training"
        " nEural networks, 2020, arXiv:1902.00491"
    )
    seconds: ClassVar[float] = 15.0
    seeds: ClassVar[int] = 6
    criterion: ClassVar[Criterion] = Criterion(
        "final loss of DANTE relative to SGD (mean of five recordings), each with the best of three"
        " learning rates",
        "at most",
        1.0,
    )
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = (
        "Batches of 100 and 200, 2000 to 6000 gradients, and five rates of SGD on seeds 0"
        " and 1; then three rates for each method. With batches of 100 it is a tie (1.09 and 0.99)."
        " The bound is the claim itself."
    )
    pictures: ClassVar = (
        Curves(
            title="Loss with the best of three learning rates",
            x="gradients",
            y=("best_loss",),
            by="method",
            x_label="gradients",
            y_label="squared error of an image",
            x_scale="log",
            y_scale="log",
        ),
        Paths(
            title="The first 60 steps",
            x="path_x",
            y="path_y",
            along="walk",
            by="path",
            contour="height",
            ground_x="ground_x",
            ground_y="ground_y",
            x_label="first layer, in units of DANTE's move",
            y_label="second layer",
            frame="walk",
        ),
    )

    turn: Annotated[int, Knob(1, 500, "steps k of a layer before the other", scale="log")] = 5
    hidden: Annotated[
        str, Choice(("sigmoid", "relu"), "activation function of the hidden layer")
    ] = "sigmoid"
    batch: Annotated[int, Knob(20, 500, "batch size", scale="log")] = 200

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        """One seed: the three methods with three learning rates each."""
        images = digits()
        theta = start(seed, sum(map(len, RATES)))
        drawn = stream(seed, "batches")
        found, walked = _empty(), [theta]
        for step in range(STEPS):
            batch = torch.randint(images.shape[1], (self.batch,), generator=drawn)
            slopes = gradient(theta, images[:, batch], self.hidden)
            scale = scales(slopes, second=(step // self.turn) % 2 == 0)
            theta = [each - s * g for each, s, g in zip(theta, scale, slopes, strict=True)]
            if step < WALK:
                walked.append(theta)
            if step + 1 == WALK:
                found = found.assign(walk_pictures(walked, images, self.hidden))
            at = int(np.searchsorted(RECORDED, step + 1))
            if RECORDED[at] == step + 1:
                values = losses(theta, images, self.hidden).double().numpy()
                found["loss"].values[:, :, at] = values.reshape(len(METHODS), -1)
                found["best_loss"].values[:, at] = best(found["loss"].values[:, :, at])
                yield _finished(found)


def digits() -> Tensor:
    """All images with pixels from 0 to 1, (64, 1797)."""
    from sklearn.datasets import load_digits  # takes a while to import

    return torch.tensor(load_digits().data.T / 16.0, dtype=torch.float32).contiguous()


def start(seed: int, networks: int, dtype: torch.dtype = torch.float32) -> Layers:
    """The same network several times: Xavier's normal weights, biases 0."""
    drawn = stream(seed, "init")
    layers: Layers = []
    for fan_in, fan_out in ((PIXELS, HIDDEN), (HIDDEN, PIXELS)):
        scale = (2 / (fan_in + fan_out)) ** 0.5
        weight = scale * torch.randn(fan_out, fan_in, generator=drawn, dtype=dtype)
        layers += [weight.repeat(networks, 1, 1), torch.zeros(networks, fan_out, 1, dtype=dtype)]
    return layers


def activations(theta: Layers, images: Tensor, hidden: str) -> tuple[Tensor, Tensor]:
    """Hidden activations (R, 32, N) and reconstructions (R, 64, N)."""
    first, first_bias, second, second_bias = theta
    shown = images.expand(len(first), *images.shape)
    inner = torch.baddbmm(first_bias, first, shown)
    inner = inner.sigmoid() if hidden == "sigmoid" else inner.relu()
    return inner, torch.baddbmm(second_bias, second, inner).sigmoid()


def losses(theta: Layers, images: Tensor, hidden: str) -> Tensor:
    """The mean squared error of an image for each network: (R,)."""
    _, found = activations(theta, images, hidden)
    return (found - images).square().sum(1).mean(1)


def gradient(theta: Layers, images: Tensor, hidden: str) -> Layers:
    """The gradient of the mean squared error of each network."""
    inner, found = activations(theta, images, hidden)
    outer = (2 / images.shape[1]) * (found - images) * found * (1 - found)
    falling = inner * (1 - inner) if hidden == "sigmoid" else (inner > 0)
    back = (theta[2].mT @ outer) * falling
    return [
        back @ images.T,
        back.sum(2, keepdim=True),
        outer @ inner.mT,
        outer.sum(2, keepdim=True),
    ]


def scales(slopes: Layers, *, second: bool) -> Layers:
    """The factors (R, 1, 1) on the four gradients: rates, over norms for DANTE, 0 if frozen.

    Args:
        slopes: the gradients.
        second: whether the second layer has its turn; else the first.
    """
    rates = slopes[0].new_tensor([rate for each in RATES for rate in each])
    each = len(RATES[0])
    found: Layers = []
    for layer in (slopes[:2], slopes[2:]):
        active = second == bool(found)
        scale = rates.clone()
        squares = torch.stack([g.square().sum((1, 2)) for g in layer]).sum(0)
        scale[each : 2 * each] /= squares[each : 2 * each].sqrt()
        scale[each:] *= float(active)
        found += [scale[:, None, None]] * 2
    return found


def walk_pictures(walked: list[Layers], images: Tensor, hidden: str) -> dict[str, object]:
    """Paths on the plane of DANTE's moves of both layers, and the loss there."""
    dante = DRAWN[1]
    ends = [
        (layer[dante] - first[dante]) for layer, first in zip(walked[-1], walked[0], strict=True)
    ]
    lines = (ends[:2], ends[2:])
    paths = np.empty((2, len(DRAWN), len(walked)))
    for side, line in enumerate(lines):
        norm = sum(each.square().sum() for each in line)
        for row, network in enumerate(DRAWN):
            for step, theta in enumerate(walked):
                part = zip(line, theta[2 * side :], walked[0][2 * side :], strict=False)
                along = sum(((now[network] - then[network]) * d).sum() for d, now, then in part)
                still = 0.0 if network == dante else math.nan  # a layer whose turn has not come
                paths[side, row, step] = float(along / norm) if norm > 0 else still
    ground = torch.tensor(GROUND, dtype=images.dtype)
    up, across = (
        each.flatten()[:, None, None] for each in torch.meshgrid(ground, ground, indexing="ij")
    )
    shift = [across * ends[0], across * ends[1], up * ends[2], up * ends[3]]
    moved = [first[dante] + each for first, each in zip(walked[0], shift, strict=True)]
    heights = losses(moved, images[:, :GROUND_IMAGES], hidden).double().numpy()
    return {
        "path_x": (("path", "walk"), paths[0]),
        "path_y": (("path", "walk"), paths[1]),
        "height": (("ground_y", "ground_x"), heights.reshape(len(GROUND), len(GROUND))),
    }


def best(found: Array) -> Array:
    """The lowest loss of each method (M, rates); infinite where none is finite."""
    return np.where(np.isfinite(found), found, np.inf).min(1)


def ratio(loss: Array) -> float:
    """The final loss of the second method over that of the first, with the best rate of each.

    Args:
        loss: (methods, rates, recordings); final is the mean over those of `LAST`.
    """
    sgd, dante, *_ = best(loss[:, :, -len(LAST) :].mean(2))
    known = np.isfinite(loss[:2, :, -1]).any(1).all()
    return float(dante / sgd) if known else math.nan


def _empty() -> xr.Dataset:
    def nothing(*shape: int) -> Array:
        return np.full(shape, math.nan)

    steps, side = len(RECORDED), len(GROUND)
    return xr.Dataset(
        {
            "loss": (("method", "rate", "gradients"), nothing(3, 3, steps)),
            "best_loss": (("method", "gradients"), nothing(3, steps)),
            "path_x": (("path", "walk"), nothing(2, WALK + 1)),
            "path_y": (("path", "walk"), nothing(2, WALK + 1)),
            "height": (("ground_y", "ground_x"), nothing(side, side)),
        },
        {
            "method": list(METHODS),
            "rate": ["low", "middle", "high"],
            "gradients": RECORDED,
            "path": list(METHODS[:2]),
            "walk": np.arange(WALK + 1),
            "ground_x": GROUND,
            "ground_y": GROUND,
        },
    )


def _finished(found: xr.Dataset) -> xr.Dataset:
    return found.copy(deep=True).assign(effect=ratio(found["loss"].values))
