"""Learning rates of networks with and without normalization: batched networks, ranges, outliers."""

import numpy as np
import pytest
import torch

from landscape_core.analysis.verdict import NOT_REPRODUCED, PASS, UNDECIDED, judge
from landscape_core.foundation import random_streams
from landscape_core.labs import batch_norm_rates
from landscape_core.labs.batch_norm_rates import (
    RATES,
    BatchNormRates,
    Closely,
    finished,
    largest,
    octaves,
    several,
)
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective

KINDS = ("none", "batch", "layer", "weight")


@pytest.fixture(autouse=True)
def _narrow(monkeypatch):
    """Networks that are small enough for their whole Hessian."""
    monkeypatch.setattr(several, "WIDTH", 5)


def examples(count=20):
    drawn = torch.Generator().manual_seed(0)
    inputs = torch.randn(count, 64, generator=drawn)
    return inputs, torch.randint(10, (count,), generator=drawn)


def module(kind, depth=2):
    return several.architecture(depth, kind).build((64,), 10, random_streams.stream(3, "init"))


def moved(networks, count):
    drawn = torch.Generator().manual_seed(1)
    noise = torch.randn(count, networks.layout.size, generator=drawn)
    return networks.start + 0.1 * noise


@pytest.mark.parametrize("kind", KINDS)
def test_networks_at_once_have_losses_and_steps_of_those_of_the_catalogue(kind):
    networks, (inputs, targets) = several.Networks(2, kind, 3), examples()
    objective = ModelObjective(module(kind), CrossEntropy(), inputs, targets)
    assert torch.equal(networks.start, objective.start)
    thetas, rates = moved(networks, 3), torch.tensor([0.1, 1.0, 3.0])
    part = objective.minibatch(torch.arange(len(inputs)))
    losses = networks.losses(thetas, inputs, targets)
    stepped = networks.step(thetas, rates, inputs, targets)
    for k, theta in enumerate(thetas):
        value, slope = part.value_and_gradient(theta)
        torch.testing.assert_close(losses[k], value, rtol=1e-5, atol=1e-6)
        torch.testing.assert_close(stepped[k], theta - rates[k] * slope, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_accuracy_is_that_of_examples_by_themselves_with_the_statistics_of_known_ones(kind):
    networks, (inputs, _) = several.Networks(2, kind, 3), examples(30)
    net = module(kind).train()
    with torch.no_grad():
        expected = net(inputs)
    theta, predicted = networks.start[None], expected.argmax(1)
    again = torch.cat([inputs, inputs[:7]])
    torch.testing.assert_close(networks.outputs(theta, again, 30)[0, 30:], expected[:7])
    some = predicted.clone()
    some[:6] = (some[:6] + 1) % 10
    assert float(networks.accuracy(theta, inputs, inputs, some)) == pytest.approx(0.8)
    alone = networks.accuracy(theta, inputs, inputs[:1], predicted[:1])
    assert float(alone) == 1.0


def test_a_network_that_diverged_has_accuracy_zero_and_leaves_the_others_alone():
    networks, (inputs, targets) = several.Networks(2, "none", 3), examples()
    thetas, rates = networks.start.repeat(2, 1), torch.tensor([0.1, 1e30])
    alone = networks.start[None]
    for _ in range(12):
        thetas = networks.step(thetas, rates, inputs, targets)
        alone = networks.step(alone, rates[:1], inputs, targets)
    found = networks.accuracy(thetas, inputs, inputs, targets)
    assert not thetas[1].isfinite().all()
    assert found[1] == 0.0
    assert found[0] > 0.0
    torch.testing.assert_close(thetas[:1], alone)


def test_batch_normalization_makes_the_loss_independent_of_the_scale_of_weights():
    networks, (inputs, targets) = several.Networks(2, "batch", 3), examples()
    weight = networks.layout.blocks[0]
    inputs, theta = inputs.double(), networks.start.double()
    scaled = theta.clone()
    scaled[weight.start : weight.stop] *= 3
    both = torch.stack([theta, scaled])
    one, other = networks.losses(both, inputs, targets)
    assert float(other) == pytest.approx(float(one), rel=1e-5)  # but for the epsilon in variances
    slopes = (both - networks.step(both, torch.ones(2), inputs, targets))[:, : weight.stop]
    torch.testing.assert_close(slopes[1], slopes[0] / 3, rtol=1e-3, atol=1e-7)


def test_octaves_are_measured_between_rates():
    accuracies = np.zeros(len(RATES))
    accuracies[4:7] = 1.0
    assert octaves(accuracies) == pytest.approx(2 + 2 * 0.05)
    assert largest(accuracies) == RATES[6]
    accuracies[7] = 0.9
    assert octaves(accuracies) == pytest.approx(2 + 0.05 + 0.5)
    assert octaves(np.full(len(RATES), 0.3)) == len(RATES) - 1


def test_the_effect_is_the_ratio_of_the_ranges_at_the_end():
    found = BatchNormRates().empty()
    found["accuracy"].values[:] = 0.0
    found["accuracy"].values[0, 4:7] = 1.0
    found["accuracy"].values[1, 4:11] = 0.5
    assert np.isnan(finished(found, 0)["octaves"].values).all()
    on_the_way = finished(found, batch_norm_rates.EVERY)
    assert np.isnan(float(on_the_way["effect"]))
    np.testing.assert_allclose(on_the_way["octaves"], [2.1, 6.1])
    whole = finished(found, batch_norm_rates.STEPS)
    assert float(whole["effect"]) == pytest.approx(6.1 / 2.1)
    assert whole["largest"].values.tolist() == [RATES[6], RATES[10]]


def test_the_criterion_asks_for_half_as_many_octaves_more():
    criterion = BatchNormRates.criterion
    assert judge(np.linspace(1.6, 2.4, 9), criterion).word == PASS
    assert judge(np.linspace(0.9, 1.4, 9), criterion).word == NOT_REPRODUCED
    assert judge(np.linspace(1.0, 2.0, 9), criterion).word == UNDECIDED


def closely(kind, steps=3):
    found = Closely(BatchNormRates(depth=1).run_of(kind, 0))
    for _ in range(steps):
        found.advance()
    return found


@pytest.mark.parametrize("kind", ["none", "batch"])
def test_outliers_are_ratios_of_eigenvalues_of_the_training_loss(kind):
    found = closely(kind)
    objective = found.train
    count = batch_norm_rates.CURVED
    net = several.architecture(1, kind).build((64,), 10, random_streams.stream(0, "init")).double()
    layout = objective.layout

    def loss(theta):
        outputs = torch.func.functional_call(
            net.train(), layout.split(theta), (objective.inputs[:count].double(),)
        )
        return torch.nn.functional.cross_entropy(outputs, objective.targets[:count])

    matrix = torch.autograd.functional.hessian(loss, found.state.theta.double())
    values = torch.linalg.eigvalsh((matrix + matrix.T) / 2)
    assert found.outliers() == pytest.approx(float(values[-1] / values[-20]), rel=0.03)


def test_a_run_that_diverged_is_not_measured():
    found = closely("none", steps=0)
    found.state = found.state.__class__(**{**vars(found.state), "diverged": True})
    found.advance()
    assert np.isnan(found.variation())
    assert np.isnan(found.outliers())
