"""TNT and K-BFGS against plain loops over dense matrices, in float64."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from cases import bowl, filled, mlp_objective, normal
from landscape_core.curvature.layer_gradients import output_hessian_roots, times_roots
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.training.optimizers.k_bfgs import KBFGS, bfgs, damped_twice
from landscape_core.training.optimizers.tnt import TNT, sampled_gradient

CLOSE = {"rtol": 1e-9, "atol": 1e-12}


def convolutional():
    module = nn.Sequential(nn.Conv2d(2, 3, 2), nn.Tanh(), nn.Flatten(), nn.Linear(12, 3))
    return ModelObjective(filled(module), cross_entropy, normal(8, 2, 3, 3), torch.arange(8) % 3)


def steps_of(optimizer, objective, count):
    """(theta, theta after) of some steps."""
    theta = objective.start
    memory = optimizer.init(theta)
    for _ in range(count):
        after, memory = optimizer.step(objective, theta, memory)
        yield theta, after
        theta = after


# TNT


def numpy_modes(block, vector):
    """The tensor of a block with a kernel's places as one mode."""
    tensor = vector[block.start : block.stop].numpy().reshape(block.shape)
    return tensor.reshape(*tensor.shape[:2], -1) if tensor.ndim > 2 else tensor


def numpy_contraction(tensor, mode):
    rows = np.moveaxis(tensor, mode, 0).reshape(tensor.shape[mode], -1)
    return sum(np.outer(column, column) for column in rows.T)


@pytest.mark.parametrize("made", [mlp_objective, convolutional], ids=["mlp", "convolutional"])
def test_tnt_preconditions_by_the_kronecker_product_of_its_modes(made):
    objective = made()
    optimizer = TNT(
        learning_rate=0.05, damping=0.2, momentum=0.5, decay=0.6, fisher="empirical",
        refresh_every=2,
    )  # fmt: skip
    blocks, v = objective.layout.blocks, torch.zeros_like(objective.start)
    sums, inverses = None, None
    for i, (theta, after) in enumerate(steps_of(optimizer, objective, 5)):
        g = objective.gradient(theta)
        tensors = [numpy_modes(block, g) for block in blocks]
        fresh = [[numpy_contraction(t, mode) for mode in range(t.ndim)] for t in tensors]
        kept = min(0.6, i / (i + 1))
        sums = fresh if sums is None else [
            [kept * old + (1 - kept) * new for old, new in zip(*pair, strict=True)]
            for pair in zip(sums, fresh, strict=True)
        ]  # fmt: skip
        if i in (0, 1, 2, 4):
            inverses = []
            for own in sums:
                sizes = [len(h) for h in own]
                k, total = len(own), np.prod(sizes)
                c = (np.trace(own[0]) / total) ** (1 / k)
                dense = np.ones((1, 1))
                for h, n in zip(own, sizes, strict=True):
                    omega = h / (c ** (k - 1) * total / n)
                    dense = np.kron(dense, omega + 0.2 * np.eye(n))
                inverses.append(np.linalg.inv(dense))
        v = 0.5 * v + g
        d = [
            inverse @ numpy_modes(b, v).ravel() for b, inverse in zip(blocks, inverses, strict=True)
        ]
        expected = theta - 0.05 * torch.from_numpy(np.concatenate(d))
        torch.testing.assert_close(after, expected, **CLOSE)


def test_the_covariance_of_all_modes_has_the_trace_of_the_gradients_square():
    objective = mlp_objective()
    g = objective.gradient(objective.start)
    _, (_, _, _, inverses, _) = TNT(fisher="empirical", damping=1e-3).step(
        objective, objective.start, TNT().init(objective.start)
    )
    for block, own in zip(objective.layout.blocks, inverses, strict=True):
        traces = [torch.linalg.inv(one).trace() - 1e-3 * len(one) for one in own]
        square = block.of(g).square().sum()
        torch.testing.assert_close(torch.stack(traces).prod(), square, rtol=1e-6, atol=0)


def test_the_sampled_gradient_is_that_of_drawn_labels():
    objective = mlp_objective(examples=6)
    theta = objective.start
    found = sampled_gradient(objective, theta, random_streams.stream(3, "labels", 1))
    outputs = objective.outputs(theta).detach()
    noise = torch.randn(
        outputs.shape, generator=random_streams.stream(3, "labels", 1), dtype=torch.float64
    )
    slopes = times_roots(output_hessian_roots(objective, outputs), noise[:, :, None])[..., 0]
    point = theta.clone().requires_grad_()
    weighted = (objective.outputs(point) * slopes).sum() * 6**0.5 / 6
    torch.testing.assert_close(found, torch.autograd.grad(weighted, point)[0], **CLOSE)
    drawn = TNT(seed=3).step(objective, theta, TNT().init(theta))[0]
    assert not torch.equal(drawn, TNT(seed=4).step(objective, theta, TNT().init(theta))[0])


def test_without_a_network_tnt_has_the_gradient_as_its_only_mode():
    objective = bowl([1.0, 3.0])
    theta = objective.minimum + 1.0
    g = objective.gradient(theta)
    after, _ = TNT(learning_rate=0.5, damping=0.3).step(objective, theta, TNT().init(theta))
    matrix = torch.outer(g, g) + 0.3 * torch.eye(2).double()
    torch.testing.assert_close(after, theta - 0.5 * torch.linalg.solve(matrix, g), **CLOSE)


# K-BFGS


def numpy_network(weights, inputs, targets):
    """Inputs with a last 1, outputs and output gradients of three layers with tanh between."""
    values, seen = inputs, []
    for i, w in enumerate(weights):
        extended = np.concatenate([values, np.ones((len(values), 1))], axis=1)
        outputs = extended @ w.T
        seen.append([extended, outputs])
        values = np.tanh(outputs) if i < len(weights) - 1 else outputs
    p = np.exp(values - values.max(1, keepdims=True))
    slope = p / p.sum(1, keepdims=True) - np.eye(p.shape[1])[targets]
    for i in reversed(range(len(weights))):
        seen[i].append(slope)
        if i:
            slope = (slope @ weights[i][:, :-1]) * (1 - np.tanh(seen[i - 1][1]) ** 2)
    return seen


def numpy_bfgs(inverse, s, y, slope):
    if s @ y <= 0 or s @ y <= 1e-4 * (s @ s) * slope:
        return inverse
    v = np.eye(len(s)) - np.outer(s, y) / (s @ y)
    return v @ inverse @ v.T + np.outer(s, s) / (s @ y)


def numpy_update(one, before, now):
    """Update what is kept of a layer from both evaluations."""
    (a, h, slope), (_, h2, slope2) = before, now
    one["s"] = 0.6 * one["s"] + 0.4 * (h2.mean(0) - h.mean(0))
    one["y"] = 0.6 * one["y"] + 0.4 * (slope2.mean(0) - slope.mean(0))
    s, y = one["s"], one["y"]
    pulled = one["Hh"] @ y
    if s @ y < 0.2 * (y @ pulled):
        share = 0.8 * (y @ pulled) / (y @ pulled - s @ y)
        s = share * s + (1 - share) * pulled
    if s @ y < 0.3 * (s @ s):
        share = 0.7 * (s @ s) / (s @ s - s @ y)
        y = share * y + (1 - share) * s
    one["Hh"] = numpy_bfgs(one["Hh"], s, y, np.linalg.norm(slope.mean(0)))
    s = one["Ha"] @ a.mean(0)
    y = one["A"] @ s + 0.3 * s
    one["Ha"] = numpy_bfgs(one["Ha"], s, y, np.linalg.norm(a.mean(0)))


def test_k_bfgs_makes_the_steps_of_a_plain_loop():
    objective = mlp_objective()
    optimizer = KBFGS(learning_rate=0.1, damping=0.09, momentum=0.5, decay=0.6)
    inputs, targets = objective.inputs.numpy(), objective.targets.numpy()

    def matrices(theta):
        parts = list(objective.layout.split(theta).values())
        pairs = zip(parts[::2], parts[1::2], strict=True)
        return [torch.cat([w, b[:, None]], 1).numpy() for w, b in pairs]

    layers, v = None, None
    for theta, after in steps_of(optimizer, objective, 6):
        weights = matrices(theta)
        seen = numpy_network(weights, inputs, targets)
        g = [slope.T @ a / len(a) for a, _, slope in seen]
        v = g if v is None else [0.5 * old + new for old, new in zip(v, g, strict=True)]
        moments = [a.T @ a / len(a) for a, _, _ in seen]
        if layers is None:
            layers = [
                {"A": m, "Ha": np.linalg.inv(m + 0.3 * np.eye(len(m))), "Hh": np.eye(len(w)),
                 "s": np.zeros(len(w)), "y": np.zeros(len(w))}
                for m, w in zip(moments, weights, strict=True)
            ]  # fmt: skip
        else:
            for one, m in zip(layers, moments, strict=True):
                one["A"] = 0.6 * one["A"] + 0.4 * m
        new = [w - 0.1 * one["Hh"] @ u @ one["Ha"]
               for w, one, u in zip(weights, layers, v, strict=True)]  # fmt: skip
        for mine, expected in zip(matrices(after), new, strict=True):
            np.testing.assert_allclose(mine, expected, rtol=1e-8, atol=1e-11)
        again = numpy_network(new, inputs, targets)
        for one, before, now in zip(layers, seen, again, strict=True):
            numpy_update(one, before, now)


def test_a_pair_damped_twice_keeps_the_inverse_positive_definite():
    inverse = torch.diag(torch.tensor([0.5, 2.0, 1.0]).double())
    for seed in range(20):
        s, y = normal(2, 3, seed=seed)
        pair = damped_twice(inverse, s, y, 0.3)
        assert pair[0] @ pair[1] >= 0.3 * pair[0] @ pair[0] - 1e-12
        new = bfgs(inverse, *pair, torch.tensor(1e-3).double())
        torch.testing.assert_close(new @ pair[1], pair[0])  # the secant equation
        assert torch.linalg.eigvalsh(new).min() > 0
    nothing = torch.zeros(3).double()
    assert torch.equal(bfgs(inverse, *damped_twice(inverse, nothing, nothing, 0.3), s[0]), inverse)


@pytest.mark.parametrize("off", [0.0, 1e-9, 0.5])
def test_a_damping_above_one_takes_a_pair_of_curvature_one(off):
    inverse = torch.eye(3).double()
    s = torch.tensor([1.0, -2.0, 0.5]).double()
    aside = torch.tensor([0.0, 0.5, 2.0]).double()  # s · aside = 0
    moved, y = damped_twice(inverse, s, s + off * aside, 5.0)
    torch.testing.assert_close(moved, s)
    torch.testing.assert_close(y, 5.0 * s + off * aside)
    new = bfgs(inverse, moved, y, torch.tensor(1e-3).double())
    torch.testing.assert_close(new @ y, s)


def test_k_bfgs_takes_plain_steps_for_convolutions():
    objective = convolutional()
    theta = objective.start
    after, (kept, _) = KBFGS(learning_rate=0.1).step(objective, theta, KBFGS().init(theta))
    plain = -0.1 * objective.gradient(theta)
    for block in objective.layout.blocks:
        same = torch.allclose(block.of(after - theta), block.of(plain), rtol=1e-9)
        assert same == block.name.startswith("0."), block.name
    assert len(kept) == 1


@pytest.mark.parametrize("kind", [TNT, KBFGS])
def test_layers_too_wide_are_refused(kind):
    wide = ModelObjective(
        nn.Linear(20_000, 2), cross_entropy, torch.zeros(2, 20_000), torch.zeros(2).long()
    )
    with pytest.raises(SpecError, match="number of entries"):
        kind().check_objective(wide)
    kind().check_objective(mlp_objective())


@pytest.mark.parametrize("kind", [TNT, KBFGS])
def test_where_the_run_has_diverged_the_steps_are_no_numbers(kind):
    objective = mlp_objective()
    theta = torch.full_like(objective.start, torch.nan)
    assert kind().step(objective, theta, kind().init(theta))[0].isnan().all()
