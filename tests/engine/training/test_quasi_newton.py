"""BFGS and nonlinear conjugate gradients against plain loops, and against theory on quadratics."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cases import Quadratic, bowl, mlp_objective, normal, walk
from landscape_core.foundation.errors import SpecError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.bfgs import BFGS
from landscape_core.training.optimizers.nonlinear_conjugate_gradient import (
    NonlinearConjugateGradient,
)

EIGENVALUES = [0.5, 1.0, 3.0, 4.0, 20.0, 50.0]
BETAS = ("polak_ribiere", "fletcher_reeves", "hestenes_stiefel")
CLOSE = {"rtol": 1e-9, "atol": 1e-11}


def slope_at(objective, theta):
    point = torch.as_tensor(theta).clone().requires_grad_()
    return torch.autograd.grad(objective.loss(point), point)[0].numpy()


def linear_conjugate_gradients(objective, theta, steps):
    """The method of Hestenes and Stiefel for Hθ = b, in NumPy."""
    H, x = objective.hessian.numpy(), theta.numpy()
    r = H @ (objective.minimum.numpy() - x)
    p = r
    yield x
    for _ in range(steps):
        alpha = r @ r / (p @ H @ p)
        x, before = x + alpha * p, r
        r = r - alpha * (H @ p)
        p = r + (r @ r) / (before @ before) * p
        yield x


@pytest.mark.parametrize(
    "optimizer",
    [
        *(NonlinearConjugateGradient(beta=beta) for beta in BETAS),
        BFGS(search="quadratic"),
    ],
    ids=[*BETAS, "bfgs"],
)
def test_its_iterates_on_a_quadratic_are_those_of_conjugate_gradients(optimizer):
    objective, start = bowl(EIGENVALUES), normal(6, seed=4)
    thetas, _ = walk(optimizer, objective, start, 6)
    for mine, other in zip(thetas, linear_conjugate_gradients(objective, start, 6), strict=True):
        # Conjugacy is lost to rounding by about 1e-16 κ a step.
        np.testing.assert_allclose(mine.numpy(), other, rtol=1e-8, atol=1e-9)
    assert objective.loss(thetas[5]) > 1e-9  # it takes all six
    assert objective.loss(thetas[6]) < 1e-16


def test_bfgs_knows_the_inverse_hessian_of_a_quadratic_after_as_many_steps_as_parameters():
    objective, start = bowl(EIGENVALUES), normal(6, seed=4)
    _, (B,) = walk(BFGS(search="quadratic"), objective, start, 6)
    np.testing.assert_allclose(B, np.linalg.inv(objective.hessian), rtol=1e-5, atol=1e-7)


def conjugate_steps(objective, theta, *, eta, beta):
    theta, g = theta.numpy(), slope_at(objective, theta)
    d = -g
    while True:
        theta = theta + eta * d
        yield theta
        after = slope_at(objective, theta)
        y = after - g
        factor = {
            "fletcher_reeves": after @ after / (g @ g),
            "polak_ribiere": max(0.0, after @ y / (g @ g)),
            "hestenes_stiefel": max(0.0, after @ y / (d @ y)),
        }[beta]
        d, g = factor * d - after, after
        if d @ g >= 0:
            d = -g


def bfgs_steps(objective, theta, *, eta):
    theta, g = theta.numpy(), slope_at(objective, theta)
    unit, B = np.eye(len(theta)), None
    while True:
        rate = eta if B is not None else eta / max(1.0, np.abs(g).sum())
        s = -rate * (g if B is None else B @ g)
        theta = theta + s
        yield theta
        y, g = slope_at(objective, theta) - g, slope_at(objective, theta)
        if s @ y > 0:
            B = s @ y / (y @ y) * unit if B is None else B
            left = unit - np.outer(s, y) / (s @ y)
            B = left @ B @ left.T + np.outer(s, s) / (s @ y)


CASES = {
    **{
        beta: (
            NonlinearConjugateGradient(learning_rate=0.1, beta=beta, search="fixed"),
            conjugate_steps,
            {"eta": 0.1, "beta": beta},
        )
        for beta in BETAS
    },
    "bfgs": (BFGS(learning_rate=0.3, search="fixed"), bfgs_steps, {"eta": 0.3}),
}


@pytest.mark.parametrize(("optimizer", "steps", "constants"), CASES.values(), ids=CASES.keys())
def test_its_steps_are_those_of_its_equations(optimizer, steps, constants):
    objective = mlp_objective()
    thetas, _ = walk(optimizer, objective, objective.start, 20)
    theirs = steps(objective, objective.start, **constants)
    for mine, other in zip(thetas[1:], theirs, strict=False):
        np.testing.assert_allclose(mine.numpy(), other, **CLOSE)
    assert (thetas[-1] - thetas[0]).norm() > 0.1


def test_a_direction_that_leads_uphill_is_dropped():
    objective, start = bowl([1.0, 2.0]), normal(2, seed=1)
    optimizer = NonlinearConjugateGradient(learning_rate=0.1, search="fixed")
    uphill = objective.gradient(start)
    after, (d, _) = optimizer.step(objective, start, (uphill, 3.0))
    torch.testing.assert_close(d, -uphill)
    torch.testing.assert_close(after, start - 0.1 * uphill)


@pytest.mark.parametrize("optimizer", [BFGS(), NonlinearConjugateGradient()])
def test_its_search_lowers_the_loss_whatever_the_rate(optimizer):
    objective = mlp_objective()
    thetas, _ = walk(optimizer.replace(learning_rate=100.0), objective, objective.start, 20)
    losses = objective.losses(thetas)
    assert (losses.diff() < 0).all()
    assert losses[-1] < 0.5 * losses[0]


def test_bfgs_keeps_no_pair_of_negative_curvature():
    objective = Quadratic([[-1.0, 0.0], [0.0, -2.0]], [[0.0, 0.0]])
    start = torch.ones(2, dtype=torch.float64)
    theta, memory = BFGS().step(objective, start, ())
    assert memory == ()
    assert objective.loss(theta) < objective.loss(start)


def test_a_step_of_the_quadratic_model_is_the_rate_where_the_curvature_is_not_positive():
    objective = Quadratic([[-1.0, 0.0], [0.0, -2.0]], [[0.0, 0.0]])
    start = torch.ones(2, dtype=torch.float64)
    after, _ = NonlinearConjugateGradient(learning_rate=0.1).step(
        objective, start, (torch.zeros_like(start), 0.0)
    )
    torch.testing.assert_close(after, start - 0.1 * objective.gradient(start))


def test_bfgs_refuses_more_parameters_than_a_dense_matrix_can_have():
    wide = ModelObjective(
        nn.Linear(2000, 3), cross_entropy, torch.zeros(2, 2000), torch.zeros(2).long()
    )
    with pytest.raises(SpecError, match="L-BFGS"):
        BFGS().check_objective(wide)
    BFGS().check_objective(mlp_objective())
