"""Momentum with late gradients: its steps, its delays, and how late is too late."""

import collections
import itertools
import math
from bisect import bisect

import numpy as np
import pytest
import torch

from cases import Quadratic, mlp_objective
from landscape_core.foundation import random_streams
from landscape_core.foundation.registry import from_plain
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.async_momentum import AsyncMomentum
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.run import Run, train

BATCHES = [
    torch.randint(20, (4,), generator=random_streams.stream(step, "batch")) for step in range(30)
]


def walk(optimizer, objectives, theta):
    """The iterates of steps on these objectives, the start included, and the last memory."""
    memory, thetas = optimizer.init(theta), [theta]
    for objective in objectives:
        theta, memory = optimizer.step(objective, theta, memory)
        thetas.append(theta)
    return torch.stack(thetas), memory


def slope_at(objective, theta):
    point = theta.clone().requires_grad_()
    return torch.autograd.grad(objective.loss(point), point)[0]


@pytest.mark.parametrize("delays", ["fixed", "uniform", "geometric"])
def test_its_steps_are_those_of_its_equation(delays):
    objective = mlp_objective()
    optimizer = AsyncMomentum(learning_rate=0.05, momentum=0.6, delay=2, delays=delays, seed=3)
    thetas, _ = walk(optimizer, [objective.minibatch(b) for b in BATCHES], objective.start)
    # Polyak's form, over a list of all iterates: θ ← θ + μ(θ − θ₋) − η∇f(θ an age ago).
    path = [objective.start, objective.start]
    for k, batch in enumerate(BATCHES):
        old = path[max(1, k + 1 - optimizer.delay_at(k))]
        g = slope_at(objective.minibatch(batch), old)
        path.append(path[-1] + 0.6 * (path[-1] - path[-2]) - 0.05 * g)
    torch.testing.assert_close(thetas, torch.stack(path[1:]), rtol=1e-12, atol=1e-13)
    ball, _ = walk(
        HeavyBall(learning_rate=0.05, momentum=0.6),
        [objective.minibatch(b) for b in BATCHES],
        objective.start,
    )
    assert (ball[-1] - thetas[-1]).norm() > 1e-3


@pytest.mark.parametrize("delays", ["fixed", "uniform", "geometric"])
def test_without_delay_it_is_the_heavy_ball_bit_for_bit(delays):
    objective = mlp_objective()
    parts = [objective.minibatch(batch) for batch in BATCHES]
    late = AsyncMomentum(learning_rate=0.05, momentum=0.9, delay=0, delays=delays)
    ball = HeavyBall(learning_rate=0.05, momentum=0.9)
    thetas, (_, _, past) = walk(late, parts, objective.start)
    assert torch.equal(thetas, walk(ball, parts, objective.start)[0])
    assert past == ()


@pytest.mark.parametrize("delays", ["fixed", "uniform", "geometric"])
def test_it_keeps_no_more_iterates_than_it_may_need(delays):
    objective = mlp_objective()
    optimizer = AsyncMomentum(delay=2, delays=delays)
    thetas, (_, _, past) = walk(optimizer, [objective] * 14, objective.start)
    assert len(past) == optimizer.longest == {"fixed": 2, "uniform": 4, "geometric": 10}[delays]
    for age, kept in enumerate(past, start=1):
        assert torch.equal(kept, thetas[-1 - age])


def drawn(count=5_000, **choices):
    optimizer = AsyncMomentum(**choices)
    return np.array([optimizer.delay_at(step) for step in range(count)])


def test_delays_have_the_distributions_that_they_are_said_to_have():
    assert set(drawn(50, delay=4, delays="fixed")) == {4}
    uniform = collections.Counter(drawn(delay=4, delays="uniform"))
    assert sorted(uniform) == list(range(9))
    # Five standard errors of a count.
    assert all(abs(n - 5_000 / 9) < 5 * 5_000**0.5 / 3 for n in uniform.values())
    found = drawn(delay=4, delays="geometric")
    assert found.max() == 20
    q = 4 / 5
    for j in range(20):
        share = (1 - q) * q**j
        error = (share * (1 - share) / 5_000) ** 0.5
        assert abs((found == j).mean() - share) < 5 * error
    assert abs(found.mean() - 4 * (1 - q**20)) < 5 * 20**0.5 / 5_000**0.5


def test_delays_are_drawn_by_the_seed_and_the_step_alone():
    one, other = (drawn(100, delay=4, delays="geometric", seed=seed) for seed in (0, 1))
    assert (one == drawn(100, delay=4, delays="geometric", seed=0, momentum=0.1)).all()
    assert (one != other).any()


def growth(a, momentum, delay):
    """By what factor x changes in the long run where x₊ = x + μ(x − x₋) − a x(delay steps ago)."""
    coefficients = np.zeros(max(delay, 1) + 2)
    coefficients[:3] += (1, -1 - momentum, momentum)
    coefficients[1 + delay] += a
    return abs(np.roots(coefficients)).max()


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("delay", [0, 1, 7])
def test_on_a_quadratic_it_goes_at_the_speed_of_its_characteristic_polynomial(momentum, delay):
    for eta in (0.02, 0.2):
        optimizer = AsyncMomentum(learning_rate=eta, momentum=momentum, delay=delay)
        bowl = Quadratic(torch.eye(1), torch.zeros(1, 1))
        thetas, _ = walk(optimizer, [bowl] * 400, torch.ones(1).double())
        # Complex roots make it swing: the largest of a swing stands for its size.
        early, late = (float(thetas[k : k + 100].abs().max()) for k in (100, 300))
        assert math.log(late / early) / 200 == pytest.approx(
            math.log(growth(eta, momentum, delay)), abs=0.004
        )


@pytest.mark.parametrize("momentum", [0.7, 0.85, 0.95])
def test_the_longest_stable_delay_is_that_of_the_line(momentum):
    # In the limit of small steps (1 − μ)ẋ = −ηλx(t − τ), stable up to ηλτ = (1 − μ)π/2; Oja's
    # rule has λ = 2λ₁ along the first eigenvector, which makes it π(1 − μ)/(4ηλ₁).
    eta, largest = 5e-4, 4.0
    line = math.pi * (1 - momentum) / (4 * eta * largest)
    delays = range(2 * int(line))
    exact = bisect(delays, 1.0, key=lambda delay: growth(2 * eta * largest, momentum, delay)) - 1
    # Momentum itself is late, by some μ/(1 − μ) steps.
    assert line - 1.5 * momentum / (1 - momentum) - 1 <= exact <= line + 1

    def final(delay):
        optimizer = AsyncMomentum(learning_rate=eta, momentum=momentum, delay=delay)
        thetas, _ = walk(optimizer, [population] * 1500, torch.tensor([1.01, 0, 0, 0]).double())
        return float((thetas[-delay - 1 :, 0] - 1).abs().max())

    population = Chains(2 * torch.tensor([4.0, 3.0, 2.0, 1.0]).double().sqrt().diag()[:, None])
    assert final(round(0.7 * exact)) < 0.01 < final(round(1.3 * exact))


class Chains(Objective):
    """Oja's rule −(mean of (x·v)x − (x·v)²v) of C vectors v, each over its examples x (N, C, 4)."""

    def __init__(self, inputs):
        self.inputs = inputs
        self.examples = len(inputs)
        self.layout = Layout.of_shapes({"v": tuple(inputs.shape[1:])})

    def loss(self, theta):
        return -0.5 * (self.inputs * theta.view(-1, 4)).sum(2).square().mean()

    def value_and_gradient(self, theta):
        v = theta.view(-1, 4)
        along = (self.inputs * v).sum(2, keepdim=True)
        return self.loss(theta), -(along * (self.inputs - along * v)).mean(0).flatten()

    def restricted(self, indices):
        return Chains(self.inputs[indices])


def test_the_delay_that_is_bearable_under_noise_shrinks_as_momentum_grows():
    # After Liu et al., 2018, in small: larger steps, three delays, from the maximum on, where
    # there is no way to go. Bearable: an error of at most 1.5 times that without delay.
    eta, steps, chains = 1e-3, 1500, 20
    rng = random_streams.stream(0, "stream")
    drawn = torch.randn(steps, chains, 4, generator=rng, dtype=torch.float64)
    stream = Chains(drawn * torch.tensor([4.0, 3.0, 2.0, 1.0]).double().sqrt())
    parts = [stream.minibatch(torch.tensor([k])) for k in range(steps)]
    top = torch.tensor([1.0, 0.0, 0.0, 0.0]).double().repeat(chains)

    def error(momentum, delay):
        optimizer = AsyncMomentum(learning_rate=eta, momentum=momentum, delay=delay)
        v = walk(optimizer, parts, top)[0][steps // 2 :].view(-1, chains, 4)
        return float((1 - v[..., 0] ** 2 / v.square().sum(2)).mean())

    # The line lies at 59, 29 and 16.
    for momentum, bearable, unbearable in ((0.7, 40, 80), (0.85, 20, 40), (0.92, 10, 20)):
        most = 1.5 * error(momentum, 0)
        assert error(momentum, bearable) <= most
        assert not error(momentum, unbearable) <= most  # it may be NaN


def test_the_loss_noted_is_that_of_the_old_iterate():
    plain = {
        "problem": {"kind": "supervised", "dataset": {"kind": "moons", "points": 60}},
        "optimizer": {"kind": "async_momentum", "delay": 2},
        "batch_size": 60,
        "dtype": "float64",
        "steps": 6,
    }
    run = from_plain(Run, plain)
    states = list(train(run))
    objective = run.problem.build(run.seed, "cpu", torch.float64).train
    for k, (before, state) in enumerate(itertools.pairwise(states)):
        assert state.seen - before.seen == objective.examples == 60  # all of them at each step
        old = states[max(0, k - 2)].theta
        assert state.batch_loss == pytest.approx(float(objective.loss(old)), rel=1e-12)
