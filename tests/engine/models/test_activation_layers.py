"""The square and the step as activation functions of networks."""

import math

import pytest
import torch
from torch import nn

import landscape_core as lc
from landscape_core.foundation.random_streams import stream
from landscape_core.models.activation_layers import Binary, Quadratic
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.gaussian_teacher import GaussianTeacher
from landscape_core.models.layer_chain import chain_of
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.problems.supervised import Supervised

VALUES = torch.tensor([-2.0, -0.5, 0.0, 0.5, 3.0, math.inf], dtype=torch.float64)


def test_the_values_are_squares_and_steps():
    assert Quadratic()(VALUES).tolist() == [4.0, 0.25, 0.0, 0.25, 9.0, math.inf]
    assert Binary()(VALUES).tolist() == [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    assert Binary()(VALUES.float()).dtype == torch.float32
    assert all(bool(layer()(torch.tensor(math.nan)).isnan()) for layer in (Quadratic, Binary))


def test_the_gradient_of_the_step_is_that_of_a_clipped_line():
    values = VALUES[:-1].clone().requires_grad_()
    (slope,) = torch.autograd.grad((Binary()(values) * torch.arange(1.0, 6.0)).sum(), values)
    assert slope.tolist() == [0.0, 2.0, 3.0, 4.0, 0.0]


def problem(activation):
    return Supervised(
        dataset=GaussianTeacher(points=20, dimension=3),
        architecture=MLP(depth=1, width=4, activation=activation),
        loss=SquaredError(),
    )


def test_the_hessian_of_a_sum_of_squares_is_the_closed_one():
    instance = problem("quadratic").build(0, dtype=torch.float64)
    objective, theta = instance.train, instance.start.double()
    drawn = torch.randn(len(theta), generator=torch.Generator().manual_seed(0)).double()
    ahead, behind = (objective.gradient(theta + sign * 1e-5 * drawn) for sign in (1, -1))
    expected = (ahead - behind) / 2e-5
    torch.testing.assert_close(objective.hvp(theta, drawn), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("activation", ["quadratic", "binary"])
def test_a_slice_is_that_of_a_plain_loop(activation):
    network = MLP(depth=1, width=4, activation=activation).build((3,), 2, stream(0, "init"))
    drawn = torch.Generator().manual_seed(1)
    inputs, targets = (torch.randn(20, n, generator=drawn).double() for n in (3, 2))
    network = network.double()
    theta = nn.utils.parameters_to_vector(network.parameters()).detach()
    axes = torch.randn(2, len(theta), generator=drawn).double()
    found = lc.landscape(
        network, nn.MSELoss(), (inputs, targets), directions=lc.Plane(theta, axes), resolution=5
    )
    for alpha, beta in ((0.5, -1.0), (1.0, 1.0), (0.0, 0.0)):
        nn.utils.vector_to_parameters(
            theta + alpha * axes[0] + beta * axes[1], network.parameters()
        )
        expected = (network(inputs) - targets).square().mean().detach()
        value = found["loss"].sel(split="train", alpha=alpha, beta=beta, method="nearest")
        assert float(value) == pytest.approx(float(expected), rel=1e-10)


def test_a_function_of_torch_is_read_as_the_layer():
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(3, 4), nn.Linear(4, 1)

        def forward(self, values):
            return self.last(torch.square(self.first(values)).square())

    kinds = [type(layer) for layer in chain_of(Own())]
    assert kinds == [nn.Linear, Quadratic, Quadratic, nn.Linear]


@pytest.mark.exhaustive
def test_a_wide_quadratic_network_learns_a_planted_one_from_every_start():
    drawn = torch.Generator().manual_seed(0)
    inputs = torch.randn(200, 4, generator=drawn, dtype=torch.float64)
    planted = torch.randn(2, 4, generator=drawn, dtype=torch.float64)
    targets = (inputs @ planted.T).square().sum(1)
    for seed in range(20):
        start = torch.Generator().manual_seed(seed)
        weight = 0.5 * torch.randn(4, 4, generator=start, dtype=torch.float64)
        weight.requires_grad_()
        rule = torch.optim.LBFGS([weight], max_iter=500, line_search_fn="strong_wolfe")

        def closure(weight=weight, rule=rule):
            rule.zero_grad()
            outputs = Quadratic()(inputs @ weight.T).sum(1)
            loss = (outputs - targets).square().mean()
            loss.backward()
            return loss

        rule.step(closure)
        assert float(closure().detach()) < 1e-6
