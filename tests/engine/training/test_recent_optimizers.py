"""Lion, Muon, SOAP, Sophia, schedule-free Adam, Adafactor and rarer rules against loops."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from cases import mlp_objective, normal, residual_objective, vectors, walk
from landscape_core.curvature.matrices.base import Matrix
from landscape_core.foundation import random_streams
from landscape_core.foundation.registry import make
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.objective import Objective
from landscape_core.models.parameters import Layout
from landscape_core.training.optimizers.accelerated_sgd import AcceleratedSGD
from landscape_core.training.optimizers.adafactor import Adafactor
from landscape_core.training.optimizers.adagrad_norm import AdaGradNorm
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.optimizers.adamw import AdamW
from landscape_core.training.optimizers.amsgrad import AMSGrad
from landscape_core.training.optimizers.lion import Lion
from landscape_core.training.optimizers.mass import MaSS
from landscape_core.training.optimizers.muon import Muon, orthogonalized
from landscape_core.training.optimizers.nesterov import Nesterov
from landscape_core.training.optimizers.padam import Padam
from landscape_core.training.optimizers.schedule_free_adam import ScheduleFreeAdam
from landscape_core.training.optimizers.soap import SOAP
from landscape_core.training.optimizers.sophia import Sophia
from landscape_core.training.optimizers.swats import SWATS

CLOSE = {"rtol": 1e-9, "atol": 1e-12}
LOOSE = {"rtol": 1e-6, "atol": 1e-8}
"""For eigenvectors, whose rounding errors grow with the inverse of the gaps of eigenvalues."""


class Square(Objective):
    """A function of two matrices and a vector whose gradients have full rank from the start."""

    examples = 1
    layout = Layout.of_shapes({"one": (4, 4), "other": (3, 3), "bias": (3,)})

    def __init__(self):
        self.goal = normal(28, seed=5)
        self.start = normal(28, seed=6)
        self.weights = normal(28, seed=7).exp()

    def loss(self, theta):
        off = theta - self.goal
        return (self.weights * off.square()).sum() + 0.1 * off.pow(4).sum() + off.sum().sin()

    def restricted(self, indices):
        return self


def slope_at(objective, theta):
    """The gradient as named NumPy arrays."""
    point = torch.as_tensor(theta).clone().requires_grad_()
    (g,) = torch.autograd.grad(objective.loss(point), point)
    return named(objective, g)


def named(objective, theta):
    return {name: one.numpy() for name, one in objective.layout.split(theta).items()}


def flat(arrays):
    return np.concatenate([one.reshape(-1) for one in arrays.values()])


def lion_steps(objective, theta, *, eta, beta1, beta2, decay):
    theta, m = theta.numpy(), np.zeros(len(theta))
    while True:
        g = flat(slope_at(objective, theta))
        c = beta1 * m + (1 - beta1) * g
        theta = theta - eta * (np.sign(c) + decay * theta)
        m = beta2 * m + (1 - beta2) * g
        yield theta


def schedule_free_steps(objective, theta, *, eta, beta1, beta2, epsilon, warmup, decay):
    x = z = theta.numpy()
    v, total = np.zeros(len(x)), 0.0
    for t in itertools.count(1):
        y = (1 - beta1) * z + beta1 * x
        g = flat(slope_at(objective, y))
        v = beta2 * v + (1 - beta2) * g**2
        rate = eta * min(1, t / warmup)
        z = z - rate * (g / (np.sqrt(v / (1 - beta2**t)) + epsilon) + decay * y)
        total += rate**2
        c = rate**2 / total
        x = (1 - c) * x + c * z
        yield x


def sophia_steps(objective, theta, *, eta, beta1, beta2, gamma, interval, epsilon, decay, seed):
    """With Hutchinson's estimator, whose Hessian is that of torch's dense one."""
    theta = theta.numpy()
    m = h = np.zeros(len(theta))
    for t in itertools.count():
        m = beta1 * m + (1 - beta1) * flat(slope_at(objective, theta))
        if t % interval == 0:
            point = torch.as_tensor(theta)
            H = torch.autograd.functional.hessian(objective.loss, point).numpy()
            rng = random_streams.stream(seed, "diagonal", t)
            u = torch.randn(len(theta), generator=rng, dtype=torch.float64).numpy()
            h = beta2 * h + (1 - beta2) * u * (H @ u)
        theta = (1 - eta * decay) * theta
        theta = theta - eta * np.clip(m / np.maximum(gamma * h, epsilon), -1, 1)
        yield theta


def soap_steps(objective, theta, *, eta, beta1, beta2, epsilon, interval, decay):
    """Of matrices by algorithm 3 of the paper, and of vectors by Adam."""
    weights = named(objective, theta)
    M = {name: np.zeros_like(w) for name, w in weights.items()}
    V, L, R, Q, P = dict(M), {}, {}, {}, {}
    for t in itertools.count(1):
        gradients, new = slope_at(objective, torch.from_numpy(flat(weights))), {}
        factor = eta * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        for name, W in weights.items():
            G = gradients[name]
            M[name] = beta1 * M[name] + (1 - beta1) * G
            if G.ndim == 1:
                V[name] = beta2 * V[name] + (1 - beta2) * G**2
                new[name] = W - factor * M[name] / (np.sqrt(V[name]) + epsilon)
            else:
                if t == 1:
                    L[name], R[name] = (1 - beta2) * G @ G.T, (1 - beta2) * G.T @ G
                    Q[name], P[name] = (np.linalg.eigh(one[name])[1][:, ::-1] for one in (L, R))
                q, p = Q[name], P[name]
                V[name] = beta2 * V[name] + (1 - beta2) * (q.T @ G @ p) ** 2
                step = (q.T @ M[name] @ p) / (np.sqrt(V[name]) + epsilon)
                new[name] = W - factor * q @ step @ p.T
                L[name] = beta2 * L[name] + (1 - beta2) * G @ G.T
                R[name] = beta2 * R[name] + (1 - beta2) * G.T @ G
                if t % interval == 0:
                    rows, columns = (
                        np.argsort(-np.diag(basis.T @ one @ basis))
                        for basis, one in ((q, L[name]), (p, R[name]))
                    )
                    V[name] = V[name][rows][:, columns]
                    Q[name] = np.linalg.qr((L[name] @ q)[:, rows])[0]
                    P[name] = np.linalg.qr((R[name] @ p)[:, columns])[0]
            new[name] = new[name] * (1 - eta * decay)
        weights = new
        yield flat(weights)


def adagrad_norm_steps(objective, theta, *, eta, start, decay):
    theta, b = theta.numpy(), start
    while True:
        g = flat(slope_at(objective, theta)) + decay * theta
        b = math.hypot(b, np.linalg.norm(g))
        theta = theta - eta / b * g
        yield theta


def padam_steps(objective, theta, *, eta, beta1, beta2, power, epsilon, decay):
    theta = theta.numpy()
    m = v = u = np.zeros(len(theta))
    for t in itertools.count(1):
        g = flat(slope_at(objective, theta)) + decay * theta
        m = beta1 * m + (1 - beta1) * g
        v = beta2 * v + (1 - beta2) * g**2
        u = np.maximum(u, v)
        rate = eta * math.sqrt(1 - beta2**t) / (1 - beta1**t)
        theta = theta - rate * m / (np.sqrt(u) + epsilon) ** (2 * power)
        yield theta


def mass_steps(objective, theta, *, eta, alpha, kappa, decay):
    """In the authors' parameters."""
    w = u = theta.numpy()
    gamma, second = (1 - alpha) / (1 + alpha), eta * (1 - 1 / kappa) / (1 + alpha)
    while True:
        g = flat(slope_at(objective, u)) + decay * u
        before, w = w, u - eta * g
        u = (1 + gamma) * w - gamma * before + second * g
        yield u


def accelerated_sgd_steps(objective, theta, *, eta, kappa, xi, decay):
    """Of the paper's algorithm, with its three step sizes."""
    w = v = theta.numpy()
    long, alpha = kappa * eta / 0.7, 1 - 0.7**2 * xi / kappa
    while True:
        g = flat(slope_at(objective, w)) + decay * w
        v = alpha * v + (1 - alpha) * (w - long * g)
        w = 0.7 / (0.7 + (1 - alpha)) * (w - eta * g) + (1 - alpha) / (0.7 + (1 - alpha)) * v
        yield w


def swats_steps(objective, theta, *, eta, beta1, beta2, epsilon, tolerance, decay):
    theta = theta.numpy()
    m = a = average = np.zeros(len(theta))
    average, rate = 0.0, None
    for t in itertools.count(1):
        g = flat(slope_at(objective, theta)) + decay * theta
        if rate is not None:
            velocity = beta1 * velocity + g
            theta = theta - (1 - beta1) * rate * velocity
            yield theta
            continue
        m, a = beta1 * m + (1 - beta1) * g, beta2 * a + (1 - beta2) * g**2
        p = -eta * m / (1 - beta1**t) / (np.sqrt(a / (1 - beta2**t)) + epsilon)
        theta = theta + p
        yield theta
        gamma = p @ p / -(p @ g)
        average = beta2 * average + (1 - beta2) * gamma
        if t > 1 and abs(average / (1 - beta2**t) - gamma) < tolerance:
            rate, velocity = average / (1 - beta2**t), np.zeros(len(theta))


EQUATIONS = {
    "adagrad_norm": (
        AdaGradNorm(learning_rate=0.7, start=0.5, weight_decay=0.05),
        adagrad_norm_steps,
        {"eta": 0.7, "start": 0.5, "decay": 0.05},
    ),
    "padam": (
        Padam(
            **{"learning_rate": 0.05, "beta1": 0.8, "beta2": 0.7, "power": 0.2},
            **{"epsilon": 1e-6, "weight_decay": 0.05},
        ),
        padam_steps,
        {
            **{"eta": 0.05, "beta1": 0.8, "beta2": 0.7, "power": 0.2},
            **{"epsilon": 1e-6, "decay": 0.05},
        },
    ),
    "mass": (
        MaSS(
            **{"learning_rate": 0.02, "momentum": 0.8 / 1.2, "compensation": 0.6 / 1.2},
            **{"weight_decay": 0.05},
        ),
        mass_steps,
        {"eta": 0.02, "alpha": 0.2, "kappa": 2.5, "decay": 0.05},
    ),
    "accelerated_sgd": (
        AcceleratedSGD(learning_rate=0.01, long_step=50.0, advantage=5.0, weight_decay=0.05),
        accelerated_sgd_steps,
        {"eta": 0.01, "kappa": 50.0, "xi": 5.0, "decay": 0.05},
    ),
    "swats": (
        SWATS(
            **{"learning_rate": 0.05, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-6},
            **{"tolerance": 0.01, "weight_decay": 0.05},
        ),
        swats_steps,
        {
            **{"eta": 0.05, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-6},
            **{"tolerance": 0.01, "decay": 0.05},
        },
    ),
    "lion": (
        Lion(learning_rate=0.03, beta1=0.8, beta2=0.95, weight_decay=0.1),
        lion_steps,
        {"eta": 0.03, "beta1": 0.8, "beta2": 0.95, "decay": 0.1},
    ),
    "schedule_free_adam": (
        ScheduleFreeAdam(
            learning_rate=0.1, beta1=0.8, beta2=0.95, epsilon=1e-6, warmup=7, weight_decay=0.05
        ),
        schedule_free_steps,
        {
            **{"eta": 0.1, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6},
            **{"warmup": 7, "decay": 0.05},
        },
    ),
    "sophia": (
        Sophia(
            **{"learning_rate": 0.05, "beta1": 0.8, "beta2": 0.7, "gamma": 1.0, "interval": 3},
            **{"epsilon": 1e-3, "weight_decay": 0.05, "estimator": "hutchinson", "seed": 4},
        ),
        sophia_steps,
        {
            **{"eta": 0.05, "beta1": 0.8, "beta2": 0.7, "gamma": 1.0, "interval": 3},
            **{"epsilon": 1e-3, "decay": 0.05, "seed": 4},
        },
    ),
    "soap": (
        SOAP(
            **{"learning_rate": 0.05, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-6},
            **{"interval": 3, "weight_decay": 0.05},
        ),
        soap_steps,
        {
            **{"eta": 0.05, "beta1": 0.8, "beta2": 0.9, "epsilon": 1e-6},
            **{"interval": 3, "decay": 0.05},
        },
    ),
}


@pytest.mark.parametrize("name", EQUATIONS)
def test_its_steps_are_those_of_its_equations(name):
    objective, (optimizer, steps, constants) = Square(), EQUATIONS[name]
    thetas, _ = walk(optimizer, objective, objective.start, 20)
    theirs = steps(objective, objective.start, **constants)
    for mine, other in zip(thetas[1:], theirs, strict=False):
        np.testing.assert_allclose(mine.numpy(), other, **(LOOSE if "soap" in name else CLOSE))
    assert (thetas[-1] - thetas[0]).norm() > 0.1


def torch_walk(make_optimizer, objective, steps):
    """The iterates of optimizers of torch over the tensors of an objective, one a row."""
    tensors = {
        name: one.clone().requires_grad_()
        for name, one in objective.layout.split(objective.start).items()
    }
    optimizers = make_optimizer(tensors)
    for _ in range(steps):
        theta = torch.cat([one.reshape(-1) for one in tensors.values()])
        for one, g in zip(
            tensors.values(),
            torch.autograd.grad(objective.loss(theta), list(tensors.values())),
            strict=True,
        ):
            one.grad = g
        for optimizer in optimizers:
            optimizer.step()
        yield torch.cat([one.detach().reshape(-1) for one in tensors.values()])


@pytest.mark.parametrize("objective", [Square(), residual_objective()], ids=["square", "residual"])
def test_adafactor_makes_the_steps_of_torch(objective):
    options = {"lr": 0.1, "beta2_decay": -0.7, "eps": (1e-5, 1e-2), "d": 1.2, "weight_decay": 0.1}
    optimizer = Adafactor(
        **{"learning_rate": 0.1, "decay": 0.7, "epsilon": 1e-5, "smallest": 1e-2},
        **{"clip": 1.2, "weight_decay": 0.1},
    )
    thetas, _ = walk(optimizer, objective, objective.start, 20)
    theirs = torch_walk(
        lambda tensors: [torch.optim.Adafactor(tensors.values(), **options)], objective, 20
    )
    for mine, other in zip(thetas[1:], theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-11)


def test_adafactor_leaves_tensors_without_a_gradient_where_they_are():
    still = Square()
    still.loss = lambda theta: theta[:16].square().sum()
    theta = still.start.float()
    thetas, _ = walk(Adafactor(epsilon=1e-30), still, theta, 3)
    assert bool(thetas[-1].isfinite().all())
    assert torch.equal(thetas[-1][16:], theta[16:])


def test_soap_goes_on_with_another_largest_dimension():
    objective = Square()
    for before, after in [(3, 4), (4, 3), (1, 1000)]:
        optimizer = SOAP(largest=before, interval=2)
        thetas, memory = walk(optimizer, objective, objective.start, 5)
        changed = SOAP(largest=after, interval=2)
        theta, memory = changed.step(objective, thetas[-1], memory)
        sizes = [[len(basis) for basis in own] for own in memory[4]]
        assert sizes == [[4 * (after >= 4)] * 2, [3 * (after >= 3)] * 2, []]
        for _ in range(40):
            theta, memory = changed.step(objective, theta, memory)
        assert objective.loss(theta) < objective.loss(thetas[-1])


@pytest.fixture
def torch_in_full_precision(monkeypatch):
    """Lets the iteration of torch's Muon run in float64 where it would in bfloat16."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)


@pytest.mark.parametrize("scale", ["original", "match_rms_adamw"])
@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.usefixtures("torch_in_full_precision")
def test_muon_makes_the_steps_of_torch_on_matrices_and_adamw_on_the_rest(scale, nesterov):
    objective = mlp_objective()
    optimizer = Muon(
        **{"learning_rate": 0.03, "momentum": 0.8, "nesterov": nesterov, "scale": scale},
        **{"iterations": 4, "weight_decay": 0.2},
    )
    muon = {"lr": 0.03, "momentum": 0.8, "nesterov": nesterov, "adjust_lr_fn": scale}

    def both(tensors):
        matrices = [one for one in tensors.values() if one.dim() == 2]
        rest = [one for one in tensors.values() if one.dim() == 1]
        yield torch.optim.Muon(matrices, ns_steps=4, weight_decay=0.2, **muon)
        yield torch.optim.AdamW(rest, lr=0.03, weight_decay=0.2)

    thetas, _ = walk(optimizer, objective, objective.start, 15)
    theirs = torch_walk(lambda tensors: list(both(tensors)), objective, 15)
    for mine, other in zip(thetas[1:], theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-9, atol=1e-11)


def test_muon_treats_kernels_as_matrices_of_one_row_a_channel():
    objective = residual_objective()
    thetas, _ = walk(Muon(learning_rate=0.1, scale="original"), objective, objective.start, 1)
    g = objective.layout.split(objective.gradient(objective.start))
    moved = objective.layout.split(thetas[1] - thetas[0])
    expected = -0.1 * orthogonalized(g["first.weight"].flatten(1), 5)
    torch.testing.assert_close(moved["first.weight"].flatten(1), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("shape", [(6, 4), (4, 6), (5, 5)])
def test_the_iteration_of_muon_moves_singular_values_near_one_and_keeps_the_vectors(shape):
    matrix = normal(*shape, seed=2)
    found = orthogonalized(matrix, 5)
    U, _, Vt = torch.linalg.svd(matrix, full_matrices=False)
    core = U.T @ found @ Vt.T
    torch.testing.assert_close(core, core.diagonal().diag(), rtol=0, atol=1e-12)
    assert core.diagonal().min() > 0.6
    assert core.diagonal().max() < 1.3


def test_soap_without_bases_is_adam():
    objective = mlp_objective()
    constants = {"learning_rate": 0.03, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-16}
    one, _ = walk(SOAP(largest=1, **constants), objective, objective.start, 15)
    other, _ = walk(Adam(**constants), objective, objective.start, 15)
    torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-10)
    turned, _ = walk(SOAP(**constants), objective, objective.start, 15)
    assert (turned[-1] - other[-1]).norm() > 1e-2


def test_soap_does_not_depend_on_the_basis_of_a_matrix():
    left, right = (torch.linalg.qr(normal(3, 3, seed=n)).Q for n in (3, 4))
    goal, start = normal(3, 3, seed=1), normal(3, 3, seed=2)
    columns = torch.tensor([1.0, 3.0, 9.0], dtype=torch.float64)

    class Turned(Objective):
        examples, layout = 1, Layout.of_shapes({"matrix": (3, 3)})

        def __init__(self, left, right):
            self.left, self.right = left, right

        def loss(self, theta):
            off = self.left.T @ theta.reshape(3, 3) @ self.right - goal
            return (off * columns).square().sum() + off.pow(4).sum()

        def restricted(self, indices):
            return self

    unit = torch.eye(3, dtype=torch.float64)

    def apart(optimizer):
        one, _ = walk(optimizer, Turned(unit, unit), start.reshape(-1), 12)
        moved = (left @ start @ right.T).reshape(-1)
        other, _ = walk(optimizer, Turned(left, right), moved, 12)
        return (one.reshape(-1, 3, 3) - left.T @ other.reshape(-1, 3, 3) @ right).abs().max()

    assert apart(SOAP(learning_rate=0.1, interval=2)) < 1e-4
    assert apart(Adam(learning_rate=0.1)) > 0.1


@pytest.mark.usefixtures("unchecked")
def test_the_mean_estimate_of_gauss_newton_bartlett_is_the_diagonal_of_the_matrix():
    module = torch.nn.Linear(3, 3).double()
    objective, draws = ModelObjective(module, cross_entropy, *vectors(4)), 150
    theta, optimizer = objective.start, Sophia(beta2=0.0, interval=1)
    nothing = torch.zeros_like(theta)
    found = torch.stack(
        [
            optimizer.step(objective, theta, (index, nothing, nothing))[1][2]
            for index in range(draws)
        ]
    )
    matrix = make(Matrix, "gauss_newton").at(objective, theta)
    exact = matrix.apply(torch.eye(len(theta), dtype=torch.float64)).diagonal()
    assert ((found.mean(0) - exact).abs() < 5 * found.std(0) / draws**0.5).all()
    assert (exact > 0.01).all()


def test_no_entry_of_a_step_of_sophia_or_lion_is_longer_than_the_rate():
    objective = mlp_objective()
    for optimizer in (Sophia(learning_rate=0.05, gamma=1e-4), Lion(learning_rate=0.05)):
        thetas, _ = walk(optimizer, objective, objective.start, 5)
        longest = thetas.diff(dim=0).abs().max(1).values
        torch.testing.assert_close(longest, torch.full_like(longest, 0.05))


def test_schedule_free_adam_shows_the_average_and_takes_the_gradient_elsewhere():
    objective = Square()
    looked = []

    class Noting(Square):
        def loss(self, theta):
            looked.append(theta.detach().clone())
            return objective.loss(theta)

    optimizer = ScheduleFreeAdam(learning_rate=0.1, beta1=0.7)
    thetas, memory = walk(optimizer, Noting(), objective.start, 9)
    # With equal step sizes θ is the mean of z₁ … z₉, and y lies between θ and z.
    z = [(y - 0.7 * x) / 0.3 for y, x in zip(looked, thetas, strict=False)][1:]
    z = [*z, memory[1]]
    torch.testing.assert_close(thetas[-1], torch.stack(z).mean(0), rtol=1e-9, atol=1e-12)
    assert (looked[-1] - thetas[-2]).norm() > 1e-3


def test_adafactor_keeps_rows_and_columns_only():
    objective = residual_objective()
    _, (t, moments) = walk(Adafactor(), objective, objective.start, 2)
    shapes = {
        b.name: [tuple(m.shape) for m in own]
        for b, own in zip(objective.layout.blocks, moments, strict=True)
    }
    assert t == 2
    assert shapes["first.weight"] == [(3, 3, 3, 1), (3, 3, 1, 3)]
    assert shapes["head.bias"] == [(3,)]


def test_muon_moves_what_is_no_matrix_as_adamw():
    objective = Square()
    one, _ = walk(Muon(learning_rate=0.02, weight_decay=0.1), objective, objective.start, 1)
    other, _ = walk(AdamW(learning_rate=0.02, weight_decay=0.1), objective, objective.start, 1)
    torch.testing.assert_close(one[1][25:], other[1][25:], rtol=1e-12, atol=0)
    assert not torch.allclose(one[1][:25], other[1][:25])


@pytest.mark.parametrize(
    ("optimizer", "other"),
    [
        (MaSS(learning_rate=0.05, compensation=0.0), Nesterov(learning_rate=0.05)),
        (Padam(power=0.5, epsilon=1e-16), AMSGrad(learning_rate=0.05, epsilon=1e-16)),
        (SWATS(tolerance=1e-12), Adam()),
    ],
    ids=["mass", "padam", "swats"],
)
def test_at_the_end_of_its_range_it_is_another(optimizer, other):
    objective = mlp_objective()
    one, _ = walk(optimizer, objective, objective.start, 20)
    two, _ = walk(other, objective, objective.start, 20)
    torch.testing.assert_close(one, two, rtol=1e-9, atol=1e-11)


def test_swats_switches_and_its_schedule_goes_on():
    objective, optimizer = Square(), EQUATIONS["swats"][0]
    theta, memory = objective.start, optimizer.init(objective.start)
    phases = []
    for _ in range(20):
        theta, memory = optimizer.step(objective, theta, memory)
        phases.append(memory[-1] > 0)
    assert not phases[0]
    assert phases[-1]
    assert phases == sorted(phases)
    full, _ = optimizer.step(objective, theta, memory)
    half, _ = optimizer.replace(learning_rate=0.025).step(objective, theta, memory)
    torch.testing.assert_close(2 * (half - theta), full - theta, rtol=1e-9, atol=1e-12)
