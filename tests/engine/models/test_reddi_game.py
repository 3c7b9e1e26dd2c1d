"""Reddi's game against its formula, and runs on it against those of the lab."""

import numpy as np
import pytest
import torch

from landscape_core.labs.adaptive_pitfalls import game
from landscape_core.models.problems.reddi_game import ReddiGame
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.amsgrad import AMSGrad
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run, train
from landscape_core.training.samplers.in_order import InOrder
from landscape_core.training.schedules.inverse import Inverse

RULES = {
    "gradient descent": SGD(learning_rate=0.5),
    "Adam": Adam(learning_rate=0.5, beta1=0.0, beta2=0.1, epsilon=1e-16),
    "AMSGrad": AMSGrad(learning_rate=0.5, beta1=0.0, beta2=0.1, epsilon=1e-16),
}


def built(**fields):
    return ReddiGame(**fields).build(0, dtype=torch.float64)


def run_of(optimizer, steps, **fields):
    return Run(
        problem=ReddiGame(**fields), optimizer=optimizer, sampler=InOrder(), batch_size=1,
        schedule=Inverse(power="1/√k", period=1), steps=steps, dtype="float64",
    )  # fmt: skip


@pytest.mark.parametrize("period", [3, 7])
def test_losses_are_those_of_the_formula_and_their_mean_has_the_slope_one_to_c(period):
    train = built(period=period, repetitions=4).train
    x, y = 0.3, -0.6
    theta = torch.tensor([x, y], dtype=torch.float64)
    for t in range(1, 4 * period + 1):
        slope = period if t % period == 1 else -1
        part = train.minibatch(torch.tensor([t - 1]))
        assert float(part.loss(theta)) == pytest.approx(slope * x + y / period)
        assert part.gradient(theta).tolist() == pytest.approx([slope, 1 / period])
    assert float(train.loss(theta)) == pytest.approx((x + y) / period)


def test_the_optimum_is_the_lowest_point_of_the_square():
    problem = ReddiGame(period=4)
    instance = built(period=4)
    values = torch.linspace(-1, 1, 9, dtype=torch.float64)
    losses = instance.train.losses(torch.cartesian_prod(values, values))
    best = torch.cartesian_prod(values, values)[losses.argmin()]
    assert tuple(best.tolist()) == problem.optimum
    assert float(losses.min()) == pytest.approx(-2 / 4)


def test_beyond_the_square_the_loss_rises_and_iterates_are_projected_to_it():
    instance = built()
    outside = torch.tensor([[-1.5, 0.0], [0.0, 2.0]], dtype=torch.float64)
    inside = [instance.within(theta).tolist() for theta in outside]
    assert inside == [[-1.0, 0.0], [0.0, 1.0]]
    expected = outside.sum(1) / 3 + 10.0 * torch.tensor([0.25, 1.0], dtype=torch.float64)
    torch.testing.assert_close(instance.train.losses(outside), expected)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("period", [3, 5])
def test_runs_play_as_the_players_of_the_lab(name, period):
    run = run_of(RULES[name], 200, period=period, repetitions=2)
    thetas = torch.stack([state.theta for state in train(run)]).numpy()
    start = float(thetas[0, 0])
    played = game.played(np.array([float(period)]), np.array([0.1]), start, 200)
    player = game.PLAYERS.index(name)
    expected = [x[player, 0] for _, x, _ in played]
    np.testing.assert_allclose(thetas[1:, 0], expected, rtol=0, atol=1e-9)
    assert np.abs(thetas).max() <= 1


@pytest.mark.usefixtures("unchecked")
def test_adam_ends_at_the_worst_x_and_the_others_at_the_optimum():
    ends = {}
    for name, rule in RULES.items():
        *_, state = train(run_of(rule, 600))
        ends[name] = state.theta.tolist()
    assert ends.pop("Adam") == pytest.approx([1.0, -1.0], abs=0.05)
    for end in ends.values():
        assert end == pytest.approx([-1.0, -1.0], abs=0.15)


def test_it_is_looked_at():
    session = Session(run_of(RULES["Adam"], 3), SliceSpec(resolution=5))
    session.advance(2)
    *_, picture = session.refine()
    assert picture.slice["loss"].notnull().all()
