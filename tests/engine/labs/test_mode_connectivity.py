"""Ways between two minima: planes, barriers and orders of units against what they are made of."""

import itertools

import numpy as np
import pytest
import torch

from landscape_core.analysis.verdict import NOT_REPRODUCED, PASS, judge
from landscape_core.connectivity.alignment import permuted
from landscape_core.connectivity.paths.base import Curve
from landscape_core.connectivity.paths.bezier import Bezier
from landscape_core.labs import mode_connectivity as lab


@pytest.fixture(scope="module")
def network():
    """The training loss of a small network, and two states of it."""
    train, _ = lab.ModeConnectivity(width=6).examples(5)
    drawn = torch.Generator().manual_seed(0)
    first, last = 0.3 * torch.randn(2, train.layout.size, generator=drawn, dtype=torch.float64)
    return train.in_double(), first, last


@pytest.fixture(scope="module")
def short():
    """The dataset of a short seed, and the states between which it looks."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (("STEPS", 12), ("BENT", (2,)), ("BEZIER", Bezier(steps=4))):
            patch.setattr(lab, name, value)
        one = lab.ModeConnectivity(width=6)
        *_, found = one.work(5)
        *_, ends = one.trainings(5)
        yield one, found, ends


def test_the_order_by_activations_is_the_best_of_all_in_the_first_layer(network):
    train, first, last = network
    outputs = []
    for theta in (first, last):
        weight, bias, *_ = train.layout.split(theta).values()
        outputs.append((train.inputs @ weight.T + bias).clamp(min=0))
    one, other = outputs
    distances = torch.cdist(one.T, other.T).square().numpy()
    best = min(
        itertools.permutations(range(6)),
        key=lambda order: sum(distances[i, k] for i, k in enumerate(order)),
    )
    assert lab.by_activations(train, first, last)[0].tolist() == list(best)


def test_activations_put_the_units_of_a_reordered_copy_back(network):
    train, theta, _ = network
    drawn = torch.Generator().manual_seed(1)
    orders = [torch.randperm(6, generator=drawn) for _ in range(2)]
    copy = permuted(train, theta, orders)
    assert not torch.equal(copy, theta)
    torch.testing.assert_close(permuted(train, copy, lab.by_activations(train, theta, copy)), theta)


@pytest.mark.parametrize("alignment", ["weights", "activations", "random"])
def test_a_network_with_reordered_units_is_the_same_function(network, alignment):
    train, first, last = network
    orders = lab.ModeConnectivity(alignment=alignment).orders(train, first, last, 3)
    moved = permuted(train, last, orders)
    torch.testing.assert_close(train.outputs(moved), train.outputs(last))
    assert not torch.equal(moved, last)
    if alignment == "weights":
        assert (moved - first).norm() < (last - first).norm()


def test_the_plane_has_the_losses_of_the_networks_at_its_corners(short):
    one, found, (first, last) = short
    train, _ = one.examples(5)
    for plane in range(2):
        for place, theta in ((0.0, first), (1.0, last)):
            at = found["plane_loss"].isel(plane=plane).sel(alpha=place, beta=0.0)
            assert float(at) == pytest.approx(float(train.loss(theta)), rel=1e-4)


def test_a_path_on_a_plane_goes_through_its_networks(short):
    _, found, _ = short
    x, y = found["path_x"].values, found["path_y"].values
    curve = [*zip(x[0], y[0], strict=True)]
    np.testing.assert_allclose([curve[0], curve[1], curve[2]], [(0, 0), (1, 0), (1, 0)], atol=1e-5)
    assert np.isfinite(curve[-2]).all()
    np.testing.assert_allclose(curve[-2], (0, 0), atol=1e-5)
    np.testing.assert_allclose([x[1, 0], x[1, 1], y[1, 0], y[1, 1]], [1, 0, 0, 0], atol=1e-5)
    assert y[1, 2] > 0


def test_losses_along_the_line_and_the_barriers_are_those_of_its_points(short):
    one, found, (first, last) = short
    parts = one.examples(5)
    for column, part in enumerate(parts):
        losses = np.array([float(part.loss(torch.lerp(first, last, t))) for t in lab.PLACES])
        if column == 0:
            np.testing.assert_allclose(found["loss"].values[0], losses, rtol=1e-4)
        chord = losses[0] + lab.PLACES * (losses[-1] - losses[0])
        barrier = found["barrier"].values[0, column]
        assert barrier == pytest.approx((losses - chord).max(), abs=1e-5)
    curved, straight = found["barrier"].values[[2, 0], 0]
    np.testing.assert_equal(float(found["effect"]), lab.ratio(curved, straight))


def test_a_straight_line_has_no_plane(network, short):
    train, first, last = network
    found = short[1].copy(deep=True)
    found["plane_loss"].values[:] = np.nan
    lab.lay(found, 0, train, Curve(torch.stack([first, (first + last) / 2, last]), "bezier"))
    assert found["plane_loss"].isnull().all()


@pytest.mark.parametrize("fraction", [0.0, 0.3, 1.0])
def test_a_fraction_of_labels_is_random(fraction):
    clean, noisy = (lab.ModeConnectivity(label_noise=f).examples(1)[0] for f in (0.0, fraction))
    changed = float((clean.targets != noisy.targets).double().mean())
    assert changed == pytest.approx(0.9 * fraction, abs=0.05)
    assert torch.equal(clean.inputs, noisy.inputs)
    assert (lab.ModeConnectivity(label_noise=fraction).training_run(1) is None) == (fraction > 0)


def test_the_criterion_passes_without_a_barrier_and_fails_with_one():
    criterion = lab.ModeConnectivity.criterion
    assert judge([lab.ratio(0.001, 0.5)] * 6, criterion).word == PASS
    assert judge([lab.ratio(0.4, 0.5)] * 6, criterion).word == NOT_REPRODUCED
    assert np.isnan(lab.ratio(0.0, 0.0))
