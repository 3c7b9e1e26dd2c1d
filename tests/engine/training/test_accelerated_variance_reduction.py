"""SARAH, SPIDER, Katyusha, Catalyst, SGD-BB and SVRG-BB against the loops of their papers."""

import itertools
import math

import numpy as np
import pytest
import torch

from cases import Quadratic, mlp_objective, normal, residual_objective
from landscape_core.foundation import random_streams
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.full_gradient import full_gradient
from landscape_core.training.optimizers.catalyst import Catalyst
from landscape_core.training.optimizers.katyusha import Katyusha
from landscape_core.training.optimizers.sgd_bb import SGDBB
from landscape_core.training.optimizers.spider import SPIDER
from landscape_core.training.optimizers.svrg import SVRG
from landscape_core.training.optimizers.vsgd import VSGD

CLOSE = {"rtol": 1e-10, "atol": 1e-12}
POINTS, SIZE, PENALTY = 20, 4, 0.05


class Logistic(Objective):
    """The mean of log(1 + exp(−bᵢ aᵢ·x)) + λ/2 ‖x‖², by autograd."""

    def __init__(self, a, b):
        self.a, self.b, self.examples = a, b, len(b)
        self.layout = Layout.of_shapes({"x": (a.shape[1],)})

    def loss(self, theta):
        losses = torch.nn.functional.softplus(-self.b * (self.a @ theta))
        return losses.mean() + PENALTY / 2 * theta.square().sum()

    def restricted(self, indices):
        return Logistic(self.a[indices], self.b[indices])


A, B = normal(POINTS, SIZE, seed=1), normal(POINTS, seed=2).sign()
START = normal(SIZE, seed=3)


def slope(x, batch=None):
    """The mean gradient over some examples, all by default, written out in NumPy."""
    a, b = A.numpy(), B.numpy()
    if batch is not None:
        a, b = a[batch], b[batch]
    return (-b / (1 + np.exp(b * (a @ x)))) @ a / len(b) + PENALTY * x


def batches(epochs, size):
    """Mini-batches of so many epochs, each in another order."""
    orders = (
        torch.randperm(POINTS, generator=random_streams.stream(epoch, "order"))
        for epoch in range(epochs)
    )
    return [batch for order in orders for batch in order.split(size)]


def walk(optimizer, objective, theta, order):
    """The iterates of mini-batch steps, the start included, as an array, and the last memory."""
    memory, thetas = optimizer.init(theta), [theta]
    for batch in order:
        theta, memory = optimizer.step(objective.minibatch(batch), theta, memory)
        thetas.append(theta)
    return torch.stack(thetas).numpy(), memory


def sarah(x, order, *, eta, m, radius=math.inf):
    last = v = x
    for k in itertools.count():
        i = next(order)  # where the gradient is full, the batch goes unused
        v = slope(x, i) - slope(last, i) + v if k % m else slope(x)
        last, x = x, x - min(eta, radius / np.linalg.norm(v)) * v
        yield x


def katyusha(x, order, *, eta, m, sigma):
    y = z = snapshot = x
    for s in itertools.count():
        tau = min(math.sqrt(m * sigma * eta), 0.5) if sigma else 2 / (s + 4)
        alpha, mu, ys = eta / tau, slope(snapshot), []
        for _ in range(m):
            i = next(order)
            x = tau * z + 0.5 * snapshot + (1 - tau - 0.5) * y
            g = mu + slope(x, i) - slope(snapshot, i)
            new = z - alpha * g
            y = x + tau * (new - z)  # option II
            z = new
            ys.append(y)
            yield y
        weights = (1 + alpha * sigma) ** np.arange(m)
        snapshot = weights @ np.array(ys) / weights.sum()


def catalyst(x, order, *, eta, m, kappa, mu):
    q = mu / (mu + kappa)
    alpha, y = math.sqrt(q) if mu else (math.sqrt(5) - 1) / 2, x
    while True:
        solution = x
        full = slope(x) + kappa * (x - y)
        for _ in range(m):  # SVRG on h(x) = f(x) + κ/2 ‖x − y‖²
            i = next(order)
            now, then = (slope(at, i) + kappa * (at - y) for at in (x, solution))
            x = x - eta * (now - then + full)
            yield x
        (new,) = (r.real for r in np.roots([1, alpha**2 - q, -(alpha**2)]) if 0 < r < 1)
        beta = alpha * (1 - alpha) / (alpha**2 + new)
        y, alpha = x + beta * (x - solution), new


def sgd_bb(x, order, *, eta, m, smoothed):
    averages, starts, c = [], [x], 1.0
    for k in itertools.count():
        if k > 1:
            s, y = starts[-1] - starts[-2], averages[-1] - averages[-2]
            eta = s @ s / abs(s @ y) / m
            if smoothed:
                c = c ** ((k - 2) / (k - 1)) * (eta * k) ** (1 / (k - 1))
                eta = c / k
        average, beta = np.zeros(len(x)), min(1.0, 10 / m)
        for _ in range(m):
            g = slope(x, next(order))
            x = x - eta * g
            average = beta * g + (1 - beta) * average
            yield x
        averages.append(average)
        starts.append(x)


def svrg_bb(x, order, *, eta, m):
    fulls, snapshots = [], []
    for k in itertools.count():
        full, snapshot = slope(x), x
        fulls.append(full)
        snapshots.append(x)
        if k > 0:
            s, y = snapshot - snapshots[-2], full - fulls[-2]
            eta = s @ s / (s @ y) / m
        for _ in range(m):
            i = next(order)
            x = x - eta * (slope(x, i) - slope(snapshot, i) + full)
            yield x


ALGORITHMS = {
    "sarah": (SPIDER(learning_rate=0.3, interval=1.5), sarah, {"eta": 0.3}, 1.5),
    "spider": (
        SPIDER(learning_rate=0.5, interval=2.0, radius=0.02),
        sarah,
        {"eta": 0.5, "radius": 0.02},
        2.0,
    ),
    "katyusha": (
        Katyusha(learning_rate=0.1, convexity=0.05),
        katyusha,
        {"eta": 0.1, "sigma": 0.05},
        2.0,
    ),
    "katyusha of half": (
        Katyusha(learning_rate=0.2, interval=1.0, convexity=5.0),
        katyusha,
        {"eta": 0.2, "sigma": 5.0},
        1.0,
    ),
    "katyusha, convex": (
        Katyusha(learning_rate=0.1, interval=1.0),
        katyusha,
        {"eta": 0.1, "sigma": 0.0},
        1.0,
    ),
    "catalyst": (
        Catalyst(learning_rate=0.2, kappa=0.3, interval=1.0, convexity=0.05),
        catalyst,
        {"eta": 0.2, "kappa": 0.3, "mu": 0.05},
        1.0,
    ),
    "catalyst, convex": (
        Catalyst(learning_rate=0.2, kappa=0.3),
        catalyst,
        {"eta": 0.2, "kappa": 0.3, "mu": 0.0},
        2.0,
    ),
    "sgd_bb": (
        SGDBB(learning_rate=0.05, smoothing=False, largest=1e8),
        sgd_bb,
        {"eta": 0.05, "smoothed": False},
        1.0,
    ),
    "sgd_bb, smoothed": (
        SGDBB(learning_rate=0.05, largest=1e8),
        sgd_bb,
        {"eta": 0.05, "smoothed": True},
        1.0,
    ),
    "svrg_bb": (
        SGDBB(learning_rate=0.05, interval=2.0, variance_reduction=True, largest=1e8),
        svrg_bb,
        {"eta": 0.05},
        2.0,
    ),
}


@pytest.mark.parametrize("size", [1, 4])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_its_steps_are_those_of_its_paper(name, size):
    optimizer, algorithm, constants, interval = ALGORITHMS[name]
    order, m = batches(6, size), round(interval * POINTS / size)
    thetas, _ = walk(optimizer, Logistic(A, B), START, order)
    theirs = algorithm(START.numpy(), (b.numpy() for b in order), m=m, **constants)
    for mine, other in zip(thetas[1:], itertools.islice(theirs, len(order)), strict=True):
        np.testing.assert_allclose(mine, other, **CLOSE)
    assert np.linalg.norm(thetas[-1] - thetas[0]) > 0.1


RULES = [
    *(SPIDER(learning_rate=0.2), SPIDER(learning_rate=0.2, radius=0.05)),
    *(Katyusha(), Catalyst(), SGDBB(), SGDBB(variance_reduction=True)),
]


@pytest.mark.parametrize("optimizer", RULES, ids=repr)
def test_a_batch_of_all_examples_makes_the_steps_of_the_whole(optimizer):
    objective = mlp_objective()
    theta, memory = objective.start, optimizer.init(objective.start)
    everything = [torch.randperm(20, generator=random_streams.stream(k, "all")) for k in range(8)]
    thetas, _ = walk(optimizer, objective, theta, everything)
    for of_batches in thetas[1:]:
        theta, memory = optimizer.step(objective, theta, memory)
        np.testing.assert_allclose(of_batches, theta.numpy(), rtol=1e-9, atol=1e-11)


def test_the_estimate_of_spider_is_exact_on_a_full_pass():
    objective, theta, memory = Logistic(A, B), START, None
    everything = torch.arange(POINTS)
    for _ in range(3):
        theta, memory = SPIDER(interval=100.0).step(objective.minibatch(everything), theta, memory)
        before, estimate, _ = memory
        np.testing.assert_allclose(estimate.numpy(), slope(before.numpy()), **CLOSE)
    # One example's estimate errs; the mean over all examples does not.
    drawn = [
        SPIDER(interval=100.0)
        .step(objective.minibatch(torch.tensor([i])), theta, memory)[1][1]
        .numpy()
        for i in range(POINTS)
    ]
    assert np.std(drawn, axis=0).min() > 1e-3
    np.testing.assert_allclose(np.mean(drawn, axis=0), slope(theta.numpy()), **CLOSE)


def test_spider_has_no_noise_where_all_curvatures_are_equal():
    objective = Quadratic(torch.diag(normal(6).abs()), normal(20, 6, seed=3))
    thetas, _ = walk(SPIDER(learning_rate=0.3), objective, torch.zeros(6).double(), batches(3, 4))
    factors = (1 - 0.3 * objective.hessian.diagonal()) ** torch.arange(16)[:, None]
    np.testing.assert_allclose(thetas, (objective.minimum * (1 - factors)).numpy(), **CLOSE)


def test_no_step_of_spider_is_longer_than_its_bound():
    thetas, _ = walk(SPIDER(learning_rate=0.5, radius=0.02), Logistic(A, B), START, batches(8, 2))
    steps = np.linalg.norm(np.diff(thetas, axis=0), axis=1)
    np.testing.assert_allclose(steps[:10], 0.02, rtol=1e-12)  # far from the minimum
    assert steps.max() < 0.02 * (1 + 1e-12)


def test_only_the_batch_of_the_step_moves_its_statistics():
    for optimizer in RULES:
        objective = residual_objective()
        batch = objective.minibatch(torch.arange(4))
        optimizer.step(batch, objective.start, None)
        assert int(batch.buffers["stem_norm.num_batches_tracked"]) == 1
        assert int(objective.buffers["stem_norm.num_batches_tracked"]) == 0


@pytest.mark.parametrize("optimizer", [*RULES, VSGD()], ids=repr)
def test_the_vectors_that_it_keeps_are_counted(optimizer):
    _, memory = walk(optimizer, Logistic(A, B), START, batches(1, 10))
    assert sum(map(torch.is_tensor, memory)) == optimizer.kept_vectors()


def test_the_full_gradient_is_the_mean_over_examples():
    part = Logistic(A, B).minibatch(torch.arange(3))
    np.testing.assert_allclose(full_gradient(part, START).numpy(), slope(START.numpy()), **CLOSE)


class Ridge(Objective):
    """The mean of ½(aᵢ·x − bᵢ)² + σ/2 ‖x‖², with its gradient in closed form."""

    def __init__(self, a, b, sigma):
        self.a, self.b, self.sigma, self.examples = a, b, sigma, len(b)
        self.layout = Layout.of_shapes({"x": (a.shape[1],)})

    def loss(self, theta):
        residuals = self.a @ theta - self.b
        return 0.5 * residuals.square().mean() + self.sigma / 2 * theta.square().sum()

    def value_and_gradient(self, theta):
        residuals = self.a @ theta - self.b
        gradient = self.a.T @ residuals / self.examples + self.sigma * theta
        return self.loss(theta), gradient

    def restricted(self, indices):
        return Ridge(self.a[indices], self.b[indices], self.sigma)

    @property
    def least(self):
        identity = torch.eye(self.a.shape[1], dtype=self.a.dtype)
        matrix = self.a.T @ self.a / self.examples + self.sigma * identity
        return torch.linalg.solve(matrix, self.a.T @ self.b / self.examples)


N, SIGMA = 20, 1e-3


@pytest.fixture(scope="module")
def ridge():
    """Ridge regression with rows of length 1: L = 1 + σ, condition number 1001."""
    a = normal(N, 6, seed=1) * torch.logspace(0, -2, 6, dtype=torch.float64)
    return Ridge(a / a.norm(dim=1, keepdim=True), normal(N, seed=2), SIGMA)


def excesses(optimizer, objective, steps):
    """The loss above the least after each of so many steps of single examples."""
    order = torch.randint(N, (steps, 1), generator=random_streams.stream(0, "order"))
    thetas, _ = walk(optimizer, objective, torch.zeros(6).double(), order)
    values = objective.losses(torch.from_numpy(thetas)) - objective.loss(objective.least)
    return values.numpy()


@pytest.mark.usefixtures("unchecked")
def test_katyusha_is_faster_than_svrg_on_an_ill_conditioned_ridge_regression(ridge):
    rate, steps = 1 / (3 * (1 + SIGMA)), 2000
    plain = excesses(SVRG(learning_rate=rate), ridge, steps)
    fast = excesses(Katyusha(learning_rate=rate, convexity=SIGMA), ridge, steps)
    assert fast[-1] < 1e-3 * plain[-1]
    # Theorem 2.1: after k steps the excess has fallen by (1 + √(σ/(3Lm))) to the power k, in mean.
    bound = (1 + math.sqrt(SIGMA * rate / (2 * N))) ** -np.arange(steps + 1)
    assert (fast[:: 2 * N] < 4 * bound[:: 2 * N] * fast[0]).all()


@pytest.mark.usefixtures("unchecked")
def test_catalyst_makes_gradient_descent_as_fast_as_an_accelerated_method():
    condition, steps, length = 400.0, 2000, 10
    objective = Quadratic(
        torch.logspace(0, -math.log10(condition), 6).double().diag(), normal(1, 6)
    )
    # Lin et al., section 3.2: for gradient descent κ = L − 2μ.
    constants = {"kappa": 1 - 2 / condition, "convexity": 1 / condition, "interval": length}
    catalyst, memory = Catalyst(learning_rate=0.5, **constants), None
    theta, found = torch.zeros(6, dtype=torch.float64), []
    start = theta
    for _ in range(steps):
        theta, memory = catalyst.step(objective, theta, memory)
        found.append(float(objective.loss(theta)))
    # Theorem 3.1: each problem takes off a share of 0.9 √q = 0.9 √(μ/(μ+κ)), if solved so well.
    assert found[-1] / found[steps // 2] < (1 - 0.9 * condition**-0.5) ** (steps / 2 / length)
    eigenvalues = objective.hessian.diagonal()
    slow = (1 - eigenvalues) ** (2 * steps) * eigenvalues / 2 * (start - objective.minimum) ** 2
    assert found[-1] < 1e-2 * float(slow.sum())  # the loss of gradient descent with η = 1/L


@pytest.mark.usefixtures("unchecked")
def test_sarah_reaches_the_minimum_of_a_noisy_regression(ridge):
    noisy = Ridge(ridge.a, ridge.b, 0.2)
    order = torch.randint(N, (3000, 1), generator=random_streams.stream(0, "order"))
    thetas, _ = walk(SPIDER(learning_rate=0.4), noisy, torch.zeros(6).double(), order)
    assert noisy.loss(torch.from_numpy(thetas[-1])) - noisy.loss(noisy.least) < 1e-12


@pytest.mark.parametrize("curvature", [0.5, 20.0])
def test_the_step_of_bb_is_the_inverse_of_the_curvature(curvature):
    objective = Quadratic(curvature * torch.eye(3), normal(POINTS, 3, seed=5))
    rates = {}
    for reduced in (True, False):
        optimizer = SGDBB(
            learning_rate=0.02 / curvature / POINTS,
            **{"variance_reduction": reduced, "smoothing": False, "largest": 1e8},
        )
        if not reduced:  # no noise, but the average of the gradients lags a little
            objective = Quadratic(curvature * torch.eye(3), normal(1, 3).expand(POINTS, 3))
        _, memory = walk(optimizer, objective, START[:3], batches(2 + (not reduced), 1)[:-1])
        rates[reduced] = memory[3] * POINTS * curvature
    assert rates[True] == pytest.approx(1, rel=1e-9)
    assert rates[False] == pytest.approx(1, rel=0.03)


def test_the_steps_of_svrg_bb_lie_between_those_of_the_largest_and_least_curvature():
    hessian = torch.diag(torch.tensor([1.0, 4.0, 16.0, 50.0]))
    objective, theta = Quadratic(hessian, normal(POINTS, 4)), START
    optimizer, memory, seen = SGDBB(variance_reduction=True, largest=1e8), None, set()
    for batch in batches(12, 4):
        theta, memory = optimizer.step(objective.minibatch(batch), theta, memory)
        if memory[0]:
            seen.add(memory[3] * 5)
    assert len(seen) == 11
    assert min(seen) > 1 / 50
    assert max(seen) < 1


def test_a_bb_step_is_at_most_the_largest_and_where_nothing_moves_it_is_that():
    objective = Quadratic(torch.zeros(2, 2), normal(POINTS, 2))
    optimizer = SGDBB(largest=0.5)
    thetas, memory = walk(optimizer, objective, START[:2], batches(4, 5))
    assert memory[3] == pytest.approx(math.sqrt(2 * 0.5 * 3 * 0.5) / 3)  # smoothed, k = 3
    assert np.ptp(thetas, axis=0).max() == 0
    _, memory = walk(optimizer.replace(smoothing=False), objective, START[:2], batches(4, 5))
    assert memory[3] == 0.5


class Bowl(Objective):
    """½ c ‖θ‖² of two equal examples, in any floating-point type."""

    def __init__(self, curvature, examples=2):
        self.curvature, self.examples = curvature, examples
        self.layout = Layout.of_shapes({"x": (2,)})

    def loss(self, theta):
        return 0.5 * self.curvature * theta.square().sum()

    def restricted(self, indices):
        return Bowl(self.curvature, len(indices))


@pytest.mark.parametrize(("curvature", "length", "eta"), [(1.0, 1e-25, 0.01), (1e14, 1.0, 1e-5)])
def test_a_bb_step_is_right_where_squares_leave_the_range_of_float32(curvature, length, eta):
    batch = Bowl(curvature).minibatch(torch.tensor([0]))
    rule = SGDBB(learning_rate=eta, interval=0.5, largest=1e8)
    rates = []
    for dtype in (torch.float32, torch.float64):
        theta, memory = length * torch.tensor([0.6, -0.8], dtype=dtype), None
        for _ in range(3):  # the third step is the first whose size is computed
            theta, memory = rule.step(batch, theta, memory)
        rates.append(memory[3])
    assert rates[0] == pytest.approx(rates[1], rel=1e-4)
    assert rates[1] < 100


def test_katyusha_goes_on_from_a_snapshot_at_which_the_rate_is_zero():
    still, rule = Katyusha(learning_rate=0.1, convexity=0.05), Katyusha(convexity=0.05)
    object.__setattr__(still, "learning_rate", 0.0)  # as a schedule scales it
    objective, order = Logistic(A, B), batches(1, 4)
    theta, memory = still.step(objective.minibatch(order[0]), START, None)
    assert torch.equal(theta, START)
    x = START.numpy()  # z has no weight until the next snapshot: x = ½w + ½y
    for batch in order[1:]:
        theta, memory = rule.step(objective.minibatch(batch), theta, memory)
        at, i = (START.numpy() + x) / 2, batch.numpy()
        x = at - 0.1 * (slope(at, i) - slope(START.numpy(), i) + slope(START.numpy()))
        np.testing.assert_allclose(theta.numpy(), x, **CLOSE)
