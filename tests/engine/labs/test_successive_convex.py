"""Convex steps against the optimizers of the catalogue and optimality conditions; the effect."""

import math

import numpy as np
import pytest
import torch

from landscape_core.labs import successive_convex as lab
from landscape_core.labs.successive_convex import steps
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.successive_convex import SuccessiveConvex

RNG = np.random.default_rng(0)
X, Y = RNG.uniform(-1, 1, (3, 20, 10)), RNG.standard_normal((3, 20))
THETA = 0.4 * RNG.standard_normal(steps.COUNT)
L2, L1 = (steps.Regularizer(sparse) for sparse in (False, True))


def catalogue(x, y):
    """Half the squared error of the same network in the engine."""
    module = MLP(width=10, activation="tanh").build((10,), 1, torch.Generator()).double()
    targets = torch.from_numpy(y)[:, None]
    return ModelObjective(module, SquaredError(), torch.from_numpy(x), targets)


def convex(blocks=1, regularizer=L2, **changes):
    settings = {"proximity": 0.1, "forgetting": 0.6, **changes}
    return steps.Convex(
        theta=THETA, regularizer=regularizer, blocks=blocks,
        drawn=np.random.default_rng(1), **settings,
    )  # fmt: skip


def test_outputs_and_jacobians_are_those_of_the_network_of_the_catalogue():
    objective = catalogue(X[0], Y[0])
    theta = torch.from_numpy(THETA)
    outputs, J = steps.linearized(THETA[None], X[0])
    np.testing.assert_allclose(outputs[0], objective.outputs(theta).detach()[:, 0], rtol=1e-12)
    expected = torch.autograd.functional.jacobian(lambda t: objective.outputs(t)[:, 0], theta)
    np.testing.assert_allclose(J[0], expected, rtol=1e-10, atol=1e-13)
    half = 0.5 * steps.squared_error(THETA[None], X[0], Y[0])
    assert half[0] == pytest.approx(float(objective.loss(theta)), rel=1e-12)


def test_steps_are_those_of_the_optimizer_of_the_catalogue():
    rule = SuccessiveConvex(proximity=0.05, weight_decay=steps.LAMBDA / 2)
    theta = torch.from_numpy(THETA)
    memory, ours = rule.init(theta), convex()
    for x, y in zip(X, Y, strict=True):
        theta, memory = rule.step(catalogue(x, y), theta, memory)
        ours.step(x, y)
    np.testing.assert_allclose(ours.theta, theta, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("count", [5, 100])
def test_a_block_minimizes_the_surrogate_with_the_others_at_rest(count):
    rule = convex()
    rule.step(X[0], Y[0])
    u, block = rule.surrogate(X[1], Y[1]), np.arange(count) * 2
    s = np.zeros(steps.COUNT)
    s[block] = u.minimum(block)
    shifts = 1e-3 * np.eye(steps.COUNT)[block]
    slopes = (u(s + shifts) - u(s - shifts)) / 2e-3  # exact for a quadratic, up to rounding
    np.testing.assert_allclose(slopes, 0, atol=1e-11)


def test_with_an_absolute_penalty_the_minimizer_meets_the_conditions_of_optimality():
    rule = convex(regularizer=L1, proximity=0.5)
    u = rule.surrogate(X[0], Y[0])
    s = u.minimum(np.arange(steps.COUNT))
    w = THETA + s
    shifts = 1e-3 * np.eye(steps.COUNT)
    smooth = (u(s + shifts) - u(s - shifts) - L1(w + shifts) + L1(w - shifts)) / 2e-3
    moved = w != 0
    np.testing.assert_allclose(smooth[moved], -steps.LAMBDA * np.sign(w[moved]), atol=1e-6)
    assert (np.abs(smooth[~moved]) <= steps.LAMBDA + 1e-6).all()


def test_the_surrogate_touches_the_objective_on_the_batch():
    rule = convex()
    u = rule.surrogate(X[0], Y[0])  # the first has no past: its slope agrees as well

    def objective(s):
        rows = (THETA + s)[None]
        return float((steps.squared_error(rows, X[0], Y[0]) + L2(rows))[0])

    assert float(u(np.zeros(steps.COUNT))) == pytest.approx(objective(0), rel=1e-12)
    shift = 1e-5 * RNG.standard_normal(steps.COUNT)
    slope = float(u(shift) - u(-shift))
    assert slope == pytest.approx(objective(shift) - objective(-shift), rel=1e-6)
    rule.step(X[0], Y[0])
    later = rule.surrogate(X[1], Y[1])
    rows = rule.theta[None]
    touched = (steps.squared_error(rows, X[1], Y[1]) + L2(rows))[0]
    assert float(later(np.zeros(steps.COUNT))) == pytest.approx(touched, rel=1e-12)


def test_first_order_rules_are_those_of_torch():
    ours = steps.FirstOrder(
        theta=np.repeat(THETA[None], 13, axis=0), rates=lab.RATES, regularizer=L2
    )
    kinds = {"SGD": torch.optim.SGD, "Adam": torch.optim.Adam, "AdaGrad": torch.optim.Adagrad}
    expected = [torch.from_numpy(THETA.copy()) for _ in range(13)]
    settings = [(kinds[name], rate) for name, rates in lab.RATES.items() for rate in rates]
    rules = [
        kind([theta], lr=rate, weight_decay=steps.LAMBDA)
        for theta, (kind, rate) in zip(expected, settings, strict=True)
    ]
    for x, y in zip(X, Y, strict=True):
        objective = catalogue(x, y)
        for theta, rule in zip(expected, rules, strict=True):
            theta.grad = objective.gradient(theta.detach())
            rule.step()
        ours.step(x, y)
    np.testing.assert_allclose(ours.theta, torch.stack(expected), rtol=1e-9, atol=1e-12)


def test_the_effect_is_the_worse_of_two_ratios_to_the_best_rule():
    values = np.array([[1.0, 0.5], [0.8, 0.6], [2.0, np.inf], [0.4, 0.4], [0.6, 0.5]])
    effect, control = lab.compared(values)
    assert effect == pytest.approx(0.8)
    assert control == pytest.approx(1.25)
    values[3, 0] = np.inf
    assert math.isnan(lab.compared(values)[0])
    values[3, 0] = np.nan
    assert math.isnan(lab.compared(values)[0])


def test_of_each_kind_of_rule_the_best_setting_counts_and_divergence_does_not():
    values = np.arange(1.0, 16.0)
    values[[0, 4]] = np.nan
    assert lab.best(values).tolist() == [2, 6, 10, 14, 15]
    values[9:13] = np.nan
    assert lab.best(values)[2] == math.inf


def test_a_worker_with_one_block_of_many_has_less_to_do():
    by_blocks = [steps.costs(50, blocks)["parallel"] for blocks in (1, 2, 4, 16)]
    assert by_blocks[0] == steps.costs(50, 4)["whole"]
    assert by_blocks == sorted(by_blocks, reverse=True)
    assert by_blocks[-1] < 1 < by_blocks[0]


@pytest.mark.parametrize("regularizer", [L1, L2])
def test_a_run_that_has_diverged_goes_on_without_an_error(regularizer):
    rule = convex(blocks=3, regularizer=regularizer)
    rule.theta = np.full(steps.COUNT, np.nan)
    rule.step(X[0], Y[0])
    assert np.isnan(rule.theta).all()


def test_settings_that_diverge_disturb_nothing_else(monkeypatch):
    monkeypatch.setattr(lab, "RATES", {**lab.RATES, "SGD": (0.1, 0.2, 0.5, 1e200)})
    monkeypatch.setattr(lab, "STEPS", 4)
    *_, last = lab.SuccessiveConvex(blocks=2).work(0)
    assert np.isfinite(last["objective"].values[:, :4]).all()
