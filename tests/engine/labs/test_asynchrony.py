"""Delayed steps against a plain loop and the optimizer of the catalogue; the effect on made-up
data."""

import itertools
import math

import numpy as np
import pytest
import torch

from landscape_core.labs import asynchrony
from landscape_core.labs.asynchrony import Asynchrony
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.async_momentum import AsyncMomentum

MOMENTA, DELAYS, RATE, CHAINS = np.array([0.0, 0.7]), np.array([0, 3, 8]), 0.01, 2


def examples(count):
    """The examples that chains see, (count, 4, chains)."""
    size = (asynchrony.BLOCK, 4, 1, CHAINS)
    drawn = np.random.default_rng(2).standard_normal(size)[:count, :, 0]
    return drawn * np.sqrt(asynchrony.EIGENVALUES)[:, None]


def chains(count):
    rng = np.random.default_rng(2)
    run = asynchrony.simulate(rng, MOMENTA, DELAYS, RATE, CHAINS)
    return next(itertools.islice(run, count - 1, None))


def test_chains_take_the_steps_of_a_plain_loop():
    found, drawn = chains(25), examples(25)
    for t, tau in enumerate(DELAYS):
        for m, mu in enumerate(MOMENTA):
            for c in range(CHAINS):
                v = [np.eye(4)[asynchrony.SADDLE]]
                for k in range(25):
                    u, x = v[max(0, k - tau)], drawn[k, :, c]
                    pull = (np.eye(4) - np.outer(u, u)) @ np.outer(x, x) @ u
                    v.append(v[k] + mu * (v[k] - v[max(0, k - 1)]) + RATE * pull)
                np.testing.assert_allclose(found[t, :, m, c], v[-1], rtol=1e-12, atol=1e-15)


class Stream(Objective):
    """Oja's rule on one example."""

    examples = 1
    layout = Layout.of_shapes({"v": (4,)})

    def __init__(self, x):
        self.x = x

    def loss(self, theta):
        raise NotImplementedError

    def gradient(self, theta):
        along = self.x @ theta
        return -along * (self.x - along * theta)

    def restricted(self, indices):
        return self


def test_chains_take_the_steps_of_the_optimizer_of_the_catalogue():
    found, drawn = chains(40), torch.from_numpy(examples(40))
    rule = AsyncMomentum(learning_rate=RATE, momentum=0.7, delay=8)
    theta = torch.eye(4, dtype=torch.float64)[asynchrony.SADDLE]
    memory = rule.init(theta)
    for x in drawn:
        theta, memory = rule.step(Stream(x[:, 1]), theta, memory)
    np.testing.assert_allclose(found[2, :, 1, 1], theta.numpy(), rtol=1e-12, atol=1e-15)


def test_the_error_is_zero_at_the_solution_and_infinite_after_a_divergence():
    v = np.zeros((3, 4, 1, 2))
    v[0, 0], v[1, 1], v[2] = -0.9, 1.0, np.inf
    assert asynchrony.error(v)[:, 0].tolist() == [0.0, 1.0, math.inf]


def test_a_delay_is_tolerated_up_to_the_first_that_is_not():
    delays = np.array([1, 2, 5, 9])
    ratio = np.array([[1.0, 1.6, 1.0], [1.2, 1.0, 1.5], [1.6, 1.0, 1.4], [1.0, 1.0, np.nan]])
    assert asynchrony.tolerated(ratio, delays).tolist() == [2, 0, 5]


def test_the_effect_is_the_power_of_the_law():
    gaps = np.array([0.05, 0.1, 0.3])
    assert asynchrony.power(gaps, 500 * gaps**2) == pytest.approx(2, rel=1e-12)
    assert asynchrony.power(gaps, 100 * gaps) == pytest.approx(1, rel=1e-12)
    assert math.isnan(asynchrony.power(gaps, np.array([0.0, 5.0, 9.0])))


def test_all_momenta_are_searched_over_the_same_window_which_holds_all_limits():
    lab = Asynchrony()
    first = next(lab.work(0))
    delays = first["delay"].values
    assert first["ratio"].dims == ("delay", "gap")
    assert delays.max() > 1.5 * lab.limit(0.7)
    assert delays.min() == 1
    np.testing.assert_allclose(lab.limit(np.array([0.7, 0.95])), [117.8, 19.63], rtol=1e-3)


def test_workers_that_take_turns_have_delays_of_one_less_than_their_number():
    stale = asynchrony.staleness(4, 12)
    assert [stale[k % 4, k] for k in range(4, 12)] == [3.0] * 8
    assert [stale[k, k] for k in range(4)] == [0.0, 1.0, 2.0, 3.0]


def test_a_path_that_diverges_ends_where_it_leaves_the_picture():
    lab = Asynchrony(workers=100, momentum=0.99, learning_rate=2e-3)
    found = [*itertools.islice(lab.work(0), 2)][-1]
    one, many = (np.hypot(found["path_x"][row], found["path_y"][row]) for row in (0, 1))
    assert np.isnan(many).any()
    assert not np.isinf(many).any()
    for path in (one, many):
        assert np.nanmax(path) < 2 * asynchrony.REACH
