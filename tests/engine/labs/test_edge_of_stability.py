"""The edges of stability against iterates and matrices, the preconditioner against its formula."""

import numpy as np
import pytest
import torch

from cases import bowl, walk
from landscape_core.analysis.verdict import NOT_REPRODUCED, PASS, judge
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.labs import edge_of_stability as lab
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.training.optimizers.adam import Adam


@pytest.fixture(scope="module")
def short():
    """A lab with short runs of a small network, and its finished dataset."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("STEPS", 40), ("EVERY", 20), ("PLATEAU", 2), ("POINTS", 100)):
            patch.setattr(lab, name, value)
        one = lab.EdgeOfStability(width=4, optimizer="Adam")
        *_, found = one.work(3)
    return one, found


@pytest.mark.parametrize("name", ["gradient descent", "heavy ball", "Nesterov"])
@pytest.mark.parametrize(("factor", "stable"), [(0.98, True), (1.02, False)])
def test_an_optimizer_of_the_catalogue_is_stable_below_its_edge_alone(name, factor, stable):
    rule = lab.OPTIMIZERS[name].replace(learning_rate=lab.RATES[name])
    objective = bowl([factor * lab.EDGES[name] / rule.learning_rate])
    thetas, _ = walk(rule, objective, objective.minimum + 1.0, 300)
    away = (thetas - objective.minimum).abs()[-1].item()
    assert away < 1e-2 if stable else away > 1e2


@pytest.mark.parametrize(("factor", "stable"), [(0.999, True), (1.001, False)])
def test_the_edge_of_adam_is_that_of_an_averaged_velocity(factor, stable):
    """Spectral radius of (θ, m) ↦ (θ − ηm', m'), m' = β m + (1 − β) λ θ, in one dimension."""
    rate, beta = 0.3, lab.BETA
    curvature = factor * lab.EDGES["Adam"] / rate
    gained = (1 - beta) * curvature
    matrix = np.array([[1 - rate * gained, -rate * beta], [gained, beta]])
    assert (np.abs(np.linalg.eigvals(matrix)).max() < 1) == stable
    assert lab.EDGES["Adam"] == pytest.approx(38)


@pytest.mark.parametrize("steps", [0, 1, 7])
def test_the_preconditioned_hessian_is_that_of_the_formula(steps):
    """Cohen et al., 2022, equation (2), from the gradients themselves, in float64."""
    objective = lab.digits(MLP(width=3, activation="tanh"), 5, points=100, loss=SquaredError())
    objective, rule = objective.in_double(), Adam(learning_rate=0.02, epsilon=1e-3)
    path = list(lab.states(objective, rule, steps, batch=100, seed=0))
    gradients = [objective.gradient(theta) for theta, _ in path]
    theta, memory = path[-1]
    used = gradients[:-1] if steps else gradients
    v = sum((1 - rule.beta2) * rule.beta2**k * g**2 for k, g in enumerate(reversed(used)))
    root = (v / (1 - rule.beta2 ** len(used))).sqrt()
    P = (1 - rule.beta1 ** len(used)) * (root + rule.epsilon)
    hessian = Hessian().at(objective, theta).dense()
    expected = np.linalg.eigvals((hessian / P[:, None]).numpy()).real.max()
    value, vector = lab.largest(lab.preconditioned(objective, theta, rule, memory), None)
    assert value == pytest.approx(expected, rel=2 * lab.TOLERANCE)
    image = lab.preconditioned(objective, theta, rule, memory).apply(vector[None])[0]
    torch.testing.assert_close(image, P.rsqrt() * (hessian @ (P.rsqrt() * vector)))


def test_a_step_of_adam_is_the_inverse_preconditioner_times_the_first_moment():
    objective = bowl([1.0, 2.0, 5.0])
    rule, theta = Adam(), objective.minimum + 1.0
    thetas, (t, m, v) = walk(rule, objective, theta, 4)
    P = (1 - rule.beta1**t) * ((v / (1 - rule.beta2**t)).sqrt() + rule.epsilon)
    torch.testing.assert_close(thetas[-1], thetas[-2] - rule.learning_rate * m / P)


def test_both_runs_start_alike_and_their_edges_differ_by_two(short):
    one, found = short
    assert found["edge"].values[0] * 2 == pytest.approx(found["second_edge"].values[0])
    np.testing.assert_allclose(found["edge"] * one.rates()[0], 38)
    assert found["loss"].values[0, 0] == found["loss"].values[1, 0]
    assert found["sharpness"].values[0, 0] == found["sharpness"].values[1, 0]
    assert np.isfinite(found["loss"].values).all()
    assert np.isfinite(found["effect"].values)
    plateau = np.median(found["sharpness"].values[:, -2:], axis=1)
    np.testing.assert_allclose(found["product"], plateau * one.rates())


def test_a_run_that_diverges_has_no_effect(monkeypatch):
    for name, value in (("STEPS", 40), ("PLATEAU", 2), ("POINTS", 100)):
        monkeypatch.setattr(lab, name, value)
    monkeypatch.setitem(lab.RATES, "gradient descent", 90.0)
    *_, found = lab.EdgeOfStability(width=4).work(0)
    assert np.isnan(found["effect"].values)
    assert np.isnan(found["sharpness"].values[:, -1]).all()
    assert np.isfinite(found["sharpness"].values[:, 0]).all()


def test_steps_at_which_the_loss_rises_are_counted_in_windows(monkeypatch):
    monkeypatch.setattr(lab, "EVERY", 4)
    losses = np.array([[5.0, 4, 3, 2, 1, 2, 1, 2, 1], [1.0, 2, 3, 4, 5, 5, 4, 3, np.nan]])
    found = lab.rises(losses)
    np.testing.assert_array_equal(found, [[np.nan, 0, 0.5], [np.nan, 1, np.nan]])


def test_the_effect_is_the_farther_one_of_both_plateaus():
    edges, rows = np.array([40.0, 80.0]), np.ones((2, 30))
    near, far = edges[:, None] * rows, edges[:, None] * rows
    near[:, :10], far[1] = 3.0, 40.0  # what counts is the end
    assert lab.distance(near * [[1.02], [0.95]], edges) == pytest.approx(0.05)
    assert lab.distance(far, edges) == pytest.approx(0.5)
    assert np.isnan(lab.distance(np.where(rows > 0, np.nan, 0), edges))


def test_the_criterion_passes_at_the_edge_and_fails_off_it():
    criterion = lab.EdgeOfStability.criterion
    assert judge(np.full(6, 0.03), criterion).word == PASS
    assert judge(np.full(6, 0.5), criterion).word == NOT_REPRODUCED
