"""Optimizers that torch lacks make the steps of their papers; all go at the speed of theory."""

import itertools
import math

import pytest
import torch
from scipy.linalg import fractional_matrix_power, inv, sqrtm
from scipy.stats import kstest

from cases import bowl, mlp_objective, normal
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.accelerated import Accelerated
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.adine import ADINE
from landscape_core.training.optimizers.amsgrad import AMSGrad
from landscape_core.training.optimizers.barzilai_borwein import BarzilaiBorwein
from landscape_core.training.optimizers.coordinate_descent import CoordinateDescent
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.optimizers.lamb import LAMB
from landscape_core.training.optimizers.lars import LARS
from landscape_core.training.optimizers.lbfgs import LBFGS
from landscape_core.training.optimizers.noisy_gradient import NoisyGradient
from landscape_core.training.optimizers.perturbed_descent import PerturbedDescent
from landscape_core.training.optimizers.sam import SAM
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.optimizers.shampoo import Shampoo


class Function(Objective):
    """A given function of one flat vector, whose tensors have these shapes."""

    examples = 1

    def __init__(self, function, **shapes):
        self.loss = function
        self.layout = Layout.of_shapes(shapes)

    def loss(self, theta):
        raise NotImplementedError

    def restricted(self, indices):
        return self


class Diagonal(Objective):
    """½ Σ hᵢθᵢ², one vector, with its gradient in closed form: for walks of many steps."""

    examples = 1

    def __init__(self, eigenvalues):
        self.h = torch.as_tensor(eigenvalues, dtype=torch.float64)
        self.layout = Layout.of_shapes({"theta": (len(self.h),)})

    def loss(self, theta):
        return 0.5 * (self.h * theta) @ theta

    def value_and_gradient(self, theta):
        return self.loss(theta), self.h * theta

    def restricted(self, indices):
        return self


class Slope(Objective):
    """A constant gradient; the quick answer of an optimizer's long walk over one number."""

    examples = 1
    layout = Layout.of_shapes({"x": (1,)})

    def __init__(self, slope):
        self.slope = torch.tensor([slope], dtype=torch.float64)

    def loss(self, theta):
        return self.slope @ theta

    def gradient(self, theta):
        return self.slope

    def restricted(self, indices):
        return self


def iterates(optimizer, objective, theta):
    """The iterates without end, the start included."""
    memory = optimizer.init(theta)
    while True:
        yield theta
        theta, memory = optimizer.step(objective, theta, memory)


def walk(optimizer, objective, theta, steps):
    """The iterates of so many steps, the start included."""
    return torch.stack(list(itertools.islice(iterates(optimizer, objective, theta), steps + 1)))


def steps_until(reached, optimizer, objective, theta):
    """The number of steps until the iterates have reached what is asked; at most 20,000."""
    found = enumerate(iterates(optimizer, objective, theta))
    return next(count for count, point in found if reached(point) or count == 20_000)


def slope_at(objective, theta):
    point = theta.clone().requires_grad_()
    return torch.autograd.grad(objective.loss(point), point)[0]


# Steps written from the papers' equations, tensor by tensor, without the optimizers' own means.


def lars_steps(objective, theta, *, eta, mu, c, decay):
    layout = objective.layout
    velocity = {block.name: 0.0 for block in layout.blocks}
    while True:
        weights, gradients = layout.split(theta), layout.split(slope_at(objective, theta))
        new = {}
        for name, w in weights.items():
            g = gradients[name]
            local = c * w.norm() / (g.norm() + decay * w.norm()) if w.dim() > 1 else 1.0
            velocity[name] = mu * velocity[name] + eta * local * (g + decay * w)
            new[name] = w - velocity[name]
        theta = layout.join(new)
        yield theta


def lamb_steps(objective, theta, *, eta, beta1, beta2, epsilon, decay, cap):
    layout = objective.layout
    m = v = {block.name: 0.0 for block in layout.blocks}
    for t in itertools.count(1):
        weights, gradients = layout.split(theta), layout.split(slope_at(objective, theta))
        m = {k: beta1 * m[k] + (1 - beta1) * g for k, g in gradients.items()}
        v = {k: beta2 * v[k] + (1 - beta2) * g**2 for k, g in gradients.items()}
        new = {}
        for name, w in weights.items():
            r = (m[name] / (1 - beta1**t)) / ((v[name] / (1 - beta2**t)).sqrt() + epsilon)
            r = r + decay * w
            ratio = min(w.norm(), cap) / r.norm() if w.dim() > 1 else 1.0
            new[name] = w - eta * ratio * r
        theta = layout.join(new)
        yield theta


def accelerated_steps(objective, theta, *, eta, restart):
    x, y, k = theta, theta, 0
    while True:
        g = slope_at(objective, y)
        new = y - eta * g
        if restart and g @ (new - x) > 0:
            k = 0
        y = new + k / (k + 3) * (new - x)
        x, k = new, k + 1
        yield y


def adine_steps(objective, theta, *, eta, standard, greater, delta):
    v, smooth = torch.zeros_like(theta), float(objective.loss(theta))
    while True:
        before, smooth = smooth, (smooth + float(objective.loss(theta))) / 2
        m = standard if smooth > delta * before else greater
        v = m * v - eta * slope_at(objective, theta + m * v)
        theta = theta + v
        yield theta


def sam_steps(objective, theta, *, eta, rho, mu, decay):
    v = torch.zeros_like(theta)
    while True:
        g = slope_at(objective, theta)
        v = mu * v + slope_at(objective, theta + rho * g / g.norm()) + decay * theta
        theta = theta - eta * v
        yield theta


def cyclic_steps(objective, theta, *, eta, block):
    for first in itertools.count(0, block):
        theta, g = theta.clone(), slope_at(objective, theta)
        for i in range(first, first + block):
            theta[i % len(theta)] -= eta * g[i % len(theta)]
        yield theta


def two_point_steps(objective, theta, *, eta, length):
    g = slope_at(objective, theta)
    while True:
        s = -eta * g
        theta = theta + s
        yield theta
        before, g = g, slope_at(objective, theta)
        y = g - before
        eta = abs(s @ s / (s @ y) if length == "long" else s @ y / (y @ y))


def shampoo_steps(objective, theta, *, eta, epsilon):
    layout = objective.layout
    sums = {
        block.name: [epsilon * torch.eye(size, dtype=theta.dtype) for size in block.shape]
        for block in layout.blocks
    }
    while True:
        weights, gradients = layout.split(theta), layout.split(slope_at(objective, theta))
        new = {}
        for name, w in weights.items():
            g = gradients[name]
            if w.dim() == 1:
                sums[name][0] += torch.outer(g, g)
                step = inverse_root(sums[name][0]) @ g
            else:
                sums[name][0] += g @ g.T
                sums[name][1] += g.T @ g
                left, right = (inverse_root(inverse_root(one).inverse()) for one in sums[name])
                step = left @ g @ right
            new[name] = w - eta * step
        theta = layout.join(new)
        yield theta


def inverse_root(matrix):
    return torch.as_tensor(inv(sqrtm(matrix.numpy())))


def power(matrix, exponent):
    return torch.as_tensor(fractional_matrix_power(matrix.numpy(), exponent))


EQUATIONS = {
    "lars": (
        LARS(learning_rate=0.3, momentum=0.8, trust_coefficient=0.05, weight_decay=0.02),
        lars_steps,
        {"eta": 0.3, "mu": 0.8, "c": 0.05, "decay": 0.02},
    ),
    "lamb": (
        LAMB(learning_rate=0.03, beta1=0.8, beta2=0.95, epsilon=1e-4, weight_decay=0.1, cap=1.5),
        lamb_steps,
        {"eta": 0.03, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-4, "decay": 0.1, "cap": 1.5},
    ),
    "accelerated": (
        Accelerated(learning_rate=0.5, restart=False),
        accelerated_steps,
        {"eta": 0.5, "restart": False},
    ),
    "adine": (
        ADINE(learning_rate=0.2, momentum=0.5, greater_momentum=1.05, tolerance=0.99),
        adine_steps,
        {"eta": 0.2, "standard": 0.5, "greater": 1.05, "delta": 0.99},
    ),
    "sam": (
        SAM(learning_rate=0.05, rho=0.3, momentum=0.8, weight_decay=0.02),
        sam_steps,
        {"eta": 0.05, "rho": 0.3, "mu": 0.8, "decay": 0.02},
    ),
    "coordinate_descent": (
        CoordinateDescent(learning_rate=0.5, block=7, order="cyclic"),
        cyclic_steps,
        {"eta": 0.5, "block": 7},
    ),
    "barzilai_borwein-short": (
        BarzilaiBorwein(learning_rate=0.1, length="short", largest=1e8),
        two_point_steps,
        {"eta": 0.1, "length": "short"},
    ),
    "barzilai_borwein-long": (
        BarzilaiBorwein(learning_rate=0.1, length="long", largest=1e8),
        two_point_steps,
        {"eta": 0.1, "length": "long"},
    ),
    "shampoo": (
        Shampoo(learning_rate=0.1, epsilon=0.01),
        shampoo_steps,
        {"eta": 0.1, "epsilon": 0.01},
    ),
}


@pytest.mark.parametrize(
    ("optimizer", "steps", "constants"), EQUATIONS.values(), ids=EQUATIONS.keys()
)
def test_its_steps_are_those_of_its_equations(optimizer, steps, constants):
    objective = mlp_objective()
    thetas = walk(optimizer, objective, objective.start, 20)
    theirs = steps(objective, objective.start, **constants)
    for mine, other in zip(thetas[1:], theirs, strict=False):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-13)
    assert (thetas[-1] - thetas[0]).norm() > 0.1


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("adine", {"momentum": 1.05}),
        ("adine", {"greater_momentum": 0.5}),
        ("lamb", {"cap": 1e6}),
        ("lamb", {"cap": 1e-3}),
    ],
)
def test_the_walk_above_takes_both_ways_of_its_switch(name, other):
    objective, (optimizer, _, _) = mlp_objective(), EQUATIONS[name]
    one, two = (
        walk(o, objective, objective.start, 20)[-1] for o in (optimizer, optimizer.replace(**other))
    )
    assert (one - two).norm() > 1e-3


def test_its_restart_is_that_of_its_equations():
    objective, start = bowl([0.5, 1.0, 2.0, 5.0]), normal(4, seed=6)
    thetas = walk(Accelerated(learning_rate=0.1), objective, start, 60)
    theirs = accelerated_steps(objective, start, eta=0.1, restart=True)
    for mine, other in zip(thetas[1:], theirs, strict=False):
        torch.testing.assert_close(mine, other, rtol=1e-12, atol=1e-13)
    without = walk(Accelerated(learning_rate=0.1, restart=False), objective, start, 60)
    assert (without[-1] - thetas[-1]).norm() > 1e-3


def test_restart_saves_two_thirds_of_the_steps_and_more():
    h = torch.logspace(-4, 0, 50, dtype=torch.float64)
    start = torch.ones(50, dtype=torch.float64)

    def steps(restart):
        optimizer = Accelerated(learning_rate=1.0, restart=restart)
        return steps_until(lambda x: (h * x) @ x < 2e-10, optimizer, Diagonal(h), start)

    # The loss without restart falls like 1/k² until strong convexity shows.
    assert 3 * steps(restart=True) < steps(restart=False) < 20_000


def regret_walk(kind, steps=1500):
    """Of Reddi et al., theorem 1: slopes 3, −1, −1 in turn on [−1, 1]; x = −1 is best."""
    optimizer = kind(beta1=0.0, beta2=0.1, epsilon=1e-16)
    slopes = [Slope(-1.0), Slope(3.0), Slope(-1.0)]
    x, paid = torch.zeros(1, dtype=torch.float64), 0.0
    memory = optimizer.init(x)
    for t in range(1, steps + 1):
        objective = slopes[t % 3]
        paid += float(objective.loss(x + 1.0))
        x, memory = optimizer.replace(learning_rate=0.5 / t**0.5).step(objective, x, memory)
        x = x.clamp(-1, 1)
    return float(x), paid / steps


def test_adam_ends_at_the_worst_point_of_the_example_of_reddi_and_amsgrad_at_the_best():
    worst, much = regret_walk(Adam)
    best, little = regret_walk(AMSGrad)
    assert worst > 0.99
    assert best < -0.99
    assert much > 0.5
    assert little < 0.05


class Saddle(Objective):
    """½x² − y²/20 + y⁴/4: a saddle at 0, minima at (0, ±√0.1)."""

    examples = 1
    layout = Layout.of_shapes({"point": (2,)})

    def loss(self, theta):
        x, y = theta
        return 0.5 * x**2 - 0.05 * y**2 + y**4 / 4

    def gradient(self, theta):
        x, y = theta
        return torch.stack([x, y**3 - 0.1 * y])

    def restricted(self, indices):
        return self


SADDLE = Saddle()


def test_momentum_beyond_one_leaves_a_saddle_in_less_than_half_the_steps():
    start = torch.tensor([1.0, 1e-6], dtype=torch.float64)

    def left(point):
        return abs(float(point[1])) > 0.5 * 0.1**0.5

    def steps(momentum, greater):
        optimizer = ADINE(learning_rate=0.01, momentum=momentum, greater_momentum=greater)
        return steps_until(left, optimizer, SADDLE, start)

    usual, beyond, adaptive = steps(0.9, 0.9), steps(1.0001, 1.0001), steps(0.9, 1.0001)
    assert beyond < 0.4 * usual
    assert beyond < adaptive < 0.6 * usual
    end = walk(ADINE(learning_rate=0.01), SADDLE, start, 1000)[-1]
    torch.testing.assert_close(end.abs(), torch.tensor([0.0, 0.1**0.5]).double(), rtol=0, atol=0.05)


@pytest.mark.parametrize("where", ["gradient", "weights"])
def test_noise_leaves_the_saddle_at_which_gradient_descent_stays(where):
    start = torch.tensor([1.0, 0.0], dtype=torch.float64)  # the way of descent ends in the saddle
    noisy = NoisyGradient(learning_rate=0.3, noise=0.01, where=where)
    assert walk(SGD(learning_rate=0.3), SADDLE, start, 400)[-1].norm() < 1e-12
    assert abs(float(walk(noisy, SADDLE, start, 400)[-1][1])) > 0.25


def test_a_perturbation_comes_where_the_gradient_is_small_and_time_has_passed():
    """Jin et al., 2017, algorithm 2, as a plain loop over what the iterates tell of their moves."""
    curvature, rate, bound, wait = torch.tensor([1.0, 0.5, -1e-3]).double(), 0.3, 0.2, 7
    optimizer = PerturbedDescent(learning_rate=rate, bound=bound, radius=0.05, wait=wait)
    thetas = walk(optimizer, Diagonal(curvature), torch.tensor([1.0, 1.0, 0.0]).double(), 60)
    last, times = -1 - wait, []
    for t, (theta, after) in enumerate(itertools.pairwise(thetas)):
        moved = after / (1 - rate * curvature) - theta
        if (curvature * theta).norm() <= bound and t - last > wait:
            last = t
            times.append(t)
            assert 1e-6 < moved.norm() <= 0.05
        else:
            torch.testing.assert_close(moved, torch.zeros_like(moved), rtol=0, atol=1e-14)
    assert len(times) == 7
    assert times[0] > 3


def test_perturbations_are_uniform_in_the_ball():
    start, objective = torch.zeros(3, dtype=torch.float64), Diagonal(torch.zeros(3))
    moves = torch.stack(
        [walk(PerturbedDescent(radius=0.5, seed=i), objective, start, 1)[1] for i in range(600)]
    )
    lengths = moves.norm(dim=1)
    assert kstest((lengths / 0.5) ** 3, "uniform").pvalue > 1e-3
    assert kstest((moves[:, 0] / lengths + 1) / 2, "uniform").pvalue > 1e-3  # of Archimedes
    assert moves.mean(0).abs().max() < 5 * 0.5 / (5 * 600) ** 0.5


def test_a_perturbation_leaves_the_saddle_at_which_gradient_descent_stays():
    start = torch.tensor([1.0, 0.0], dtype=torch.float64)
    optimizer = PerturbedDescent(learning_rate=0.3, bound=1e-3, radius=0.01)
    assert abs(float(walk(optimizer, SADDLE, start, 400)[-1][1])) > 0.25


@pytest.mark.parametrize("where", ["gradient", "weights"])
def test_the_noise_is_normal_and_fades_as_it_says(where):
    size, rate = 4000, 0.1
    objective = Diagonal(torch.ones(size))  # whose gradient moves as the weights do
    optimizer = NoisyGradient(learning_rate=rate, noise=0.3, where=where, fading=1.0, seed=5)
    thetas = walk(optimizer, objective, torch.zeros(size, dtype=torch.float64), 50)
    noise = (thetas[:-1] - thetas[1:]) / rate - thetas[:-1]
    expected = 0.3 * torch.arange(1, 51, dtype=torch.float64) ** -0.5
    torch.testing.assert_close(noise.std(1), expected, rtol=0.06, atol=0)  # 5 standard errors
    unit = noise / expected[:, None]
    assert unit.mean(1).abs().max() < 5 / size**0.5
    assert abs(float((unit**4).mean()) - 3) < 0.15  # 5 standard errors
    assert (unit @ unit.T / size - torch.eye(50)).fill_diagonal_(0).abs().max() < 5.5 / size**0.5
    other = walk(optimizer.replace(seed=6), objective, thetas[0], 1)
    assert not torch.equal(other[1], thetas[1])


def test_exact_coordinate_descent_solves_a_separable_quadratic_in_one_round():
    objective = Diagonal([1.0, 10.0, 100.0, 1000.0])
    start = normal(4, seed=1)
    optimizer = CoordinateDescent(block=1, order="cyclic", length="exact")
    for count, theta in enumerate(walk(optimizer, objective, start, 4)):
        expected = torch.cat([torch.zeros(count), start[count:]])
        torch.testing.assert_close(theta, expected, rtol=0, atol=1e-14)


def test_exact_coordinate_descent_is_the_method_of_gauss_and_seidel():
    objective = bowl([1.0, 3.0, 7.0, 20.0])
    matrix, right = objective.hessian, objective.hessian @ objective.minimum
    theta = start = normal(4, seed=2)
    optimizer = CoordinateDescent(block=1, order="cyclic", length="exact")
    thetas = walk(optimizer, objective, start, 40)
    for _ in range(10):
        theta = torch.linalg.solve_triangular(
            matrix.tril(), (right - matrix.triu(1) @ theta)[:, None], upper=False
        )[:, 0]
    torch.testing.assert_close(thetas[-1], theta, rtol=1e-11, atol=1e-12)


def test_exact_coordinate_descent_takes_the_fixed_step_where_the_loss_is_not_convex():
    objective, start = Diagonal([-1.0]), torch.ones(1, dtype=torch.float64)
    thetas = walk(CoordinateDescent(learning_rate=0.1, length="exact"), objective, start, 1)
    torch.testing.assert_close(thetas[1], 1.1 * start)


def test_random_coordinate_descent_moves_its_block_alone_and_all_in_time():
    objective, rate = mlp_objective(), 0.3
    thetas = walk(
        CoordinateDescent(learning_rate=rate, block=5, seed=3), objective, objective.start, 100
    )
    moves = thetas[1:] - thetas[:-1]
    for theta, move in zip(thetas, moves, strict=False):
        assert (move != 0).sum() == 5
        full = -rate * slope_at(objective, theta)
        torch.testing.assert_close(move[move != 0], full[move != 0], rtol=1e-9, atol=1e-14)
    drawn = (moves != 0).double()
    assert drawn.any(0).all()
    # Each weight is drawn 100·5/P times on average, independently at each step.
    share = 5 / len(objective.start)
    assert (drawn.mean(0) - share).abs().max() < 5 * (share / 100) ** 0.5
    other = walk(CoordinateDescent(block=5, seed=4), objective, objective.start, 1)
    assert not torch.equal(other[1] != other[0], thetas[1] != thetas[0])


@pytest.mark.parametrize(
    ("optimizer", "share"),
    [
        (BarzilaiBorwein(largest=1e8, learning_rate=1e-4), 0.05),
        (BarzilaiBorwein(largest=1e8, learning_rate=1e-4, length="long"), 0.05),
        (LBFGS(), 0.01),
        (LBFGS(search="fixed"), 0.01),
    ],
    ids=["short", "long", "searched", "fixed"],
)
def test_a_narrow_valley_takes_a_small_share_of_the_steps_of_gradient_descent(optimizer, share):
    condition = 1e4
    objective, start = Diagonal(torch.logspace(0, 4, 20)), normal(20, seed=3)

    def arrived(theta):
        return theta.norm() < 1e-6 * start.norm()

    # Gradient descent at its best rate: the distance falls by (κ−1)/(κ+1) at each step.
    descent = math.log(1e-6) / math.log((condition - 1) / (condition + 1))
    assert steps_until(arrived, optimizer, objective, start) < share * descent


def test_the_step_of_barzilai_and_borwein_is_positive_and_bounded_where_the_loss_is_not_convex():
    start = torch.ones(2, dtype=torch.float64)
    for length in ("short", "long"):
        optimizer = BarzilaiBorwein(length=length, largest=3.0)
        _, rate = optimizer.step(Diagonal([-4.0, -4.0]), start, None)
        assert rate == pytest.approx(0.25)
        _, rate = optimizer.step(Diagonal([-0.01, -0.01]), start, None)
        assert rate == 3.0
        _, rate = optimizer.step(Slope(1.0), start[:1], None)
        assert rate == 3.0


def test_the_search_of_lbfgs_lowers_the_loss_whatever_the_rate():
    objective = mlp_objective()
    losses = objective.losses(walk(LBFGS(learning_rate=100.0), objective, objective.start, 30))
    assert (losses.diff() < 0).all()
    assert losses[-1] < 0.1 * losses[0]


def test_lbfgs_keeps_no_pair_of_negative_curvature_and_so_goes_on_downhill():
    objective, start = Diagonal([-1.0, -2.0]), torch.ones(2, dtype=torch.float64)
    optimizer, memory = LBFGS(), LBFGS().init(start)
    theta, memory = optimizer.step(objective, start, memory)
    assert len(memory[0]) == len(memory[1]) == 0
    assert objective.loss(theta) < objective.loss(start)


def test_lbfgs_finds_the_minimum_of_a_loss_with_tiny_gradients_in_float32():
    objective = Diagonal([1e-6, 3e-6])
    objective.h = objective.h.float()
    thetas = walk(LBFGS(search="fixed"), objective, torch.ones(2), 60)
    assert thetas.isfinite().all()
    assert thetas[-1].norm() < 1e-3


def test_lbfgs_keeps_so_many_pairs_and_no_more():
    objective = mlp_objective()
    optimizer, theta = LBFGS(pairs=3), objective.start
    memory, kept = optimizer.init(theta), []
    for _ in range(5):
        theta, memory = optimizer.step(objective, theta, memory)
        kept.append(len(memory[0]))
    assert kept == [1, 2, 3, 3, 3]


@pytest.mark.parametrize(
    "optimizer", [LARS(weight_decay=0.0), LAMB(weight_decay=0.0, epsilon=1e-16)]
)
def test_a_layer_moves_by_its_own_size_however_large_the_loss(optimizer):
    plain = mlp_objective()
    large = Function(lambda theta: 1e6 * plain.loss(theta))
    large.layout = plain.layout
    one, two = (walk(optimizer, loss, plain.start, 1)[1] - plain.start for loss in (plain, large))
    rate = optimizer.learning_rate * getattr(optimizer, "trust_coefficient", 1.0)
    for block in plain.layout.blocks:
        if block.has_filters:
            torch.testing.assert_close(block.of(one), block.of(two), rtol=1e-6, atol=0)
            assert float(block.of(one).norm() / block.of(plain.start).norm()) == pytest.approx(rate)


@pytest.mark.parametrize("optimizer", [LARS(), LAMB()])
def test_a_layer_that_starts_at_zero_moves_by_the_rate_alone(optimizer):
    objective = Function(lambda theta: (theta - 1.0).square().sum(), matrix=(2, 3))
    moved = walk(optimizer, objective, torch.zeros(6, dtype=torch.float64), 1)[1]
    gradient = 2.0 if isinstance(optimizer, LARS) else 1.0
    torch.testing.assert_close(
        moved, torch.full_like(moved, gradient * optimizer.learning_rate), rtol=1e-5, atol=0
    )


def test_sam_without_a_ball_is_the_heavy_ball():
    objective = mlp_objective()
    one, two = (walk(kind, objective, objective.start, 10) for kind in (SAM(rho=0.0), HeavyBall()))
    torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-14)


def test_sam_drifts_along_a_valley_to_where_it_is_widest():
    # All points x = 0 are minima, of curvature 1 + y². SAM swings between x = ±s and looks ρ
    # further out, where the slope along y is y(ρ + s)²; near y = 0 its swing is s = ηρ/(2 − η).
    objective = Function(lambda p: 0.5 * p[0] ** 2 * (1 + p[1] ** 2), point=(2,))
    start = torch.tensor([0.1, 1.0], dtype=torch.float64)
    constants = {"learning_rate": 0.05, "momentum": 0.0}
    stays = walk(HeavyBall(**constants), objective, start, 300)[-1]
    drifts = walk(SAM(rho=0.3, **constants), objective, start, 800)
    factor = 1 - 0.05 * (0.3 + 0.05 * 0.3 / (2 - 0.05)) ** 2
    assert float(stays[1]) > 0.98
    assert float(drifts[-1][1] / drifts[700][1]) == pytest.approx(factor**100, rel=0.01)
    assert 0 < float(drifts[-1][1]) < 0.05


def test_sam_stands_still_where_the_gradient_vanishes():
    start = torch.zeros(2, dtype=torch.float64)
    assert torch.equal(walk(SAM(), Diagonal([1.0, 2.0]), start, 1)[1], start)


def test_shampoo_on_a_tensor_of_three_sides_multiplies_by_a_power_of_each():
    weights, target = normal(24, seed=4), normal(24, seed=5)
    objective = Function(lambda theta: (theta - target).pow(4).sum(), kernel=(2, 3, 4))
    g = slope_at(objective, weights).reshape(2, 3, 4)
    sums = [
        torch.einsum(two, g, g) + 0.01 * torch.eye(n)
        for two, n in (("iab,jab->ij", 2), ("aib,ajb->ij", 3), ("abi,abj->ij", 4))
    ]
    step = torch.einsum("abc,ia,jb,kc->ijk", g, *(power(h, -1 / 6) for h in sums))
    moved = walk(Shampoo(learning_rate=0.1, epsilon=0.01), objective, weights, 1)[1]
    torch.testing.assert_close(moved, weights - 0.1 * step.flatten(), rtol=1e-12, atol=1e-13)
    # Sides longer than the largest keep their diagonals.
    for n, axes in enumerate(((1, 2), (0, 2), (0, 1))):
        if len(sums[n]) > 2:
            sums[n] = (g.square().sum(axes) + 0.01).diag()
    step = torch.einsum("abc,ia,jb,kc->ijk", g, *(power(h, -1 / 6) for h in sums))
    optimizer = Shampoo(learning_rate=0.1, epsilon=0.01, largest=2)
    moved = walk(optimizer, objective, weights, 1)[1]
    torch.testing.assert_close(moved, weights - 0.1 * step.flatten(), rtol=1e-12, atol=1e-13)


def test_shampoo_moves_a_single_number_as_adagrad():
    objective = Function(lambda theta: 2.0 * theta.square().sum(), gain=())
    moved = walk(Shampoo(learning_rate=0.1), objective, torch.ones(1, dtype=torch.float64), 1)[1]
    assert float(moved) == pytest.approx(1 - 0.1 * 4 / (16 + 1e-4) ** 0.5, rel=1e-12)


def test_shampoo_gives_a_diverged_run_its_end_and_no_error():
    objective = Function(lambda theta: theta.sum() * torch.nan, matrix=(3, 4))
    assert walk(Shampoo(), objective, torch.ones(12, dtype=torch.float64), 1)[1].isnan().all()
