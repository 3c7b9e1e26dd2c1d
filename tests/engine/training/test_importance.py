"""Importance sampling against enumeration and the closed form of its probabilities."""

import pytest
import torch

from cases import Quadratic, mlp_objective, normal
from landscape_core.foundation.errors import SpecError
from landscape_core.models import derivatives
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.training.run import Run, Training, train
from landscape_core.training.samplers.base import Asked
from landscape_core.training.samplers.importance import Importance, probabilities
from landscape_core.training.samplers.minimal_variance import MinimalVariance


@pytest.fixture(scope="module")
def objective():
    return mlp_objective(examples=20).with_loss(CrossEntropy())


def drawn(sampler, objective, theta, steps, size):
    for step in range(steps):
        asked = Asked(objective, theta, size, step, step * size, 0)
        yield sampler.draw(asked, sampler.init(objective.examples))[0]


def test_probabilities_are_the_norms_of_softmax_less_target(objective):
    theta = objective.start + 0.5 * normal(len(objective.start))
    outputs = objective.outputs(theta).detach()
    target = torch.nn.functional.one_hot(objective.targets, outputs.shape[1])
    norms = (outputs.softmax(1) - target).norm(dim=1)
    torch.testing.assert_close(probabilities(objective, theta), norms / norms.sum())


def test_the_weighted_gradient_is_in_the_mean_that_of_the_whole(objective):
    """With the whole data as pre-sample, over all examples by their probabilities: exactly."""
    theta = objective.start + 0.5 * normal(len(objective.start))
    chances = probabilities(objective, theta)
    rows = torch.cat(list(derivatives.gradients(objective, theta)))
    parts = list(drawn(Importance(presample=20.0), objective, theta, 60, 1))
    found = {int(part.indices): part.gradient(theta) for part in parts}
    assert len(found) > 8
    for i, gradient in found.items():
        torch.testing.assert_close(gradient, rows[i] / (20 * chances[i]))
    expected = sum(chances[i] * rows[i] / (20 * chances[i]) for i in range(20))
    torch.testing.assert_close(expected, objective.gradient(theta))


def test_examples_come_as_often_as_their_probabilities_say(objective):
    theta = objective.start
    chances = probabilities(objective, theta)
    parts = drawn(Importance(presample=5.0), objective, theta, 400, 4)
    counts = torch.bincount(torch.cat([part.indices for part in parts]), minlength=20)
    error = (1600 * chances * (1 - chances)).sqrt()
    assert ((counts - 1600 * chances).abs() < 4 * error).all()


def test_late_in_a_run_its_gradients_vary_less_than_uniform_ones():
    run = Run(steps=400)
    *_, state = train(run)
    objective = Training(run).instance.train
    rows = torch.cat(list(derivatives.gradients(objective, state.theta)))
    n, mean = len(rows), rows.mean(0)
    chances = probabilities(objective, state.theta).to(rows)
    uniform = (rows - mean).square().sum(1).mean()
    ours = (rows.square().sum(1) / (n**2 * chances)).sum() - mean.square().sum()
    assert ours < 0.7 * uniform


def test_without_any_gradient_examples_are_drawn_uniformly(objective):
    far = objective.with_loss(lambda outputs, targets: (0 * outputs).sum(1))
    found = probabilities(far, objective.start)
    torch.testing.assert_close(found, torch.full((20,), 0.05, dtype=torch.float64))


@pytest.mark.parametrize("kind", [Importance, MinimalVariance])
def test_what_is_no_network_is_refused(kind):
    with pytest.raises(SpecError, match=r"Run\.problem"):
        kind().check_objective(Quadratic(torch.eye(3), normal(4, 3)))
