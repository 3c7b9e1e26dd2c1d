"""Rules on autoencoders against the optimizers of the catalogue and plain loops, in float64."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from landscape_core.labs import mini_block_fisher as lab
from landscape_core.labs.mini_block_fisher import steps
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.optimizers.kfac import KFAC
from landscape_core.training.optimizers.mini_block_fisher import MiniBlockFisher

IMAGES = lab.digits().double()
THETA = steps.start(3, torch.float64)
CLOSE = {"rtol": 1e-7, "atol": 1e-9}


def bernoulli(outputs, targets):
    return binary_cross_entropy_with_logits(outputs, targets, reduction="none").sum(1)


def objective(theta, images):
    """The autoencoder of the catalogue with these parameters."""
    layers = []
    parts = zip(pairwise(steps.WIDTHS), steps.matrices(theta[None]), strict=True)
    for i, ((narrow, wide), part) in enumerate(parts):
        layer = nn.Linear(narrow, wide, dtype=torch.float64)
        with torch.no_grad():
            layer.weight.copy_(part[0, :, :-1])
            layer.bias.copy_(part[0, :, -1])
        layers += [layer] if i in steps.LINEAR else [layer, nn.ReLU()]
    return ModelObjective(nn.Sequential(*layers), bernoulli, images, images)


def ours(network, theta):
    """Parameters of the catalogue as a row of ours."""
    parts, at = [], 0
    for narrow, wide in pairwise(steps.WIDTHS):
        weight = theta[at : at + wide * narrow].view(wide, narrow)
        at += wide * narrow
        parts.append(torch.cat([weight, theta[at : at + wide, None]], 1)[None])
        at += wide
    assert at == len(network.start)
    return steps.rows_of(parts)[0]


def gradients(theta, images):
    inputs, logits = steps.forward(theta, images)
    slopes = steps.backward(theta, inputs, logits.sigmoid() - images)
    return inputs, slopes


def test_loss_and_gradient_are_those_of_the_network():
    network = objective(THETA, IMAGES[:30])
    assert float(steps.losses(THETA[None], IMAGES[:30])[0]) == pytest.approx(
        float(network.loss(network.start)), rel=1e-12
    )
    found = steps.gradient(*gradients(THETA[None], IMAGES[:30]))[0]
    torch.testing.assert_close(found, ours(network, network.gradient(network.start)))


MINI = {"damping": 0.1, "update_every": 2, "decay": steps.DECAY**2}
PAIRS = {
    "Adam": (steps.Adam, {}, Adam, {}),
    "momentum": (steps.Momentum, {}, HeavyBall, {}),
    "one block for each output": (
        steps.MiniBlocks,
        {"shape": "neuron", "damping": 0.1, "update": 2},
        MiniBlockFisher,
        {"blocks": "neuron", **MINI},
    ),
    "their average": (
        steps.MiniBlocks,
        {"shape": "average", "damping": 0.1, "update": 2},
        MiniBlockFisher,
        {"blocks": "average", **MINI},
    ),
    "K-FAC": (
        steps.Kronecker,
        {"seed": 5, "update": 2},
        KFAC,
        {"seed": 5, "update_every": 2, "refresh_every": 20, "decay": steps.DECAY**2},
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_steps_are_those_of_the_optimizer_of_the_catalogue(name):
    kind, settings, optimizer, its_settings = PAIRS[name]
    rates = (0.005, 0.02)
    rule = kind(THETA, rates, **settings)
    batches = IMAGES[:90].split(30)
    for batch in batches:
        rule.step(batch)
    for row, rate in enumerate(rates):
        network = objective(THETA, IMAGES[:30])
        theta, one = network.start, optimizer(learning_rate=rate, **its_settings)
        memory = one.init(theta)
        for batch in batches:
            theta, memory = one.step(objective(THETA, batch), theta, memory)
        torch.testing.assert_close(rule.theta[row], ours(network, theta), **CLOSE)


def test_inverses_are_computed_anew_at_the_steps_of_the_catalogue():
    rule = steps.MiniBlocks(THETA, (1e-3,), shape="neuron", damping=1.0, update=7)
    anew, before = [], None
    for index in range(45):
        rule.step(IMAGES[:10])
        if rule.inverses is not before:
            anew.append(index)
        before = rule.inverses
    assert anew == [*range(20), 20, 40]


def test_the_blocks_of_one_number_are_the_diagonal_of_all_others():
    inputs, slopes = gradients(THETA[None], IMAGES[:20])
    for a, delta in zip(inputs, slopes, strict=True):
        whole = steps.blocks("neuron", a, delta)
        single = steps.blocks("diagonal", a, delta)
        torch.testing.assert_close(whole.diagonal(dim1=-2, dim2=-1), single)
        average = steps.blocks("average", a, delta)
        torch.testing.assert_close(whole.mean(1, keepdim=True), average)


def test_the_diagonal_divides_entry_by_entry():
    inputs, slopes = gradients(THETA[None], IMAGES[:20])
    g = steps.gradient(inputs, slopes)
    rule = steps.MiniBlocks(THETA, (0.05,), shape="diagonal", damping=0.1, update=1)
    rule.step(IMAGES[:20])
    pairs = zip(inputs, slopes, strict=True)
    squares = steps.rows_of([(d.square().mT @ a.square()) / 20 for a, d in pairs])
    torch.testing.assert_close(rule.theta, THETA - 0.05 * g / (squares + 0.1))


def test_the_matrices_drawn_are_means_over_single_images():
    a, delta = lab.code_gradients(THETA[None], IMAGES[:12])
    diagonal, blocks, kronecker, full = steps.approximations(a, delta)[0]
    size = a.shape[1]
    own = [
        steps.matrices(steps.gradient(*gradients(THETA[None], one[None])))[lab.CODE].flatten()
        for one in IMAGES[:12]
    ]
    expected = sum(torch.outer(g, g) for g in own) / 12
    torch.testing.assert_close(full, expected)
    torch.testing.assert_close(diagonal, torch.diag(expected.diagonal()))
    for i in range(4):
        span = slice(i * size, (i + 1) * size)
        torch.testing.assert_close(blocks[span, span], expected[span, span])
        assert not blocks[span, : i * size].any()
        entry = (delta[:, i] * delta[:, 0]).mean() * (a[:, :, None] * a[:, None]).mean(0)
        torch.testing.assert_close(kronecker[span, :size], entry)
    torch.testing.assert_close(steps.approximations(a, delta)[1], sum(own) / 12)


def test_the_effect_is_relative_to_the_lower_of_what_must_not_be_exceeded():
    losses = np.full((4, 3, len(lab.RECORDED)), 30.0)
    assert math.isnan(lab.ratio(np.full_like(losses, math.nan)))
    losses[0, 1], losses[1, 2], losses[2, 0] = 20.0, 21.0, 22.0
    assert lab.ratio(losses) == pytest.approx(22.0 / 20.6)
    losses[1, 2] = 20.0
    assert lab.ratio(losses) == pytest.approx(22.0 / 20.0)
    losses[0, 0] = math.nan  # a rate at which the others diverged
    assert lab.ratio(losses) == pytest.approx(22.0 / 20.0)
    losses[2] = math.nan
    assert math.isnan(lab.ratio(losses))


@pytest.mark.parametrize("value", [0.0, math.inf, math.nan])
def test_a_network_that_is_dead_or_has_diverged_has_no_steps_to_draw(value):
    found = lab.MiniBlockFisher().work(0)
    dataset = next(found)
    found.close()
    dead = torch.full_like(THETA, value)
    lab.view(dataset, 0, dead, IMAGES[:20])
    assert np.isnan(dataset["step_x"].values[:, 0, 1]).all()
    lab.view(dataset, 0, THETA, IMAGES[:20])
    assert np.isfinite(dataset["step_x"].values[:, 0]).all()
