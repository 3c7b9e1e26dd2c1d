"""The valley against derivatives, metrics against steps, the race against plain loops."""

import itertools
import math

import numpy as np
import pytest
import torch

from landscape_core.analysis.verdict import judge
from landscape_core.labs import second_order as lab
from landscape_core.labs.second_order import affine, small, valley
from landscape_core.training.optimizers.kfac import KFAC
from landscape_core.training.optimizers.natural_gradient import NaturalGradient
from landscape_core.training.optimizers.sgd import SGD

K = 7.0
POINT = np.array([0.4, -0.3])


def test_the_valley_has_the_stated_loss_hessian_and_fisher_matrix():
    objective = valley.valley(*POINT, K)
    theta = torch.tensor(POINT)
    assert float(objective.loss(theta)) == pytest.approx(valley.height(*POINT, K), rel=1e-14)
    hessian = torch.autograd.functional.hessian(objective.loss, theta)
    np.testing.assert_allclose(valley.hessian(*POINT, K), hessian, rtol=1e-12)
    jacobian = torch.autograd.functional.jacobian(lambda at: objective.outputs(at)[0], theta)
    np.testing.assert_allclose(valley.fisher(POINT[0], K), jacobian.T @ jacobian, rtol=1e-12)


@pytest.mark.parametrize("condition", [18.0, 100.0, 1e4])
def test_the_condition_number_at_the_minima_is_the_one_asked_for(condition):
    k = valley.steepness_of(condition)
    low, high = np.linalg.eigvalsh(valley.hessian(1.0, 1.0, k))
    assert high / low == pytest.approx(condition, rel=1e-9)


RATES = {"gradient descent": 0.3 / K, "AdaGrad": 0.3, "natural gradient": 0.5, "Newton": 1.0}


@pytest.mark.parametrize("method", valley.METHODS)
def test_a_step_is_steepest_in_the_metric_of_its_method(method):
    walked = list(valley.walk(method, np.array([1.1, 1.25]), K, 0.01, 4))
    for (point, metric), (following, _) in itertools.pairwise(walked):
        g = valley.valley(*point, K).gradient(torch.tensor(point)).numpy()
        step = following - point
        rate = RATES.get(method) or -(g @ step) / (g @ np.linalg.solve(metric, g))
        assert method in RATES or -np.log2(rate) == pytest.approx(round(-np.log2(rate)), abs=1e-9)
        np.testing.assert_allclose(metric @ step, -rate * g, rtol=1e-7, atol=1e-12)
        around = valley.ellipse(point, following, metric) - point[:, None]
        lengths = np.einsum("ik,ij,jk->k", around, metric, around)
        np.testing.assert_allclose(lengths, step @ metric @ step, rtol=1e-9)
        assert (g @ around >= g @ step - 1e-12).all()


def test_there_is_no_metric_where_the_damped_hessian_is_indefinite():
    metric = valley.metric("Newton", np.zeros(2), K, 0.01, np.zeros(2))
    assert np.isnan(metric).all()
    assert np.isnan(valley.ellipse(np.zeros(2), np.ones(2), metric)).all()
    assert np.isfinite(valley.metric("Newton", np.zeros(2), K, 1.5, np.zeros(2))).all()


def test_newton_ends_at_the_saddle_point_and_the_saddle_free_method_at_a_minimum():
    start = np.array([-0.3, 1.4])
    (*_, (newton, _)), (*_, (free, _)) = (
        valley.walk(method, start, 80.0, 1e-6, lab.TURNS) for method in valley.METHODS[-2:]
    )
    np.testing.assert_allclose(newton, 0.0, atol=1e-6)
    np.testing.assert_allclose([abs(free[0]), free[1]], 1.0, atol=1e-3)


@pytest.fixture(scope="module")
def pair():
    """A network, and the same function of other inputs."""
    one = affine.regression(4)
    return one, affine.with_changed_inputs(one, *affine.affine_map(4))


def test_changed_inputs_are_an_affine_map_and_the_function_is_the_same(pair):
    one, other = pair
    assert one.layout.size == other.layout.size == 17
    matrix, offset = affine.affine_map(4)
    torch.testing.assert_close(other.inputs, one.inputs @ matrix.T + offset)
    values = torch.linalg.svdvals(matrix)
    assert float(values[0] / values[-1]) == pytest.approx(10.0)
    torch.testing.assert_close(one.outputs(one.start), other.outputs(other.start))
    assert not torch.equal(one.start, other.start)
    torch.testing.assert_close(one.start, affine.regression(4).start, rtol=0, atol=0)


def test_without_damping_the_path_does_not_depend_on_an_affine_map(pair):
    natural, kfac = (
        kind(learning_rate=0.3, damping=damping)
        for kind, damping in zip((NaturalGradient, KFAC), lab.TINY, strict=True)
    )
    assert max(affine.apart(pair, natural, 4)) < 1e-6
    assert max(affine.apart(pair, kfac, 4)) < 1e-2  # the root of the damping is added
    assert max(affine.apart(pair, SGD(learning_rate=0.05), 4)) > 1e-1


def test_a_race_ends_at_the_first_iteration_that_reaches_the_loss():
    objective, rules = small.autoencoder(4), [SGD(learning_rate=rate) for rate in (0.01, 0.1, 0.05)]
    curves = [small.losses(objective, rule, 30).tolist() for rule in rules]
    theta = objective.start
    for value in curves[0][:3]:
        theta = theta - 0.01 * objective.gradient(theta)
        assert float(objective.loss(theta)) == pytest.approx(value, rel=1e-12)
    target = curves[0][19]
    iterations, seconds = small.raced(objective, rules, 30, target=target)
    assert iterations == min(np.argmax(np.array(curve) <= target) + 1 for curve in curves) < 20
    assert seconds > 0
    assert np.isnan(small.raced(objective, rules[:1], 19, target=target)).all()


def test_the_effect_is_that_of_the_slower_method():
    iterations = np.full(len(lab.RACED), 7.0)
    iterations[[lab.RACED.index(name) for name in ("SGD", "L-BFGS", "K-FAC")]] = 400, 40, 100
    assert lab.ratio(iterations) == 0.25
    iterations[lab.RACED.index("L-BFGS")] = np.nan
    assert math.isnan(lab.ratio(iterations))


@pytest.mark.parametrize(
    ("effects", "word"),
    [([0.1] * 6, "PASS"), ([0.8] * 6, "NOT REPRODUCED"), ([0.1, 0.8] * 3, "UNDECIDED")],
)
def test_the_criterion_decides_on_which_side_the_ratios_are(effects, word):
    assert judge(effects, lab.SecondOrder.criterion).word == word


def test_a_short_run_fills_all_pictures(monkeypatch):
    monkeypatch.setattr(lab, "STEPS", 20)
    monkeypatch.setattr(lab, "UPDATES", 2)
    monkeypatch.setattr(lab, "PLAIN", (0.1,))
    *_, last = lab.SecondOrder(method="natural gradient").work(2)
    assert float(last["iterations"].sel(optimizer="SGD")) == 20
    assert float(last["iterations"].sel(optimizer="Newton")) < 20
    assert np.isfinite(last["difference"].values).all()
    x = last["valley_x"].values
    assert np.isfinite(x[-1, 1:, : lab.TURNS + 1]).all()
    assert np.isnan(x[5, 1:, lab.TURNS]).all()  # after five steps the last one is not there yet
    assert (last["iterations"].isnull() == last["seconds"].isnull()).all()
