"""NEON makes the steps of its equations and leaves saddle points by gradients alone."""

import numpy as np
import pytest
import torch

from cases import bowl, mlp_objective, normal
from landscape_core.foundation import random_streams
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.neon import NEON
from landscape_core.training.optimizers.sgd import SGD

SIZE = 6
BASIS = torch.linalg.qr(normal(SIZE, SIZE, seed=4)).Q
CURVATURES = torch.tensor([-0.5, 0.3, 0.5, 1.0, 1.5, 2.0], dtype=torch.float64)


class Saddle(Objective):
    """½ Σ hᵢyᵢ² + y₀⁴/4 with y = Qᵀθ: a strict saddle point at 0, minima at y₀ = ±√½."""

    examples, layout = 1, Layout.of_shapes({"theta": (SIZE,)})

    def loss(self, theta):
        y = theta @ BASIS
        return 0.5 * (CURVATURES * y.square()).sum() + y[0] ** 4 / 4

    def restricted(self, indices):
        return self


def slope(theta):
    """The gradient, written out in NumPy."""
    y = theta @ BASIS.numpy()
    along = CURVATURES.numpy() * y
    along[0] += y[0] ** 3
    return BASIS.numpy() @ along


def neon_steps(x, *, eta, bound, r, U, T, gamma, L2, wait, seed):
    searched = -1 - wait
    for t in range(10_000):
        g = slope(x)
        if np.linalg.norm(g) > bound or t - searched <= wait:
            x = x - eta * g
            yield x
            continue
        searched = t
        rng = random_streams.stream(seed, "noise", t)
        u = torch.randn(len(x), generator=rng, dtype=torch.float64).numpy()
        us = [r * u / np.linalg.norm(u)]
        for _ in range(T):
            us.append(us[-1] - eta * (slope(x + us[-1]) - g))
        beyond = [tau for tau, u in enumerate(us) if np.linalg.norm(u) > U] or [len(us)]
        u = us[beyond[0] - 1]
        v = u / np.linalg.norm(u)
        c = v @ (slope(x + u) - g) / np.linalg.norm(u)
        sign = 1 if v @ g > 0 else -1
        x = x - (sign * 2 * abs(c) / L2 * v if c < -gamma else eta * g)
        yield x


def walk(optimizer, theta, steps, objective=None):
    objective, memory, thetas = objective or Saddle(), optimizer.init(theta), [theta]
    for _ in range(steps):
        theta, memory = optimizer.step(objective, theta, memory)
        thetas.append(theta)
    return torch.stack(thetas)


@pytest.mark.parametrize("iterations", [5, 200])
@pytest.mark.parametrize("start", [torch.zeros(SIZE).double(), 0.02 * normal(SIZE)])
def test_its_steps_are_those_of_its_equations(iterations, start):
    optimizer = NEON(
        **{"learning_rate": 0.2, "bound": 0.05, "radius": 0.01, "farthest": 0.3, "wait": 7},
        **{"iterations": iterations, "curvature": 0.1, "smoothness": 5.0, "seed": 3},
    )
    constants = {"eta": 0.2, "bound": 0.05, "r": 0.01, "U": 0.3, "T": iterations}
    constants |= {"gamma": 0.1, "L2": 5.0, "wait": 7, "seed": 3}
    theirs = neon_steps(start.numpy(), **constants)
    thetas = walk(optimizer, start, 40)
    for mine, other in zip(thetas[1:], theirs, strict=False):
        np.testing.assert_allclose(mine.numpy(), other, rtol=1e-9, atol=1e-12)
    assert (thetas[-1] - thetas[0]).norm() > 0.1


@pytest.mark.parametrize("seed", range(4))
def test_it_leaves_the_saddle_point_where_gradient_descent_never_does(seed):
    saddle, origin = Saddle(), torch.zeros(SIZE, dtype=torch.float64)
    assert torch.equal(walk(SGD(learning_rate=0.2), origin, 300)[-1], origin)
    # |∂³f/∂y₀³| = 6|y₀| ≤ L₂ = 2.5 up to |y₀| = 0.41, and the step has the length 2|c|/L₂ ≤ 0.4.
    optimizer = NEON(learning_rate=0.2, iterations=60, smoothness=2.5, seed=seed)
    thetas = walk(optimizer, origin, 150)
    first = thetas[1]
    assert first @ BASIS[:, 0] / first.norm() == pytest.approx(
        float((first @ BASIS[:, 0]).sign()), abs=0.02
    )
    c = float(first.norm()) * 2.5 / 2
    assert c == pytest.approx(0.5, rel=0.05)
    assert saddle.loss(first) < -2 / 3 * c**3 / 2.5**2
    assert saddle.loss(thetas[-1]) == pytest.approx(-1 / 16, rel=1e-6)


def test_the_noise_is_multiplied_by_the_matrix_of_the_power_method():
    # Nearly no curvature is enough, so that the first step shows the direction that was found.
    objective = bowl([-1.0, 0.5, 2.0])
    optimizer = NEON(
        **{"learning_rate": 0.3, "iterations": 8, "farthest": 10.0, "smoothness": 1.0},
        **{"curvature": 0.0, "radius": 1e-3},
    )
    (_, moved) = walk(optimizer, objective.minimum, 1, objective)
    step = moved - objective.minimum
    rng = random_streams.stream(0, "noise", 0)
    u = torch.randn(3, generator=rng, dtype=torch.float64)
    power = torch.eye(3, dtype=torch.float64) - 0.3 * objective.hessian
    v = torch.linalg.matrix_power(power, 8) @ u
    v = v / v.norm()
    c = v @ objective.hessian @ v
    assert c < 0
    torch.testing.assert_close(step.abs(), (2 * c * v).abs(), rtol=1e-9, atol=1e-12)


def test_at_a_minimum_and_on_a_slope_it_is_gradient_descent():
    objective = bowl([0.5, 1.0, 2.0])
    for start in (objective.minimum, objective.minimum + 1.0):
        one = walk(NEON(bound=0.5, wait=3), start, 20, objective)
        other = walk(SGD(learning_rate=0.1), start, 20, objective)
        assert torch.equal(one, other)


def test_a_step_along_negative_curvature_goes_downhill():
    objective, theta = mlp_objective(), mlp_objective().start
    optimizer = NEON(bound=100.0, wait=0, smoothness=1e4, farthest=1e-2, curvature=0.0)
    memory, along = optimizer.init(theta), 0
    for _ in range(10):
        new, memory = optimizer.step(objective, theta, memory)
        g, step = objective.gradient(theta), new - theta
        assert step @ g <= 0
        along += not torch.allclose(step, -0.1 * g)
        theta = new
    assert along > 3
