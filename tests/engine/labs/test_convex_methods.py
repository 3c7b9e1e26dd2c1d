"""Methods against the catalogue and closed forms, theory's numbers, the effect on made-up data."""

import itertools
import math

import numpy as np
import pytest
import torch

from cases import normal
from landscape_core.labs.convex_methods import Case, ConvexMethods, methods, worst
from landscape_core.models.problems.unit_diagonal_quadratic import (
    EQUAL,
    GEOMETRIC,
    UnitDiagonalQuadratic,
)
from landscape_core.training.optimizers.saga import SAGA
from landscape_core.training.optimizers.svrg import SVRG

N = 8


@pytest.fixture(scope="module")
def instance():
    return UnitDiagonalQuadratic(size=N, correlation=0.6, spectrum=GEOMETRIC)


@pytest.fixture(scope="module")
def train(instance):
    return instance.build(1, dtype=torch.float64).train


def fixed():
    """A generator of NumPy that draws the same examples each time it is made."""
    return np.random.default_rng(7)


def first(walk, count):
    return list(itertools.islice(walk, count))


def test_the_closed_form_is_the_problem_of_the_catalogue(instance, train):
    objective = methods.Quadratic(instance.matrix(1))
    theta, d = normal(N, seed=1), normal(N, seed=2)
    torch.testing.assert_close(objective.loss(theta), train.loss(theta))
    value, slope = objective.value_and_gradient(theta)
    torch.testing.assert_close(value, train.loss(theta))
    torch.testing.assert_close(slope, train.gradient(theta))
    torch.testing.assert_close(objective.hvp(theta, d), train.hvp(theta, d))


def walked(optimizer, train, batches):
    """The losses of a run of the catalogue over these single examples."""
    theta, memory, losses = train.start, optimizer.init(train.start), []
    for index in batches:
        batch = train.minibatch(torch.tensor([index]))
        theta, memory = optimizer.step(batch, theta, memory)
        losses.append(float(train.loss(theta)))
    return np.array(losses) / float(train.loss(train.start))


def test_steps_of_single_examples_are_those_of_the_catalogue(instance, train):
    A, X, theta = instance.matrix(1).numpy(), train.inputs.numpy(), train.start.numpy()
    drawn = fixed().integers(N, size=methods.AT_ONCE).tolist()
    saga = [value for _, value in first(methods.saga(A, X, theta, fixed()), 5)]
    rate = methods.SAGA_RATE / N
    expected = walked(SAGA(learning_rate=rate), train, drawn[: 5 * N])[N - 1 :: N]
    np.testing.assert_allclose(saga, expected, rtol=1e-9)
    half, inner = N // 2, methods.STAGE * N
    stages = first(methods.svrg(A, X, theta, fixed()), 2 * (1 + 2 * methods.STAGE))
    rate, interval = methods.SVRG_RATE / N, float(methods.STAGE)
    run = SVRG(learning_rate=rate, interval=interval)
    expected = walked(run, train, drawn[: 2 * inner])[half - 1 :: half]
    found = [value for at, (_, value) in enumerate(stages) if at % (1 + 2 * methods.STAGE)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    # A snapshot costs an epoch, and so do n inner steps.
    assert stages[-1][0] == 2 * (1 + methods.STAGE)


def test_a_coordinate_step_minimizes_along_its_coordinate(instance):
    A, theta = instance.matrix(1).numpy(), normal(N, seed=3).numpy()
    walk = first(methods.coordinate_descent(A, theta, fixed()), 3 * N)
    f0 = theta @ A @ theta
    drawn = fixed().integers(N, size=methods.AT_ONCE)
    for (_, value), i in zip(walk, drawn, strict=False):
        theta = theta.copy()
        theta[i] -= A[i] @ theta
        assert value == pytest.approx(theta @ A @ theta / f0, rel=1e-9)
        assert abs(A[i] @ theta) < 1e-12
    assert walk[-1][0] == 3


@pytest.mark.parametrize("kind", [EQUAL, GEOMETRIC])
def test_conjugate_gradients_end_after_as_many_steps_as_there_are_eigenvalues(kind):
    problem = UnitDiagonalQuadratic(size=N, correlation=0.6, spectrum=kind)
    case, distinct = Case(problem, 0), 2 if kind == EQUAL else N
    for name in ("CG", "BFGS"):
        values = [value for _, value in first(case.walk(name), distinct)]
        assert values[-1] < 1e-20
        assert values[-2] > 1e-12
    assert next(case.walk("Newton"))[1] < 1e-25


def test_theory_is_that_of_closed_forms():
    values = UnitDiagonalQuadratic(size=50, correlation=0.9).eigenvalues().numpy()
    stated = methods.Theory(values, 1e-8).epochs()
    kappa, log = 451.0, math.log(1e8)
    assert stated["GD"] == pytest.approx(log * kappa / 2, rel=2e-3)
    assert stated["CD"] == pytest.approx(log / 0.1, rel=2e-3)
    assert stated["NAG"] == pytest.approx(log * kappa**0.5 / 2, rel=0.03)
    assert stated["HB"] == pytest.approx(log * kappa**0.5 / 4, rel=2e-3)
    assert stated["SAGA"] == pytest.approx(3 * log / 0.1, rel=2e-3)
    assert (stated["CG"], stated["Newton"]) == (2, 1)
    even = methods.Theory(np.ones(5), 1e-8).epochs()  # Only single steps are not the last.
    assert [even[name] for name in ("GD", "NAG", "HB", "CG", "Newton")] == [1] * 5


def test_gradient_descent_needs_what_theory_says():
    problem = UnitDiagonalQuadratic(size=10, correlation=0.8)
    stated = methods.Theory(problem.eigenvalues().numpy(), 1e-8).epochs()
    for name, low in (("GD", 0.8), ("CD", 0.3)):
        walk = Case(problem, 0).walk(name)
        epochs = next(epoch for epoch, value in walk if value <= 1e-8)
        assert low * stated[name] < epochs < 1.05 * stated[name]


def test_parallel_workers_share_products_but_not_serial_steps():
    n = 64
    assert methods.epoch_time("GD", n, 1) == methods.epoch_time("CD", n, 1) == n * n
    assert methods.epoch_time("GD", n, n * n) == 1 + 2 * math.log2(n)
    assert methods.epoch_time("CD", n, n * n) == n * (1 + math.log2(n))
    assert methods.epoch_time("GD", n, 10 * n * n) == methods.epoch_time("GD", n, n * n)
    assert methods.epoch_time("Newton", n, 1) == n**3 / 3


def test_the_effect_is_the_worst_of_two_factors_over_what_is_asked():
    promised = np.array([[4.0, 10.0], [3.0, 8.0]])
    factor = promised.copy()  # all that theory promises
    assert worst(factor, promised) == pytest.approx(2.0)
    factor[0, 1] = 1.5
    assert worst(factor, promised) == pytest.approx(0.5)
    factor[1, 0] = 0.15
    assert worst(factor, promised) == pytest.approx(0.1)
    factor[0, 0] = np.nan
    assert np.isnan(worst(factor, promised))


def test_a_seed_fills_all_pictures():
    *_, last = ConvexMethods(size=10, correlation=0.5, workers=100).work(0)
    assert np.isfinite(last["epochs"]).all()
    assert np.isfinite(last["factor"]).all()
    assert np.isfinite(last["time"]).all()
    assert float(last["effect"]) > 0
    excess = last["excess"].sel(rule="GD").values
    assert (np.diff(excess) <= 0).all()
    assert excess[0] > excess[5] > 1e-8
    assert excess[-1] == 1e-8
    geometric = last["epochs"].sel(kind=GEOMETRIC)
    assert geometric.sel(rule="CG") > last["epochs"].sel(kind=EQUAL, rule="CG")
