"""Alignment against networks whose units were reordered by hand."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import cases
from landscape_core.connectivity.alignment import (
    aligned,
    matching,
    permuted,
    permuted_buffers,
)
from landscape_core.connectivity.hidden_units import hidden
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.registry import entries, make
from landscape_core.models.architectures.convnet import ConvNet
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.architectures.ntk_mlp import NTKMLP
from landscape_core.models.architectures.residual_mlp import ResidualMLP
from landscape_core.models.architectures.resnet import ResNet
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.normalizations.base import Normalization
from landscape_core.models.normalizations.group import Group


class Written(nn.Module):
    """A chain that is written out in `forward`, with places flattened behind a convolution."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 5, 3)
        self.norm = nn.BatchNorm2d(5)
        self.pool = nn.MaxPool2d(2)
        self.inner = nn.Linear(20, 7, bias=False)
        self.slope = nn.PReLU(7)
        self.head = nn.Linear(7, 3)

    def forward(self, images):
        hidden = self.pool(torch.relu(self.norm(self.conv(images))))
        return self.head(self.slope(self.inner(torch.flatten(hidden, 1))))


class Skipping(nn.Module):
    """A network with a skip that is no block of ours."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        return self.second(self.first(x).relu()) + x


def objective_of(module, seed=0):
    """The mean cross-entropy of a module over vectors or images, in float64."""
    weight = next(module.parameters())
    data = cases.vectors(10) if weight.ndim == 2 else cases.images(10)
    return ModelObjective(cases.filled(module, seed=seed), cross_entropy, *data)


def built(architecture):
    """The objective of an architecture of ours."""
    shape = (1, 6, 6) if isinstance(architecture, ConvNet | ResNet) else (3,)
    return objective_of(architecture.build(shape, 3, random_streams.stream(0, "weights")))


PARAMETRIZED = ("weight", "spectral", "unit_sphere", "ntk")


def networks():
    kinds = set(entries(Normalization)) - {"group", "instance", "switchable", *PARAMETRIZED}
    normalized = [make(Normalization, kind) for kind in sorted(kinds)]
    yield from (MLP(depth=3, width=6, activation="tanh", normalization=one) for one in normalized)
    yield from (ConvNet(channels=4, normalization=one) for one in normalized)
    yield ConvNet(channels=4, normalization=make(Normalization, "instance"))
    yield NTKMLP(depth=3, width=6, activation="tanh")
    yield Written()
    yield ResidualMLP(depth=4, width=6, skips=False)
    yield ResNet(depth=2, channels=3, skips=False)


CASES = list(networks())


def case(network):
    return objective_of(network) if isinstance(network, nn.Module) else built(network)


def shuffled(objective, seed=0):
    """Orders at random, one for each hidden layer."""
    rng = random_streams.stream(seed, "orders")
    return [torch.randperm(units.size, generator=rng) for units in hidden(objective)]


def outputs(objective, theta, buffers=None):
    moved = objective if buffers is None else objective.with_buffers(buffers)
    with torch.no_grad():
        return moved.outputs(theta)


@pytest.mark.parametrize("network", CASES, ids=lambda one: type(one).__name__)
def test_units_in_any_order_are_the_same_function(network):
    objective = case(network)
    orders = shuffled(objective)
    assert len(orders) >= 2
    theta = permuted(objective, objective.start, orders)
    buffers = permuted_buffers(objective, objective.buffers, orders)
    assert not torch.equal(theta, objective.start)
    found, was = outputs(objective, theta, buffers), outputs(objective, objective.start)
    torch.testing.assert_close(found, was, rtol=0, atol=1e-12)


@pytest.mark.parametrize("network", CASES, ids=lambda one: type(one).__name__)
def test_a_reordered_copy_is_put_back_exactly(network):
    objective = case(network)
    orders = shuffled(objective, seed=3)
    copy = permuted(objective, objective.start, orders)
    assert torch.equal(aligned(objective, objective.start, copy), objective.start)
    back = matching(objective, objective.start, copy)
    for order, undone in zip(orders, back, strict=True):
        assert torch.equal(order[undone], torch.arange(len(order)))
    buffers = permuted_buffers(objective, objective.buffers, orders)
    for name, value in permuted_buffers(objective, buffers, back).items():
        assert torch.equal(value, objective.buffers[name])


@pytest.mark.parametrize("network", CASES, ids=lambda one: type(one).__name__)
@pytest.mark.parametrize("seed", range(3))
def test_another_network_comes_nearer_and_stays_the_same_function(network, seed):
    objective = case(network)
    other = cases.normal(objective.layout.size, seed=seed)
    orders = matching(objective, objective.start, other, seed)
    moved = permuted(objective, other, orders)
    assert torch.equal(moved, aligned(objective, objective.start, other, seed))
    assert float((moved - objective.start).norm()) < float((other - objective.start).norm())
    buffers = permuted_buffers(objective, objective.buffers, orders)
    found, was = outputs(objective, moved, buffers), outputs(objective, other)
    torch.testing.assert_close(found, was, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("normalization", PARAMETRIZED)
def test_parametrized_weights_are_refused(normalization):
    network = MLP(depth=3, width=6, normalization=make(Normalization, normalization))
    with pytest.raises(SpecError, match="has parametrized weights"):
        hidden(built(network))


def test_one_hidden_layer_gets_the_best_of_all_orders():
    objective = objective_of(nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3)))
    other = cases.normal(objective.layout.size, seed=1)
    found = float((aligned(objective, objective.start, other) - objective.start).norm())
    every = [
        permuted(objective, other, [torch.tensor(order)])
        for order in itertools.permutations(range(5))
    ]
    best = min(float((one - objective.start).norm()) for one in every)
    assert found == pytest.approx(best, rel=1e-12)


def test_no_order_of_one_layer_is_better_than_the_one_found():
    objective = objective_of(cases.mlp())
    other = cases.normal(objective.layout.size, seed=1)
    moved = aligned(objective, objective.start, other)
    still = [torch.arange(units.size) for units in hidden(objective)]
    found = float((moved - objective.start).norm())
    for layer, units in enumerate(hidden(objective)):
        for order in itertools.permutations(range(units.size)):
            orders = [*still[:layer], torch.tensor(order), *still[layer + 1 :]]
            one = permuted(objective, moved, orders)
            assert float((one - objective.start).norm()) > found - 1e-9


def test_a_network_without_hidden_layers_stays_as_it_is():
    objective = built(MLP(depth=0))
    other = cases.normal(objective.layout.size)
    assert torch.equal(aligned(objective, objective.start, other), other)


@pytest.mark.parametrize(
    ("module", "why"),
    [
        (Skipping(), "Skipping, which is no chain"),
        (cases.Residual(), "Residual, which is no chain"),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.Conv2d(4, 4, 3, groups=2)), "groups=2"),
        (nn.Sequential(nn.Linear(3, 4), nn.Softmax(1), nn.Linear(4, 3)), "Softmax"),
        (nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Linear(4, 3)), "Linear"),
        (nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Linear(4, 3)), "changes with the order"),
    ],
)
def test_networks_that_cannot_be_followed_are_refused(module, why):
    objective = objective_of(module)
    other = cases.normal(objective.layout.size, seed=5)
    with pytest.raises(SpecError, match=why):
        aligned(objective, objective.start, other)


@pytest.mark.parametrize(
    "architecture",
    [ResidualMLP(depth=4, width=5), ResNet(depth=2), MLP(width=4, normalization=Group(groups=2))],
)
def test_skips_and_groups_of_channels_are_refused(architecture):
    objective = built(architecture)
    with pytest.raises(SpecError, match="chain of linear or convolutional layers"):
        hidden(objective)


def test_shared_and_frozen_weights_are_refused():
    shared = nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 3))
    shared[2].weight = shared[0].weight
    frozen = cases.mlp()
    frozen[2].bias.requires_grad_(False)
    for module in (shared, frozen):
        with pytest.raises(SpecError, match="frozen or shared"):
            hidden(objective_of(module))


def test_ends_that_are_not_finite_are_refused():
    objective = objective_of(cases.mlp())
    with pytest.raises(SpecError, match="finite"):
        aligned(objective, objective.start, torch.full_like(objective.start, torch.nan))
