"""Large batches: stacked rules are those of the optimizers, and gaps are differences."""

import numpy as np
import pytest
import torch

from landscape_core.foundation.random_streams import stream
from landscape_core.labs import large_batch
from landscape_core.labs.large_batch import (
    StackedNetworks,
    StackedRule,
    layers_of,
    trust_ratios,
)
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.architectures.transformer import Transformer
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.adamw import AdamW
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.optimizers.lamb import LAMB
from landscape_core.training.optimizers.lars import LARS
from landscape_core.training.run import Training, train

KINDS = {"MLP": (MLP(depth=2, width=5), (6,)), "attention": (Transformer(width=4), (1, 4, 3))}


def objective_of(kind):
    """A small network in float64 on examples drawn at random."""
    architecture, shape = KINDS[kind]
    drawn = stream(0, "test")
    inputs = torch.randn(24, *shape, generator=drawn)
    targets = torch.randint(10, (24,), generator=drawn)
    network = architecture.build(shape, 10, drawn)
    return ModelObjective(network, CrossEntropy(), inputs, targets).in_double()


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_and_classes_are_those_of_each_network(kind):
    objective = objective_of(kind)
    noise = torch.randn(3, objective.layout.size, generator=stream(1, "test"), dtype=torch.float64)
    thetas = objective.start + 0.3 * noise
    stack = StackedNetworks(objective)
    rows = stack.gradients(thetas, objective.inputs, objective.targets)
    correct = stack.correct(thetas, objective.inputs, objective.targets)
    for theta, row, right in zip(thetas, rows, correct, strict=True):
        torch.testing.assert_close(row, objective.gradient(theta), rtol=1e-10, atol=1e-12)
        classes = objective.outputs(theta).argmax(1)
        assert torch.equal(right, classes == objective.targets)


@pytest.mark.parametrize(
    "rule",
    [
        LAMB(cap=3.0, weight_decay=0.1),
        LARS(learning_rate=3.0, weight_decay=0.05),
        AdamW(weight_decay=0.1),
        HeavyBall(weight_decay=0.05),
    ],
    ids=lambda rule: type(rule).__name__,
)
def test_stacked_steps_are_those_of_the_optimizer_at_each_rate(rule):
    objective, factors = objective_of("MLP"), torch.tensor([[0.5], [2.0]], dtype=torch.float64)
    stack = StackedRule(rule, objective.layout, objective.start.repeat(2, 1))
    points, memories = [objective.start] * 2, [rule.init(objective.start)] * 2
    for step in range(6):
        part, falling = objective.minibatch(torch.arange(4) + 3 * step), 1 / (1 + step)
        for k, factor in enumerate(factors):
            own = rule.replace(learning_rate=float(factor) * falling * rule.learning_rate)
            points[k], memories[k] = own.step(part, points[k], memories[k])
        rows = torch.stack([part.gradient(theta) for theta in stack.thetas])
        stack.step(rows, factors * falling * rule.learning_rate)
    torch.testing.assert_close(stack.thetas, torch.stack(points), rtol=1e-9, atol=1e-12)
    assert (stack.thetas - objective.start).norm(dim=1).min() > 0.01


def test_the_trust_ratio_is_the_factor_of_lamb_on_the_step_of_adam(monkeypatch):
    """The first step of Adam is the sign of the gradient, but for ε."""
    monkeypatch.setattr(large_batch, "EPOCHS", 1)
    lab = large_batch.LargeBatch(batch=1024)
    training = Training(lab.training_run(5))
    rule = training.run.optimizer
    whole, _ = large_batch.networks_of(training)
    (ratios,) = trust_ratios(training, rule, whole)
    start, gradient = training.start(), whole.gradient(whole.start)
    moved = whole.start - training.advance(start).theta
    for ratio, block in zip(
        ratios, (block for block in whole.layout.blocks if block.has_filters), strict=True
    ):
        weights, slopes = block.of(whole.start).double(), block.of(gradient).double()
        r = slopes / (slopes.abs() + rule.epsilon) + rule.weight_decay * weights
        assert ratio == pytest.approx(float(weights.norm() / r.norm()), rel=1e-4)
        rate = rule.learning_rate * training.run.schedule.factor(0, 1)
        expected = rate * ratio * float(r.norm()) * min(1, rule.cap / float(weights.norm()))
        assert float(block.of(moved).norm()) == pytest.approx(expected, rel=1e-3)


def test_layers_of_attention_are_named_by_what_they_do():
    assert layers_of(objective_of("MLP").layout) == ["layer 1", "layer 2", "layer 3"]
    names = layers_of(objective_of("attention").layout)
    block = ["queries and keys"] * 2 + ["values and output"] * 2 + ["feed-forward"] * 2
    assert sorted(names) == sorted(["embedding", "positions", *block, *block, "classifier"])
    assert names[-1] == "classifier"


def test_a_rate_is_chosen_on_the_validation_part_and_judged_on_the_test_part():
    validation = large_batch.VALIDATION
    correct = torch.zeros(2, len(large_batch.FACTORS), validation + 10, dtype=torch.bool)
    correct[0, 4, :validation] = True  # chosen for the first optimizer, though bad on the test
    correct[0, 4, validation : validation + 1] = True
    correct[0, 1, validation:] = True
    correct[:, large_batch.SCALED, validation : validation + 7] = True
    correct[1, 0, :3] = True
    scaled, retuned = large_batch.accuracies(correct)
    assert scaled.tolist() == pytest.approx([0.7, 0.7])
    assert retuned.tolist() == pytest.approx([0.1, 0.0])


def test_the_effect_is_the_gap_of_the_chosen_optimizer_with_the_scaled_rate(monkeypatch):
    monkeypatch.setattr(large_batch, "EPOCHS", 1)
    monkeypatch.setattr(large_batch, "BATCHES", (32, 1024))
    lab = large_batch.LargeBatch(optimizer="AdamW", batch=256)
    *some, found = lab.work(2)
    assert all(np.isnan(one["effect"]) for one in some)
    assert found["batch"].values.tolist() == [32, 256, 1024]
    accuracy = found["scaled"].sel(optimizer="AdamW")
    assert found["effect"] == accuracy.sel(batch=32) - accuracy.sel(batch=256)
    retuned = found["retuned"].sel(batch=32) - found["retuned"].sel(batch=256)
    np.testing.assert_array_equal(found["gap"].isel(rate=1).values, retuned.values)
    assert found["trust_ratio"].sizes == {"layer": 5, "step": 4}
    assert (found["trust_ratio"] > 0).all()


@pytest.mark.parametrize(("scaling", "factor"), [("square root", 4), ("linear", 16), ("none", 1)])
def test_the_rate_grows_with_the_batch_as_chosen(scaling, factor):
    run = large_batch.LargeBatch(batch=512, scaling=scaling).training_run(3)
    base = large_batch.RULES["MLP"]["LAMB"].learning_rate
    assert run.optimizer.learning_rate == pytest.approx(factor * base)
    assert run.steps == large_batch.EPOCHS * 2
    warmed = [run.schedule.factor(step, run.steps) for step in range(run.steps)]
    assert np.argmax(warmed) == run.schedule.warmup - 1
    assert warmed[-1] == pytest.approx(1 / run.steps)


def test_ratios_end_where_a_run_diverges():
    lab = large_batch.LargeBatch(optimizer="SGD, momentum", batch=64, scaling="linear")
    run = lab.training_run(0)
    grown = run.optimizer.replace(learning_rate=100.0, weight_decay=1.0)
    run = run.replace(optimizer=grown, steps=40)
    training = Training(run)
    whole, _ = large_batch.networks_of(training)
    with np.errstate(all="ignore"):
        ratios = list(trust_ratios(training, run.optimizer, whole))
    assert len(ratios) == [state.diverged for state in train(run)].index(True) - 1 < 40
