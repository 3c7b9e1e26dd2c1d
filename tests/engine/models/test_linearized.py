"""The linearized network against differences, Gauss–Newton and plain gradient descent."""

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

import cases
from landscape_core.foundation.errors import SpecError
from landscape_core.models.linearized import Linearized, descent_coefficients
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.sgd import SGD


@pytest.fixture
def objective():
    return ModelObjective(cases.mlp(seed=3), cross_entropy, *cases.vectors())


def test_outputs_are_the_first_two_terms_of_taylor(objective):
    at, step = objective.start, cases.normal(objective.layout.size, seed=4)
    linear, others = Linearized(objective, at), cases.normal(7, 3, seed=9)
    for inputs in (None, others):
        up, down = (objective.outputs(at + sign * 1e-5 * step, inputs) for sign in (1, -1))
        expected = objective.outputs(at, inputs) + (up - down) / 2e-5
        assert torch.allclose(linear.outputs(at + step, inputs), expected, rtol=1e-7, atol=1e-8)
        assert torch.allclose(linear.change(step, inputs), (up - down) / 2e-5, atol=1e-8)


def test_the_difference_from_the_network_is_of_second_order(objective):
    at, step = objective.start, cases.normal(objective.layout.size, seed=4)
    linear = Linearized(objective, at)
    errors = [
        float((linear.outputs(at + h * step) - objective.outputs(at + h * step)).norm())
        for h in (1e-3, 5e-4)
    ]
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.02)


def test_at_its_point_the_gradient_is_the_network_s_and_the_hessian_is_gauss_newton(objective):
    at, direction = objective.start, cases.normal(objective.layout.size, seed=5)
    linear = Linearized(objective, at)
    value, gradient = linear.value_and_gradient(at)
    expected, slope = objective.value_and_gradient(at)
    assert float(value) == pytest.approx(float(expected), rel=1e-12)
    assert torch.allclose(gradient, slope, rtol=1e-10, atol=1e-13)
    J = torch.autograd.functional.jacobian(objective.outputs, at)
    p = objective.outputs(at).softmax(1)
    outer = torch.diag_embed(p) - p[:, :, None] * p[:, None, :]
    G = torch.einsum("nap,nab,nbq->pq", J, outer, J) / objective.examples
    assert torch.allclose(linear.hvp(at, direction), G @ direction, rtol=1e-9, atol=1e-12)


def test_mini_batches_are_those_of_the_network(objective):
    at, theta = objective.start, objective.start + 0.3
    indices = torch.tensor([4, 1, 9])
    part = Linearized(objective, at).minibatch(indices)
    assert part.examples == 3
    whole = Linearized(objective, at).outputs(theta)[indices]
    expected = cross_entropy(whole, objective.targets[indices])
    assert float(part.loss(theta)) == pytest.approx(float(expected), rel=1e-12)


def test_batch_normalization_counts_with_its_stored_statistics():
    network = cases.residual()
    objective = ModelObjective(network, cross_entropy, *cases.images())
    linear = Linearized(objective, objective.start)
    before = {name: value.clone() for name, value in objective.buffers.items()}
    with torch.no_grad():
        expected = network.eval()(objective.inputs)
    assert torch.allclose(linear.outputs(objective.start), expected, rtol=1e-10, atol=1e-12)
    linear.minibatch(torch.tensor([0, 2])).gradient(objective.start)
    assert all(torch.equal(before[name], value) for name, value in objective.buffers.items())


@pytest.mark.parametrize("rate", [0.02, 0.9, 1.7])
def test_coefficients_are_those_of_plain_descent_on_a_linear_model(rate):
    """With more examples than parameters: the kernel is singular. Rates in units of n/λmax."""
    X, y = cases.normal(9, 4), cases.normal(9, seed=1)
    kernel = X @ X.T
    eta = rate * 9 / float(torch.linalg.eigvalsh(kernel)[-1])
    w = torch.zeros(4, dtype=torch.float64)
    for steps in range(30):
        c = descent_coefficients(kernel, -y, eta, steps)
        assert torch.allclose(-X.T @ c, w, rtol=1e-9, atol=1e-12)
        w = w - eta / 9 * X.T @ (X @ w - y)


def test_optimizers_of_the_catalogue_train_the_linearized_network():
    inputs, targets = cases.normal(6, 3), cases.normal(6, 1, seed=1)
    network = cases.filled(nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)), seed=2)
    objective = ModelObjective(network, SquaredError(), inputs, targets)
    at = objective.start
    linear, rule = Linearized(objective, at), SGD(learning_rate=0.3)
    theta, memory = at, rule.init(at)
    for _ in range(12):
        theta, memory = rule.step(linear, theta, memory)
    J = torch.autograd.functional.jacobian(objective.outputs, at)[:, 0]
    residual = (objective.outputs(at) - targets)[:, 0]
    expected = at - J.T @ descent_coefficients(J @ J.T, residual, 0.3, 12)
    assert torch.allclose(theta, expected, rtol=1e-9, atol=1e-12)


def test_a_point_of_another_network_is_refused(objective):
    with pytest.raises(SpecError, match="size of the point"):
        Linearized(objective, objective.start[1:])


class Listed(nn.Module):
    """A network that calls its weights by a list of its own, which nobody can replace."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, 2)
        self.held = [self.layer.weight]

    def forward(self, x):
        return x @ self.held[0].T + self.layer.bias


def test_a_network_that_cannot_be_called_with_other_parameters_is_refused():
    network = Listed().double()
    inputs, labels = cases.vectors(4)
    objective = ModelObjective(network, cross_entropy, inputs, labels % 2).of_a_user(network)
    with pytest.raises(SpecError, match="functional_call"):
        Linearized(objective, objective.start)
