"""The slicer against the plain float64 loop, on random networks, directions, grids and dtypes."""

import numpy as np
import pytest
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss

import cases
import oracles
from landscape_core.foundation.registry import entries
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.plane import Plane
from landscape_core.slices.grid import Grid
from landscape_core.slices.probe import probe
from landscape_core.slices.strategies.base import Strategy
from landscape_core.slices.strategies.loop import Loop
from landscape_core.slices.strategies.shared_layers import SharedLayers
from landscape_core.slices.strategies.vmap import Vmap
from landscape_core.slices.sweep import exact

WAYS = [
    None,
    *(kind() for kind in entries(Strategy).values()),
    Loop(block=5),
    Vmap(points=3),
]
"""Every strategy, some with other settings; none leaves the choice to the trial."""

APART = {torch.float32: 1e-5, torch.float64: 1e-10}
"""The largest difference, as a share of the largest value."""

ACTIVATIONS = (nn.ReLU, nn.Tanh, nn.GELU, nn.LeakyReLU, nn.Sigmoid)


class Skipping(nn.Module):
    """A network of somebody's own: a skip, a shared layer, functions between, a parameter alone."""

    def __init__(self, inputs, width, activation):
        super().__init__()
        self.lift, self.turn, self.head = (
            nn.Linear(inputs, width),
            nn.Linear(width, width),
            nn.Linear(width, 3),
        )
        self.scale = nn.Parameter(torch.ones(width))
        self.activation = activation()

    def forward(self, values):
        hidden = torch.sin(self.lift(values)) * self.scale
        hidden = hidden + self.activation(self.turn(hidden))
        return self.head(self.turn(hidden).relu())


def fully_connected(draw, inputs):
    widths = draw(st.lists(st.integers(1, 7), max_size=3))
    bias, activation = draw(st.booleans()), draw(st.sampled_from(ACTIVATIONS))
    layers, size = [], inputs
    for width in widths:
        layers += [nn.Linear(size, width, bias=bias), activation()]
        if draw(st.booleans()):
            layers.append(draw(st.sampled_from((nn.LayerNorm, nn.BatchNorm1d)))(width))
        size = width
    return nn.Sequential(*layers, nn.Linear(size, 3))


def convolutional(draw):
    channels, activation = draw(st.integers(1, 4)), draw(st.sampled_from(ACTIVATIONS))
    stride, norm = draw(st.integers(1, 2)), draw(st.booleans())
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1, bias=not norm),
        *([nn.BatchNorm2d(channels)] if norm else []),
        activation(),
        nn.Conv2d(channels, 3, 3, stride=stride),
        activation(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(3, 3),
    )


def work(draw):
    """A network, its data, a plane and a grid, all of them random and small."""
    kind = draw(st.sampled_from(("fully connected", "convolutional", "residual", "own", "tied")))
    seed, examples = draw(st.integers(0, 1000)), draw(st.integers(1, 12))
    inputs = draw(st.integers(1, 5))
    data = cases.normal(examples, inputs, seed=seed)
    if kind == "fully connected":
        module = fully_connected(draw, inputs)
    elif kind == "own":
        module = Skipping(inputs, draw(st.integers(1, 6)), draw(st.sampled_from(ACTIVATIONS)))
    elif kind == "tied":
        module = nn.Sequential(nn.Linear(inputs, 4), nn.Tanh(), nn.Linear(4, 4), nn.Linear(4, 3))
        module.append(nn.Linear(3, 3)).append(nn.Tanh()).append(module[4])
    else:
        module = convolutional(draw) if kind == "convolutional" else cases.Residual()
        data = cases.normal(examples, 1, 6, 6, seed=seed)
    dtype = draw(st.sampled_from((torch.float32, torch.float64)))
    module = cases.filled(module, seed=seed).to(dtype)
    parameters = list(module.parameters())
    for parameter in parameters[: draw(st.integers(0, len(parameters) - 1))]:
        parameter.requires_grad_(requires_grad=False)
    axes = directions(draw, module, seed).to(dtype)
    event(kind)
    return module, data.to(dtype), cases.classes(examples, seed=seed), axes, grid_of(draw)


def directions(draw, module, seed):
    """One or two directions (D, P), zero on some of the tensors."""
    moving = [parameter for parameter in module.parameters() if parameter.requires_grad]
    still = draw(st.sets(st.integers(0, len(moving) - 1), max_size=len(moving) - 1))
    count = draw(st.integers(1, 2))
    pieces = [
        cases.normal(count, parameter.numel(), seed=seed + i) * (i not in still) / 2
        for i, parameter in enumerate(moving)
    ]
    axes = torch.cat(pieces, dim=1)
    # Two directions in one number span no plane.
    return axes if int(axes.any(0).sum()) >= count else axes[:1]


def grid_of(draw):
    low, high = st.floats(-2, -0.1), st.floats(0.1, 2)
    return Grid(
        resolution=draw(st.integers(2, 6)),
        alpha_low=draw(low),
        alpha_high=draw(high),
        beta_low=draw(low),
        beta_high=draw(high),
    )


def mean_square(outputs, targets):
    return mse_loss(outputs, nn.functional.one_hot(targets, 3).to(outputs.dtype))


LOSSES = ((CrossEntropy(), cross_entropy), (cross_entropy, cross_entropy), (mean_square,) * 2)


DRAWN = {"data": st.data(), "way": st.sampled_from(WAYS), "loss": st.sampled_from(LOSSES)}


@settings(max_examples=60, deadline=None)
@given(**DRAWN)
def test_slices_are_those_of_the_float64_loop(data, way, loss):
    agreed(data, way, loss)


@pytest.mark.exhaustive
@settings(max_examples=300, deadline=None)
@given(**DRAWN)
def test_more_slices_are_those_of_the_float64_loop(data, way, loss):
    agreed(data, way, loss)


def agreed(data, way, loss):
    """Assert that a slice of a network that is drawn is that of a plain loop in float64."""
    module, inputs, targets, axes, grid = work(data.draw)
    ours, theirs = loss
    objective = ModelObjective(module, ours, inputs, targets)
    plane = Plane(objective.start, axes)
    read = probe({"train": objective}, plane, {}, Loop())
    if way is not None and not way.applies(read.reading("train")):
        event(f"{type(way).__name__} does not apply")
        way = None
    read = probe({"train": objective}, plane, {}, way)
    *_, found = exact(read, grid)
    event(f"read by {found.attrs['strategy'][0]}")
    coords = np.stack([side.ravel() for side in np.meshgrid(grid.alpha(), grid.beta())], axis=1)
    if len(axes) == 1:
        coords = grid.alpha()[:, None]
    expected = oracles.plain_loop(module, theirs, inputs, targets, plane.origin, axes, coords)
    apart = np.abs(found["loss"].values.ravel() - expected).max() / np.abs(expected).max()
    assert apart <= APART[inputs.dtype]


def test_a_layer_behind_a_unit_that_is_dead_almost_everywhere_is_not_taken_for_still():
    module = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 3)).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1.0)
        module[0].bias.fill_(-9.5)
    inputs, targets = torch.ones(4, 1, dtype=torch.float64), cases.classes(4)
    objective = ModelObjective(module, CrossEntropy(), inputs, targets)
    axis = torch.tensor([[5.0, 5.0, 1.0, -2.0, 3.0, 0.0, 0.5, 1.0]], dtype=torch.float64)
    way = SharedLayers()
    read = probe({"train": objective}, Plane(objective.start, axis), {}, way)
    *_, found = exact(read, Grid(resolution=21))
    coords = Grid(resolution=21).alpha()[:, None]
    expected = oracles.plain_loop(
        module, cross_entropy, inputs, targets, objective.start, axis, coords
    )
    assert np.unique(expected.round(12)).size > 12
    np.testing.assert_allclose(found["loss"].values[0], expected, rtol=1e-10)
