"""Every file of `problems/` keeps the contract: seeds, gradients, slices, runs, pictures."""

import pickle
from collections import deque

import numpy as np
import pytest
import torch

from cases import normal
from landscape_core.foundation.recipes import label_of, summary_of
from landscape_core.foundation.registry import entries
from landscape_core.models.problems.base import Problem
from landscape_core.planes.directions.base import Viewpoint
from landscape_core.planes.directions.random import Random
from landscape_core.session.session import Session
from landscape_core.slices.grid import Grid
from landscape_core.slices.probe import probe
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.slices.sweep import exact
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run, train

CATALOGUE = entries(Problem)

CHANGES = {
    "node_classification": {"nodes": 80, "activation": "tanh"},
    "streaming_pca": {"points": 200},
    "valley": {"noise": 1.0},  # without it nothing is random
}
"""Smaller than by default, or smooth, so that differences tell the gradient."""


def parts_of(instance):
    both = {"train": instance.train, "test": instance.test}
    return {name: part for name, part in both.items() if part is not None}


def near(instance):
    """A point beside the start, where nothing is special."""
    return instance.start + 0.1 * normal(len(instance.start), seed=3).to(instance.start)


@pytest.fixture(params=CATALOGUE)
def problem(request):
    return CATALOGUE[request.param](**CHANGES.get(request.param, {}))


@pytest.fixture
def instance(problem):
    return problem.build(0, dtype=torch.float64)


def test_it_introduces_itself(problem):
    assert label_of(type(problem))
    assert len(summary_of(type(problem))) > 20


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_equal_seeds_give_equal_instances(problem, dtype):
    one, other = problem.build(5, dtype=dtype), problem.build(5, dtype=dtype)
    assert torch.equal(one.start, other.start)
    assert one.start.dtype == dtype
    for part, again in zip(parts_of(one).values(), parts_of(other).values(), strict=True):
        theta = near(one)
        assert torch.equal(part.loss(theta), again.loss(theta))
        assert torch.equal(part.gradient(theta), again.gradient(theta))


def test_another_seed_gives_another(problem):
    one, other = (problem.build(seed, dtype=torch.float64) for seed in (5, 6))
    theta = near(one)
    assert not (
        torch.equal(one.start, other.start)
        and torch.equal(one.train.gradient(theta), other.train.gradient(theta))
        and torch.equal(one.train.inputs, other.train.inputs)
    )


def test_it_starts_where_the_loss_is_finite(problem):
    for dtype in (torch.float32, torch.float64):
        found = problem.build(1, dtype=dtype)
        assert found.start.isfinite().all()
        assert found.start.shape == (found.train.layout.size,)
        for part in parts_of(found).values():
            assert part.loss(found.start).isfinite()
            assert part.loss(found.start).dtype == dtype


def test_the_gradient_of_the_loss_is_that_of_finite_differences(instance):
    """Where optimizers follow a field in its place, the gradient is still that of the loss."""
    theta = near(instance)
    for part in parts_of(instance).values():
        point = theta.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(part.loss(point), point)
        with torch.no_grad():
            for move in normal(4, len(theta), seed=1):
                move = move / move.norm()
                ends = [float(part.loss(theta + step * move)) for step in (1e-5, -1e-5)]
                expected = (ends[0] - ends[1]) / 2e-5
                # Rounding costs about 1e-11, curvature of the third order about 1e-9.
                assert float(gradient @ move) == pytest.approx(expected, rel=1e-6, abs=1e-7)


def test_mini_batches_make_up_the_whole(instance):
    whole, theta = instance.train, near(instance)
    parts = [
        whole.minibatch(ids) for ids in torch.arange(whole.examples).tensor_split(4) if len(ids)
    ]
    losses = torch.stack([part.loss(theta) * part.examples for part in parts])
    torch.testing.assert_close(losses.sum() / whole.examples, whole.loss(theta))


def test_a_slice_on_a_random_plane_is_what_a_plain_loop_gives(instance):
    view = Viewpoint(instance.train, instance.start, instance.start[None], 0)
    plane = Random().span(view)
    parts = parts_of(instance)
    (found,) = deque(exact(probe(parts, plane), Grid(resolution=5)), maxlen=1)
    expected = np.empty((len(parts), 5, 5))
    for k, part in enumerate(parts.values()):
        for i, beta in enumerate(found["beta"].values):
            for j, alpha in enumerate(found["alpha"].values):
                theta = instance.start + alpha * plane.axes[0] + beta * plane.axes[1]
                expected[k, i, j] = float(part.loss(theta))
    losses = found["loss"].sel(split=list(parts)).transpose("split", "beta", "alpha")
    np.testing.assert_allclose(losses.values, expected, rtol=1e-10, atol=1e-12)


def test_a_run_of_some_steps_stays_finite_and_repeats_itself(problem):
    run = Run(problem=problem, optimizer=SGD(learning_rate=0.01), batch_size=16, steps=20)
    states = list(train(run))
    assert len(states) == 21
    assert all(state.theta.isfinite().all() and not state.diverged for state in states)
    assert not torch.equal(states[-1].theta, states[0].theta)
    assert torch.equal(states[-1].theta, list(train(run))[-1].theta)


def test_a_session_shows_it(problem):
    run = Run(problem=problem, optimizer=SGD(learning_rate=0.01), batch_size=16, steps=20)
    session = Session(run, SliceSpec(resolution=11))
    pictures = list(session.play(5))
    assert [picture.readings.step for picture in pictures] == [5, 10, 15, 20]
    held = deque(session.refine(), maxlen=1)[0]
    assert held.slice["computed"].all()
    assert np.isfinite(held.slice["loss"]).all()
    assert np.isfinite(held.readings.values["train_loss"])
    assert held.path.sizes["step"] == 21


def test_it_travels_in_a_pickle(problem, instance):
    assert pickle.loads(pickle.dumps(problem)) == problem
    again, theta = pickle.loads(pickle.dumps(instance)), near(instance)
    assert torch.equal(again.start, instance.start)
    for part, other in zip(parts_of(instance).values(), parts_of(again).values(), strict=True):
        assert torch.equal(part.loss(theta), other.loss(theta))
        assert torch.equal(part.gradient(theta), other.gradient(theta))
