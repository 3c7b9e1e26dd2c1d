"""The largest Hessian eigenvalue at recorded iterates, against the dense Hessian."""

import math

import torch

import cases
import oracles
from landscape_core.curvature.sharpness_along import sharpness_along


def test_it_is_the_largest_eigenvalue_at_each_step():
    objective = cases.mlp_objective()
    thetas = [objective.start, objective.start + 0.3 * cases.normal(objective.layout.size, seed=4)]
    states = {step: (theta, {}) for step, theta in zip((0, 7), thetas, strict=True)}
    found = list(sharpness_along(objective, states, tolerance=1e-6))
    assert [one.sizes["step"] for one in found] == [1, 2]
    assert list(found[-1]["step"].values) == [0, 7]
    for theta, value in zip(thetas, found[-1]["eigenvalue"].values, strict=True):
        exact = torch.linalg.eigvalsh(oracles.dense_hessian(objective, theta))[-1]
        assert math.isclose(value, float(exact), rel_tol=1e-5)


def test_where_the_loss_is_not_finite_there_is_none():
    objective = cases.mlp_objective()
    states = {0: (torch.full_like(objective.start, math.nan), {}), 1: (objective.start, {})}
    last = list(sharpness_along(objective, states))[-1]
    assert math.isnan(last["eigenvalue"].values[0])
    assert last["eigenvalue"].values[1] > 0
