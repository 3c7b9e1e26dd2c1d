"""Training schemes against dense solutions and plain loops: surrogates, turns, noise, starts."""

import copy
import itertools

import pytest
import torch
from torch import nn

from cases import Quadratic, bowl, filled, mlp_objective, normal, residual_objective
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.models.architectures.residual_mlp import ResidualMLP
from landscape_core.models.architectures.resnet import ResNet
from landscape_core.models.architectures.transformer import Transformer
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.initializations.fixup import Fixup
from landscape_core.models.initializations.he import He
from landscape_core.models.initializations.lecun import LeCun
from landscape_core.models.initializations.xavier import Xavier
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.losses.logistic import Logistic
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.normalizations.none import NoNormalization
from landscape_core.models.problems.supervised import Supervised
from landscape_core.training.optimizers import successive_convex
from landscape_core.training.optimizers.dante import DANTE
from landscape_core.training.optimizers.heavy_ball import HeavyBall
from landscape_core.training.optimizers.noisy_gradient import NoisyGradient
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.optimizers.successive_convex import SuccessiveConvex
from landscape_core.training.run import Run, Training, train


def walk(optimizer, objective, theta, steps):
    """The iterates of full-batch steps, the start included."""
    memory, thetas = optimizer.init(theta), [theta]
    for _ in range(steps):
        theta, memory = optimizer.step(objective, theta, memory)
        thetas.append(theta)
    return torch.stack(thetas)


# Successive convex approximation.


def regression(examples=6, loss=None, targets=None):
    """A network 3-5-4-3 and real targets; 59 weights, so that 6 examples make a dual system."""
    layers = [nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3)]
    wanted = normal(examples, 3, seed=9) if targets is None else targets
    return ModelObjective(
        filled(nn.Sequential(*layers)), loss or SquaredError(), normal(examples, 3), wanted
    )


def slope_and_jacobian(objective, theta):
    """The outputs, laid end to end, and their Jacobian, by plain autograd."""
    flat = torch.autograd.functional.jacobian(lambda at: objective.outputs(at).reshape(-1), theta)
    return objective.outputs(theta).detach(), flat


def dense_walk(objective, theta, steps, *, tau, decay, alpha, epsilon, gamma, single=False):
    """The method on a mean of squared errors as the paper has it, with dense matrices."""
    thetas, d = [theta], torch.zeros_like(theta)
    for t in range(steps):
        rho = (1 + t) ** -gamma
        outputs, J = slope_and_jacobian(objective, theta)
        g = J.T @ (outputs - objective.targets).reshape(-1) / objective.examples
        A = rho * J.T @ J / objective.examples + 2 * (tau + decay) * torch.eye(len(theta)).double()
        if single:  # each coordinate with all others frozen
            A = A.diag().diag()
        # In the new iterate w: the minimum of the quadratic, not in the step away from θ.
        right = A @ theta - rho * g - (1 - rho) * d - 2 * decay * theta
        target = torch.linalg.solve(A, right)
        d = (1 - rho) * d + rho * g
        theta = theta + alpha * (target - theta)
        alpha = alpha * (1 - epsilon * alpha)
        thetas.append(theta)
    return torch.stack(thetas)


@pytest.mark.parametrize("examples", [6, 40], ids=["dual", "primal"])
def test_a_squared_loss_is_minimized_exactly_with_its_schedules(examples):
    objective = regression(examples)
    optimizer = SuccessiveConvex(
        learning_rate=0.4, decay=0.05, forgetting=0.7, proximity=0.2, weight_decay=0.002
    )
    constants = {"tau": 0.2, "decay": 0.002, "alpha": 0.4, "epsilon": 0.05, "gamma": 0.7}
    expected = dense_walk(objective, objective.start, 12, **constants)
    found = walk(optimizer, objective, objective.start, 12)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)
    assert objective.loss(found[-1]) < 0.8 * objective.loss(found[0])


def test_as_many_blocks_as_weights_solve_each_with_all_others_frozen():
    objective = regression(12)
    optimizer = SuccessiveConvex(blocks=10_000, proximity=0.1, weight_decay=1e-4)
    constants = {"tau": 0.1, "decay": 1e-4, "alpha": 0.3, "epsilon": 0.01, "gamma": 0.6}
    expected = dense_walk(objective, objective.start, 5, single=True, **constants)
    found = walk(optimizer, objective, objective.start, 5)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("make", [regression, lambda: bowl([float(i) for i in range(1, 9)])])
def test_coordinates_are_dealt_anew_at_each_step_as_the_seed_says(make):
    objective = make()
    theta = objective.minimum + 1.0 if isinstance(objective, Quadratic) else objective.start
    walks = [walk(SuccessiveConvex(blocks=2, seed=seed), objective, theta, 3) for seed in (0, 0, 1)]
    assert torch.equal(walks[0], walks[1])
    assert not torch.allclose(walks[0][1], walks[2][1])
    whole = walk(SuccessiveConvex(), objective, theta, 3)
    assert not torch.allclose(walks[0][1], whole[1])


LOSSES = {
    "cross_entropy": (CrossEntropy(), torch.arange(6) % 3),
    "torch's mean": (nn.functional.cross_entropy, torch.arange(6) % 3),
    "logistic": (Logistic(), torch.arange(6) % 3),
    "a fourth power": (lambda o, y: (o - y).pow(4).sum(1), normal(6, 3, seed=4)),
}


@pytest.mark.parametrize(("loss", "targets"), LOSSES.values(), ids=LOSSES.keys())
@pytest.mark.parametrize("t", [0, 3])
def test_other_losses_reach_the_minimum_of_the_surrogate(loss, targets, t):
    objective = regression(loss=loss, targets=targets)
    theta, past = objective.start, normal(59, seed=2)
    optimizer = SuccessiveConvex(learning_rate=1.0, proximity=0.1, weight_decay=0.01)
    found, _ = optimizer.step(objective, theta, (t, 1.0, past))
    outputs, J = slope_and_jacobian(objective, theta)
    rho = (1 + t) ** -0.6

    def u(w):
        linear = outputs + (J @ (w - theta)).reshape(outputs.shape)
        fitted = rho * loss(linear, targets).mean() + (1 - rho) * past @ (w - theta)
        return fitted + 0.1 * (w - theta).square().sum() + 0.01 * w.square().sum()

    def slope(w):
        return torch.autograd.functional.jacobian(u, w)

    # Strongly convex, with a curvature of at least 0.2: so near is the minimum.
    assert float(slope(found).norm()) < 1e-7 * float(slope(theta).norm())


def test_the_fully_linear_step_is_the_formula_of_the_paper():
    objective = mlp_objective()
    theta, d = objective.start, normal(59, seed=2)
    tau, decay, rho = 0.1, 0.01, 4**-0.6
    optimizer = SuccessiveConvex(surrogate="linear", proximity=tau, weight_decay=decay)
    found, memory = optimizer.step(objective, theta, (3, 0.5, d))
    d = (1 - rho) * d + rho * objective.gradient(theta)
    target = (2 * tau * theta - d) / (2 * tau + 2 * decay)
    torch.testing.assert_close(found, theta + 0.3 * 0.5 * (target - theta))
    torch.testing.assert_close(memory, (4, 0.5 * (1 - 0.01 * 0.15), d))


def test_an_objective_without_a_network_is_replaced_by_its_quadratic():
    objective = bowl([0.1, 1.0, 10.0, 100.0])
    theta, past = objective.minimum + normal(4, seed=1), normal(4, seed=2)
    optimizer = SuccessiveConvex(learning_rate=1.0, proximity=0.1, weight_decay=0.01)
    found, _ = optimizer.step(objective, theta, (3, 1.0, past))
    rho = 4**-0.6
    A = rho * objective.hessian + 2 * 0.11 * torch.eye(4).double()
    slope = rho * objective.gradient(theta) + (1 - rho) * past + 0.02 * theta
    torch.testing.assert_close(found, theta - torch.linalg.solve(A, slope), rtol=1e-9, atol=1e-10)


def test_where_the_first_curvature_is_not_positive_the_step_is_the_linear_one():
    objective = Quadratic(torch.diag(torch.tensor([-3.0, -1.0])), torch.zeros(1, 2))
    theta = torch.tensor([0.3, 0.2], dtype=torch.float64)
    steps = [
        walk(SuccessiveConvex(surrogate=s), objective, theta, 1) for s in ("partial", "linear")
    ]
    torch.testing.assert_close(*steps)


def test_where_batch_normalization_ties_examples_the_whole_batch_is_linearized():
    objective = residual_objective()
    objective = objective.with_loss(lambda o, y: 0.5 * (o - 1.0).square().sum(1))
    batch = objective.minibatch(torch.arange(5))
    theta = objective.start
    before = copy.deepcopy(batch.buffers)
    found = walk(
        SuccessiveConvex(learning_rate=1.0, proximity=0.1, weight_decay=0.0), batch, theta, 1
    )[1]
    once = objective.minibatch(torch.arange(5)).with_buffers(copy.deepcopy(before))
    once.loss(theta)
    assert all(torch.equal(batch.buffers[name], once.buffers[name]) for name in before)
    outputs, J = slope_and_jacobian(once, theta)
    A = J.T @ J / 5 + 0.2 * torch.eye(len(theta)).double()
    expected = theta - torch.linalg.solve(A, J.T @ (outputs - 1.0).reshape(-1) / 5)
    torch.testing.assert_close(found, expected, rtol=1e-7, atol=1e-9)


def test_what_a_field_adds_to_the_gradient_enters_the_surrogate_linearly():
    objective, extra = regression(), normal(59, seed=5)
    pushed = objective.with_field(lambda _, __, gradient: gradient + extra)
    found = walk(
        SuccessiveConvex(learning_rate=1.0, proximity=0.1, weight_decay=0.0),
        pushed,
        objective.start,
        1,
    )
    outputs, J = slope_and_jacobian(objective, objective.start)
    A = J.T @ J / 6 + 0.2 * torch.eye(59).double()
    slope = J.T @ (outputs - objective.targets).reshape(-1) / 6 + extra
    expected = objective.start - torch.linalg.solve(A, slope)
    torch.testing.assert_close(found[1], expected, rtol=1e-9, atol=1e-10)


def test_single_precision_gives_the_same_step_roughly():
    objective = mlp_objective()
    single = ModelObjective(
        copy.deepcopy(objective.module).float(),
        CrossEntropy(),
        objective.inputs.float(),
        objective.targets,
    )
    found = walk(SuccessiveConvex(), single, objective.start.float(), 5)
    assert found.dtype == torch.float32
    expected = walk(SuccessiveConvex(), objective, objective.start, 5).float()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def test_a_loss_that_is_not_finite_gives_an_iterate_that_says_so():
    objective = mlp_objective().with_loss(lambda o, y: (o.sum(1) - 1e9).sqrt())
    assert walk(SuccessiveConvex(), objective, objective.start, 1)[1].isnan().any()


def test_a_jacobian_too_large_for_the_memory_is_refused(monkeypatch):
    objective = mlp_objective()
    optimizer = SuccessiveConvex()
    monkeypatch.setattr(successive_convex, "LARGEST", 3 * 59 - 1)
    with pytest.raises(
        SpecError, match=r"surrogate must be linear for a network of more than 58 parameters"
    ):
        optimizer.check_objective(objective)
    optimizer.replace(surrogate="linear").check_objective(objective)
    optimizer.check_objective(bowl([1.0, 2.0]))
    monkeypatch.setattr(successive_convex, "LARGEST", 4 * 3 * 59)
    optimizer.check_objective(objective)
    walk(optimizer, objective.minibatch(torch.arange(4)), objective.start, 1)
    with pytest.raises(SpecError, match=r"batch size .* at most 4 .* got 5"):
        walk(optimizer, objective.minibatch(torch.arange(5)), objective.start, 1)


# DANTE.


def moved(objective, before, after):
    return {
        block.name
        for block in objective.layout.blocks
        if not torch.equal(block.of(before), block.of(after))
    }


def test_layers_take_turns_from_the_last_to_the_first():
    objective = mlp_objective()
    thetas = walk(DANTE(turn=2), objective, objective.start, 8)
    found = [moved(objective, *pair) for pair in itertools.pairwise(thetas)]
    layers = [{f"{i}.weight", f"{i}.bias"} for i in (4, 4, 2, 2, 0, 0, 4, 4)]
    assert found == layers


@pytest.mark.parametrize("normalized", [True, False])
def test_a_step_goes_along_the_gradient_of_its_layer(normalized):
    objective = mlp_objective()
    thetas = walk(DANTE(turn=1, normalized=normalized), objective, objective.start, 3)
    for theta, after, name in zip(thetas, thetas[1:], ("4", "2", "0"), strict=False):
        names = [f"{name}.weight", f"{name}.bias"]
        parts = objective.layout.split(objective.gradient(theta))
        expected = torch.cat([parts[one].reshape(-1) for one in names])
        if normalized:
            expected = expected / expected.norm()
        steps = objective.layout.split(after - theta)
        found = torch.cat([steps[one].reshape(-1) for one in names])
        torch.testing.assert_close(found, -0.1 * expected, rtol=1e-9, atol=1e-14)


def test_a_layer_without_a_slope_stays():
    objective = mlp_objective().with_loss(lambda o, y: 0.0 * o.sum(1))
    thetas = walk(DANTE(), objective, objective.start, 2)
    assert torch.equal(thetas[2], objective.start)


# Noise in the inputs.


def linear_regression(examples=8):
    module = filled(nn.Linear(4, 1, bias=False))
    return ModelObjective(
        module, SquaredError(), normal(examples, 4, seed=3), normal(examples, 1, seed=4)
    )


def test_noise_in_the_inputs_of_a_linear_model_is_a_ridge_in_the_mean():
    objective, sigma, draws = linear_regression(), 0.5, 600
    theta = objective.start
    optimizer = NoisyGradient(learning_rate=1.0, noise=sigma, where="inputs", fading=0.0)
    found = torch.stack([theta - optimizer.step(objective, theta, t)[0] for t in range(draws)])
    # E (w·(x + ξ) − y)(x + ξ) = g + σ² w: Bishop's Tikhonov regularization.
    expected = objective.gradient(theta) + sigma**2 * theta
    error = found.std(0) / draws**0.5
    assert bool(((found.mean(0) - expected).abs() < 5 * error).all())
    assert bool((error < 0.05).all())
    assert len(torch.unique(found, dim=0)) == draws


def test_noise_in_the_inputs_fades():
    objective = linear_regression()
    theta = torch.zeros(4).double()  # where the gradient is linear in the noise
    optimizer = NoisyGradient(learning_rate=1.0, noise=0.3, where="inputs", fading=1.0)
    g = objective.gradient(theta)

    def spread(t):
        draws = [theta - optimizer.replace(seed=s).step(objective, theta, t)[0] for s in range(200)]
        return float((torch.stack(draws) - g).square().mean().sqrt())

    scale = 0.3 * float(objective.targets.norm()) / 8
    for t in (0, 15):
        assert spread(t) == pytest.approx(scale * (1 + t) ** -0.5, rel=0.1)


@pytest.mark.parametrize("objective", [bowl([1.0, 2.0]), None], ids=["no inputs", "integers"])
def test_noise_in_inputs_that_cannot_have_it_is_refused(objective):
    if objective is None:
        module = nn.Sequential(nn.Embedding(5, 3), nn.Flatten(), nn.Linear(6, 2))
        inputs = torch.arange(8).reshape(4, 2) % 5
        objective = ModelObjective(module, CrossEntropy(), inputs, torch.arange(4) % 2)
    with pytest.raises(SpecError, match=r"NoisyGradient\.where .* gradient or weights"):
        NoisyGradient(where="inputs").check_objective(objective)
    for where in ("gradient", "weights"):
        NoisyGradient(where=where).check_objective(objective)


def test_a_run_with_noisy_inputs_notes_the_loss_and_the_statistics_of_those_without():
    objective = residual_objective()
    batch = objective.minibatch(torch.arange(5))
    NoisyGradient(where="inputs").step(batch, objective.start, 0)
    plain = objective.minibatch(torch.arange(5))
    plain.loss(objective.start)
    assert all(torch.equal(batch.buffers[name], plain.buffers[name]) for name in plain.buffers)

    quiet, noisy = (
        Run(optimizer=NoisyGradient(where=where, noise=0.2), steps=1, batch_size=10_000)
        for where in ("gradient", "inputs")
    )
    quiet, noisy = (run.replace(batch_size=Training(Run()).examples) for run in (quiet, noisy))
    losses = [list(train(run))[-1].batch_loss for run in (quiet, noisy)]
    assert losses[0] == losses[1]


# Fixup.


def weights_of(net):
    return [one.weight for one in net.modules() if isinstance(one, nn.Linear | nn.Conv2d)]


@pytest.mark.parametrize(
    ("kind", "shape", "changes"),
    [
        (ResidualMLP, (5,), {"depth": 8, "width": 6, "normalization": NoNormalization()}),
        (ResNet, (1, 8, 8), {"depth": 6, "channels": 4, "normalization": NoNormalization()}),
    ],
)
def test_fixup_scales_branches_ends_them_in_zeros_and_keeps_the_rest(kind, shape, changes):
    he, fixup = (
        kind(**changes, initialization=one()).build(shape, 3, random_streams.stream(0, "init"))
        for one in (He, Fixup)
    )
    blocks = [one for one in fixup.modules() if type(one).__name__ == "Residual"]
    usual = [one for one in he.modules() if type(one).__name__ == "Residual"]
    assert len(blocks) == changes["depth"] // 2
    inside = set()
    for block, other in zip(blocks, usual, strict=True):
        first, last = weights_of(block.branch)
        torch.testing.assert_close(first, weights_of(other.branch)[0] * len(blocks) ** -0.5)
        assert not last.any()
        inside |= {id(first), id(last)}
    pairs = list(zip(weights_of(fixup), weights_of(he), strict=True))
    assert not pairs[-1][0].any()
    assert all(torch.equal(*pair) for pair in pairs[:-1] if id(pair[0]) not in inside)
    assert not fixup(torch.randn(4, *shape)).any()


def test_fixup_scales_a_branch_of_four_layers_by_the_sixth_root():
    plain, fixup = (
        Transformer(depth=2, width=4, initialization=one()).build(
            (5,), 3, random_streams.stream(0, "init")
        )
        for one in (He, Fixup)
    )
    query, was = fixup[3].branch[1].query.weight, plain[3].branch[1].query.weight
    torch.testing.assert_close(query, was * 4 ** (-1 / 6))  # 4 branches, 2·4 − 2 = 6
    assert not fixup[3].branch[1].last.weight.any()


def test_fixup_leaves_blocks_without_skips_a_way_through():
    net = ResidualMLP(
        depth=4, width=6, skips=False, normalization=NoNormalization(), initialization=Fixup()
    ).build((5,), 3, random_streams.stream(0, "init"))
    assert all(weight.any() for weight in weights_of(net)[:-1])
    assert net[:-1](torch.randn(9, 5)).any()


@pytest.mark.parametrize("seed", range(3))
def test_fixup_trains_a_depth_without_norms_at_which_he_diverges(seed):
    def states(initialization):
        network = ResidualMLP(
            depth=60, width=64, normalization=NoNormalization(), initialization=initialization
        )
        problem = Supervised(dataset=Digits(), architecture=network)
        optimizer = HeavyBall(learning_rate=0.01, momentum=0.9)
        run = Run(problem=problem, optimizer=optimizer, batch_size=64, steps=100, seed=seed)
        objective = Training(run).instance.train
        *_, last = train(run)
        return last, objective

    last, objective = states(Fixup())
    assert not last.diverged
    assert float(objective.loss(last.theta)) < 0.3
    assert states(He())[0].diverged


# Signals through deep networks.


def chain(initialization, activation, depth=10, width=256):
    rng = random_streams.stream(0, "w")
    weights = []
    for _ in range(depth):
        weights.append(torch.empty(width, width))
        initialization.fill(weights[-1], activation, rng)
    return weights


@pytest.mark.parametrize("activation", ["identity", "tanh"])
def test_lecun_keeps_the_variance_of_signals_over_ten_layers(activation):
    hidden = torch.randn(500, 256, generator=random_streams.stream(0, "x"))
    if activation == "tanh":  # where the activation is almost linear, as LeCun assumes
        hidden = 0.1 * hidden
    start = float(hidden.var())
    for weight in chain(LeCun(), activation):
        hidden = hidden @ weight.T
        hidden = hidden.tanh() if activation == "tanh" else hidden
    assert 0.5 < float(hidden.var()) / start < 2


def test_xavier_keeps_the_variance_of_gradients_over_ten_layers():
    back = torch.randn(500, 256, generator=random_streams.stream(0, "x"))
    start = float(back.var())
    for weight in reversed(chain(Xavier(), "identity")):
        back = back @ weight
    assert 0.5 < float(back.var()) / start < 2


def test_descent_in_turns_and_descent_at_once_agree_to_first_order():
    objective, rate = mlp_objective(), 1e-5
    turns = walk(DANTE(turn=1, normalized=False, learning_rate=rate), objective, objective.start, 3)
    at_once = walk(SGD(learning_rate=rate), objective, objective.start, 1)
    moves = turns[-1] - turns[0], at_once[-1] - at_once[0]
    torch.testing.assert_close(*moves, rtol=1e-3, atol=1e-12)
