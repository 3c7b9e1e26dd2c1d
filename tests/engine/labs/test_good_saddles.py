"""What is said of spectra, on matrices whose spectra are known."""

import numpy as np
import pytest
import torch
from scipy.stats import kstest, semicircular

from landscape_core.labs import good_saddles


def test_a_random_symmetric_matrix_follows_the_semicircle():
    values = good_saddles.goe(600, 0)
    assert good_saddles.semicircle_distance(values) <= 0.02
    heavy = np.random.default_rng(0).standard_t(2, 600)
    assert good_saddles.semicircle_distance(heavy) > 0.1


def test_the_distance_is_that_of_kolmogorov_and_smirnov():
    values = np.random.default_rng(1).normal(3.0, 5.0, 200)
    expected = kstest(good_saddles.scaled(values), semicircular(scale=2).cdf).statistic
    assert good_saddles.semicircle_distance(values) == pytest.approx(expected, abs=1e-12)


def test_the_shape_of_a_spectrum_counts_flat_and_negative_directions():
    told = good_saddles.shape(np.array([-0.1, -1e-7, 0.0, 1e-4, 0.5, 10.0]))
    assert told == {"flat": pytest.approx(3 / 6), "negative": pytest.approx(1 / 6), "depth": 0.01}


def test_the_effect_needs_a_saddle():
    assert good_saddles.effect_of(0.7, 0.1) == 0.7
    assert np.isnan(good_saddles.effect_of(0.7, 0.0))


def test_saddle_free_newton_leaves_a_saddle_and_goes_down():
    theta = torch.tensor([1.0, 1e-3], dtype=torch.float64)
    step = -torch.tensor([1.0, -1e-3], dtype=torch.float64)  # of x² / 2 − y² / 2, by −|H|⁻¹ g
    loss = lambda at: (at[0] ** 2 - at[1] ** 2) / 2  # noqa: E731
    found = good_saddles.halved(loss, theta, step, float(loss(theta)))
    torch.testing.assert_close(found, torch.tensor([0.0, 2e-3], dtype=torch.float64))


def test_saddle_free_newton_lowers_the_loss_of_a_network():
    objective = good_saddles.examples(0, points=100).objective(0, "tanh")
    path = good_saddles.saddle_free(objective)
    losses = [float(objective.loss(next(path))) for _ in range(3)]
    assert losses[2] < losses[1] < losses[0]


def test_a_step_that_never_lowers_the_loss_is_not_made():
    theta = torch.zeros(2, dtype=torch.float64)
    found = good_saddles.halved(lambda at: at.square().sum(), theta, torch.ones_like(theta), 0.0)
    assert torch.equal(found, theta)
