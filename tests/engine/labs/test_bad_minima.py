"""Bad local minima: losses, gradients and Hessians in closed form, and what counts as stuck."""

import numpy as np
import pytest
import torch

from landscape_core.analysis.verdict import NOT_REPRODUCED, PASS, judge
from landscape_core.labs import bad_minima, identity_phases
from landscape_core.labs.bad_minima import BadMinima, LinearStudents, ReluStudents, stuck


def moved(students, theta, direction, size=1e-6):
    """The slopes of both losses of all starts along a direction, by central differences."""
    ahead, behind = (students.excess(theta + sign * size * direction) for sign in (1, -1))
    return (ahead - behind) / (2 * size)


@pytest.fixture(params=[ReluStudents, LinearStudents], ids=["relu", "linear"])
def students(request):
    return request.param(4, 2)


def test_the_gradient_is_that_of_finite_differences(students):
    theta = students.start(0, 3)
    slope = students.gradient(theta)
    drawn = torch.Generator().manual_seed(0)
    direction = torch.randn(theta.shape, generator=drawn, dtype=torch.float64)
    direction = direction * (slope != 0)
    expected = moved(students, theta, direction)
    torch.testing.assert_close(
        (slope * direction).flatten(2).sum(2), expected, rtol=1e-7, atol=1e-7
    )


def test_neurons_that_the_first_student_lacks_do_nothing(students):
    theta = students.start(1, 2)
    for _ in range(3):
        theta = theta - students.rate * students.gradient(theta)
    fewer = type(students)(4, 1)
    own = fewer.start(1, 2)
    for _ in range(3):
        own = own - fewer.rate * fewer.gradient(own)
    torch.testing.assert_close(students.excess(theta)[0], fewer.excess(own)[0])
    assert not torch.equal(students.excess(theta)[1], fewer.excess(own)[1])


def test_the_loss_of_relu_students_is_that_of_their_kernels():
    students = ReluStudents(3, 2)
    theta = students.start(2, 2)
    kernel = identity_phases.kernel
    found = students.excess(theta)
    for row, count in enumerate(students.counts):
        for start in range(2):
            own, target = theta[row, start, :count], students.target
            parts = kernel(own, own).sum(), kernel(own, target).sum(), kernel(target, target).sum()
            assert found[row, start] == pytest.approx(float(parts[0] - 2 * parts[1] + parts[2]))


def test_the_loss_of_relu_students_is_the_mean_over_gaussian_inputs():
    students = ReluStudents(3, 1)
    theta = students.start(0, 1)
    inputs = torch.randn(200_000, 3, generator=torch.Generator().manual_seed(0)).double()
    outputs = (inputs @ theta[1, 0].T).relu().sum(1)
    error = (outputs - inputs.relu().sum(1)).square()
    bound = 5 * float(error.std()) / len(error) ** 0.5
    assert students.excess(theta)[1, 0] == pytest.approx(float(error.mean()), abs=bound)


@pytest.mark.parametrize("near", [False, True])
def test_the_hessian_of_relu_students_is_that_of_finite_differences(near):
    students = ReluStudents(3, 1)
    theta = students.start(3, 2)
    if near:  # a neuron nearly along another, and one nearly along a teacher
        theta[:, :, 3] = 1.5 * theta[:, :, 0] + 1e-3
        theta[:, :, 1] = students.target[1] + 1e-3 * theta[:, :, 1]
    found = students.hessians(theta)[1]
    torch.testing.assert_close(found, found.mT)
    for number in range(12):
        step = torch.zeros(12, dtype=torch.float64)
        step[number] = 1e-6
        both = [students.gradient(theta + sign * step.view(4, 3))[1] for sign in (1, -1)]
        expected = (both[0] - both[1]).flatten(1) / 2e-6
        torch.testing.assert_close(found[:, number], expected, rtol=1e-5, atol=1e-5)


def test_the_teacher_is_a_strict_minimum_of_as_many_neurons():
    students = ReluStudents(4, 1)
    theta = students.start(0, 1)
    theta[:, :, :4] = students.target
    assert float(students.excess(theta)[0, 0]) == pytest.approx(0, abs=1e-13)
    assert students.gradient(theta)[0].abs().max() < 1e-7
    assert students.least_eigenvalues(theta)[0, 0] > 0.05
    split = theta.clone()  # one neuron as the sum of two: a minimum that is not strict
    split[1, :, 0], split[1, :, 4] = 0.3 * students.target[0], 0.7 * students.target[0]
    assert float(students.excess(split)[1, 0]) == pytest.approx(0, abs=1e-13)
    assert students.least_eigenvalues(split)[1, 0] == pytest.approx(0, abs=1e-6)


def stationary(students, chosen):
    """Both students at the product that keeps these singular vectors of the teacher."""
    theta = torch.zeros(2, 1, 3, students.size, students.size, dtype=torch.float64)
    for row, kept in enumerate(chosen):
        for unit, number in enumerate(kept):
            root = students.values[number] ** (1 / 3)
            theta[row, :, 0, unit, number] = theta[row, :, 1, unit, unit] = root
            theta[row, :, 2, number, unit] = root
    return theta


def test_a_linear_student_has_its_minimum_at_the_best_matrix_of_its_rank():
    students = LinearStudents(2, 1)
    theta = stationary(students, ([0, 1], [0, 1, 2]))
    assert students.excess(theta).abs().max() < 1e-12
    assert students.gradient(theta).abs().max() < 1e-12
    assert students.least_eigenvalues(theta).numpy() == pytest.approx(np.zeros((2, 1)), abs=1e-9)


def test_other_stationary_points_of_a_linear_student_are_saddles_above():
    students = LinearStudents(2, 1)
    theta = stationary(students, ([0, 2], [0, 1, 4]))
    assert students.gradient(theta).abs().max() < 1e-12
    squares = students.values.square()
    expected = [[squares[1] - squares[2]], [squares[2] - squares[4]]]
    assert students.excess(theta).numpy() == pytest.approx(np.array(expected))
    assert students.least_eigenvalues(theta).max() < -0.1


def test_gradient_descent_on_a_linear_student_finds_the_global_minimum():
    students = LinearStudents(2, 1)
    theta = students.start(0, 5)
    for _ in range(3000):
        theta = theta - students.rate * students.gradient(theta)
    assert students.gradient(theta).abs().max() < 1e-6
    assert students.excess(theta).abs().max() < 1e-6
    assert students.least_eigenvalues(theta).min() > -1e-6


def test_what_stays_above_the_threshold_or_diverges_is_stuck():
    losses = np.array([[0.0, 0.02, np.nan, 1e-9], [1e-4, 9.9e-4, 1e-3, -1e-16]])
    assert stuck(losses).tolist() == [0.5, 0.0]


def test_the_verdict_wants_a_fifth_of_the_starts():
    bound = BadMinima.criterion
    assert judge([0.45, 0.3, 0.4, 0.25, 0.5, 0.35], bound).word == PASS
    assert judge([0.0, 0.05, 0.1, 0.0, 0.15, 0.1], bound).word == NOT_REPRODUCED


@pytest.mark.parametrize("network", [bad_minima.RELU, bad_minima.LINEAR])
def test_a_short_run_holds_the_losses_and_shares_of_all_starts(network, monkeypatch):
    monkeypatch.setattr(bad_minima, "STEPS", 20)
    monkeypatch.setattr(bad_minima, "STARTS", 3)
    monkeypatch.setattr(bad_minima, "RECORDED", np.array([1, 5, 20]))
    lab = BadMinima(neurons=3, extra=2, network=network)
    every = list(lab.work(5))
    assert len(every) == 3
    assert np.isnan(every[1]["effect"])
    assert np.isnan(every[1]["loss"].values[:, :, 2]).all()
    last = every[-1]
    paths = last["path_loss"].values.reshape(2, 3, 4)
    assert (paths[:, :, :3] == last["loss"].values).all()
    assert np.isnan(paths[:, :, 3]).all()
    assert float(last["effect"]) == np.subtract(*last["stuck"].values[:, -1])
    assert (np.diff(last["loss"].values, axis=2) <= 0).all()
    assert all(np.isfinite(last[name].values).all() for name in ("slope", "least_eigenvalue"))
