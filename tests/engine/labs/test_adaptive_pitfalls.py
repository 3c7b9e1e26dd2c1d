"""Players against the optimizers of the catalogue, solutions against linear algebra."""

import math

import numpy as np
import pytest
import torch

from landscape_core.analysis.verdict import judge
from landscape_core.labs import adaptive_pitfalls as lab
from landscape_core.labs.adaptive_pitfalls import game
from landscape_core.models.datasets.unique_features import UniqueFeatures
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.amsgrad import AMSGrad
from landscape_core.training.optimizers.sgd import SGD


class Slope(Objective):
    """s x."""

    examples = 1
    layout = Layout.of_shapes({"x": (1,)})

    def __init__(self, slope):
        self.slope = slope

    def loss(self, theta):
        return self.slope * theta[0]

    def restricted(self, indices):
        return self


@pytest.fixture(scope="module")
def found():
    """The finished dataset of a seed."""
    *_, last = lab.AdaptivePitfalls().work(1)
    return last


def catalogue_play(kind, period, beta2, start, steps):
    """x after every step of an optimizer of the catalogue, and the regret."""
    more = {} if kind is SGD else {"beta1": 0.0, "beta2": beta2, "epsilon": 1e-16}
    x, memory, regret = torch.tensor([start], dtype=torch.float64), None, 0.0
    for t in range(1, steps + 1):
        slope = float(period) if t % period == 1 else -1.0
        regret += slope * (float(x) + 1)
        optimizer = kind(learning_rate=0.5 / t**0.5, **more)
        memory = optimizer.init(x) if memory is None else memory
        x, memory = optimizer.step(Slope(slope), x, memory)
        x = x.clamp(-1, 1)
        yield float(x), regret


def test_players_make_the_steps_of_the_optimizers_of_the_catalogue():
    periods, beta2 = np.array([3.0, 7.0]), np.array([0.1, 0.95])
    played = list(game.played(periods, beta2, 0.3, 40))
    for player, kind in enumerate((SGD, Adam, AMSGrad)):
        for column in range(2):
            theirs = catalogue_play(kind, int(periods[column]), float(beta2[column]), 0.3, 40)
            for (_, x, regret), (place, paid) in zip(played, theirs, strict=True):
                assert x[player, column] == pytest.approx(place, rel=1e-11, abs=1e-11)
                assert regret[player, column] == pytest.approx(paid, rel=1e-11, abs=1e-11)


def test_regret_is_relative_to_that_of_the_worst_point():
    slopes = np.array([[5.0 if t % 5 == 1 else -1.0 for t in range(1, 24)]])
    of_worst = (slopes * 2).sum(1)
    np.testing.assert_allclose(game.of_the_worst(of_worst, np.array([5.0]), 23), 1.0)
    np.testing.assert_allclose(game.of_the_worst(0 * of_worst, np.array([5.0]), 23), 0.0)


def test_adam_ends_at_the_worst_point_and_amsgrad_at_the_best(found):
    descent, adam, amsgrad = found["place"].values[:, -1]
    assert adam > 0.99
    assert amsgrad < -0.99
    assert descent < -0.9


def test_where_its_memory_is_much_longer_than_the_period_adam_learns(found):
    regret = found["regret"].sel(period=3.0)
    assert float(regret.sel(memory=1.0)) > 0.9
    assert float(regret.sel(memory=1000.0)) < 0.3


@pytest.fixture(scope="module")
def fitted():
    """Wilson's training data, and the weights that each rule finds."""
    data = UniqueFeatures().build(2).train
    objective = lab.least_squares(data.inputs, data.targets)
    return data, {name: lab.solution(rule, objective) for name, rule in lab.RULES.items()}


def test_gradient_descent_finds_the_solution_of_least_norm(fitted):
    data, weights = fitted
    least = torch.linalg.pinv(data.inputs) @ (2 * data.targets - 1).double()
    torch.testing.assert_close(weights["gradient descent"], least, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["AdaGrad", "Adam", "RMSprop"])
def test_adaptive_rules_find_the_signs_of_wilsons_lemma(fitted, name):
    data, weights = fitted
    signs = (data.inputs.T @ (2 * data.targets - 1).double()).sign()
    used = signs != 0  # inputs of test examples are 0 in training
    found = weights[name] / weights[name][0]
    torch.testing.assert_close(found[used], signs[used], rtol=1e-3, atol=0)
    assert not weights[name][~used].any()


def test_all_rules_fit_and_adaptive_ones_say_the_larger_class_always(found):
    training, test = found["accuracy"].values.T
    assert (training == 1).all()
    split = UniqueFeatures().build(1)
    larger = float(split.test.targets.double().mean())
    assert test.tolist() == pytest.approx([1.0, larger, larger, larger])
    np.testing.assert_array_equal(found["theory"].values[:, 1], test)


def test_the_gap_is_relative_to_the_fraction_of_the_rarer_class():
    assert lab.accuracy_gap(np.array([1.0, 0.6, 0.65, 0.6]), 0.35) == pytest.approx(1.0)
    assert lab.accuracy_gap(np.array([0.65, 0.6, 0.65, 0.6]), 0.35) == 0.0
    assert math.isnan(lab.accuracy_gap(np.array([1.0, 1.0, 1.0, 1.0]), 0.0))


def test_the_effect_needs_both_gaps(found):
    assert float(found["effect"]) == pytest.approx(1.0, abs=0.01)
    first = next(lab.AdaptivePitfalls().work(1))
    assert math.isnan(float(first["effect"]))


@pytest.mark.parametrize(
    ("effects", "word"),
    [([0.99] * 8, "PASS"), ([0.1] * 8, "NOT REPRODUCED"), ([0.99, 0.1] * 4, "UNDECIDED")],
)
def test_the_criterion_decides_on_which_side_the_gaps_are(effects, word):
    assert judge(effects, lab.AdaptivePitfalls.criterion).word == word


def test_adagrad_is_better_where_words_are_rare(found):
    sgd, adagrad, _ = found["loss"].values[:, -1]
    assert adagrad < sgd
