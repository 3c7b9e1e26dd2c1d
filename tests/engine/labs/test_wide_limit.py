"""Wide networks against plain descent, averages over units, and the effect on made-up data."""

import numpy as np
import pytest
import torch
from torch import nn

from landscape_core.analysis.verdict import NOT_REPRODUCED, PASS, UNDECIDED, judge
from landscape_core.labs import wide_limit
from landscape_core.labs.wide_limit import (
    Examples,
    Wide,
    WideLimit,
    finished,
    limit_kernel,
    slope,
)

SIGMA, BETA = 2**0.5, 1.0


@pytest.fixture(scope="module")
def examples():
    return Examples.drawn(1)


@pytest.fixture(scope="module")
def wide(examples):
    return Wide(examples, 16, 0.5, 1)


def by_hand(wide, theta, inputs):
    """α(σ/√m Σ aⱼ ReLU(σ wⱼ x + β bⱼ) + β c): the definition, unit by unit."""
    w, b, a, c = (part.numpy() for part in wide.objective.layout.split(theta).values())
    total = BETA * c[0]
    for j in range(wide.width):
        total = total + SIGMA / wide.width**0.5 * a[0, j] * np.maximum(
            SIGMA * w[j, 0] * inputs + BETA * b[j], 0
        )
    return wide.output_scale * total


def test_what_is_learned_is_counted_from_the_start(wide):
    line = np.linspace(-1, 1, 7)
    theta = wide.start + 0.1
    expected = by_hand(wide, theta, line) - by_hand(wide, wide.start, line)
    found = wide.function(theta, torch.from_numpy(line)[:, None])
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-13)
    assert not wide.function(wide.start, wide.examples.inputs).any()


def test_the_iterates_descend_the_squared_error_of_what_is_learned(wide, examples):
    first, second = list(wide.iterates(1))
    assert torch.equal(first, wide.start)

    def loss(theta):
        outputs = wide.objective.outputs(theta) - wide.objective.outputs(wide.start)
        return 0.5 * (outputs - examples.targets).square().mean()

    point = wide.start.clone().requires_grad_()
    (slopes,) = torch.autograd.grad(loss(point), point)
    assert torch.allclose(second, wide.start - wide.rate * slopes, rtol=1e-9, atol=1e-12)


def test_the_linear_iterate_is_that_of_plain_descent(wide, examples):
    J, n = wide.jacobian, len(examples.inputs)
    outputs = wide.objective.outputs
    expected = torch.autograd.functional.jacobian(outputs, wide.start)[:, 0]
    assert torch.allclose(J, expected, rtol=1e-10, atol=1e-13)
    theta = wide.start
    for steps in range(6):
        assert torch.allclose(wide.linear_iterate(steps), theta, rtol=1e-8, atol=1e-11)
        error = J @ (theta - wide.start) - examples.targets[:, 0]
        theta = theta - wide.rate / n * J.T @ error


def test_infinite_width_learns_by_descent_on_its_kernel(examples):
    kernel, n = examples.kernel, len(examples.inputs)
    learned = torch.zeros(n, dtype=torch.float64)
    for steps in range(6):
        assert torch.allclose(
            examples.limit(examples.inputs, steps), learned, rtol=1e-8, atol=1e-11
        )
        learned = learned - examples.rate(1.0) / n * kernel @ (learned - examples.targets[:, 0])
    assert torch.allclose(kernel, limit_kernel(examples.inputs, examples.inputs))
    assert (examples.inputs[1:] > examples.inputs[:-1]).all()


def test_a_very_wide_network_learns_what_infinite_width_does(examples):
    wide = Wide(examples, 4096, 1.0, 1)
    *_, theta = wide.iterates(20)
    found, limit = wide.function(theta, examples.inputs), examples.limit(examples.inputs, 20)
    assert float((found - limit).norm() / limit.norm()) < 0.1


def test_features_kernels_and_particles_are_those_of_the_network(wide, examples):
    module = wide.objective.module
    assert isinstance(module[1], nn.ReLU)
    with torch.no_grad():
        expected = module[:2](examples.inputs)
    assert torch.allclose(wide.hidden(wide.start), expected, rtol=1e-12)
    row = wide.kernel_row(wide.start, 3, examples.inputs)
    assert torch.allclose(row, (wide.jacobian @ wide.jacobian[3]) / 0.25, rtol=1e-10)
    assert wide.changes(wide.start) == {"drift": 0.0, "movement": 0.0}
    kink, bend = wide.particles(wide.start)
    w, b, a, _ = wide.objective.layout.split(wide.start).values()
    np.testing.assert_allclose(SIGMA * w[:, 0] * kink + BETA * b, 0, atol=1e-12)
    np.testing.assert_allclose(bend, a[0] * w[:, 0].abs())


def test_twice_the_output_scale_has_the_same_start_and_half_the_movement(examples):
    """The movement falls as 1/α where the network is close to its linearization."""
    movements = []
    for scale in (10.0, 20.0):
        wide = Wide(examples, 64, scale, 1)
        *_, theta = wide.iterates(30)
        movements.append(float((theta - wide.start).norm()))
    assert torch.equal(wide.start, Wide(examples, 64, 10.0, 1).start)
    assert movements[0] / movements[1] == pytest.approx(2.0, rel=0.02)


@pytest.mark.parametrize(
    ("width", "widths"), [(128, [64, 128]), (200, [64, 128, 200]), (512, [64, 128, 256, 512])]
)
def test_the_greatest_width_is_the_one_that_was_asked_for(examples, width, widths):
    assert WideLimit(width=width).empty(examples)["width"].values.tolist() == widths


def test_the_effect_is_the_slope_of_the_difference(examples):
    found = WideLimit(width=512).empty(examples)
    assert np.isnan(finished(found)["effect"])
    found["difference"].values[:] = 3 * found["width"].values ** -0.4
    found["drift"].values[:] = found["width"].values ** -0.5
    found["loss"].values[:] = [[1.0], [2.0], [2.0]]
    found["loss"].values[2, 3] = 1.9
    whole = finished(found)
    assert float(whole["effect"]) == pytest.approx(-0.4)
    assert float(whole["drift_slope"]) == pytest.approx(-0.5)
    assert np.isnan(whole["movement_slope"])
    assert float(whole["mean_field_gap"]) == pytest.approx(0.05)
    assert np.isnan(slope(np.array([1.0, 2.0]), np.array([0.0, 1.0])))


def test_the_criterion_passes_fails_and_stays_undecided():
    criterion = WideLimit.criterion
    assert judge([-0.5] * 8, criterion).word == PASS
    assert judge([-0.1] * 8, criterion).word == NOT_REPRODUCED
    assert judge([-0.5, -0.1] * 4, criterion).word == UNDECIDED


def test_a_short_run_fills_all_that_is_drawn(monkeypatch):
    monkeypatch.setattr(wide_limit, "STEPS", 3)
    monkeypatch.setattr(wide_limit, "MANY", 120)
    *_, found = WideLimit(width=128).work(2)
    for name in ("difference", "drift", "movement", "kernel"):
        assert np.isfinite(found[name].values).all(), name
    assert np.isfinite(found["output"].values[:, :3]).all()
    assert np.isfinite(found["bend"].values[:, :3]).all()
    assert not found["output"].values[:, 0].any()
    assert (np.abs(found["kink"].values[:, 0]) <= 2).mean() > 0.5
