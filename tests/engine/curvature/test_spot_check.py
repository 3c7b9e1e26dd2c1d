"""What curvature states of itself: how the loss adds up, what was compared, what is certain."""

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import cases
import oracles
from landscape_core.analysis.convexity_map import Convexity, compute_convexity
from landscape_core.curvature import operator as operator_module
from landscape_core.curvature import spot_check as spot_check_module
from landscape_core.curvature.matrices.base import Matrix
from landscape_core.curvature.matrices.gauss_newton import GaussNewton
from landscape_core.curvature.matrices.hessian import Hessian
from landscape_core.curvature.monitor import Watch, Watcher
from landscape_core.curvature.spectrum import Spectrum, compute_spectrum
from landscape_core.curvature.spot_check import SpotChecks
from landscape_core.foundation.registry import entries
from landscape_core.planes.plane import Plane
from landscape_core.slices.grid import Grid

LOSSES = {
    "mean": nn.CrossEntropyLoss(),
    "sum": nn.CrossEntropyLoss(reduction="sum"),
    "weighted mean": nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 5.0]).double()),
}


def last(objective, **asked):
    *_, found = compute_spectrum(objective, objective.start, Spectrum(probes=0, **asked))
    return found


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("matrix", entries(Matrix))
def test_products_agree_with_the_plain_evaluation(matrix, loss, monkeypatch):
    monkeypatch.setattr(operator_module, "WHOLE", 7)
    objective = cases.mlp_objective().with_loss(LOSSES[loss])
    found = last(objective, matrix=entries(Matrix)[matrix](), each_layer=True)
    assert found.attrs["additivity"] == loss
    assert found.attrs["checked_products"] == len(found["block"]) == 4
    assert found.attrs["checked_deviation"] < 1e-12


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("matrix", entries(Matrix))
def test_a_product_that_is_not_that_of_the_network_gives_way_with_a_warning(
    matrix, dtype, monkeypatch
):
    objective = cases.mlp_objective().with_loss(nn.CrossEntropyLoss())
    objective = objective if dtype == torch.float64 else in_single(objective)
    made = entries(Matrix)[matrix]()
    right = made.at(objective, objective.start).dense()
    real = type(made).at

    def wrong(self, objective, theta):
        operator = real(self, objective, theta)
        apply = operator._apply
        monkeypatch.setattr(operator, "_apply", lambda vectors: 1.005 * apply(vectors))
        return operator

    monkeypatch.setattr(type(made), "at", wrong)
    checks = SpotChecks(made)
    with pytest.warns(UserWarning, match="the plain one was taken"):
        operator = checks.operator(objective, objective.start)
    near = 1e-10 if dtype == torch.float64 else 1e-4
    torch.testing.assert_close(operator.dense(), right, rtol=near, atol=near)
    assert 0.004 < checks.attrs["checked_deviation"] < 0.006
    again = checks.operator(objective, objective.start)  # without another warning
    torch.testing.assert_close(again.dense(), right, rtol=near, atol=near)


def in_single(objective):
    return type(objective)(
        cases.mlp().float(), objective.loss_function, objective.inputs.float(), objective.targets
    )


def test_in_single_precision_rounding_is_no_disagreement():
    objective = in_single(cases.mlp_objective())
    found = last(objective)
    assert found.attrs["checked_deviation"] < 1e-4
    assert found.attrs["dtype"] == "float32"


def test_what_does_not_fit_into_memory_at_once_is_not_compared(monkeypatch):
    monkeypatch.setattr(spot_check_module, "fits", lambda _: False)
    assert last(cases.mlp_objective()).attrs["checked_products"] == 0


def test_along_a_run_the_first_matrix_is_compared():
    objective = cases.mlp_objective()
    watcher = Watcher(Watch(top=2, max_examples=1000))
    for step in range(3):
        watcher.measure(objective, objective.start, step)
    attrs = watcher.dataset().attrs
    assert (attrs["checked_products"], attrs["additivity"]) == (1, "mean")


def test_a_map_compares_each_of_its_points():
    objective = cases.mlp_objective()
    axes = cases.normal(2, objective.layout.size)
    plane = Plane(objective.start, axes, ("one", "other"))
    *_, found = compute_convexity(objective, plane, Grid.square(0.5, 3), Convexity())
    assert found.attrs["checked_products"] == 9
    assert found.attrs["checked_deviation"] < 1e-10
    assert found.attrs["additivity"] == "mean"


def summed(outputs, targets):
    return nn.functional.cross_entropy(outputs, targets, reduction="sum")


def test_some_examples_of_a_sum_are_no_estimate_and_that_is_said():
    objective = cases.mlp_objective().with_loss(summed)
    with pytest.warns(UserWarning, match="of 5 of 20 examples, and no estimate of that of all"):
        found = last(objective, max_examples=5)
    assert (found.attrs["examples"], found.attrs["examples_of"]) == (5, 20)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        last(objective)
        last(objective.with_loss(nn.CrossEntropyLoss()), max_examples=5)


def test_of_a_linear_network_each_eigenvalue_is_found_for_each_output():
    inputs, targets = cases.normal(200, 40), cases.normal(200, 5, seed=1)
    network = cases.filled(nn.Linear(40, 5))
    objective = type(cases.mlp_objective())(network, nn.MSELoss(), inputs, targets)
    found = last(objective, top=12, bottom=3, tolerance=1e-8)
    values = torch.linalg.eigvalsh(oracles.dense_hessian(objective, objective.start)).flip(0)
    expected = torch.cat([values[:12], values[-3:]])
    np.testing.assert_allclose(found["eigenvalue"].sel(block="network"), expected, rtol=1e-10)
    assert found["leading"].sel(block="network").values.all()
    assert found["leading"].dims == ("block", "rank")


def test_ranks_that_are_not_there_are_not_certain():
    found = last(cases.mlp_objective(), layers="4.bias", top=5, bottom=2, matrix=Hessian())
    assert found["leading"].values.tolist() == [[True] * 3 + [False] * 4]
    assert last(cases.mlp_objective(), matrix=GaussNewton())["leading"].values.all()
