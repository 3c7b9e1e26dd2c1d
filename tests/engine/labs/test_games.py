"""Fields of games against differences, steps against plain loops, the effect on made-up data."""

import itertools

import numpy as np
import pytest
import torch

from landscape_core.labs.games import Games, affine, plane_game, steps, worst_ratio
from landscape_core.models.problems.quadratic_game import QuadraticGame

RNG = np.random.default_rng(0)


def after(run, count):
    """z after so many steps."""
    return next(itertools.islice(run, count, None))[1]


def game(n=6, d=4):
    A, b = affine(QuadraticGame(size=d // 2, samples=n).build(1, dtype=torch.float64).train)
    return A, b, np.arange(1.0, d + 1)


def test_fields_are_those_of_the_game_of_the_catalogue():
    train = QuadraticGame(size=2, samples=6).build(1, dtype=torch.float64).train
    A, b, z = game()
    for i in range(6):
        one = train.between(i, i + 1).gradient(torch.from_numpy(z)).numpy()
        np.testing.assert_allclose(A[i] @ z + b[i], one, rtol=1e-12)


def test_the_game_in_the_plane_is_monotone_with_its_solution_at_zero():
    A, b = plane_game(np.random.default_rng(3), 2.5, 1.0)
    np.testing.assert_allclose(b.mean(0), 0, atol=1e-14)
    assert np.linalg.eigvalsh(A + A.transpose(0, 2, 1)).min() > 0
    np.testing.assert_array_equal(A[:, 0, 1], -A[:, 1, 0])


def test_steps_turn_out_of_a_bilinear_game_and_extragradient_steps_into_it():
    sigma, rate = 1.7, 0.2
    A = np.array([[0.0, sigma], [-sigma, 0.0]])
    start = np.array([0.6, 0.8])
    plain = after(steps.sgda(A[None], np.zeros((1, 2)), start, np.array([rate]), RNG), 1)
    ahead = after(steps.extragradient(A, np.zeros(2), start, rate), 1)
    q = (rate * sigma) ** 2
    assert np.linalg.norm(plain) == pytest.approx((1 + q) ** 0.5, rel=1e-14)
    assert np.linalg.norm(ahead) == pytest.approx((1 - q + q**2) ** 0.5, rel=1e-14)


def test_with_one_sample_variance_reduction_is_descent_ascent():
    A, b, start = game(n=1)
    plain = after(steps.sgda(A, b, start, np.array([0.05]), RNG), 20)
    reduced = after(steps.loopless_svrg(A, b, start, 0.05, RNG), 20)
    np.testing.assert_allclose(reduced, plain, rtol=1e-12)


def test_a_reference_point_costs_as_many_evaluations_as_there_are_samples():
    A, b, start = game()
    spent = [cost for cost, _ in itertools.islice(steps.loopless_svrg(A, b, start, 0.01, RNG), 60)]
    assert spent[0] == len(A)
    assert set(np.diff(spent).tolist()) == {2, 2 + len(A)}


def test_compressed_steps_are_those_of_a_plain_loop():
    A, b, start = game()
    workers = steps.Workers(A.reshape(3, 2, 4, 4), b.reshape(3, 2, 4))
    kept = steps.shares(np.random.default_rng(5), 0.5, 4, workers=3)
    masks = list(itertools.islice(kept(), 5))
    found = after(steps.diana(workers, start, 0.05, iter([*masks, masks[0]])), 5)
    for learns in (0, 1):
        z, h = start.copy(), np.zeros((3, 4))
        for _, mask in masks:
            g = np.zeros(4)
            for m in range(3):
                field = np.mean([A[i] @ z + b[i] for i in (2 * m, 2 * m + 1)], axis=0)
                change = mask[m, :, 0] * (field - h[m])
                g += (h[m] + change) / 3
                h[m] += learns * 0.5 * change
            z = z - 0.05 * g
        np.testing.assert_allclose(found[:, learns], z, rtol=1e-12)


def test_compression_keeps_so_many_coordinates_and_their_mean():
    count, mask = next(steps.shares(np.random.default_rng(0), 0.5, 10, workers=100)())
    assert count == 5
    assert set(mask.sum(1).ravel().tolist()) == {10.0}
    assert set(np.unique(mask).tolist()) == {0.0, 2.0}
    assert np.abs(mask.mean(0) - 1).max() < 4 / 100**0.5


def test_with_one_sample_a_worker_the_sampled_methods_are_the_exact_one():
    A, b, start = game()
    workers = steps.Workers(A[:, None], b[:, None])
    first, second = (steps.shares(np.random.default_rng(5), 0.5, 4, workers=6)() for _ in range(2))
    exact = after(steps.diana(workers, start, 0.05, first), 30)[:, 1]
    sampled = after(steps.vr_diana(workers, start, 0.05, second, RNG), 30)
    np.testing.assert_allclose(sampled, np.stack([exact, exact], axis=1), rtol=1e-9)


def test_a_coordinate_step_is_that_of_a_plain_loop():
    A, b, start = game(n=1)
    penalty, d = steps.Penalty(0.3, 0.5), 4
    found = after(steps.sega(A[0], b[0], start, penalty, 0.02, np.random.default_rng(4)), 50)
    order = np.random.default_rng(4).integers(d, size=steps.AT_ONCE)[:50]
    for learns in (0, 1):
        z, h = start.copy(), np.zeros(d)
        for j in order:
            change = A[0, j] @ z + b[0, j] - h[j]
            g = h + d * change * np.eye(d)[j]
            h[j] += learns * change
            z = z - 0.02 * g
            z = np.clip(np.sign(z) * np.maximum(np.abs(z) - 0.02 * 0.3, 0), -0.5, 0.5)
        np.testing.assert_allclose(found[:, learns], z, rtol=1e-10, atol=1e-14)


def test_no_player_gains_by_leaving_the_solution_of_the_game_with_a_penalty():
    A, b, _ = game()
    A, b = A.mean(0), 10 * b.mean(0)
    z = steps.solution(A, b, steps.Penalty(0.3, 0.5))
    field, inside = A @ z + b, np.abs(z) < 0.5
    bent = inside & (z != 0)
    np.testing.assert_allclose(field[bent], -0.3 * np.sign(z[bent]), atol=1e-10)
    assert (np.abs(field[z == 0]) <= 0.3).all()
    assert (field[~inside] * z[~inside] + 0.3 * 0.5 <= 0).all()


def test_the_effect_is_the_worst_of_four_pairs_late_in_the_run():
    calls, numbers = np.full((3, 8), 1e-2), np.full((6, 8), 1e-2)
    calls[2], numbers[[1, 3, 5]] = 1e-22, 1e-22
    numbers[5, :6] = 1.0  # early: does not count
    assert worst_ratio(calls, numbers) == pytest.approx(1e-20)
    calls[1] = 1e-4  # the better of the two step sizes counts
    assert worst_ratio(calls, numbers) == pytest.approx(1e-18)
    numbers[3, -1] = 1e-2
    assert worst_ratio(calls, numbers) == pytest.approx(0.5)
    calls[0, -1] = np.nan
    assert np.isnan(worst_ratio(calls, np.full((6, 8), np.nan)))


def test_without_penalty_and_bounds_a_memory_of_coordinates_has_nothing_to_show():
    A, b, start = game()
    A, b = A.mean(0), b.mean(0)
    z = after(steps.sega(A, b, start, steps.Penalty(0.0, np.inf), 0.01, RNG), 6000)
    np.testing.assert_allclose(z, np.repeat(np.linalg.solve(A, -b)[:, None], 2, axis=1), rtol=1e-9)


def test_a_path_ends_where_it_leaves_the_picture():
    first = next(Games(coupling=10.0).work(0))
    path = first["path_x"].sel(rule="SGDA").values
    assert np.isnan(path[-1])
    assert np.nanmax(np.abs(path)) <= 2.0
