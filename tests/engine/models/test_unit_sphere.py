"""Neurons on the unit sphere, and two-layer networks in reduced form, against plain loops."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.func import functional_call, vmap

from cases import normal
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.models.architectures.convnet import ConvNet
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.normalizations.none import NoNormalization
from landscape_core.models.normalizations.unit_sphere import NEAR, UnitSphere
from landscape_core.models.reduced_network import TwoLayers, reduced
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.lbfgs import LBFGS
from landscape_core.training.optimizers.sgd import SGD
from oracles import difference_gradient


def built(normalization, kind=MLP, **changes):
    shape = (1, 6, 6) if kind is ConvNet else (3,)
    recipe = kind(depth=2, normalization=normalization, **changes)
    return recipe.build(shape, 3, random_streams.stream(0, "init")).double()


def objective_of(module):
    shape = (12, 1, 6, 6) if isinstance(module[0], nn.Conv2d) else (12, 3)
    return ModelObjective(module, CrossEntropy(), normal(*shape), torch.arange(12) % 3)


def hidden_layers(module):
    return [one for one in module.modules() if isinstance(one, nn.Linear | nn.Conv2d)][:-1]


@pytest.mark.parametrize("kind", [MLP, ConvNet])
def test_whatever_the_numbers_weights_have_length_1_and_thresholds_stay_in_bound(kind):
    module = built(UnitSphere(bound=0.7), kind)
    with torch.no_grad():
        for index, one in enumerate(module.parameters()):
            one.copy_(30 * normal(*one.shape, seed=index))
    for layer in hidden_layers(module):
        lengths = layer.weight.flatten(1).norm(dim=1)
        torch.testing.assert_close(lengths, torch.ones_like(lengths))
        if layer.bias is not None:
            assert float(layer.bias.detach().abs().max()) <= 0.7
            assert float(layer.bias.detach().std()) > 0.1


@pytest.mark.parametrize("kind", [MLP, ConvNet])
def test_a_network_starts_as_the_plain_one_with_each_unit_divided_by_its_length(kind):
    found, plain = (built(one, kind) for one in (UnitSphere(), NoNormalization()))
    with torch.no_grad():
        for layer in hidden_layers(plain):
            lengths = layer.weight.flatten(1).norm(dim=1)
            for unit, length in enumerate(lengths):
                layer.weight[unit] /= length
    inputs = normal(*((5, 1, 6, 6) if kind is ConvNet else (5, 3)), seed=2)
    torch.testing.assert_close(found(inputs), plain(inputs), rtol=1e-6, atol=1e-7)


def test_a_threshold_is_divided_by_the_length_of_its_unit_and_reflected_at_the_bound():
    layer = nn.Linear(2, 6).double()
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[3.0, 4.0], [0.0, 2.0], *4 * [[1.0, 0.0]]]))
        layer.bias.copy_(torch.tensor([5.0, -3.0, 2.5, -2.5, 99.0, 2.0]))
    UnitSphere(bound=2.0).reparametrize(layer)
    # 99 goes back and forth: 99 − 12 · 8 = 3, and 3 lies as far beyond 2 as 1 before it.
    expected = torch.tensor([1.0, -1.5, 1.5, -1.5, 1.0, 2 * NEAR], dtype=torch.float64)
    torch.testing.assert_close(layer.bias.detach(), expected)
    torch.testing.assert_close(layer.weight[0].detach(), torch.tensor([0.6, 0.8]).double())


def test_no_unit_is_left_without_a_slope_however_far_out_its_threshold_was():
    layer = nn.Linear(4, 200).double()
    with torch.no_grad():
        layer.bias.copy_(1e6 * normal(200))
    UnitSphere(bound=1.0).reparametrize(layer)
    free = layer.parametrizations["bias"].original
    (slope,) = torch.autograd.grad(layer.bias.sum(), free)
    assert float(slope.min()) > 0.3  # √(1 − NEAR²) = 0.312


def test_a_threshold_at_the_wrong_end_comes_back():
    layer = nn.Linear(1, 1).double()
    with torch.no_grad():
        layer.weight.fill_(1.0)
        layer.bias.fill_(-50.0)
    UnitSphere(bound=1.0).reparametrize(layer)
    objective = ModelObjective(
        layer,
        lambda o, y: (o - y).square(),
        torch.zeros(1, 1).double(),
        0.5 * torch.ones(1, 1).double(),
    )
    theta = objective.start
    for _ in range(300):
        theta, _ = SGD(learning_rate=0.05).step(objective, theta, None)
    assert float(objective.outputs(theta)) == pytest.approx(0.5, abs=1e-6)


def test_gradients_agree_with_differences_and_are_tangent_to_the_sphere():
    objective = objective_of(built(UnitSphere()))
    theta = objective.start + 0.1 * normal(objective.layout.size, seed=1)
    gradient = objective.gradient(theta)
    expected = difference_gradient(objective.loss, theta)
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-8)
    values, slopes = objective.layout.split(theta), objective.layout.split(gradient)
    names = [name for name in values if name.endswith("weight.original")]
    assert len(names) == 2
    for name in names:
        along = (values[name] * slopes[name]).sum(1)
        torch.testing.assert_close(along, torch.zeros_like(along), rtol=0, atol=1e-14)
        assert slopes[name].abs().max() > 1e-4


@pytest.mark.parametrize("kind", [MLP, ConvNet])
def test_many_points_at_once_are_those_one_by_one(kind):
    objective = objective_of(built(UnitSphere(), kind))
    thetas = objective.start + 0.3 * normal(4, objective.layout.size, seed=1)
    module, layout = copy.deepcopy(objective.module), objective.layout

    def outputs(theta):
        return functional_call(module, layout.split(theta), (objective.inputs,))

    found = vmap(outputs)(thetas)
    torch.testing.assert_close(found, torch.stack([objective.outputs(one) for one in thetas]))


@pytest.mark.parametrize("optimizer", [SGD(learning_rate=0.5), Adam(learning_rate=0.1), LBFGS()])
def test_any_optimizer_descends_on_the_sphere(optimizer):
    objective = objective_of(built(UnitSphere(bound=1.0)))
    theta, memory = objective.start, optimizer.init(objective.start)
    for _ in range(40):
        theta, memory = optimizer.step(objective, theta, memory)
    assert objective.loss(theta) < 0.7 * objective.loss(objective.start)
    module = copy.deepcopy(objective.module)
    module.load_state_dict({**module.state_dict(), **objective.layout.split(theta)})
    for layer in hidden_layers(module):
        lengths = layer.weight.norm(dim=1)
        torch.testing.assert_close(lengths, torch.ones_like(lengths))
        assert float(layer.bias.detach().abs().max()) <= 1.0


def test_a_unit_without_weights_has_no_direction():
    layer = nn.Linear(3, 2)
    with torch.no_grad():
        layer.weight[1] = 0
    with pytest.raises(SpecError, match=r"unit on the unit sphere must be not all zero"):
        UnitSphere().reparametrize(layer)


def test_a_layer_without_thresholds_has_directions_alone():
    layer = nn.Conv2d(2, 3, 3, bias=False)
    UnitSphere().reparametrize(layer)
    lengths = layer.weight.flatten(1).norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones(3))
    assert layer.bias is None


# The equivalent network.


def in_ball(count, dimension, radius, seed=0):
    """Points of a ball, some of them on its surface."""
    points = normal(count, dimension, seed=seed)
    lengths = torch.rand(count, 1, generator=random_streams.stream(seed, "r"), dtype=torch.float64)
    lengths[: count // 10] = 1.0
    return radius * lengths * points / points.norm(dim=1, keepdim=True)


def network_of_all_kinds(dimension, radius, outputs=2):
    """Units that bend inside the domain, that are dead, affine, or without weights."""
    weights, outer = 3 * normal(40, dimension, seed=1), normal(outputs, 40, seed=2)
    lengths = weights.norm(dim=1)
    thresholds = 1.5 * radius * lengths * normal(40, seed=3)
    thresholds[0], thresholds[1] = 1.001 * radius * lengths[0], -1.001 * radius * lengths[1]
    weights[2:4] = 0
    thresholds[2], thresholds[3] = 0.8, -0.8
    return TwoLayers(weights, thresholds, outer, normal(outputs, seed=4))


@pytest.mark.parametrize(("dimension", "radius"), [(1, 1.0), (2, math.sqrt(2)), (10, 5.0)])
def test_the_reduced_network_is_the_same_function(dimension, radius):
    network = network_of_all_kinds(dimension, radius)
    found = reduced(network, radius)
    points = in_ball(10_000, dimension, radius)
    # Unit by unit, without matrices.
    expected = network.constant.expand(10_000, 2).clone()
    for w, b, c in zip(network.weights, network.thresholds, network.outer.T, strict=True):
        expected += ((points * w).sum(1) + b).clamp(min=0)[:, None] * c
    assert float((found(points) - expected).abs().max()) < 1e-10
    lengths = found.weights.norm(dim=1)
    torch.testing.assert_close(lengths, torch.ones_like(lengths), rtol=1e-12, atol=0)
    assert float(found.thresholds.abs().max()) <= radius


def test_affine_units_become_two_dead_ones_none_and_those_without_weights_a_constant():
    weights = torch.tensor([[3.0, 4.0], [3.0, 4.0], [0.0, 0.0], [6.0, 8.0]]).double()
    thresholds = torch.tensor([15.0, -15.0, 2.0, 5.0]).double()
    network = TwoLayers(
        weights, thresholds, torch.tensor([[1.0, 1.0, 10.0, 1.0]]).double(), torch.zeros(1).double()
    )
    found = reduced(network, 2.0)
    expected = [[0.6, 0.8], [0.6, 0.8], [-0.6, -0.8]]
    torch.testing.assert_close(found.weights, torch.tensor(expected).double())
    torch.testing.assert_close(found.thresholds, torch.tensor([0.5, 0.0, 0.0]).double())
    torch.testing.assert_close(found.outer, torch.tensor([[10.0, 5.0, -5.0]]).double())
    torch.testing.assert_close(found.constant, torch.tensor([35.0]).double())


def test_a_network_without_units_in_the_domain_is_a_constant():
    network = TwoLayers(
        normal(3, 2), -100 * torch.ones(3).double(), normal(1, 3), torch.tensor([2.0]).double()
    )
    found = reduced(network, 1.0)
    assert found.weights.shape == (0, 2)
    assert torch.equal(found(in_ball(5, 2, 1.0)), torch.full((5, 1), 2.0).double())


@pytest.mark.parametrize("radius", [0.0, -1.0, math.inf, math.nan])
def test_a_radius_that_is_none_is_refused(radius):
    with pytest.raises(SpecError, match="radius must be positive and finite"):
        reduced(network_of_all_kinds(2, 1.0), radius)
