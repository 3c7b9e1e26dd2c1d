"""Games of two players: the fields against dense matrices, the methods against plain loops."""

import itertools
import math
import pickle

import pytest
import torch

from cases import bowl, normal, walk
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.models.games import Penalty
from landscape_core.models.problems.bilinear_game import BilinearGame
from landscape_core.models.problems.gan_game import GANGame
from landscape_core.models.problems.quadratic_game import QuadraticGame
from landscape_core.planes.directions.base import Viewpoint
from landscape_core.planes.directions.random import Random
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.distributed_workers import Compressor, worker_gradients
from landscape_core.training.optimizers.diana import DIANA
from landscape_core.training.optimizers.extragradient import Extragradient
from landscape_core.training.optimizers.loopless_svrg import LooplessSVRG
from landscape_core.training.optimizers.qsgd import QSGD
from landscape_core.training.optimizers.sega import SEGA
from landscape_core.training.optimizers.sgda import SGDA
from landscape_core.training.optimizers.vr_diana import VRDIANA
from landscape_core.training.run import Run, Training

PROBLEMS = {
    "quadratic": QuadraticGame(size=3, samples=12),
    "bilinear": BilinearGame(size=2, samples=12),
    "dirac": GANGame(samples=12, penalty=0.3),
    "network": GANGame(samples=12, hidden=4, penalty=0.3),
}

METHODS = (SGDA, Extragradient, LooplessSVRG, QSGD, DIANA, VRDIANA, SEGA)


def built(problem, seed=0):
    return problem.build(seed, dtype=torch.float64).train


def small(size=3, samples=12, seed=0, **more):
    """A small quadratic game, its matrices A (n, 2k, 2k) and b (n, 2k), unpacked by plain loops."""
    objective = built(QuadraticGame(size=size, samples=samples, **more), seed)
    k, matrices, vectors = size, [], []
    for row in objective.inputs:
        S, B, T = (row[i * k * k : (i + 1) * k * k].reshape(k, k) for i in range(3))
        matrices.append(torch.cat([torch.cat([S, B], 1), torch.cat([-B.T, T], 1)]))
        vectors.append(row[3 * k * k :])
    return objective, torch.stack(matrices), torch.stack(vectors)


def solution(objective):
    """Where the field of a game, which is affine, vanishes; from its values alone."""
    size = objective.layout.size
    at_zero = objective.gradient(objective.start.new_zeros(size))
    columns = [objective.gradient(one) - at_zero for one in torch.eye(size, dtype=at_zero.dtype)]
    return -torch.linalg.solve(torch.stack(columns, 1), at_zero)


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS.keys())
def test_the_field_is_descent_for_x_and_ascent_for_y(problem):
    objective = built(problem)
    theta, h = objective.start, 1e-6
    steps = h * torch.eye(len(theta), dtype=theta.dtype)
    slopes = torch.stack([objective.loss(theta + s) - objective.loss(theta - s) for s in steps])
    names = [b.name for b in objective.layout.blocks for _ in range(b.stop - b.start)]
    signs = torch.tensor([1.0 if name[0] == "x" else -1.0 for name in names])
    expected = signs * slopes / (2 * h)
    # Central differences: 1e-12 of curvature, 1e-10 of rounding.
    torch.testing.assert_close(objective.gradient(theta), expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=PROBLEMS.keys())
def test_a_game_can_be_sent_to_another_process_and_built_again(problem):
    objective = built(problem)
    again = pickle.loads(pickle.dumps(objective))
    assert torch.equal(again.gradient(objective.start), objective.gradient(objective.start))
    assert torch.equal(built(problem).inputs, objective.inputs)
    assert not torch.equal(built(problem, 1).start, objective.start)


def test_the_quadratic_field_is_that_of_its_matrices_and_vanishes_at_the_closed_form():
    objective, A, b = small()
    z = normal(6, seed=5)
    torch.testing.assert_close(objective.gradient(z), (A @ z + b).mean(0), rtol=1e-12, atol=1e-13)
    found = -torch.linalg.solve(A.mean(0), b.mean(0))
    assert float(objective.gradient(found).norm()) < 1e-13
    batch = torch.tensor([4, 1, 4])
    torch.testing.assert_close(
        objective.minibatch(batch).gradient(z), (A @ z + b)[batch].mean(0), rtol=1e-12, atol=1e-13
    )


def test_the_spectra_lie_where_they_were_asked_to():
    _, A, _ = small(size=5, samples=40)
    spectra = torch.linalg.eigvalsh(A[:, :5, :5]), torch.linalg.eigvalsh(A[:, 5:, 5:])
    for values in spectra:
        assert 0.1 <= float(values.min()) < 0.4
        assert 4.5 < float(values.max()) <= 5.0
    coupling = torch.linalg.svdvals(A[:, :5, 5:])
    assert 2.2 < float(coupling.max()) <= 2.5
    with pytest.raises(SpecError, match="mu"):
        QuadraticGame(mu=6.0)


def test_groups_of_neighbours_have_part_of_b_in_common():
    _, _, b = small(samples=20, noise=0.0, heterogeneity=2.0, groups=4)
    for group in b.split(5):
        torch.testing.assert_close(group, group[:1].expand_as(group), rtol=0, atol=0)
    assert len(b.unique(dim=0)) == 4


def test_the_dirac_gan_is_that_of_the_paper():
    objective = built(GANGame(spread=0.0, penalty=0.7))
    shift, psi = (float(value) for value in objective.start)
    value = -2 * math.log(2)  # at the equilibrium
    at_zero = objective.loss(torch.zeros(2, dtype=torch.float64))
    assert float(at_zero) == pytest.approx(value, abs=1e-15)
    sigmoid = 1 / (1 + math.exp(-shift * psi))
    expected = torch.tensor([-psi * sigmoid, shift * sigmoid + 0.7 * psi], dtype=torch.float64)
    torch.testing.assert_close(objective.gradient(objective.start), expected)


def test_a_generator_that_does_not_saturate_descends_its_own_loss():
    usual = built(GANGame(samples=12, hidden=4))
    other = built(GANGame(samples=12, hidden=4, generator="non-saturating"))
    theta, h = usual.start, 1e-6
    outputs = [
        torch.stack([other.outputs(theta + s * e)[:, 1].mean() for s in (h, -h)])
        for e in torch.eye(2, len(theta), dtype=theta.dtype)
    ]
    slopes = torch.stack([(up - down) / (2 * h) for up, down in outputs])
    found = other.gradient(theta)
    torch.testing.assert_close(found[:2], slopes, rtol=1e-7, atol=1e-9)
    assert torch.equal(found[2:], usual.gradient(theta)[2:])
    weights = torch.arange(12.0, dtype=torch.float64)
    singles = [other.between(i, i + 1).gradient(theta) for i in range(12)]
    weighted = sum(w * g for w, g in zip(weights, singles, strict=True)) / 12
    torch.testing.assert_close(other.weighted(weights).gradient(theta), weighted)


def test_the_proximal_map_is_the_least_point_of_its_problem():
    penalty, step = Penalty(0.3, 0.5), 0.4
    fine = torch.linspace(-0.5, 0.5, 100_001, dtype=torch.float64)
    for v in torch.linspace(-1.5, 1.5, 13, dtype=torch.float64):
        least = fine[(0.5 * (fine - v).square() + step * 0.3 * fine.abs()).argmin()]
        # The grid is 1e-5 apart.
        assert float(penalty(v[None], step)) == pytest.approx(float(least), abs=1e-5)


def test_training_hands_the_penalty_to_the_optimizer():
    run = Run(problem=QuadraticGame(box=0.2), optimizer=SGDA(), dtype="float64", batch_size=100)
    training = Training(run)
    after = training.advance(training.start())
    assert float(training.start().theta.abs().max()) > 0.2
    assert float(after.theta.abs().max()) == 0.2


@pytest.mark.parametrize("kind", METHODS)
def test_every_method_takes_the_proximal_step(kind):
    objective, A, b = small(l1=0.3, box=0.5, noise=3.0)
    free, _, _ = small(noise=3.0)
    rate = 0.03
    optimizer = kind(learning_rate=rate)
    memory = optimizer.init(objective.start)
    theta, _ = optimizer.step(objective, objective.start, memory)
    bare, _ = optimizer.step(free, objective.start, memory)
    if kind is Extragradient:  # its second gradient is another
        ahead = prox(objective.start - rate * (A @ objective.start + b).mean(0), rate)
        bare = objective.start - rate * (A @ ahead + b).mean(0)
    torch.testing.assert_close(theta, prox(bare, rate), rtol=1e-12, atol=1e-14)


def prox(theta, step, l1=0.3, box=0.5):
    """By a plain loop."""
    shrunken = [math.copysign(max(abs(v) - step * l1, 0.0), v) for v in theta.tolist()]
    return torch.tensor([min(max(v, -box), box) for v in shrunken], dtype=theta.dtype)


@pytest.mark.parametrize(
    ("compressor", "size"),
    [(Compressor("random", 0.5), 5), (Compressor("random", 0.2), 5), (Compressor("norm", 0.5), 5)],
    ids=["half", "one", "norm"],
)
def test_compression_is_unbiased_with_the_variance_that_omega_allows(compressor, size):
    v, draws = normal(1, size, seed=3), 200_000
    found = compressor(v.expand(draws, size), random_streams.stream(0, "test"))
    spread = (found - v).square().sum(1)
    error = (found.var(0) / draws).sqrt()
    assert bool(((found.mean(0) - v[0]).abs() < 5 * error).all())
    omega = compressor.omega(size)
    bound = omega * float(v.square().sum())
    assert float(spread.mean()) < bound * 1.02
    if compressor.kind == "random":  # there it is no bound but the variance
        assert float(spread.mean()) == pytest.approx(bound, rel=0.02)
        assert bool(((found != 0).sum(1) == compressor.sent(size)).all())
    else:
        lengths = v.norm() * found.sign()
        torch.testing.assert_close(found, lengths)
        assert compressor.sent(size) == pytest.approx(1 + size * math.log2(3) / 32)
        assert not bool(compressor(torch.zeros(2, size), random_streams.stream(0, "test")).any())


def test_workers_own_neighbouring_examples_and_their_shares_sum_to_the_gradient():
    objective, A, b = small(samples=11)
    z = normal(6, seed=4)
    own = (A @ z + b) / 11
    starts = [m * 11 // 4 for m in range(5)]
    expected = torch.stack([own[s:e].sum(0) for s, e in itertools.pairwise(starts)])
    torch.testing.assert_close(worker_gradients(objective, z, 4), expected, rtol=1e-12, atol=1e-13)
    assert worker_gradients(objective, z, 50).shape == (11, 6)


def test_a_workers_share_is_right_on_average_also_where_batches_miss_it():
    objective, _, _ = small(samples=6)
    z = normal(6, seed=4)
    batches = list(itertools.combinations(range(6), 2))
    found = [worker_gradients(objective.minibatch(torch.tensor(batch)), z, 3) for batch in batches]
    assert any(bool((rows == 0).all(1).any()) for rows in found)
    mean = torch.stack(found).mean(0)
    torch.testing.assert_close(mean, worker_gradients(objective, z, 3), rtol=1e-12, atol=1e-13)


def test_shares_keep_the_weights_of_examples():
    objective, A, b = small()
    z, weights = normal(6, seed=4), torch.linspace(0.1, 2.0, 12, dtype=torch.float64)
    own = weights[:, None] * (A @ z + b) / 12
    expected = torch.stack([own[start : start + 4].sum(0) for start in (0, 4, 8)])
    found = worker_gradients(objective.weighted(weights), z, 3)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("kind", [QSGD, DIANA, VRDIANA, SEGA, LooplessSVRG])
def test_the_estimate_is_unbiased_whatever_is_remembered(kind):
    """Over all mini-batches of two, and over many seeds of the compression."""
    objective, _, _ = small(size=2, samples=4)
    rate, z = 0.01, normal(4, seed=8)
    batches = [objective.minibatch(torch.tensor(b)) for b in itertools.combinations(range(4), 2)]
    memory = kind(learning_rate=rate).init(objective.start)
    theta = objective.start
    for index in range(3):
        theta, memory = kind(learning_rate=rate).step(batches[index], theta, memory)
    count = 1 if kind is LooplessSVRG else 150  # no seed twice: all draws are independent
    found = torch.stack(
        [
            (z - kind(learning_rate=rate, seed=index).step(batch, z, memory)[0]) / rate
            for index, batch in enumerate(count * batches)
        ]
    )
    error = found.var(0).sqrt() / len(found) ** 0.5
    truth = objective.gradient(z)
    if kind is LooplessSVRG:  # nothing but the batch is random: the mean is exact
        torch.testing.assert_close(found.mean(0), truth, rtol=1e-10, atol=1e-11)
    else:
        assert bool(((found.mean(0) - truth).abs() < 5 * error).all())


def drawn(seed, step, shape, keep):
    """Which coordinates are kept, (M, d) of 0 and d/K; the optimizers' own stream of numbers."""
    numbers = torch.rand(
        shape, generator=random_streams.stream(seed, "compression", step), dtype=torch.float64
    )
    mask = torch.zeros(shape, dtype=torch.float64)
    for m, row in enumerate(numbers.tolist()):
        for j in sorted(range(len(row)), key=lambda j: -row[j])[:keep]:
            mask[m, j] = shape[1] / keep
    return mask


BATCHES = (torch.tensor([0, 5, 9, 2]), torch.tensor([1, 1, 3, 11]), torch.tensor([7, 6, 10, 4]))
STARTS = (0, 4, 8, 12)  # of three workers


def worker_sums(A, b, z, batch):
    """By a plain loop over a mini-batch: each of three workers' part of the mean gradient."""
    found = torch.zeros(3, len(z), dtype=z.dtype)
    for i in batch.tolist():
        found[i // 4] += (A[i] @ z + b[i]) / len(batch)
    return found


def three_steps(optimizer, objective):
    theta, memory, found = objective.start, optimizer.init(objective.start), []
    for batch in BATCHES:
        theta, memory = optimizer.step(objective.minibatch(batch), theta, memory)
        found.append(theta)
    return torch.stack(found)


def close(mine, other):
    torch.testing.assert_close(mine, torch.stack(other), rtol=1e-11, atol=1e-12)


def test_three_steps_of_loopless_svrg_are_those_of_a_plain_loop():
    objective, A, b = small()
    for probability in (0.0, 0.999):
        w = z = objective.start
        expected = []
        for step, batch in enumerate(BATCHES):
            g = sum((A[i] @ z - A[i] @ w) / 4 for i in batch.tolist()) + (A @ w + b).mean(0)
            coin = float(torch.rand((), generator=random_streams.stream(7, "anchor", step)))
            w = z if coin < (probability or 4 / 12) else w
            z = z - 0.05 * g
            expected.append(z)
        close(three_steps(LooplessSVRG(seed=7, probability=probability), objective), expected)


def test_three_steps_of_qsgd_are_those_of_a_plain_loop():
    objective, A, b = small()
    z, expected = objective.start, []
    for step, batch in enumerate(BATCHES):
        z = z - 0.05 * (drawn(7, step, (3, 6), 3) * worker_sums(A, b, z, batch)).sum(0)
        expected.append(z)
    close(three_steps(QSGD(workers=3, seed=7), objective), expected)


def test_three_steps_of_diana_are_those_of_a_plain_loop():
    objective, A, b = small()
    z, h, expected = objective.start, torch.zeros(3, 6, dtype=torch.float64), []
    for step, batch in enumerate(BATCHES):
        changes = drawn(7, step, (3, 6), 2) * (worker_sums(A, b, z, batch) - h)
        z = z - 0.05 * (h + changes).sum(0)
        h = h + 2 / 6 * changes  # α = 1/(1 + ω) = K/d
        expected.append(z)
    close(three_steps(DIANA(workers=3, keep=1 / 3, seed=7), objective), expected)


def test_three_steps_of_vr_diana_are_those_of_a_plain_loop():
    objective, A, b = small()
    every = torch.arange(12)
    w = z = objective.start
    h, expected = torch.zeros(3, 6, dtype=torch.float64), []
    for step, batch in enumerate(BATCHES):
        own = worker_sums(A, b, z, batch) - worker_sums(A, b, w, batch)
        changes = drawn(7, step, (3, 6), 3) * (own + worker_sums(A, b, w, every) - h)
        coin = float(torch.rand((), generator=random_streams.stream(7, "anchor", step)))
        w = z if coin < 0.6 else w
        z = z - 0.05 * (h + changes).sum(0)
        h = h + 0.5 * changes
        expected.append(z)
    close(three_steps(VRDIANA(workers=3, probability=0.6, seed=7), objective), expected)


def test_three_steps_of_sega_are_those_of_a_plain_loop():
    objective, A, b = small()
    z, h, expected = objective.start, torch.zeros(6, dtype=torch.float64), []
    for step, batch in enumerate(BATCHES):
        gradient = sum((A[i] @ z + b[i]) / 4 for i in batch.tolist())
        order = torch.randperm(6, generator=random_streams.stream(7, "coordinates", step)).tolist()
        g = h.clone()
        for j in order[:2]:
            g[j] = 3 * (gradient[j] - h[j]) + h[j]
        h = torch.where(torch.tensor([j in order[:2] for j in range(6)]), gradient, h)
        z = z - 0.02 * g
        expected.append(z)
    close(three_steps(SEGA(keep=1 / 3, seed=7), objective), expected)


def test_on_a_loss_descent_ascent_is_gradient_descent():
    objective = bowl([0.5, 2.0])
    start = objective.minimum + 1.0
    found, _ = walk(SGDA(learning_rate=0.1), objective, start, 3)
    factor = torch.eye(2, dtype=torch.float64) - 0.1 * objective.hessian
    expected = torch.linalg.matrix_power(factor, 3) @ (start - objective.minimum)
    torch.testing.assert_close(found[-1] - objective.minimum, expected)


@pytest.mark.parametrize("seed", range(3))
def test_on_a_bilinear_game_descent_ascent_spirals_out_and_extragradient_in(seed):
    objective = built(BilinearGame(samples=20), seed)
    z, rate = solution(objective), 0.2
    one = torch.eye(2, dtype=torch.float64)[0]
    sigma = float((objective.gradient(z + one)).norm())  # F is σ times a turn by 90°
    out, _ = walk(SGDA(learning_rate=rate), objective, objective.start, 40)
    back, _ = walk(Extragradient(learning_rate=rate), objective, objective.start, 40)
    squared = (rate * sigma) ** 2
    for path, factor in ((out, 1 + squared), (back, 1 - squared + squared**2)):
        distances = (path - z).norm(dim=1)
        torch.testing.assert_close(
            distances[1:] / distances[:-1], torch.full_like(distances[1:], factor**0.5)
        )
    turns = torch.linalg.det(torch.stack([out[:-1] - z, out[1:] - z], dim=1))
    assert bool((turns > 0).all()) or bool((turns < 0).all())


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_game_is_played_and_looked_at_live(name):
    run = Run(problem=PROBLEMS[name], optimizer=Extragradient(), steps=20, batch_size=12)
    session = Session(run, SliceSpec(resolution=11))
    first = session.picture()
    *_, last = session.play(10)
    *_, held = session.refine()
    assert first.slice["loss"].notnull().all()
    assert last.status == "finished"
    assert bool(held.slice["computed"].all())
    assert list(held.readings.values) == ["train_loss"]


def squared_distances(optimizer, steps, *, seed, batch=10, settled=False):
    """From the solution of a game of ten samples, with independent mini-batches or all samples."""
    objective = built(QuadraticGame(samples=10), seed)
    z = solution(objective)
    theta = z if settled else objective.start
    memory, found = optimizer.init(theta), []
    for step in range(steps):
        rows = torch.randint(10, (batch,), generator=random_streams.stream(seed, "draws", step))
        part = objective if batch == 10 else objective.minibatch(rows)
        theta, memory = optimizer.step(part, theta, memory)
        found.append(float((theta - z).square().sum()))
    return torch.tensor(found)


L = 5.7
"""No sample's matrix is larger."""


@pytest.mark.usefixtures("unchecked")
def test_variance_reduction_converges_where_descent_ascent_has_a_floor():
    """G-1 of ten samples; the lab `games` tries it in full."""
    reduced = squared_distances(LooplessSVRG(learning_rate=1 / (6 * L)), 800, seed=0, batch=1)
    assert float(reduced[-1]) < 1e-20
    high, low = (
        squared_distances(SGDA(learning_rate=rate / L), 1500, seed=0, batch=1, settled=True)
        for rate in (1 / 20, 1 / 200)
    )
    assert float(low[-1000:].mean()) > 1e-4
    assert float(high[-1000:].mean()) > 5 * float(low[-1000:].mean())


@pytest.mark.usefixtures("unchecked")
def test_a_memory_takes_the_noise_of_compression_away():
    """G-2 of ten samples, by exact local gradients, and as much sent."""
    memory, plain = (kind(learning_rate=1 / (6 * L), workers=5) for kind in (DIANA, QSGD))
    assert memory.sent(10) == plain.sent(10) == 5
    assert float(squared_distances(memory, 450, seed=0)[-1]) < 1e-20
    assert float(squared_distances(plain, 450, seed=0)[-200:].mean()) > 1e-5


@pytest.mark.usefixtures("unchecked")
def test_with_variance_reduction_also_mini_batches_leave_no_noise():
    """G-3 of ten samples."""
    optimizer = VRDIANA(learning_rate=1 / (6 * L), workers=5)
    assert float(squared_distances(optimizer, 800, seed=0, batch=2)[-1]) < 1e-20


@pytest.mark.usefixtures("unchecked")
def test_only_with_memory_does_a_coordinate_method_reach_a_solution_that_a_penalty_holds():
    """G-4 of ten samples, two numbers a player."""
    objective = built(QuadraticGame(size=2, samples=10, noise=10.0, l1=0.3, box=0.5))
    z, found = objective.start, []
    for _ in range(500):
        z = objective.prox(z - 0.1 * objective.gradient(z), 0.1)
    assert float(objective.gradient(z).norm()) > 0.1  # so there is something to learn
    for optimizer in (SEGA(keep=0.25), QSGD(keep=0.25, workers=1, learning_rate=0.02)):
        theta, memory = objective.start, optimizer.init(objective.start)
        distances = []
        for _ in range(1500):
            theta, memory = optimizer.step(objective, theta, memory)
            distances.append(float((theta - z).square().sum()))
        found.append(sum(distances[-500:]) / 500)
    assert found[0] < 1e-20
    assert found[1] > 1e-4


@pytest.mark.parametrize("problem", [BilinearGame(), GANGame()])
def test_two_numbers_have_a_random_plane_at_every_start(problem):
    for seed in range(8):  # of single numbers, scaled to their size, half of the pairs are parallel
        objective = built(problem, seed)
        plane = Random().span(Viewpoint(objective, objective.start, objective.start[None], seed))
        assert float(torch.linalg.det(plane.axes).abs()) > 0
