"""Entropy-SGD makes the steps of algorithm 1, and what it knows in closed form."""

import numpy as np
import pytest
import torch

from cases import bowl, mlp_objective, normal
from landscape_core.foundation import random_streams
from landscape_core.training.optimizers.entropy_sgd import EntropySGD


def gradients(objective):
    """A function from examples and a point to the gradient, by torch's own differentiation."""

    def slope(examples, theta):
        point = torch.as_tensor(theta).clone().requires_grad_()
        with torch.enable_grad():
            loss = objective.minibatch(torch.as_tensor(examples)).loss(point)
        return torch.autograd.grad(loss, point)[0].numpy()

    return slope


def steps_of_the_paper(objective, batches, *, eta, gamma, gamma1, L, rate, epsilon, alpha, seed):
    """The iterates by algorithm 1 in NumPy, with the noise and mini-batches of the same streams."""
    slope, theta = gradients(objective), objective.start.numpy()
    for t, batch in enumerate(batches):
        noise = random_streams.stream(seed, "langevin", t)
        order = random_streams.stream(seed, "langevin batches", t)
        scope = gamma * (1 + gamma1) ** t
        inner, mean = theta.copy(), theta.copy()
        for step in range(L):
            if step > 0 and len(batch) < objective.examples:
                batch = torch.randperm(objective.examples, generator=order)[: len(batch)].numpy()
            xi = torch.randn(len(theta), generator=noise, dtype=torch.float64).numpy()
            dx = slope(batch, inner) - scope * (theta - inner)
            inner = inner - rate * dx + np.sqrt(rate) * epsilon * xi
            mean = alpha * mean + (1 - alpha) * inner
        theta = theta - eta * scope * (theta - mean)
        yield theta


@pytest.mark.parametrize("size", [4, 20])
@pytest.mark.parametrize("scoping", [0.0, 0.05])
def test_its_steps_are_those_of_the_paper(size, scoping):
    objective = mlp_objective()
    batches = [(np.arange(size) + 3 * t) % 20 for t in range(5)]
    optimizer = EntropySGD(
        learning_rate=1.5, scope=0.4, scoping=scoping, inner_steps=6, inner_rate=0.07, noise=0.2,
        averaging=0.6, seed=3,
    )  # fmt: skip
    expected = steps_of_the_paper(
        objective, batches, eta=1.5, gamma=0.4, gamma1=scoping, L=6, rate=0.07, epsilon=0.2,
        alpha=0.6, seed=3,
    )  # fmt: skip
    theta, memory = objective.start, optimizer.init(objective.start)
    for batch, other in zip(batches, expected, strict=True):
        part = objective if size == 20 else objective.minibatch(torch.as_tensor(batch))
        theta, memory = optimizer.step(part, theta, memory)
        np.testing.assert_allclose(theta.numpy(), other, rtol=1e-10, atol=1e-12)
    assert memory == 5
    assert (theta - objective.start).norm() > 0.1


def test_a_step_on_a_quadratic_is_that_of_the_closed_form():
    """Without noise x − x* contracts by 1 − η′(λ + γ) in each direction, towards γθ/(λ + γ)."""
    objective, eigenvalue = bowl([2.0]), 2.0
    rule = EntropySGD(learning_rate=3.0, scope=0.5, noise=0.0)
    start = objective.minimum + 1.0
    theta, _ = rule.step(objective, start, rule.init(start))
    fixed, factor = 0.5 / (eigenvalue + 0.5), 1 - 0.1 * (eigenvalue + 0.5)
    walk = [fixed + (1 - fixed) * factor**k for k in range(21)]
    mean = 1.0
    for x in walk[1:]:
        mean = 0.75 * mean + 0.25 * x
    expected = 1 - 3.0 * 0.5 * (1 - mean)
    assert float(theta - objective.minimum) == pytest.approx(expected, rel=1e-12)


def test_the_long_average_of_the_walk_is_the_mean_of_the_local_gibbs_distribution():
    """Of a parabola its density is normal around γθ/(λ + γ), whatever the noise is."""
    objective = bowl([1.0])
    rule = EntropySGD(
        learning_rate=1.0, scope=1.0, inner_steps=1000, inner_rate=0.5, noise=0.3, averaging=0.99
    )
    start = objective.minimum + 2.0
    found = [rule.step(objective, start, t)[0] - objective.minimum for t in range(4)]
    # θ − γ(θ − μ) is μ here; the walk's standard deviation is 0.21, that of its weighted
    # mean over some 200 independent steps a fourteenth.
    assert float(torch.stack(found).mean()) == pytest.approx(1.0, abs=0.03)


def test_one_langevin_step_without_noise_and_average_is_a_step_of_gradient_descent():
    objective = mlp_objective()
    rule = EntropySGD(learning_rate=2.0, scope=0.5, inner_steps=1, noise=0.0, averaging=0.0)
    theta, _ = rule.step(objective, objective.start, 0)
    torch.testing.assert_close(theta, objective.start - 0.1 * objective.gradient(objective.start))


def test_another_seed_gives_other_noise_and_a_scope_far_beyond_use_is_no_error():
    objective = bowl([1.0, 2.0])
    start = objective.minimum + normal(2)
    one, other = (EntropySGD(seed=s, noise=1.0).step(objective, start, 0)[0] for s in (0, 1))
    assert not torch.equal(one, other)
    theta, t = EntropySGD(scoping=0.1).step(objective, start, 99_999_999)
    assert t == 10**8
    assert not theta.isfinite().all()
