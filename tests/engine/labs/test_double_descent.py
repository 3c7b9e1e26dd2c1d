"""Double descent: the fits, their expected error, and what a run must satisfy exactly."""

import math

import numpy as np
import pytest
import torch

from landscape_core.analysis.verdict import NOT_REPRODUCED, PASS, UNDECIDED, judge
from landscape_core.labs.double_descent import (
    COUNTS,
    EXAMPLES,
    FEWER,
    MORE,
    PEAK,
    RANDOM,
    WITH,
    WITHOUT,
    DoubleDescent,
    features,
    fitted,
    peak,
    relu_kernel,
    second_descent,
    squared_error,
)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.fixture(scope="module")
def found():
    """The whole run of a seed."""
    *_, last = DoubleDescent().work(7)
    return last


def test_the_kernel_is_the_mean_over_gaussian_inputs():
    rows, inputs = normal(3, 4), normal(200_000, 4, seed=1)
    values = (inputs @ rows.T).relu()
    products = values[:, :, None] * values[:, None]
    bound = 5 * products.std(0) / len(inputs) ** 0.5
    assert ((products.mean(0) - relu_kernel(rows, rows)).abs() < bound).all()
    eye = torch.eye(3, dtype=torch.float64)
    expected = torch.full((3, 3), 1 / (2 * math.pi)).double().fill_diagonal_(0.5)
    torch.testing.assert_close(relu_kernel(eye, eye), expected)


@pytest.mark.parametrize("count", [8, 12, 30])
def test_the_fits_are_those_of_the_pseudoinverse_and_of_the_normal_equations(count):
    values, labels, ridge = normal(12, count), normal(12, seed=1), 0.03
    found = fitted(values, labels, ridge)
    torch.testing.assert_close(found[WITHOUT], torch.linalg.pinv(values) @ labels)
    eye = torch.eye(count, dtype=torch.float64)
    normal_matrix = values.T @ values / 12 + ridge * eye
    expected = torch.linalg.solve(normal_matrix, values.T @ labels / 12)
    torch.testing.assert_close(found[WITH], expected)


def test_gradient_descent_from_zero_ends_at_the_fit_of_minimum_norm():
    values, labels = normal(6, 20) / 20**0.5, normal(6, seed=1)
    a = torch.zeros(20, dtype=torch.float64)
    for _ in range(3000):
        a = a - 0.3 * values.T @ (values @ a - labels)
    torch.testing.assert_close(a, fitted(values, labels, 0.1)[WITHOUT], rtol=1e-6, atol=1e-8)


def test_the_expected_error_is_the_mean_over_gaussian_inputs():
    weights, fits, beta = normal(5, 3), normal(2, 5, seed=1), normal(3, seed=2)
    inputs = normal(200_000, 3, seed=3)
    errors = (features(inputs, weights) @ fits.T - (inputs @ beta)[:, None]).square()
    bound = 5 * errors.std(0) / len(inputs) ** 0.5
    assert ((errors.mean(0) - squared_error(fits, weights, beta)).abs() < bound).all()


def test_more_features_fit_the_examples_better_and_exactly_from_as_many_on(found):
    errors = found["training_error"].values
    assert (np.diff(errors[WITHOUT, : PEAK + 1]) < 0).all()
    assert errors[WITHOUT, PEAK - 1] > 1e-7
    assert errors[WITHOUT, PEAK:].max() < 1e-12
    assert (errors[WITH] > errors[WITHOUT]).all()
    assert (found["norm"].values[WITH] < found["norm"].values[WITHOUT]).all()
    at_examples = found["output"].sel(place=[0, 1], method="nearest").values[WITHOUT, PEAK:]
    assert np.abs(at_examples - found["example_label"].values).max() < 1e-6


def test_the_effect_compares_the_error_at_as_many_features_as_examples(found):
    assert COUNTS[[FEWER, PEAK, MORE]].tolist() == [EXAMPLES // 2, EXAMPLES, 2 * EXAMPLES]
    assert (np.diff(COUNTS) > 0).all()
    errors = found["test_error"].sel(fit="minimum norm")
    sides = max(float(errors.sel(features=50)), float(errors.sel(features=200)))
    assert float(found["effect"]) == float(errors.sel(features=100)) / sides
    assert (errors > found["noise_variance"]).all()


def test_random_labels_teach_nothing_and_are_fitted_all_the_same():
    *_, last = DoubleDescent(labels=RANDOM, noise=0.0).work(7)
    assert last["training_error"].values[WITHOUT, PEAK:].max() < 1e-12
    assert (last["test_error"].values > 1).all()
    assert (last["noise_variance"].values == 1).all()


def test_examples_with_the_same_seed_differ_by_the_noise_alone():
    calm, noisy = (DoubleDescent(noise=noise).examples(3) for noise in (0.0, 0.5))
    assert torch.equal(calm[0], noisy[0])
    torch.testing.assert_close(calm[1], calm[0] @ calm[2])
    assert 0.3 < float((noisy[1] - calm[1]).std()) < 0.7


def test_the_ratios_are_nan_until_they_are_known():
    errors = np.full((2, len(COUNTS)), np.nan)
    errors[:, : PEAK + 1] = 2.0
    assert np.isnan(peak(errors)).all()
    assert np.isnan(second_descent(errors)).all()
    errors[:, PEAK:] = 10.0
    errors[0, MORE] = 4.0
    assert peak(errors).tolist() == [2.5, 1.0]
    assert second_descent(errors).tolist() == [5.0, 5.0]


def test_the_verdict_wants_a_fivefold_error():
    bound = DoubleDescent.criterion
    assert judge([200.0, 50.0, 9.0, 1000.0, 70.0, 30.0], bound).word == PASS
    assert judge([1.0, 1.2, 0.9, 1.1, 2.0, 3.0], bound).word == NOT_REPRODUCED
    assert judge([1.0, 20.0, 3.0, 30.0, 7.0, 6.0], bound).word == UNDECIDED
