"""Minimal-variance sampling: probabilities, estimator, histories; what it is worth on a graph."""

import itertools
import math

import numpy as np
import pytest
import torch

from cases import bowl, mlp, mlp_objective, normal, residual_objective, vectors
from landscape_core.analysis.diagnostics.gradient_split import GradientSplit
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.models.derivatives import gradients
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.neighbor_sampling.history import History
from landscape_core.models.neighbor_sampling.minimal_variance import MinimalVariance as Stale
from landscape_core.models.neighbor_sampling.node_wise import NodeWise
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.node_classification import NodeClassification
from landscape_core.training.optimizers.adam import Adam
from landscape_core.training.run import Run, Training, train
from landscape_core.training.samplers.base import Asked
from landscape_core.training.samplers.minimal_variance import MinimalVariance, probabilities
from landscape_core.training.samplers.replacement import Replacement
from landscape_core.training.samplers.shuffled import Shuffled

TINY = 1e-6
"""A floor that changes nothing."""


def objective_of(examples=20):
    return mlp_objective(examples=examples).with_loss(CrossEntropy())


def draw(sampler, objective, theta, step=0, memory=None, *, size=5, seed=0):
    memory = sampler.init(objective.examples) if memory is None else memory
    return sampler.draw(Asked(objective, theta, size, step, 0, seed), memory)


def norms_of(objective, theta):
    """The norm of each example's gradient, by plain autograd."""
    alone = [objective.reordered(torch.tensor([i])) for i in range(objective.examples)]
    return torch.stack([one.gradient(theta).norm() for one in alone])


def bisected(norms, size):
    """min(1, ḡ/ν) with ν by bisection, in NumPy."""
    low, high = 1e-12, norms.sum() * 2
    for _ in range(200):
        nu = (low + high) / 2
        low, high = (nu, high) if np.minimum(1, norms / nu).sum() > size else (low, nu)
    return np.minimum(1, norms / nu)


def sorted_form(norms, size):
    """The closed form of the paper, index by index."""
    order, total = np.argsort(norms), len(norms)
    rising, found = norms[order], np.ones(total)
    for kappa in range(total, 0, -1):
        if (size + kappa - total) * rising[kappa - 1] <= rising[:kappa].sum() * (1 + 1e-12):
            break
    share = (size + kappa - total) / rising[:kappa].sum()
    found[order[:kappa]] = share * rising[:kappa]
    return found


# Probabilities.


@pytest.mark.parametrize("size", [1, 3, 10, 29, 30])
@pytest.mark.parametrize("power", [0, 1, 3, 6])
def test_probabilities_are_those_of_bisection_and_of_the_closed_form(size, power):
    norms = normal(30, seed=power).abs() ** power
    found = probabilities(norms, size, TINY).numpy()
    lifted = norms.clamp(min=TINY * float(norms.mean())).numpy()
    assert found.sum() == pytest.approx(size)
    assert (found > 0).all()
    np.testing.assert_allclose(found, bisected(lifted, size), rtol=1e-8)
    np.testing.assert_allclose(found, sorted_form(lifted, size), rtol=1e-9)


def test_no_other_probabilities_vary_less():
    norms = normal(12, seed=1).abs() ** 2

    def variance(p):
        return float((norms.square() * (1 / p - 1)).sum())

    best = probabilities(norms, 4, TINY)
    for i, j in itertools.permutations(range(12), 2):
        other = best.clone()
        other[i] += 1e-3
        other[j] -= 1e-3
        if other[i] <= 1 and other[j] > 0:
            assert variance(other) > variance(best)


def test_none_is_out_of_reach_and_none_told_apart_where_nothing_is_known():
    norms = torch.tensor([0.0, 1.0, 1.0, 2.0], dtype=torch.float64)
    found = probabilities(norms, 2, 0.1)
    assert float(found[0] / found[1]) == pytest.approx(0.1)
    for unknown in (torch.zeros(4), torch.tensor([1.0, torch.inf, 1.0, 1.0]), norms / 0):
        assert probabilities(unknown, 2, 0.1).tolist() == [0.5] * 4


# The estimator.


def test_its_gradient_is_in_the_mean_that_of_the_whole_by_enumeration():
    """All outcomes of a draw with their probabilities, the empty one left out and made up for."""
    objective = objective_of(examples=6)
    theta = objective.start
    norms, rows = norms_of(objective, theta), torch.cat(list(gradients(objective, theta)))
    chances = probabilities(norms, 2, 0.01)
    outcomes = {}
    for step in range(0, 3000, 20):
        part, _ = draw(MinimalVariance(), objective, theta, step, size=2)
        outcomes[tuple(part.indices.tolist())] = part.gradient(theta)
    total, seen = torch.zeros_like(theta), 0.0
    anything = 1 - float((1 - chances).prod())
    for kept in itertools.product((True, False), repeat=6):
        ids = tuple(np.flatnonzero(kept).tolist())
        if not ids:
            continue
        chance = math.prod(float(p if k else 1 - p) for p, k in zip(chances, kept, strict=True))
        estimate = anything * (rows[list(ids)] / chances[list(ids), None]).sum(0) / 6
        if ids in outcomes:
            torch.testing.assert_close(outcomes[ids], estimate)
            seen += chance
        total += chance / anything * estimate
    torch.testing.assert_close(total, objective.gradient(theta))
    assert seen > 0.9 * anything


@pytest.mark.usefixtures("unchecked")
def test_batches_have_about_the_size_asked_for_and_are_never_empty():
    objective = objective_of()
    for size, steps in ((1, 80), (6, 80), (20, 3)):
        counts = [
            draw(MinimalVariance(), objective, objective.start, step, size=size)[0].examples
            for step in range(steps)
        ]
        assert min(counts) > 0
        if size == 6:
            assert abs(np.mean(counts) - 6) < 4 * np.std(counts) / steps**0.5
        if size == 20:
            assert counts == [20] * 3


def test_batch_normalization_gets_two_examples():
    objective = residual_objective().with_loss(CrossEntropy())
    for step in range(60):
        part, _ = draw(MinimalVariance(), objective, objective.start, step, size=2)
        assert part.examples >= 2
        assert part.gradient(objective.start).isfinite().all()


# Histories.


def test_norms_are_measured_on_all_now_and_then_and_on_the_drawn_in_between():
    objective, sampler = objective_of(), MinimalVariance(refresh=3)
    places = [objective.start + 0.3 * k * normal(len(objective.start), seed=k) for k in range(4)]
    _, memory = draw(sampler, objective, places[0], 0)
    expected = norms_of(objective, places[0])
    torch.testing.assert_close(memory, expected)
    for step in (1, 2):
        part, memory = draw(sampler, objective, places[step], step, memory)
        expected = expected.clone()
        expected[part.indices] = norms_of(objective, places[step])[part.indices]
        torch.testing.assert_close(memory, expected)
    _, memory = draw(sampler, objective, places[3], 3, memory)
    torch.testing.assert_close(memory, norms_of(objective, places[3]))


def test_the_last_layers_norm_is_the_papers_closed_form():
    """|softmax − y| times |h, 1|, h what comes to the last layer."""
    objective = objective_of()
    theta = objective.start + 0.1 * normal(len(objective.start))
    _, norms = draw(MinimalVariance(norm="last layer"), objective, theta)
    module = mlp()
    torch.nn.utils.vector_to_parameters(theta, module.parameters())
    with torch.no_grad():
        hidden = module[:-1](objective.inputs)
        wrong = module[-1](hidden).softmax(1)
        wrong[torch.arange(20), objective.targets] -= 1
    expected = wrong.norm(dim=1) * (hidden.square().sum(1) + 1).sqrt()
    torch.testing.assert_close(norms, expected)


def test_a_run_goes_on_where_norms_are_not_finite():
    objective = objective_of()
    theta = torch.full_like(objective.start, torch.nan)
    part, memory = draw(MinimalVariance(), objective, theta)
    assert part.examples > 0
    assert not memory.isfinite().any()


def test_single_precision_and_a_graph_will_do():
    problem = NodeClassification(nodes=60, neighbours=Stale())
    run = Run(problem=problem, sampler=MinimalVariance(norm="last layer"), batch_size=8, steps=25)
    last = list(train(run))[-1]
    assert not last.diverged
    assert last.theta.isfinite().all()
    assert len(last.drawing) == 36


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        (bowl([1.0, 2.0]), "Run.problem must be a network"),
        (mlp_objective(), "the shape of the losses must be one value per example"),
    ],
)
def test_what_has_no_loss_for_each_example_is_refused(objective, said):
    with pytest.raises(SpecError, match=said):
        MinimalVariance().check_objective(objective)


# What the gradient's error is made of.


def test_the_split_is_what_a_plain_loop_gives():
    problem = NodeClassification(nodes=60, neighbours=NodeWise(draws=2))
    found = problem.build(0, dtype=torch.float64)
    theta, whole = found.start, found.train
    asked = GradientSplit(sampler=Replacement(), batch_size=6, draws=8, seed=4)
    split = asked.at(whole, theta)
    mean, rows = whole.gradient(theta), []
    for step in range(8):
        rng = random_streams.stream(4, "draws", step)
        ids = torch.randint(36, (6,), generator=rng)
        drawn = whole.minibatch(ids).gradient(theta) - mean
        exact = whole.reordered(ids).gradient(theta) - mean
        cross = 2 * (drawn - exact) @ exact
        rows.append([drawn @ drawn, (drawn - exact).square().sum(), exact @ exact, cross])
    rows = np.array(rows)
    np.testing.assert_allclose(split["mean_square"][:4], rows.mean(0))
    np.testing.assert_allclose(split["standard_error"][:4], rows.std(0, ddof=1) / 8**0.5)
    error, embedding, sampling, cross, uniform = split["mean_square"].values
    assert error == pytest.approx(embedding + sampling + cross)
    np.testing.assert_allclose(split["ratio"], split["mean_square"] / uniform)


@pytest.mark.usefixtures("unchecked")
def test_uniform_draws_have_the_error_of_the_closed_form():
    objective = objective_of(examples=30)
    theta = objective.start
    rows = torch.cat(list(gradients(objective, theta)))
    trace = float((rows - rows.mean(0)).square().sum(1).mean())
    split = GradientSplit(sampler=Replacement(), batch_size=5, draws=600).at(objective, theta)
    expected = {"sampling": trace / 5, "uniform": trace / 5 * 25 / 29}
    for part, value in expected.items():
        at = split.sel(part=part)
        assert abs(float(at["mean_square"]) - value) < 4 * float(at["standard_error"])
    assert float(split["mean_square"].sel(part="embedding")) < 1e-25


def test_a_batch_of_all_examples_has_nothing_to_compare_with():
    objective = objective_of()
    split = GradientSplit(batch_size=20, draws=2).at(objective, objective.start)
    assert float(split["mean_square"].sel(part="uniform")) == 0.0
    assert float(split["mean_square"].sel(part="error")) < 1e-25
    assert split["ratio"].isnull().all()


@pytest.mark.usefixtures("unchecked")
def test_the_error_of_minimal_variance_is_that_of_its_probabilities():
    objective = ModelObjective(mlp(), CrossEntropy(), *vectors(30))
    theta = objective.start
    norms = norms_of(objective, theta)
    chances = probabilities(norms, 6, 0.01)
    expected = float((norms.square() * (1 / chances - 1)).sum()) / 30**2
    sampler = MinimalVariance(refresh=1)
    split = GradientSplit(sampler=sampler, batch_size=6, draws=200).at(objective, theta)
    at = split.sel(part="error")
    # An empty batch, of a chance of about 0.1 %, is drawn again: of no weight here.
    assert abs(float(at["mean_square"]) - expected) < 4 * float(at["standard_error"])


# Criteria of a run on the graph, in small; the seeds are those of the larger one.


@pytest.mark.usefixtures("unchecked")
def test_late_in_a_run_its_gradients_err_far_less_than_uniform_ones():
    run = Run(
        problem=NodeClassification(),
        optimizer=Adam(learning_rate=0.02),
        sampler=MinimalVariance(),
        batch_size=64,
        steps=121,
    )
    training = Training(run)
    for state in train(run):
        if state.index in (80, 100, 120):
            rows = torch.cat(list(gradients(training.instance.train, state.theta))).double()
            norms = rows.norm(dim=1)
            chances = probabilities(norms, 64, MinimalVariance().floor)
            error = float((norms.square() * (1 / chances - 1)).sum()) / 600**2
            trace = float((rows - rows.mean(0)).square().sum(1).mean())
            assert error < 0.4 * trace / 64 * (600 - 64) / 599


@pytest.mark.usefixtures("unchecked")
def test_it_leads_to_a_lower_loss_in_as_many_steps():
    losses = {}
    for sampler in (MinimalVariance(), Shuffled()):
        run = Run(
            problem=NodeClassification(),
            optimizer=Adam(learning_rate=0.02),
            sampler=sampler,
            batch_size=64,
            steps=200,
        )
        last = list(train(run))[-1]
        losses[type(sampler)] = float(Training(run).instance.train.loss(last.theta))
    assert losses[MinimalVariance] < 0.7 * losses[Shuffled]


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("kind", [History, Stale])
def test_stale_embeddings_err_less_than_five_drawn_neighbours(kind):
    errors = {}
    for neighbours in (kind(), NodeWise(draws=5)):
        problem = NodeClassification(neighbours=neighbours)
        run = Run(problem=problem, optimizer=Adam(learning_rate=0.02), batch_size=64, steps=60)
        training, last = Training(run), list(train(run))[-1]
        part = training.instance.train.with_buffers(last.buffers)
        split = GradientSplit(sampler=Replacement(), batch_size=64, draws=40).at(part, last.theta)
        errors[type(neighbours)] = split["mean_square"].sel(part="embedding")
    assert errors[kind] < errors[NodeWise]
