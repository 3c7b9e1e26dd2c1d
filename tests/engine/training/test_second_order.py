"""Optimizers that use curvature, against dense matrices, loops and closed forms, in float64."""

import itertools

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy
from torch.nn.utils import parametrizations

from cases import Quadratic, bowl, filled, mlp_objective, normal, residual_objective
from landscape_core.curvature.layer_gradients import (
    gradients_of_layers,
    layers_of,
    output_hessian_roots,
    sampled_gradients,
    target_gradients,
    times_roots,
)
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers import mini_block_fisher
from landscape_core.training.optimizers.hessian_free import HessianFree
from landscape_core.training.optimizers.k_bfgs import KBFGS
from landscape_core.training.optimizers.kfac import KFAC
from landscape_core.training.optimizers.mini_block_fisher import MiniBlockFisher
from landscape_core.training.optimizers.natural_gradient import NaturalGradient
from landscape_core.training.optimizers.newton import Newton
from landscape_core.training.optimizers.saddle_free_newton import SaddleFreeNewton
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.optimizers.tnt import TNT

CLOSE = {"rtol": 1e-9, "atol": 1e-12}
"""Two ways to the same numbers, with systems of condition up to 10⁵ solved on the way."""


def halved_square(outputs, targets):
    return 0.5 * (outputs - targets).square().flatten(1).sum(1)


def regression(module, inputs, *, seed=0):
    """Half the squared distance of a module's outputs from random targets."""
    with torch.no_grad():
        targets = normal(*module(inputs).shape, seed=seed + 50)
    return ModelObjective(module, halved_square, inputs, targets)


def explicit_jacobian(objective, theta):
    """The derivative of each number that the network gives, one after another, (N, C, P)."""
    point = theta.detach().requires_grad_()
    outputs = objective.outputs(point)
    rows = [torch.autograd.grad(one, point, retain_graph=True)[0] for one in outputs.reshape(-1)]
    return torch.stack(rows).reshape(*outputs.shape, -1)


def output_hessian(objective, theta, example):
    """The Hessian of an example's cross-entropy or squared error in its outputs."""
    outputs = objective.outputs(theta).detach()[example]
    if objective.loss_function is cross_entropy:
        p = outputs.softmax(0)
        return p.diag() - p.outer(p)
    return torch.eye(len(outputs), dtype=outputs.dtype)


def dense_gauss_newton(objective, theta):
    """Σ Jᵀ H J / N by plain loops."""
    jacobian = explicit_jacobian(objective, theta)
    parts = [j.T @ output_hessian(objective, theta, n) @ j for n, j in enumerate(jacobian)]
    return torch.stack(parts).mean(0)


def example_gradients(objective, theta):
    """The gradient of each example's own loss, (N, P)."""
    return torch.stack(
        [objective.between(n, n + 1).gradient(theta) for n in range(objective.examples)]
    )


def steps_of(optimizer, objective, theta, count=3):
    """(theta, memory before, theta after) of some steps."""
    memory = optimizer.init(theta)
    for _ in range(count):
        after, new = optimizer.step(objective, theta, memory)
        yield theta, memory, after
        theta, memory = after, new


def identity(size):
    return torch.eye(size, dtype=torch.float64)


# Natural gradient


@pytest.mark.parametrize("made", [mlp_objective, residual_objective], ids=["mlp", "residual"])
@pytest.mark.parametrize("examples", [4, 40])  # fewer and more rows than parameters
def test_the_natural_gradient_is_that_of_the_dense_fisher_matrix(made, examples):
    objective = made(examples=examples)
    optimizer = NaturalGradient(learning_rate=0.5, damping=0.01)
    for theta, _, after in steps_of(optimizer, objective, objective.start):
        f = dense_gauss_newton(objective, theta)
        d = torch.linalg.solve(f + 0.01 * identity(len(theta)), objective.gradient(theta))
        torch.testing.assert_close(after, theta - 0.5 * d, **CLOSE)


@pytest.mark.parametrize("examples", [5, 80])
def test_the_empirical_one_is_that_of_the_examples_gradients(examples):
    objective = mlp_objective(examples=examples)
    optimizer = NaturalGradient(learning_rate=0.5, damping=0.01, fisher="empirical")
    for theta, _, after in steps_of(optimizer, objective, objective.start):
        g = example_gradients(objective, theta)
        f = g.T @ g / examples + 0.01 * identity(len(theta))
        torch.testing.assert_close(after, theta - 0.5 * torch.linalg.solve(f, g.mean(0)), **CLOSE)


def test_the_fisher_matrix_is_the_mean_over_the_labels_that_the_model_draws():
    objective = mlp_objective(examples=6)
    theta = objective.start
    logs = objective.outputs(theta.requires_grad_(False).detach()).log_softmax(1)
    f = torch.zeros(len(theta), len(theta), dtype=torch.float64)
    for label in range(3):
        targets = torch.full((6,), label)
        drawn = ModelObjective(objective.module, cross_entropy, objective.inputs, targets)
        g = example_gradients(drawn, theta)
        f += (logs[:, label].exp()[:, None] * g).T @ g / 6
    torch.testing.assert_close(f, dense_gauss_newton(objective, theta), **CLOSE)


def test_in_a_batch_that_shares_its_statistics_the_jacobian_is_that_of_the_whole_batch():
    objective = residual_objective(examples=8).minibatch(torch.arange(8))
    buffers = {name: value.clone() for name, value in objective.buffers.items()}
    theta = objective.start
    after, _ = NaturalGradient(learning_rate=1.0, damping=0.1).step(objective, theta, None)
    moved = {name: value.clone() for name, value in objective.buffers.items()}
    fresh = residual_objective(examples=8).with_batch_norm("batch")
    f = dense_gauss_newton(fresh, theta) + 0.1 * identity(len(theta))
    d = torch.linalg.solve(f, fresh.gradient(theta))
    torch.testing.assert_close(after, theta - d, **CLOSE)
    plain = residual_objective(examples=8).minibatch(torch.arange(8))
    plain.gradient(theta)  # the statistics have been moved once, by the gradient
    assert moved.keys() == plain.buffers.keys()
    assert all(torch.equal(moved[name], plain.buffers[name]) for name in moved)
    assert any(not torch.equal(moved[name], buffers[name]) for name in moved)


@pytest.mark.parametrize(
    "kind",
    [HessianFree, NaturalGradient, KFAC, KBFGS, MiniBlockFisher, Newton, SaddleFreeNewton, TNT],
)
def test_a_step_moves_the_running_statistics_as_one_evaluation_does(kind):
    objective, plain = (residual_objective().minibatch(torch.arange(6)) for _ in range(2))
    kind().step(objective, objective.start, kind().init(objective.start))
    plain.gradient(plain.start)
    for name, buffer in plain.buffers.items():
        assert torch.equal(objective.buffers[name], buffer), name


def test_without_a_network_it_is_newtons_step():
    objective = bowl([0.01, 1.0, 100.0])
    theta = objective.minimum + normal(3, seed=4)
    after, _ = NaturalGradient(learning_rate=1.0, damping=1e-12).step(objective, theta, None)
    # The damping leaves a share 10⁻¹² / 0.01 of the distance.
    torch.testing.assert_close(after, objective.minimum, rtol=1e-9, atol=1e-9)


def test_without_a_network_the_empirical_one_takes_the_examples_one_by_one():
    objective = bowl([0.5, 1.0, 2.0], examples=7)
    theta = objective.minimum + 1.0
    optimizer = NaturalGradient(learning_rate=1.0, damping=0.1, fisher="empirical")
    after, _ = optimizer.step(objective, theta, None)
    g = (theta - objective.centres) @ objective.hessian
    f = g.T @ g / 7 + 0.1 * identity(3)
    torch.testing.assert_close(after, theta - torch.linalg.solve(f, g.mean(0)), **CLOSE)


def tanh_regression(inputs, targets, seed):
    module = filled(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)), seed=seed)
    return ModelObjective(module, halved_square, inputs, targets)


def test_the_natural_gradient_does_not_see_an_affine_change_of_inputs_gradient_descent_does():
    inputs = normal(200, 2, seed=1)
    teacher = tanh_regression(inputs, normal(200, 2), seed=3)
    near = teacher.start + 0.2 * normal(len(teacher.start), seed=4)
    targets = teacher.outputs(near).detach() + 0.1 * normal(200, 2, seed=5)
    m = torch.tensor([[3.0, 1.0], [-0.5, 0.4]], dtype=torch.float64)
    c = torch.tensor([1.0, -2.0], dtype=torch.float64)
    one = tanh_regression(inputs, targets, seed=3)
    other = tanh_regression(inputs @ m.T + c, targets, seed=3)

    def changed(theta):
        """The weights that do to the changed inputs what theta does to the inputs."""
        parts = {name: value.clone() for name, value in one.layout.split(theta).items()}
        parts["0.weight"] = parts["0.weight"] @ torch.linalg.inv(m)
        parts["0.bias"] = parts["0.bias"] - parts["0.weight"] @ c
        return one.layout.join(parts)

    def apart(optimizer):
        """The distance of what the two predict, at most, on 10 steps."""
        pair, distances = [one.start, changed(one.start)], []
        for _ in range(10):
            pair = [
                optimizer.step(f, at, None)[0] for f, at in zip((one, other), pair, strict=True)
            ]
            found = [f.outputs(at).detach() for f, at in zip((one, other), pair, strict=True)]
            distances.append(float((found[0] - found[1]).abs().max()))
        return max(distances)

    assert apart(NaturalGradient(learning_rate=0.3, damping=1e-12)) < 1e-6
    assert apart(SGD(learning_rate=0.03)) > 1e-2


def test_the_natural_gradient_refuses_a_matrix_that_does_not_fit():
    wide = ModelObjective(
        nn.Linear(10_000, 3), cross_entropy, torch.zeros(3, 10_000), torch.arange(3)
    )
    NaturalGradient().check_objective(wide)  # nine rows
    more = ModelObjective(
        nn.Linear(10_000, 3), cross_entropy, torch.zeros(3000, 10_000), torch.zeros(3000).long()
    )
    with pytest.raises(SpecError, match=r"number of parameters .* 30003"):
        NaturalGradient().check_objective(more)
    NaturalGradient(fisher="empirical").check_objective(more.first(30))
    large = Quadratic(torch.zeros(1, 1), torch.zeros(1, 12_000))
    with pytest.raises(SpecError, match="12000"):
        NaturalGradient().check_objective(large)
    NaturalGradient(fisher="empirical").check_objective(large)


def test_where_the_run_has_diverged_the_steps_are_no_numbers():
    objective = mlp_objective()
    theta = torch.full_like(objective.start, torch.nan)
    for kind in (NaturalGradient, KFAC, MiniBlockFisher, HessianFree, Newton, SaddleFreeNewton):
        after, _ = kind().step(objective, theta, kind().init(theta))
        assert after.isnan().all(), kind


# Newton and saddle-free Newton


def dense_hessian(objective, theta):
    return torch.autograd.functional.hessian(objective.loss, theta)


@pytest.mark.parametrize("negative", ["shifted", "kept"])
def test_newtons_step_solves_the_damped_system_of_the_dense_hessian(negative):
    objective = mlp_objective()
    optimizer = Newton(learning_rate=0.3, damping=0.05, negative=negative, search="fixed")
    indefinite = 0
    for theta, _, after in steps_of(optimizer, objective, objective.start):
        h, g = dense_hessian(objective, theta), objective.gradient(theta)
        lowest = float(torch.linalg.eigvalsh(h)[0])
        indefinite += lowest < 0
        tau = 0.05 - min(0.0, lowest) if negative == "shifted" else 0.05
        d = torch.linalg.solve(h + tau * identity(len(g)), g)
        torch.testing.assert_close(after, theta - 0.3 * d, rtol=1e-7, atol=1e-9)
    assert indefinite


def test_the_saddle_free_step_divides_by_the_absolute_hessian():
    objective = mlp_objective()
    optimizer = SaddleFreeNewton(learning_rate=0.3, floor=0.02, search="fixed")
    for theta, _, after in steps_of(optimizer, objective, objective.start):
        _, sizes, right = torch.linalg.svd(dense_hessian(objective, theta))
        assert sizes.min() < 0.02 < sizes.max()
        absolute = right.T @ torch.diag(sizes.clamp(min=0.02)) @ right
        d = torch.linalg.solve(absolute, objective.gradient(theta))
        torch.testing.assert_close(after, theta - 0.3 * d, rtol=1e-7, atol=1e-9)


def test_newton_goes_to_a_saddle_point_and_the_other_two_leave_it():
    curvatures = torch.tensor([1.0, -0.1], dtype=torch.float64)
    saddle = Quadratic(torch.diag(curvatures), torch.zeros(1, 2))
    start = torch.tensor([1.0, 1e-3], dtype=torch.float64)
    kept, shifted, free = (
        optimizer.step(saddle, start, None)[0]
        for optimizer in (
            Newton(damping=1e-9, negative="kept"),
            Newton(damping=0.1),
            SaddleFreeNewton(),
        )
    )
    torch.testing.assert_close(kept, torch.zeros_like(start), rtol=0, atol=1e-8)
    torch.testing.assert_close(
        free, torch.tensor([0.0, 2e-3], dtype=torch.float64), rtol=0, atol=1e-12
    )
    # The shifted Hessian is diag(1.2, 0.1), and −g = (−1, 1e-4).
    torch.testing.assert_close(shifted, torch.tensor([1 - 1 / 1.2, 2e-3], dtype=torch.float64))


@pytest.mark.parametrize("kind", [Newton, SaddleFreeNewton])
def test_backtracking_takes_the_first_halved_step_that_lowers_the_loss_enough(kind):
    objective, halved = mlp_objective(), set()
    for theta, _, after in steps_of(kind(learning_rate=8.0), objective, objective.start, 6):
        full = kind(learning_rate=8.0, search="fixed").step(objective, theta, None)[0] - theta
        value, slope = objective.loss(theta), objective.gradient(theta) @ full
        share = next(
            2.0**-i
            for i in range(20)
            if objective.loss(theta + 2.0**-i * full) <= value + 1e-4 * 2.0**-i * slope
        )
        torch.testing.assert_close(after, theta + share * full)
        halved.add(share)
    assert min(halved) < 1


@pytest.mark.parametrize("kind", [Newton, SaddleFreeNewton])
def test_too_many_parameters_for_a_dense_hessian_are_refused(kind):
    wide = ModelObjective(
        nn.Linear(1000, 3), cross_entropy, torch.zeros(2, 1000), torch.zeros(2).long()
    )
    with pytest.raises(SpecError, match=r"number of parameters .* 3003"):
        kind().check_objective(wide)
    kind().check_objective(mlp_objective())


# Hessian-free


@pytest.mark.parametrize("made", [mlp_objective, residual_objective], ids=["mlp", "residual"])
def test_conjugate_gradients_run_to_the_end_solve_the_dense_system(made):
    objective = made()
    size = len(objective.start)
    optimizer = HessianFree(damping=0.1, iterations=2 * size, tolerance=0.0, search="fixed")
    for theta, (damping, _), after in steps_of(optimizer, objective, objective.start):
        g, matrix = objective.gradient(theta), dense_gauss_newton(objective, theta)
        p = -torch.linalg.solve(matrix + damping * identity(size), g)
        torch.testing.assert_close(after - theta, p, rtol=1e-8, atol=1e-10)


def test_damping_follows_the_trust_in_the_model():
    objective = mlp_objective()
    optimizer = HessianFree(damping=0.01, iterations=100, tolerance=0.0, search="fixed")
    walked = list(steps_of(optimizer, objective, objective.start, 12))
    factors = set()
    for (theta, (damping, _), after), (_, (following, _), _) in itertools.pairwise(walked):
        p = after - theta
        foretold = objective.gradient(theta) @ p + 0.5 * p @ (
            dense_gauss_newton(objective, theta) @ p
        )
        ratio = (objective.loss(after) - objective.loss(theta)) / foretold
        expected = 2 / 3 if ratio > 0.75 else 1.5 if ratio < 0.25 else 1.0
        assert following == pytest.approx(expected * damping, rel=1e-12)
        factors.add(expected)
    assert len(factors) > 1


@pytest.mark.parametrize(
    "distinct", [[1.0, 1e4], [1.0, 30.0, 500.0, 1e4], [1.0, 2.0, 7e3, 8e3, 9e3, 1e4]]
)
def test_conjugate_gradients_need_as_many_steps_as_there_are_distinct_eigenvalues(distinct):
    objective = bowl([value for value in distinct for _ in range(4)])
    theta = objective.minimum + normal(4 * len(distinct), seed=9)

    def left(iterations):
        optimizer = HessianFree(damping=1e-12, iterations=iterations, tolerance=0.0, search="fixed")
        after, _ = optimizer.step(objective, theta, optimizer.init(theta))
        return (after - objective.minimum).norm() / (theta - objective.minimum).norm()

    assert left(len(distinct) + 1) <= 1e-10
    assert left(len(distinct) - 1) > 1e-6


def test_they_stop_by_martens_rule():
    objective = bowl(torch.logspace(-3, 1, 60))
    theta = objective.minimum + normal(60, seed=9)
    damping, b = 0.01, -objective.gradient(theta)
    matrix = objective.hessian + damping * identity(60)
    p, r = torch.zeros_like(b), b.clone()
    d, values = r, [0.0]
    while True:
        step = (r @ r) / (d @ matrix @ d)
        p = p + step * d
        new = b - matrix @ p
        d, r = new + (new @ new) / (r @ r) * d, new
        values.append(float(0.5 * p @ matrix @ p - b @ p))
        i = len(values) - 1
        k = max(10, i // 10)
        if i > k and values[i] < 0 and (values[i] - values[i - k]) / values[i] < k * 0.02:
            break
    assert 10 < i < 55
    optimizer = HessianFree(damping=damping, iterations=60, tolerance=0.02, search="fixed")
    after, _ = optimizer.step(objective, theta, optimizer.init(theta))
    # The residual is updated there and computed here; rounding parts the two slowly.
    torch.testing.assert_close(after - theta, p, rtol=1e-6, atol=1e-9)


def test_they_begin_at_the_last_step_decayed():
    objective = bowl([1.0, 10.0, 100.0, 1000.0])
    theta = objective.minimum + normal(4, seed=9)
    last = -0.9 * (theta - objective.minimum) + 0.01
    optimizer = HessianFree(iterations=1, tolerance=0.0, decay=0.5, search="fixed")
    after, _ = optimizer.step(objective, theta, (0.1, last))
    matrix = objective.hessian + 0.1 * identity(4)
    r = -objective.gradient(theta) - matrix @ (0.5 * last)
    p = 0.5 * last + (r @ r) / (r @ matrix @ r) * r
    torch.testing.assert_close(after - theta, p, **CLOSE)


def test_backtracking_never_lets_the_loss_rise():
    objective = mlp_objective()
    for optimizer in (HessianFree(damping=1e-8), HessianFree(damping=1e-8, learning_rate=50.0)):
        for theta, _, after in steps_of(optimizer, objective, objective.start, 8):
            assert objective.loss(after) < objective.loss(theta)


def test_it_leaves_a_saddle_though_the_hessian_bends_down():
    objective = Quadratic([[1.0, 0.0], [0.0, -1.0]], [[0.0, 0.0]])
    theta = torch.tensor([1.0, 0.1], dtype=torch.float64)
    *_, (_, _, after) = steps_of(HessianFree(damping=0.1), objective, theta, 10)
    assert objective.loss(after) < -1.0


# What layers see


class Twice(nn.Module):
    """A layer that is called twice, and one that is called for each of three tokens."""

    def __init__(self):
        super().__init__()
        self.token, self.twice = nn.Linear(2, 3), nn.Linear(3, 3, bias=False)
        self.head = nn.Linear(3, 2)

    def forward(self, tokens):
        hidden = self.token(tokens).tanh().mean(1)
        return self.head(self.twice(self.twice(hidden).tanh()).tanh())


OPTIONS = [
    {},
    {"stride": 2, "padding": 1},
    {"dilation": 2, "padding": (2, 1), "bias": False},
    {"padding": 1, "padding_mode": "circular"},
    {"padding": "same"},
]


def cases():
    yield "mlp", mlp_objective()
    yield "twice", regression(filled(Twice()), normal(6, 3, 2))
    for i, options in enumerate(OPTIONS):
        first = nn.Conv2d(2, 3, 3, **options)
        inputs = normal(5, 2, 7, 6)
        layers = [first, nn.ReLU(inplace=True), nn.Conv2d(3, 2, (2, 3)), nn.Tanh(), nn.Flatten()]
        body = nn.Sequential(*layers).double()
        with torch.no_grad():
            size = body(inputs).shape[1]
        yield (
            f"convolution-{i}",
            regression(filled(nn.Sequential(*body, nn.Linear(size, 2))), inputs),
        )


CASES = dict(cases())


@pytest.mark.parametrize("name", CASES)
def test_inputs_times_slopes_are_the_gradients_of_the_examples(name):
    objective = CASES[name]
    theta, layers = objective.start, layers_of(objective)
    assert sum(o * i for o, i in (layer.shape for layer in layers)) == len(theta)
    found = gradients_of_layers(objective, theta, layers, target_gradients)
    for n, g in enumerate(example_gradients(objective, theta)):
        for layer in layers:
            own = found[layer.name]
            product = own.slopes[n].T @ own.inputs[n]
            torch.testing.assert_close(product, layer.matrix(g), **CLOSE)


def test_watching_leaves_no_trace_in_the_network():
    objective = CASES["twice"]
    before = objective.outputs(objective.start)
    gradients_of_layers(objective, objective.start, layers_of(objective), target_gradients)
    assert all(not part._forward_hooks for part in objective.module.modules())
    assert torch.equal(objective.outputs(objective.start), before)


@pytest.mark.parametrize("name", ["mlp", "twice"])
def test_the_roots_are_those_of_the_loss_in_the_outputs(name):
    objective = CASES[name]
    roots = output_hessian_roots(objective, objective.outputs(objective.start).detach())
    for n, root in enumerate(roots):
        expected = output_hessian(objective, objective.start, n) / objective.examples
        applied = times_roots(root[None], times_roots(root[None], identity(len(expected))[None]))[0]
        torch.testing.assert_close(applied, expected, rtol=1e-12, atol=1e-15)


def test_confident_outputs_keep_the_roots_of_their_tiny_curvature():
    objective = mlp_objective(examples=2)
    outputs = 22.0 * torch.tensor([[1.0, 0.0, 0.1], [0.0, 1.0, 0.05]], dtype=torch.float64)
    roots = output_hessian_roots(objective, outputs)
    p = outputs.softmax(1)
    expected = (p.diag_embed() - p[:, :, None] * p[:, None, :]) / 2
    assert 1e-10 < expected.abs().max() < 1e-8
    # p is rounded at 10⁻¹⁶.
    torch.testing.assert_close(times_roots(roots, roots), expected, rtol=0, atol=1e-16)


def test_drawn_slopes_have_the_second_moments_of_drawn_labels():
    objective = mlp_objective(examples=2)
    many = objective.reordered(torch.arange(2).repeat(20_000))
    outputs = many.outputs(objective.start).detach()
    draws = sampled_gradients(random_streams.stream(0, "test"))(many, outputs).reshape(20_000, 2, 3)
    moments = torch.einsum("kni,knj->nij", draws, draws) / len(draws)
    expected = torch.stack([output_hessian(objective, objective.start, n) for n in range(2)])
    # Entries up to 1/4; the standard error of a second moment is some 1/4 · √(2/20000).
    torch.testing.assert_close(moments, expected, rtol=0, atol=0.012)
    torch.testing.assert_close(draws.mean(0), torch.zeros(2, 3).double(), rtol=0, atol=0.015)


# K-FAC


def linear_layers(sizes, *, seed=0):
    pairs = itertools.pairwise(sizes)
    return filled(nn.Sequential(*(nn.Linear(*pair) for pair in pairs)), seed=seed)


def test_with_one_example_the_product_of_the_factors_is_the_block_of_the_fisher_matrix():
    objective = regression(linear_layers([3, 4, 2]), normal(1, 3))
    theta = objective.start
    _, (_, _, factors, _, _) = KFAC(fisher="empirical").step(objective, theta, KFAC().init(theta))
    (g,) = example_gradients(objective, theta)
    for layer, (a, s) in zip(layers_of(objective), factors, strict=True):
        rows = layer.matrix(g).reshape(-1)
        torch.testing.assert_close(torch.kron(s, a), rows.outer(rows), **CLOSE)


def explicit_factors(objective, theta, drawn=None):
    """A and S of the MLP by its formulas, example by example."""
    parts = {name: value.detach() for name, value in objective.layout.split(theta).items()}
    sums = [[0.0, 0.0] for _ in range(3)]
    for n in range(objective.examples):
        hidden, inputs = objective.inputs[n], []
        for i in (0, 2, 4):
            inputs.append(torch.cat([hidden, torch.ones(1, dtype=torch.float64)]))
            hidden = parts[f"{i}.weight"] @ hidden + parts[f"{i}.bias"]
            hidden = hidden.tanh() if i < 4 else hidden
        delta = hidden.softmax(0)
        delta[objective.targets[n]] -= 1
        delta = delta if drawn is None else drawn[n]
        for k in (2, 1, 0):
            sums[k][0] = sums[k][0] + inputs[k].outer(inputs[k]) / objective.examples
            sums[k][1] = sums[k][1] + delta.outer(delta) / objective.examples
            slope = 1 - inputs[k][:-1].square()
            delta = (parts[f"{2 * k}.weight"].T @ delta) * slope
    return sums


@pytest.mark.parametrize("fisher", ["empirical", "drawn"])
@pytest.mark.parametrize("clip", [1e-3, 1e3])
def test_kfac_makes_the_steps_of_dense_kronecker_products(fisher, clip):
    objective = mlp_objective()
    optimizer = KFAC(
        learning_rate=0.2,
        damping=0.05,
        clip=clip,
        momentum=0.5,
        decay=0.4,
        refresh_every=2,
        fisher=fisher,
    )
    means, v, dense = None, torch.zeros_like(objective.start), None
    for i, (theta, _, after) in enumerate(steps_of(optimizer, objective, objective.start, 5)):
        drawn = None
        if fisher == "drawn":
            slopes = sampled_gradients(random_streams.stream(0, "labels", i))
            drawn = slopes(objective, objective.outputs(theta).detach())
        fresh = explicit_factors(objective, theta, drawn)
        kept = min(0.4, 1 - 1 / (i + 1))
        means = (
            fresh
            if means is None
            else [
                [kept * old + (1 - kept) * new for old, new in zip(*pair, strict=True)]
                for pair in zip(means, fresh, strict=True)
            ]
        )
        if i in (0, 1, 2, 4):
            dense = []
            for a, s in means:
                pi = ((a.trace() / len(a)) / (s.trace() / len(s))).sqrt()
                left = s + 0.05**0.5 / pi * identity(len(s))
                right = a + pi * 0.05**0.5 * identity(len(a))
                dense.append(torch.kron(left, right))
        g, d = objective.gradient(theta), torch.zeros_like(theta)
        for layer, matrix in zip(layers_of(objective), dense, strict=True):
            rows = torch.linalg.solve(matrix, layer.matrix(g).reshape(-1))
            layer.put(rows.reshape(layer.shape), d)
        assert (0.04 * d @ g > clip) == (clip < 1)
        v = 0.5 * v + d * min(1.0, float(clip / (0.04 * d @ g)) ** 0.5)
        torch.testing.assert_close(after, theta - 0.2 * v, **CLOSE)


def test_the_factors_of_a_convolution_are_a_sum_and_a_mean_over_places():
    objective = CASES["convolution-1"]  # stride 2, padding 1
    theta = objective.start
    _, (_, _, factors, _, _) = KFAC(fisher="empirical").step(objective, theta, KFAC().init(theta))
    weights = {name: value.detach() for name, value in objective.layout.split(theta).items()}
    padded = nn.functional.pad(objective.inputs, (1, 1, 1, 1))
    images = nn.functional.conv2d(objective.inputs, weights["0.weight"], weights["0.bias"], 2, 1)
    images.requires_grad_()
    hidden = nn.functional.conv2d(images.relu(), weights["2.weight"], weights["2.bias"]).tanh()
    outputs = nn.functional.linear(hidden.flatten(1), weights["5.weight"], weights["5.bias"])
    (slopes,) = torch.autograd.grad(halved_square(outputs, objective.targets).sum(), images)
    examples, _, high, wide = images.shape
    a, s = torch.zeros(19, 19, dtype=torch.float64), torch.zeros(3, 3, dtype=torch.float64)
    for n in range(examples):
        for y in range(high):
            for x in range(wide):
                patch = padded[n, :, 2 * y : 2 * y + 3, 2 * x : 2 * x + 3].reshape(-1)
                patch = torch.cat([patch, torch.ones(1, dtype=torch.float64)])
                a += patch.outer(patch) / examples
                s += slopes[n, :, y, x].outer(slopes[n, :, y, x]) / (examples * high * wide)
    torch.testing.assert_close(factors[0][0], a, **CLOSE)
    torch.testing.assert_close(factors[0][1], s, **CLOSE)


def test_factors_and_inverses_are_kept_as_long_as_asked():
    objective = mlp_objective()
    start = objective.start
    for optimizer, part, changes in (
        (KFAC(update_every=2), 2, {2, 4}),
        (KFAC(refresh_every=3), 3, {1, 2, 3}),
        (MiniBlockFisher(update_every=2), 1, {2, 4}),
        (MiniBlockFisher(refresh_every=3), 2, {1, 2, 3}),
    ):
        memories = [memory for _, memory, _ in steps_of(optimizer, objective, start, 7)][1:]
        for i in range(1, 6):
            changed = not torch.equal(memories[i][part][0][-1], memories[i - 1][part][0][-1])
            assert changed == (i in changes), (optimizer, i)


def test_the_labels_are_those_of_the_seed():
    objective = mlp_objective()

    def after(seed):
        return KFAC(seed=seed).step(objective, objective.start, KFAC().init(objective.start))[0]

    assert torch.equal(after(1), after(1))
    assert not torch.equal(after(1), after(2))


# Mini-block Fisher


@pytest.mark.parametrize("blocks", ["neuron", "average"])
@pytest.mark.parametrize("name", [name for name in CASES if name != "convolution-4"])
def test_mini_blocks_make_the_steps_of_plain_loops(name, blocks):
    objective = CASES[name]
    optimizer = MiniBlockFisher(
        learning_rate=0.1, damping=0.2, momentum=0.5, decay=0.6, refresh_every=2, blocks=blocks
    )
    mean, dense, v = None, None, torch.zeros_like(objective.start)
    for i, (theta, _, after) in enumerate(steps_of(optimizer, objective, objective.start, 4)):
        g = example_gradients(objective, theta)
        fresh = g.T @ g / len(g)
        mean = fresh if mean is None else 0.6 * mean + 0.4 * fresh
        dense = mean.clone() if i < 3 else dense
        d = torch.zeros_like(theta)
        for layer in layers_of(objective):
            for own, shared in groups_of(objective, layer, blocks):
                f = torch.stack([dense[one][:, one] for one in shared]).mean(0)
                d[own] = torch.linalg.solve(f + 0.2 * identity(len(own)), g.mean(0)[own])
        v = 0.5 * v + d
        torch.testing.assert_close(after, theta - 0.1 * v, **CLOSE)


def groups_of(objective, layer, blocks):
    """(indices of a mini-block, those of all blocks whose mean stands for its F), one by one."""
    places = torch.arange(len(objective.start))
    weight = layer.weight.of(places)
    bias = None if layer.bias is None else layer.bias.of(places)
    if weight.ndim == 4:
        for out in range(weight.shape[0]):
            for into in range(weight.shape[1]):
                yield weight[out, into].reshape(-1), [weight[out, into].reshape(-1)]
            if bias is not None:
                yield bias[out : out + 1], [bias[out : out + 1]]
        return
    rows = [
        row if bias is None else torch.cat([row, bias[o : o + 1]]) for o, row in enumerate(weight)
    ]
    for row in rows:
        yield row, rows if blocks == "average" else [row]


def test_gradients_held_in_parts_give_the_same_blocks(monkeypatch):
    objective = CASES["convolution-1"]

    def blocks(kind):
        return kind.step(objective, objective.start, kind.init(objective.start))[1][1]

    for choice in ("neuron", "average"):
        together = blocks(MiniBlockFisher(blocks=choice))
        with monkeypatch.context() as patch:
            patch.setattr(mini_block_fisher, "HELD", 1)
            parts = blocks(MiniBlockFisher(blocks=choice))
        for one, other in zip(together, parts, strict=True):
            torch.testing.assert_close(one, other, **CLOSE)


# Both, on networks of all kinds


class Attentive(nn.Module):
    """Torch's own attention between three tokens, whose last layer is never called."""

    def __init__(self):
        super().__init__()
        self.attention, self.head = nn.MultiheadAttention(4, 2, batch_first=True), nn.Linear(4, 3)

    def forward(self, tokens):
        return self.head(self.attention(tokens, tokens, tokens)[0].mean(1))


class Tied(nn.Module):
    """Two layers of one weight, an embedding, and a layer that sees no row for each example."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(5, 3)
        self.one, self.other = nn.Linear(3, 3), nn.Linear(3, 3)
        self.other.weight = self.one.weight
        self.mixed, self.head = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, words):
        hidden = self.other(self.one(self.words(words)).tanh())
        mixed = self.mixed(hidden.transpose(0, 1)).transpose(0, 1)
        return self.head(mixed.mean(1))


def weight_normalized():
    layers = parametrizations.weight_norm(nn.Linear(4, 5)), nn.Tanh(), nn.Linear(5, 3)
    return nn.Sequential(nn.Flatten(), *layers)


def spectrally_normalized():
    layers = parametrizations.spectral_norm(nn.Linear(4, 5)), nn.Tanh(), nn.Linear(5, 3)
    return nn.Sequential(nn.Flatten(), *layers)


PLAIN = {
    "attention": (Attentive, normal(6, 3, 4), {"head"}),
    "tied": (Tied, torch.arange(18).reshape(6, 3) % 5, {"head"}),
    "weight-normalized": (weight_normalized, normal(6, 2, 2), {"3"}),
    "spectrally-normalized": (spectrally_normalized, normal(6, 2, 2), {"3"}),
    "groups": (
        lambda: nn.Sequential(nn.Conv2d(4, 4, 2, groups=2), nn.Flatten(), nn.Linear(16, 3)),
        normal(6, 4, 3, 3),
        {"2"},
    ),
}


@pytest.mark.parametrize("kind", [KFAC, MiniBlockFisher])
@pytest.mark.parametrize("name", PLAIN)
def test_what_is_no_plain_layer_takes_plain_steps(kind, name):
    make, inputs, layers = PLAIN[name]
    module = make().double()
    targets = torch.arange(len(inputs)) % 3
    objective = ModelObjective(module, cross_entropy, inputs, targets)
    theta = objective.start
    after, _ = kind(learning_rate=0.1).step(objective, theta, kind().init(theta))
    plain = -0.1 * objective.gradient(theta)
    for block in objective.layout.blocks:
        same = torch.allclose(block.of(after - theta), block.of(plain), rtol=1e-9, atol=1e-15)
        assert same == (block.name.rpartition(".")[0] not in layers), block.name


@pytest.mark.parametrize("kind", [KFAC, MiniBlockFisher])
def test_without_a_network_all_steps_are_plain(kind):
    objective = bowl([1.0, 2.0])
    theta = objective.minimum + 1.0
    (_, _, one), (_, _, two) = steps_of(kind(learning_rate=0.1), objective, theta, 2)
    v = objective.gradient(theta)
    torch.testing.assert_close(one, theta - 0.1 * v, **CLOSE)
    torch.testing.assert_close(two, one - 0.1 * (0.9 * v + objective.gradient(one)), **CLOSE)


def test_layers_too_wide_are_refused():
    wide = ModelObjective(
        nn.Linear(3000, 40), cross_entropy, torch.zeros(2, 3000), torch.zeros(2).long()
    )
    with pytest.raises(SpecError, match=r"MiniBlockFisher.blocks must be average"):
        MiniBlockFisher().check_objective(wide)
    MiniBlockFisher(blocks="average").check_objective(wide)
    KFAC().check_objective(wide)
    wider = ModelObjective(
        nn.Linear(20_000, 2), cross_entropy, torch.zeros(2, 20_000), torch.zeros(2).long()
    )
    with pytest.raises(SpecError, match="A and S"):
        KFAC().check_objective(wider)
