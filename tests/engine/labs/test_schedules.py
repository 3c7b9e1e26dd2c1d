"""Steps of `schedules` against runs of the catalogue, its floors against long runs and formulas."""

import numpy as np
import pytest
import torch

from landscape_core.labs import schedules as lab
from landscape_core.labs.schedules import Schedules, least, steps
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run, train
from landscape_core.training.samplers.shuffled import Shuffled
from landscape_core.training.schedules.constant import Constant
from landscape_core.training.schedules.cosine import Cosine


@pytest.fixture(scope="module")
def data():
    return least.least_squares(4, 1.0)


@pytest.fixture(scope="module")
def found():
    """The datasets of one seed."""
    return list(Schedules().work(1))


def test_excess_is_the_catalogues_loss_above_its_minimum(data):
    thetas = data.start + np.random.default_rng(0).standard_normal((3, least.SIZE))
    losses = [float(data.objective.loss(torch.from_numpy(theta))) for theta in thetas]
    lowest = data.objective.value_and_gradient(torch.from_numpy(data.solution))
    np.testing.assert_allclose(data.excess(thetas), losses - lowest[0].numpy(), rtol=1e-10)
    assert lowest[1].norm() < 1e-12


def test_the_noise_changes_the_targets_alone():
    noisy, clean = (least.least_squares(3, noise) for noise in (1.0, 0.0))
    assert np.array_equal(noisy.A, clean.A)
    assert np.array_equal(noisy.start, clean.start)
    assert (noisy.b - clean.b).std() == pytest.approx(1.0, abs=0.15)
    assert clean.excess(clean.start) > 1
    assert np.square(clean.A @ clean.solution - clean.b).max() < 1e-24


@pytest.mark.parametrize("schedule", [Constant(), Cosine(warmup=30)])
def test_runs_with_batches_of_one_are_those_of_the_catalogue(data, schedule):
    K = 2 * least.POINTS
    factors = np.array([schedule.factor(step, K) for step in range(K)])
    run = Run(
        problem=least.problem(1.0),
        optimizer=SGD(learning_rate=data.rate),
        schedule=schedule,
        sampler=Shuffled(),
        batch_size=1,
        steps=K,
        seed=4,
        dtype="float64",
    )
    *_, last = train(run)
    orders = least.order(Shuffled(), data.objective, 2, 4)[None]
    *_, theta = steps.descent(data, orders, steps.courses(factors, 1))
    np.testing.assert_allclose(theta[1, 0], last.theta, rtol=1e-10)
    np.testing.assert_allclose(theta[2], theta[1], rtol=1e-12)  # a batch that cannot grow


def test_a_growing_batch_takes_the_mean_gradient_of_its_examples(data):
    factors = 1 / (1 + np.arange(60) / 10)
    course = steps.courses(factors, 4)
    order = np.random.default_rng(1).integers(least.POINTS, size=60)
    *_, theta = steps.descent(data, order[None], course)
    plain, at, sizes = data.start, 0, []
    while at < 60:
        size = min(4, round(1 / factors[at]))
        if at + size > 60:
            break
        rows = order[at : at + size]
        slope = data.A[rows].T @ (data.A[rows] @ plain - data.b[rows]) / size
        plain = plain - data.rate * factors[at] * size * slope
        sizes.append(size)
        at += size
    np.testing.assert_allclose(theta[2, 0], plain, rtol=1e-11)
    assert {1, 2, 3, 4} <= set(sizes)
    assert course.sizes[2].max() == 4
    assert course.ends[2].sum() == len(sizes)
    assert sum(sizes) < 60  # the last batch is not whole


def test_a_batch_stays_bounded_where_the_factor_is_zero():
    sizes = steps.growing(np.array([1.0, 0.5, 0.5, 0.0, 0.0, 0.0, 0.0]), 3)
    assert sizes.tolist() == [1, 2, 3, 3]


def test_the_floor_is_that_of_the_covariances_recursion(data):
    """Against the recursion of the covariance, example by example."""
    rate, n = data.rate, least.POINTS
    residuals = data.A @ data.solution - data.b
    H = data.A.T @ data.A / n
    noise = (data.A * residuals[:, None] ** 2).T @ data.A / n
    S = np.zeros_like(H)
    for _ in range(2500):
        along = np.einsum("ni,ij,nj->n", data.A, S, data.A)
        S = S - rate * (H @ S + S @ H) + rate**2 * ((data.A * along[:, None]).T @ data.A / n)
        S = S + rate**2 * noise
    assert data.floor(rate) == pytest.approx(np.trace(H @ S) / 2, rel=1e-6)


def test_with_replacement_the_plateau_is_near_the_floor(data):
    rng = np.random.default_rng(2)
    orders = rng.integers(least.POINTS, size=(40, 3000))
    thetas = steps.descent(data, orders, steps.courses(np.ones(3000), 1))
    late = [data.excess(theta[0]).mean() for step, theta in enumerate(thetas) if step >= 1500]
    assert np.mean(late) == pytest.approx(data.floor(data.rate), rel=0.1)


def test_particles_have_the_covariance_of_their_recursion():
    factors = 1 / (1 + np.arange(40) / 10)
    parts = [
        place
        for seed in range(150)
        for place in [list(lab.particles(np.random.default_rng(seed), factors))[-1]]
    ]
    places = np.concatenate(parts, axis=2)
    for run, course in enumerate((np.ones(40), factors)):
        mean, variance = lab.FROM.copy(), np.zeros(2)
        for factor in lab.RATE * course:
            shrink = 1 - factor * lab.CURVATURE
            mean, variance = shrink * mean, shrink**2 * variance + factor**2
        np.testing.assert_allclose(
            places[:, run].mean(1), mean, atol=4 * variance.max() ** 0.5 / 77
        )
        np.testing.assert_allclose(places[:, run].var(1), variance, rtol=0.08)


@pytest.mark.parametrize("name", lab.SCHEDULES)
def test_a_schedule_has_the_same_course_for_any_number_of_steps(name):
    one = Schedules(schedule=name, warmup=2.0)
    fine, coarse = one.factors(lab.STEPS), one.factors(lab.PASSES * lab.TURNS)
    inner = slice(3 * lab.TURNS, -2 * lab.TURNS, lab.TURNS)
    scale = lab.STEPS // len(coarse)
    near = np.abs(fine[::scale][inner] - coarse[inner])
    assert np.median(near) < 0.03  # periods are whole steps
    assert fine[0] <= 1 / 400  # warm-up


def test_the_plateau_is_read_over_the_last_passes():
    records = lab.PASSES * lab.EACH + 1
    excess = np.full((3, 2, records), 7.0)
    excess[:, :, -lab.LAST * lab.EACH :] = 2.0
    excess[:, 1, -1 :: -lab.EACH] = 1.0
    read = lab.plateau(excess)
    assert read[:, 0].tolist() == [2.0] * 3
    assert read[:, 1] == pytest.approx([1.8] * 3)
    assert read[:, 2].tolist() == [1.0] * 3
    excess[1, 0, -1] = np.nan
    assert np.isnan(lab.plateau(excess)[1, 0])


def test_the_effect_compares_plateaus_of_the_chosen_sampler(found):
    last = found[-1]
    plateau = last["plateau"].values
    assert float(last["effect"]) == pytest.approx(plateau[1, 0] / plateau[0, 0])
    assert np.isnan(found[-2]["effect"])
    assert Schedules.criterion.holds([0.02, 0.5, np.nan]).tolist() == [True, False, False]
    assert last.isnull().sum()["excess"] == 0
    assert not last["particle_x"].isnull().any()
    other = [*Schedules(sampler="reshuffled").work(1)][-1]
    assert other["plateau"].equals(last["plateau"])
    assert float(other["effect"]) == pytest.approx(plateau[1, 1] / plateau[0, 1])


def test_a_reshuffled_pass_cancels_its_errors_at_its_end(found):
    scheduled = found[-1]["plateau"].sel(run="schedule")
    assert scheduled.sel(reading="reshuffled, ends of passes") < 0.2 * scheduled.sel(
        reading="with replacement"
    )


def test_without_noise_a_constant_rate_reaches_the_minimum():
    last = [*Schedules(noise=0.0).work(2)][-1]
    assert float(last["excess"].sel(run="constant rate")[-1]) < 1e-20
    assert float(last["excess"].sel(run="schedule")[-1]) > 1e-12
