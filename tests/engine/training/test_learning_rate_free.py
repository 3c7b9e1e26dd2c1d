"""COCOB, vSGD and SGD-QN make the steps of their papers and find learning rates themselves."""

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from cases import Quadratic, normal, walk
from landscape_core.foundation import random_streams
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.cocob import COCOB
from landscape_core.training.optimizers.sgd_qn import SGDQN
from landscape_core.training.optimizers.vsgd import VSGD

CLOSE = {"rtol": 1e-9, "atol": 1e-12}
A, B = normal(30, 4, seed=1), normal(30, seed=2).sign()
START = normal(4, seed=3)


class Logistic(Objective):
    """A multiple of the mean of log(1 + exp(−bᵢ aᵢ·x)) + ½‖x‖²/20, by autograd."""

    examples, layout = 30, Layout.of_shapes({"x": (4,)})

    def __init__(self, a=A, b=B, factor=1.0):
        self.a, self.b, self.factor = a, b, factor

    def loss(self, theta):
        a, b = self.a.to(theta), self.b.to(theta)
        losses = softplus(-b * (a @ theta)).mean() + theta.square().sum() / 40
        return self.factor * losses

    def restricted(self, indices):
        return Logistic(self.a[indices], self.b[indices], self.factor)


def slope(x, batch):
    """The mean gradient over some examples, written out in NumPy."""
    a, b = A.numpy()[batch], B.numpy()[batch]
    return (-b / (1 + np.exp(b * (a @ x)))) @ a / len(b) + x / 20


def batch_walk(optimizer, objective, theta, batches):
    """The iterates of mini-batch steps, the start included."""
    memory, thetas = optimizer.init(theta), [theta]
    for batch in batches:
        theta, memory = optimizer.step(objective.minibatch(batch), theta, memory)
        thetas.append(theta)
    return torch.stack(thetas)


BATCHES = [(torch.arange(3) + 3 * step) % 30 for step in range(60)]


@pytest.mark.parametrize("alpha", [1.0, 3.0, 100.0])
def test_cocob_makes_the_steps_of_algorithm_2(alpha):
    thetas = batch_walk(COCOB(alpha=alpha), Logistic(), START, BATCHES)
    w = w1 = START.numpy()
    L = G = reward = theta = np.zeros(4)
    for batch, mine in zip(BATCHES, thetas[1:], strict=True):
        g = -slope(w, batch.numpy())  # the paper's g is a negative gradient
        L = np.maximum(L, np.abs(g))
        G = G + np.abs(g)
        reward = np.maximum(reward + (w - w1) * g, 0)
        theta = theta + g
        beta = theta / (L * np.maximum(G + L, alpha * L))
        w = w1 + beta * (L + reward)
        np.testing.assert_allclose(mine.numpy(), w, **CLOSE)
    assert (thetas[-1] - thetas[0]).abs().min() > 0.05


def test_the_first_step_of_cocob_has_the_length_of_its_unit_by_alpha():
    thetas, _ = walk(COCOB(learning_rate=3.0, alpha=50.0), Logistic(), START, 1)
    g = Logistic().gradient(START)
    torch.testing.assert_close(thetas[1] - thetas[0], -g.sign() * 3.0 / 50.0)


def test_the_unit_of_cocob_is_that_of_the_parameters():
    class Scaled(Logistic):
        def loss(self, theta):
            return super().loss(theta / 4.0)

    one, _ = walk(COCOB(alpha=10.0), Logistic(), START, 50)
    other, _ = walk(COCOB(alpha=10.0, learning_rate=4.0), Scaled(), 4.0 * START, 50)
    torch.testing.assert_close(other, 4.0 * one, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("factor", [1e-25, 1e-3, 1e6])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_multiple_of_the_loss_changes_nothing_for_cocob(factor, dtype):
    one, _ = walk(COCOB(), Logistic(), START.to(dtype), 100)
    other, _ = walk(COCOB(), Logistic(factor=factor), START.to(dtype), 100)
    tolerance = 1e-9 if dtype is torch.float64 else 1e-3
    torch.testing.assert_close(other, one, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_cocob_solves_a_convex_problem_in_any_units_without_a_learning_rate(scale):
    # The minimum is 1/100, 1 or 100 times as far away.
    objective = Logistic()
    objective.loss = lambda theta: Logistic().loss(theta / scale)
    start = torch.zeros(4, dtype=torch.float64)
    thetas, _ = walk(COCOB(), objective, start, 1500)
    best = torch.zeros(4, dtype=torch.float64)
    for _ in range(20):
        hessian = torch.autograd.functional.hessian(Logistic().loss, best)
        best = best - torch.linalg.solve(hessian, Logistic().gradient(best))
    least = Logistic().loss(best)
    assert objective.loss(thetas[-1]) - least < 1e-3 * (objective.loss(start) - least)


@pytest.mark.parametrize("distance", [0.1, 10.0, 1000.0])
def test_cocob_comes_near_a_kink_at_any_distance(distance):
    # The example |x − 10| of the paper, to whose minimum bets grow exponentially.
    class Kink(Objective):
        examples, layout = 1, Layout.of_shapes({"x": (1,)})

        def loss(self, theta):
            return (theta - distance).abs().sum()

        def restricted(self, indices):
            return self

    thetas, _ = walk(COCOB(), Kink(), torch.zeros(1), 1500)
    assert (thetas[-750:].mean() - distance).abs() < 0.1 * distance


def test_a_parameter_without_a_gradient_stays():
    objective = Logistic()
    objective.loss = lambda theta: theta[:2].square().sum()
    thetas, _ = walk(COCOB(), objective, START, 20)
    assert torch.equal(thetas[-1][2:], START[2:])
    assert bool(thetas.isfinite().all())
    assert (thetas[-1][:2] - START[:2]).abs().min() > 0.01


@pytest.mark.parametrize("largest", [0.3, 1e8])
def test_vsgd_makes_the_steps_of_algorithm_1_with_curvatures_by_finite_differences(largest):
    optimizer = VSGD(overestimate=3.0, memory=5.0, largest=largest)
    thetas = batch_walk(optimizer, Logistic(), START, BATCHES)
    theta, mean = START.numpy(), None
    for batch, mine in zip(BATCHES, thetas[1:], strict=True):
        index = batch.numpy()
        g = slope(theta, index)
        shift = g if mean is None else mean
        c = np.abs((slope(theta + shift, index) - g) / shift)
        if mean is None:
            mean, v, h, tau = g, 3.0 * g**2, 3.0 * c, np.full(4, 5.0)
        else:
            mean = (1 - 1 / tau) * mean + g / tau
            v = (1 - 1 / tau) * v + g**2 / tau
            h = (1 - 1 / tau) * h + c / tau
        tau = (1 - mean**2 / v) * tau + 1
        theta = theta - np.minimum(mean**2 / (h * v), largest) * g
        np.testing.assert_allclose(mine.numpy(), theta, **CLOSE)
    assert (thetas[-1] - thetas[0]).abs().min() > 0.05


def test_sgd_qn_makes_the_steps_of_its_corrected_form():
    optimizer = SGDQN(learning_rate=0.5, interval=4, least=1e-3, weight_decay=0.1)
    thetas = batch_walk(optimizer, Logistic(), START, BATCHES)
    w = last = START.numpy()
    B = np.full(4, 0.5)
    clipped = 0
    for t, (batch, mine) in enumerate(zip(BATCHES, thetas[1:], strict=True)):
        now, then = (slope(x, batch.numpy()) + 0.1 * x for x in (w, last))
        if t > 0 and t % 4 == 0:
            b = (now - then) / (w - last)
            clipped += int((b > 1.0).sum() + (b < 1e-3).sum())
            B = 1 / (1 / B + 4 * np.clip(b, 1e-3, 1.0))
        last, w = w, w - B * now
        np.testing.assert_allclose(mine.numpy(), w, **CLOSE)
    assert clipped > 0
    assert (thetas[-1] - thetas[0]).abs().min() > 0.05


CURVATURES = torch.tensor([0.5, 2.0, 10.0], dtype=torch.float64)
DIAGONAL = Quadratic(CURVATURES.diag(), normal(4000, 3, seed=8))


def test_vsgd_without_noise_takes_the_inverse_curvatures_for_learning_rates():
    optimizer = VSGD(overestimate=1.0, largest=1e8)
    thetas, (_, _, h, _) = walk(optimizer, DIAGONAL, DIAGONAL.minimum + 1.0, 1)
    torch.testing.assert_close(h, CURVATURES, rtol=1e-9, atol=0)
    torch.testing.assert_close(thetas[1], DIAGONAL.minimum, rtol=1e-9, atol=1e-12)


def test_sgd_qn_divides_by_the_sum_of_the_curvatures():
    optimizer = SGDQN(learning_rate=0.05, interval=5, least=0.1)
    theta, memory = DIAGONAL.minimum + 1.0, optimizer.init(DIAGONAL.minimum)
    for _ in range(16):
        theta, memory = optimizer.step(DIAGONAL, theta, memory)
    torch.testing.assert_close(memory[2], 15 * CURVATURES, rtol=1e-6, atol=0)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("optimizer", [VSGD(), SGDQN()], ids=repr)
def test_its_learning_rates_fall_like_one_by_t_where_noise_prevails(optimizer):
    curvatures, steps = CURVATURES.repeat(20), 1500
    objective = Quadratic(curvatures.diag(), normal(4000, 60, seed=8))
    indices = torch.randint(4000, (steps, 1), generator=random_streams.stream(1, "drawn"))
    thetas = batch_walk(optimizer, objective, objective.minimum + 3.0, indices)
    excess = ((thetas - objective.minimum).square() @ curvatures / 2)[500:].mean()
    # The mean of t centres of variance 1 has the excess Σh/(2t), which is the least one.
    times = torch.arange(500, steps + 1)
    assert excess < 5 * (curvatures.sum() / 2 / times).mean()


def test_where_nothing_changes_learning_rates_are_bounded():
    flat = Logistic()
    flat.loss = lambda theta: theta[0].square() + theta[1]
    for optimizer in (VSGD(largest=0.2), SGDQN(interval=2, least=0.1)):
        thetas, _ = walk(optimizer, flat, START, 20)
        assert torch.equal(thetas[-1][2:], START[2:])
        assert bool(thetas.isfinite().all())
    one, _ = walk(VSGD(largest=0.2), flat, START, 20)
    torch.testing.assert_close(one[:, 1], START[1] - 0.2 * torch.arange(21).double())
