"""Jamming: the networks and their fits, the transition, and what a run must satisfy."""

import math

import numpy as np
import pytest
import torch
from scipy.optimize import minimize

from landscape_core.analysis.verdict import NOT_REPRODUCED, PASS, UNDECIDED, judge
from landscape_core.labs import jamming
from landscape_core.labs.jamming import (
    ACTIVATIONS,
    PARITY,
    Jamming,
    Network,
    fewest_for_each,
    fitted,
    margins,
    transition,
    unsatisfied,
)
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.losses.quadratic_hinge import QuadraticHinge
from landscape_core.models.network_blocks import ACTIVATIONS as LAYERS

RNG = np.random.default_rng


def problem(count=30, width=4, seed=0):
    rng = RNG(seed)
    return rng.normal(size=(count, width)), rng.choice([-1.0, 1.0], count)


def in_torch(network, theta):
    """The same network made of torch's layers."""
    parts, at = [], 0
    for n, m in zip(network.widths[:-1], network.widths[1:], strict=True):
        layer = torch.nn.Linear(n, m).double()
        layer.weight.data = torch.tensor(theta[at : at + n * m].reshape(m, n))
        layer.bias.data = torch.tensor(theta[at + n * m : at + n * m + m])
        parts += [layer, LAYERS[network.activation]()]
        at += n * m + m
    return torch.nn.Sequential(*parts[:-1])


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("widths", [(4, 1), (4, 3, 1), (4, 3, 2, 1)])
def test_outputs_and_jacobian_are_those_of_torch(activation, widths):
    network, (inputs, _) = Network(widths, activation), problem()
    theta = network.start(RNG(1)) + 0.1 * RNG(2).normal(size=network.size)
    module = in_torch(network, theta)
    assert sum(p.numel() for p in module.parameters()) == network.size
    outputs = module(torch.tensor(inputs))[:, 0]
    np.testing.assert_allclose(network.outputs(theta, inputs), outputs.detach(), rtol=1e-12)
    rows = [torch.autograd.grad(one, module.parameters(), retain_graph=True) for one in outputs]
    expected = np.array([np.concatenate([g.numpy().ravel() for g in row]) for row in rows])
    np.testing.assert_allclose(network.jacobian(theta, inputs), expected, rtol=1e-10, atol=1e-13)


def test_a_convex_fit_ends_at_the_minimum_that_scipy_finds():
    network, (inputs, signs) = Network((4, 1), "tanh"), problem()
    theta = fitted(network, network.start(RNG(1)), inputs, signs)

    def loss(theta):
        outputs = torch.tensor(network.outputs(theta, inputs))[:, None]
        return 30 * float(QuadraticHinge()(outputs, torch.tensor((signs > 0).astype(int))).mean())

    found = minimize(loss, np.zeros(5), tol=1e-12)
    assert loss(theta) > 1
    assert loss(theta) == pytest.approx(found.fun, rel=1e-6)
    np.testing.assert_allclose(theta, found.x, atol=1e-3)


@pytest.mark.parametrize("activation", ["tanh", "gelu"])
def test_a_fit_ends_near_a_minimum(activation):
    network, (inputs, signs) = Network((4, 2, 2, 1), activation), problem(60, seed=3)
    start = network.start(RNG(1))
    theta = fitted(network, start, inputs, signs)

    def missing(theta):
        return (1 - margins(network, theta, inputs, signs)).clip(0)

    def slope(theta):
        rows = network.jacobian(theta, inputs)
        return np.linalg.norm(rows.T @ (signs * missing(theta)))

    loss, before = (0.5 * np.square(missing(one)).sum() for one in (theta, start))
    assert 1 < loss < 0.9 * before
    # A fit stops where 60 steps gain a millionth: slow directions are not at their very end.
    assert slope(theta) < 0.1 * slope(start)
    moves = RNG(4).normal(size=(50, network.size))
    for move in 1e-2 * moves / np.linalg.norm(moves, axis=1, keepdims=True):
        assert 0.5 * np.square(missing(theta + move)).sum() > loss - 1e-3


def test_what_can_be_satisfied_is_and_is_counted_so():
    inputs, signs = problem(10)
    network = Network((4, 8, 1), "tanh")
    theta = fitted(network, network.start(RNG(1)), inputs, signs)
    values = margins(network, theta, inputs, signs)
    assert unsatisfied(values) == 0
    assert values.min() > 1 - 1e-6
    assert unsatisfied(np.array([1.0, 0.9999, 1.5, -2.0, 1 - 1e-7])) == 2


def test_networks_get_larger_by_a_unit_in_turn_and_are_as_many_as_asked_for():
    lab = Jamming(examples=80, inputs=5, depth=2)
    networks = lab.networks()
    sizes = [one.size for one in networks]
    assert sizes == sorted(set(sizes))
    assert all(one.widths[0] == 5 and one.widths[-1] == 1 for one in networks)
    assert all(one.widths[1] - one.widths[2] in (0, 1) for one in networks)
    assert sizes[-1] > 0.95 * jamming.LAST * 80


def test_random_examples_lie_on_a_sphere_and_digits_have_their_parity():
    inputs, signs = Jamming().data(3)
    np.testing.assert_allclose(np.square(inputs).sum(1), 10.0)
    assert set(signs) == {-1.0, 1.0}
    lab = Jamming(labels=PARITY, examples=120, inputs=4)
    inputs, signs = lab.data(3)
    assert inputs.shape == (120, 4)
    assert np.square(inputs).sum(1).mean() == pytest.approx(4.0)
    targets = Digits(points=120, components=4).build(3).train.targets.numpy()
    np.testing.assert_array_equal(signs, np.where(targets % 2 == 1, 1.0, -1.0))


def test_the_transition_is_after_the_last_network_that_does_not_fit():
    sizes = np.array([10.0, 20.0, 30.0, 40.0, 50.0])
    nan = math.nan
    assert transition(sizes, np.array([2.0, 1.0, 0.0, 0.0, 0.0])) == 30
    assert transition(sizes, np.array([2.0, 0.0, 0.5, 0.0, nan])) == 40
    assert math.isnan(transition(sizes, np.array([2.0, 1.0, 0.5, 0.1, 0.3])))
    assert math.isnan(transition(sizes, np.array([nan, 0.0, 0.0, 0.0, 0.0])))


def test_the_effect_is_the_fewest_for_a_parameter_of_networks_that_do_not_fit():
    ratio = np.array([math.nan, 3.0, 0.7, 0.9, 0.0, 0.0])
    assert fewest_for_each(ratio, whole=True) == 0.7
    assert math.isnan(fewest_for_each(ratio, whole=False))
    assert math.isnan(fewest_for_each(np.zeros(4), whole=True))


def test_a_short_run_jumps_from_many_unsatisfied_examples_to_none():
    every = list(Jamming(examples=80, inputs=4, depth=1).work(2))
    last = every[-1]
    assert np.isnan(every[0]["effect"])
    known = [int(np.isfinite(one["unsatisfied"].values).sum()) for one in every]
    assert known == list(range(1, len(every) + 1))
    whole = last.sel(examples=80)
    tried = np.isfinite(whole["unsatisfied"].values)
    np.testing.assert_array_equal(np.isfinite(last["margin"].values).all(1), tried)
    below = (last["margin"].values[tried] < 1 - 1e-5).sum(1)
    np.testing.assert_array_equal(below, whole["unsatisfied"].values[tried])
    ratio = whole["unsatisfied"].values / whole["parameters"].values
    assert float(last["effect"]) == pytest.approx(ratio[ratio > 0].min())
    assert whole["share"].values[tried][0] > 0.5
    assert whole["unsatisfied"].values[-1] == 0


def test_the_verdict_wants_half_as_many_unsatisfied_examples_as_parameters():
    bound = Jamming.criterion
    assert judge([0.8, 0.9, 0.7, 1.1, 0.6, 0.75], bound).word == PASS
    assert judge([0.1, 0.02, 0.3, 0.2, 0.1, 0.4], bound).word == NOT_REPRODUCED
    assert judge([0.1, 0.9, 0.3, 0.8, 0.6, 0.2], bound).word == UNDECIDED
