"""Width and noise: steps are those of the catalogue, and slopes those of made-up widths."""

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from landscape_core.analysis.verdict import PASS, judge
from landscape_core.foundation.random_streams import stream
from landscape_core.labs import width_and_noise
from landscape_core.labs.width_and_noise import (
    VARIANCE,
    WIDTHS,
    Networks,
    WidthAndNoise,
    empty,
    examples,
    fitted,
    judged,
    largest_good,
)
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.architectures.ntk_mlp import NTKMLP
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.sgd import SGD

WIDTH, INPUTS, RATES = 7, 5, (0.03, 0.2)


@pytest.fixture
def data():
    drawn = stream(0, "test")
    inputs = torch.randn(INPUTS, 12, generator=drawn, dtype=torch.float64)
    return inputs, torch.randint(10, (12,), generator=drawn)


def networks_of(factors):
    """Networks in float64 whose learning rates are `RATES` times a factor for each layer."""
    rates = torch.tensor(RATES, dtype=torch.float64)
    both = tuple(factor * rates for factor in factors)
    return Networks(3, WIDTH, both, INPUTS, torch.float64)


@pytest.mark.parametrize("parametrization", ["NTK", "standard"])
def test_steps_are_those_of_the_networks_of_the_catalogue(data, parametrization):
    inputs, labels = data
    ntk = parametrization == "NTK"
    factors = (VARIANCE / INPUTS, VARIANCE / WIDTH) if ntk else (1.0, 1.0)
    networks = networks_of(factors)
    architecture = NTKMLP(depth=1, width=WIDTH, beta=0.0) if ntk else MLP(depth=1, width=WIDTH)
    module = architecture.build((INPUTS,), 10, stream(0, "init")).double()
    scales = [factor**0.5 if ntk else 1.0 for factor in factors]
    weights = [parameter for parameter in module.parameters() if parameter.ndim == 2]
    with torch.no_grad():
        weights[0].copy_(networks.first[:WIDTH] / scales[0])
        weights[1].copy_(networks.second[0] / scales[1])
        for parameter in module.parameters():
            if parameter.ndim == 1:
                parameter.requires_grad_(requires_grad=False).zero_()
    objective = ModelObjective(module, CrossEntropy(), inputs.T.contiguous(), labels)
    order, targets = torch.arange(12).flip(0), one_hot(labels, 10).T.double()
    for part in order.split(3):
        networks.step(inputs[:, part], targets[:, part])
    for k, rate in enumerate(RATES):
        theta, rule = objective.start, SGD(learning_rate=rate)
        for part in order.split(3):
            theta, _ = rule.step(objective.minibatch(part), theta, None)
        first, second = objective.layout.split(theta).values()
        own = networks.first.unflatten(0, (len(RATES), WIDTH))[k]
        torch.testing.assert_close(own, scales[0] * first, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(networks.second[k], scales[1] * second, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(networks.logits(inputs)[k].T, objective.outputs(theta))


def test_an_epoch_takes_full_batches_in_the_order_given(data):
    inputs, labels = data
    one, other = networks_of((1.0, 1.0)), networks_of((1.0, 1.0))
    order = torch.randperm(12, generator=stream(1, "test"))
    one.epoch(inputs, labels, order, 5)
    targets = one_hot(labels, 10).T.double()
    for part in (order[:5], order[5:10]):
        other.step(inputs[:, part], targets[:, part])
    assert torch.equal(one.first, other.first)
    assert torch.equal(one.second, other.second)


def test_the_start_has_the_variance_of_the_layer():
    networks = Networks(0, 512, (torch.ones(1),) * 2)
    assert float(networks.first.var()) == pytest.approx(VARIANCE / 64, rel=0.05)
    assert float(networks.second.var()) == pytest.approx(VARIANCE / 512, rel=0.1)


def test_random_labels_are_a_fraction_of_the_training_labels_alone():
    clean, noisy = examples(1, 0.0), examples(1, 0.4)
    for place in (0, 2, 3):
        assert torch.equal(clean[place], noisy[place])
    changed = int((clean[1] != noisy[1]).sum())
    assert 0.25 * len(clean[1]) < changed <= 0.4 * len(clean[1])


def test_the_largest_good_noise_is_within_a_point_of_the_best():
    noises = 2.0 ** np.arange(5)
    assert largest_good(np.array([0.5, 0.9, 0.895, 0.8, 0.1]), noises) == 4.0
    assert largest_good(np.array([0.5, 0.9, 0.85, 0.893, 0.1]), noises) == 8.0
    assert np.isnan(largest_good(np.array([0.1, 0.2, 0.3, 0.4, 0.5]), noises))


@pytest.mark.parametrize(
    ("parametrization", "power", "effect"),
    [("NTK", 1.0, 1.0), ("NTK", 0.5, 0.5), ("standard", 0.0, 1.0), ("standard", -0.5, 0.5)],
)
def test_the_effect_is_the_slope_in_the_normalized_noise_scale(parametrization, power, effect):
    found = empty(parametrization)
    found["largest"].values[:] = 0.3 * WIDTHS**power
    found = judged(found, parametrization)
    assert float(found["effect"]) == pytest.approx(effect)
    np.testing.assert_allclose(found["fitted"], found["largest"])
    fits = np.allclose(found["claimed"], found["largest"])
    assert fits == (effect == 1.0)
    verdict = judge([float(found["effect"])] * 6, WidthAndNoise.criterion)
    assert (verdict.word == PASS) == fits


def test_without_a_largest_good_noise_there_is_no_slope():
    slope, line = fitted(np.array([8, 16]), np.array([1.0, np.nan]))
    assert np.isnan(slope)
    assert np.isnan(line).all()


def test_columns_fill_one_width_after_the_other(monkeypatch):
    monkeypatch.setattr(width_and_noise, "WIDTHS", np.array([2, 4]))
    monkeypatch.setattr(width_and_noise, "EPOCHS", 4)
    *some, found = WidthAndNoise(batch=30).work(1)
    assert [int(one["accuracy"].notnull().all("noise").sum()) for one in some] == [1] * 4 + [2] * 4
    assert found["accuracy"].notnull().all()
    best = found["accuracy"].max("noise")
    np.testing.assert_array_equal(found["best"], best)
