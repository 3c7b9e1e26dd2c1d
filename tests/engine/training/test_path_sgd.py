"""Path-SGD against an enumeration of all paths, and its invariance to rescaling of units."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cases import bowl, filled, mlp_objective, normal, rectified_objective, vectors
from landscape_core.foundation.errors import SpecError
from landscape_core.models.architectures.deep_linear import DeepLinear
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.spirals import Spirals
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.supervised import Supervised
from landscape_core.models.problems.valley import Valley
from landscape_core.training.optimizers.path_sgd import PathSGD, path_layers, path_sums
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run, Training, train


def sums_by_enumeration(layers):
    """π of all weights and biases, by going through every path of the network.

    Args:
        layers: of each layer its weight (O, I) and bias (O,) or None, as arrays.
    """
    weights = [np.zeros(w.shape) for w, _ in layers]
    biases = [np.zeros(len(w)) for w, _ in layers]
    widths = [layers[0][0].shape[1], *(len(w) for w, _ in layers)]
    for first in range(len(widths)):  # a path begins at an input, or at the bias of a layer
        for nodes in itertools.product(*(range(width) for width in widths[first:])):
            edges = [
                (weights[first + k], (nodes[k + 1], nodes[k]), layers[first + k][0])
                for k in range(len(nodes) - 1)
            ]
            if first > 0:
                b = layers[first - 1][1]
                if b is None:
                    continue
                edges.append((biases[first - 1], (nodes[0],), b))
            for sums, place, _ in edges:
                others = [x[p] ** 2 for s, p, x in edges if s is not sums]
                sums[place] += np.prod(others)
    return weights, biases


def tiny(*, bias=True):
    """A network 2-3-2-2 of rectified units; one activation is leaky."""
    layers = [nn.Linear(2, 3, bias), nn.ReLU(), nn.Linear(3, 2), nn.LeakyReLU(), nn.Linear(2, 2)]
    return filled(nn.Sequential(*layers), seed=4)


def objective_of(network, width=2, examples=12):
    targets = torch.arange(examples) % 2
    return ModelObjective(network, cross_entropy, normal(examples, width, seed=2), targets)


@pytest.mark.parametrize("bias", [True, False])
def test_the_sums_are_those_over_all_paths(bias):
    objective = objective_of(tiny(bias=bias))
    values = objective.layout.split(objective.start)
    layers = [(values[f"{k}.weight"].numpy(), values.get(f"{k}.bias")) for k in (0, 2, 4)]
    layers = [(w, None if b is None else b.numpy()) for w, b in layers]
    found = objective.layout.split(path_sums(objective.start, path_layers(objective)))
    weights, biases = sums_by_enumeration(layers)
    for k, w, b in zip((0, 2, 4), weights, biases, strict=True):
        np.testing.assert_allclose(found[f"{k}.weight"].numpy(), w, rtol=1e-12)
        if f"{k}.bias" in found:
            np.testing.assert_allclose(found[f"{k}.bias"].numpy(), b, rtol=1e-12)
    assert ("0.bias" in found) == bias


def test_a_step_is_that_of_the_formula_with_the_squared_network_of_the_authors():
    """The gradient of the summed outputs of the network with squared weights on ones is π."""
    objective = rectified_objective()
    squared = nn.Sequential(*[nn.Linear(a, b) for a, b in ((3, 5), (5, 4), (4, 3))]).double()
    values = objective.start.square()
    for parameter, part in zip(
        squared.parameters(), objective.layout.split(values).values(), strict=True
    ):
        parameter.data.copy_(part)
    squared(torch.ones(1, 3, dtype=torch.float64)).sum().backward()
    pi = torch.cat([parameter.grad.reshape(-1) for parameter in squared.parameters()])
    theta, _ = PathSGD(learning_rate=0.3).step(objective, objective.start, ())
    expected = objective.start - 0.3 * objective.gradient(objective.start) / pi
    torch.testing.assert_close(theta, expected, rtol=1e-12, atol=1e-14)


def rescaled(objective, layer, unit, factor):
    """θ with the weights and bias into a unit times the factor, those out of it divided by it."""
    values = {n: one.clone() for n, one in objective.layout.split(objective.start).items()}
    values[f"{layer}.weight"][unit] *= factor
    values[f"{layer}.bias"][unit] *= factor
    values[f"{layer + 2}.weight"][:, unit] /= factor
    return objective.layout.join(values)


def outputs_along(rule, objective, theta, steps=40):
    """The outputs on all examples after each mini-batch step, (steps + 1, N, C)."""
    memory, found = rule.init(theta), [objective.outputs(theta)]
    for t in range(steps):
        batch = objective.minibatch((torch.arange(7) + 7 * t) % 20)
        theta, memory = rule.step(batch, theta, memory)
        found.append(objective.outputs(theta))
    return torch.stack(found).detach()


def test_rescaling_of_units_changes_the_functions_of_sgd_and_none_of_its_own():
    objective = rectified_objective()
    other = objective.start
    for layer, unit, factor in ((0, 1, 10.0), (0, 4, 0.2), (2, 0, 5.0), (2, 3, 0.3)):
        part = rescaled(objective, layer, unit, factor)
        other = other * part / objective.start
    assert (other - objective.start).norm() > 1
    for rule, least, most in ((PathSGD(), 0.0, 1e-9), (SGD(learning_rate=0.02), 0.1, np.inf)):
        one, two = (outputs_along(rule, objective, theta) for theta in (objective.start, other))
        torch.testing.assert_close(one[0], two[0], rtol=0, atol=1e-12)
        assert (one[-1] - one[0]).abs().max() > 0.1
        assert least <= float((one - two).abs().max()) <= most


def test_a_weight_without_a_path_stays_and_no_step_is_infinite():
    network = tiny()
    with torch.no_grad():
        network[4].weight[:, 0] = 0.0  # unit 0 of the second layer leads nowhere
        network[2].weight[0] = 0.0
        network[2].bias[0] = 0.0
    objective = objective_of(network)
    theta, _ = PathSGD().step(objective, objective.start, ())
    assert theta.isfinite().all()
    before, after = (objective.layout.split(one) for one in (objective.start, theta))
    assert torch.equal(before["2.weight"][0], after["2.weight"][0])
    assert not torch.equal(before["2.weight"][1], after["2.weight"][1])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_run_of_the_catalogue_learns_and_keeps_its_type(dtype):
    problem = Supervised(dataset=Spirals(points=60))
    run = Run(problem=problem, optimizer=PathSGD(), steps=150, dtype=dtype)
    start, *_, end = train(run)
    losses = [float(Training(run).instance.train.loss(one.theta)) for one in (start, end)]
    assert losses[1] < 0.8 * losses[0]
    assert end.theta.dtype == start.theta.dtype == getattr(torch, dtype)


def test_its_largest_learning_rate_throws_it_far_up_the_walls():
    objective = rectified_objective()
    theta, _ = PathSGD(learning_rate=100.0).step(objective, objective.start, ())
    assert objective.loss(theta) > 100 * objective.loss(objective.start)


def test_a_chain_of_linear_layers_without_bias_is_accepted():
    problem = Supervised(dataset=Spirals(points=40), architecture=DeepLinear())
    Training(Run(problem=problem, optimizer=PathSGD(), batch_size=8))


class Skip(nn.Module):
    """A layer with a skip connection."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x):
        return x + self.layer(x).relu()


def refusals():
    sequence = nn.Sequential
    shared = nn.Linear(3, 3)
    tied = sequence(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    tied[2].weight = tied[0].weight
    normalized = sequence(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 3))
    divided = sequence(nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)))
    held = sequence(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    held[0].weight.requires_grad_(False)
    return {
        "Tanh": mlp_objective(),
        "BatchNorm1d": network_of(normalized),
        "Skip": network_of(Skip()),
        "are fixed or shared": network_of(sequence(shared, nn.ReLU(), shared)),
        "fixed or shared": network_of(tied),
        "Parametrized": network_of(divided),
        "that are fixed": network_of(held),
        "no network": bowl([1.0, 2.0]),
        "Surface": Valley().build(0).train,
    }


def network_of(module):
    return ModelObjective(module.double(), cross_entropy, *vectors())


@pytest.mark.parametrize("words", refusals())
def test_other_networks_are_refused_by_what_is_wrong_with_them(words):
    objective = refusals()[words]
    told = rf"the network of Path-SGD must be a chain of fully connected layers.*{words}"
    with pytest.raises(SpecError, match=told):
        PathSGD().check_objective(objective)
    with pytest.raises(SpecError, match=told):
        PathSGD().step(objective, torch.zeros(objective.layout.size).double(), ())


def test_tokens_that_share_a_layer_are_refused_and_images_that_are_flattened_are_not():
    inputs, targets = normal(6, 4, 3), torch.zeros(6, 4, dtype=torch.float64)
    rows = ModelObjective(
        nn.Sequential(nn.Linear(3, 1)).double(), lambda out, y: (out[..., 0] - y).square().mean(1),
        inputs, targets,
    )  # fmt: skip
    with pytest.raises(SpecError, match=r"inputs of shape \(4, 3\), not flattened first"):
        PathSGD().check_objective(rows)
    flat = nn.Sequential(nn.Flatten(), nn.Linear(12, 2), nn.ReLU(), nn.Linear(2, 2)).double()
    PathSGD().check_objective(ModelObjective(flat, cross_entropy, inputs, targets[:, 0].long()))


def test_a_run_with_an_activation_that_is_not_homogeneous_is_refused_before_it_begins():
    problem = Supervised(dataset=Spirals(points=40), architecture=MLP(activation="gelu"))
    with pytest.raises(SpecError, match="GELU"):
        Training(Run(problem=problem, optimizer=PathSGD(), batch_size=8))
