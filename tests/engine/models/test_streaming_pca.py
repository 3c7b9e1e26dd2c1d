"""The principal component of a stream: its landscape, its field that is no gradient, its runs."""

import pickle
from collections import deque

import pytest
import torch

from cases import normal
from landscape_core.curvature.spectrum import Spectrum, compute_spectrum
from landscape_core.experiments.slice_of_run import slice_of_run
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.progress import result
from landscape_core.models import derivatives
from landscape_core.models.problems.streaming_pca import StreamingPCA
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.optimizers.saga import SAGA
from landscape_core.training.optimizers.sgd import SGD
from landscape_core.training.run import Run, Training, train
from landscape_core.training.samplers.replacement import Replacement

SIGMA = torch.diag(torch.tensor([4.0, 3.0, 2.0, 1.0], dtype=torch.float64))


def built(seed=0, dtype=torch.float64, **choices):
    return StreamingPCA(**{"points": 50} | choices).build(seed, "cpu", dtype)


def rule(examples, v):
    """The mean of −(I − vvᵀ)xxᵀv, one example after another."""
    identity = torch.eye(len(v), dtype=v.dtype)
    each = [-(identity - torch.outer(v, v)) @ torch.outer(x, x) @ v for x in examples]
    return torch.stack(each).mean(0)


def last(items):
    return deque(items, maxlen=1)[0]


def test_the_landscape_is_half_the_rayleigh_quotient_turned():
    instance = built()
    x = instance.train.inputs
    for objective, sigma in ((instance.train, x.T @ x / 50), (instance.test, SIGMA)):
        for seed in range(3):
            v = 3 * normal(4, seed=seed)
            expected = -0.5 * (v @ sigma @ v) / (v @ v)
            torch.testing.assert_close(objective.loss(v), expected, rtol=1e-12, atol=0)
    assert instance.test.loss(torch.eye(4).double()[0]) == pytest.approx(-2.0, rel=1e-12)


def test_optimizers_follow_ojas_rule_for_each_mini_batch_and_each_example():
    train, v = built().train, 1.5 * normal(4)
    torch.testing.assert_close(train.gradient(v), rule(train.inputs, v), rtol=1e-12, atol=1e-13)
    batch = torch.tensor([3, 8, 8, 40])
    part = train.minibatch(batch)
    torch.testing.assert_close(part.gradient(v), rule(train.inputs[batch], v))
    weights = normal(4).abs()
    expected = (
        sum(w * rule(train.inputs[i : i + 1], v) for w, i in zip(weights, batch, strict=True)) / 4
    )
    torch.testing.assert_close(
        part.with_loss(train.loss_function).weighted(weights).gradient(v), expected
    )
    rows = torch.cat(list(derivatives.gradients(part, v)))
    for row, i in zip(rows, batch, strict=True):
        torch.testing.assert_close(row, rule(train.inputs[i : i + 1], v))


def test_on_the_sphere_the_rule_is_the_gradient_and_off_it_that_of_no_function():
    train, v = built().train, normal(4)
    slope = torch.func.grad(train.loss)
    unit = v / v.norm()
    torch.testing.assert_close(train.gradient(unit), slope(unit), rtol=1e-12, atol=1e-13)
    v = 2 * unit
    assert (train.gradient(v) - slope(v)).norm() > 0.1
    h, axes = 1e-5, torch.eye(4, dtype=torch.float64)
    jacobian = torch.stack(
        [(train.gradient(v + h * e) - train.gradient(v - h * e)) / (2 * h) for e in axes], dim=1
    )
    # Of F = (vᵀΣv)v − Σv the derivative is (vᵀΣv)I − Σ + 2v(Σv)ᵀ, which is not symmetric.
    turned = train.inputs.T @ train.inputs / 50 @ v
    skew = 2 * (torch.outer(v, turned) - torch.outer(turned, v))
    torch.testing.assert_close(jacobian - jacobian.T, skew, rtol=1e-6, atol=1e-7)
    assert skew.norm() > 1


def test_the_start_is_the_saddle_of_the_second_eigenvector():
    instance = built()
    e2 = torch.eye(4, dtype=torch.float64)[1]
    assert torch.equal(instance.start, e2)
    assert instance.test.gradient(e2).norm() < 1e-14
    hessian = torch.func.hessian(instance.test.loss)(e2)
    expected = torch.diag(torch.tensor([3.0 - 4.0, 0.0, 3.0 - 2.0, 3.0 - 1.0]).double())
    torch.testing.assert_close(hessian, expected, rtol=0, atol=1e-12)


def test_a_random_start_lies_on_the_sphere_wherever_the_seed_says():
    one, again, other = (built(seed, start="random").start for seed in (0, 0, 1))
    assert float(one.norm()) == pytest.approx(1.0, rel=1e-12)
    assert torch.equal(one, again)
    assert (one - other).norm() > 0.01


def test_examples_have_the_spectrum_that_is_asked_for():
    assert StreamingPCA().spectrum.tolist() == [4.0, 3.0, 2.0, 1.0]
    asked = {"dimensions": 5, "largest": 2.0, "smallest": 0.0, "points": 40_000}
    x = built(**asked).train.inputs
    sigma = torch.diag(torch.tensor([2.0, 1.5, 1.0, 0.5, 0.0], dtype=torch.float64))
    # The standard error of an entry is at most 2√2/200.
    torch.testing.assert_close(x.T @ x / len(x), sigma, rtol=0, atol=5 * 0.0142)
    instance = built(**asked)
    moment = instance.test.inputs.T @ instance.test.inputs / instance.test.examples
    torch.testing.assert_close(moment, sigma, rtol=0, atol=1e-14)
    assert torch.equal(x, instance.train.inputs)
    assert not torch.equal(x, built(1, **asked).train.inputs)
    torch.testing.assert_close(built(dtype=torch.float32, **asked).train.inputs, x.float())
    assert instance.data is None


def test_eigenvalues_that_do_not_fall_are_refused():
    with pytest.raises(SpecError, match="less than the largest eigenvalue, 1") as caught:
        StreamingPCA(largest=1.0, smallest=1.0)
    assert caught.value.field == "StreamingPCA.smallest"


def test_it_can_be_pickled_with_its_field():
    train, v = built().train, normal(4)
    again = pickle.loads(pickle.dumps(train))
    assert torch.equal(again.gradient(v), train.gradient(v))
    assert torch.equal(again.gradient(v), again.field(again, v, torch.func.grad(again.loss)(v)))


@pytest.mark.usefixtures("unchecked")
def test_a_run_is_ojas_rule_over_the_stream_and_ends_at_the_first_component():
    problem = StreamingPCA(points=2000)
    run = Run(
        problem=problem,
        optimizer=SGD(learning_rate=0.02),
        batch_size=1,
        steps=2000,
        dtype="float64",
    )
    *_, state = train(run)
    x = problem.build(0, "cpu", torch.float64).train.inputs
    v = torch.eye(4, dtype=torch.float64)[1]
    for i in torch.randperm(2000, generator=random_streams.stream(0, "batches", 0)):
        along = x[i] @ v
        v = v + 0.02 * along * (x[i] - along * v)
    torch.testing.assert_close(state.theta, v, rtol=1e-9, atol=1e-10)
    assert abs(float(v.norm()) - 1) < 0.3
    assert 1 - float(v[0] ** 2 / (v @ v)) < 0.1


@pytest.mark.usefixtures("unchecked")
def test_examples_that_come_again_may_be_remembered():
    run = Run(
        problem=StreamingPCA(points=30),
        optimizer=SAGA(learning_rate=0.05),
        sampler=Replacement(),
        batch_size=5,
        steps=500,
        dtype="float64",
    )
    *_, state = train(run)
    x = built(points=30).train.inputs
    component = torch.linalg.eigh(x.T @ x)[1][:, -1]
    # Without its noise the rule ends at a component of the very examples, of norm 1.
    assert abs(float(component @ state.theta)) == pytest.approx(1.0, abs=1e-9)
    assert float(state.theta.norm()) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("split", ["train", "test"])
def test_it_is_watched_live_as_any_other_problem(split):
    session = Session(Run(problem=StreamingPCA(points=500)), SliceSpec(resolution=11, split=split))
    assert session.picture().points is None
    for _ in range(5):
        session.advance(10)
    picture = session.picture()
    assert picture.readings.step == 50
    assert picture.readings.values["train_loss"] < -1.6
    assert set(picture.readings.values) == {"train_loss", "test_loss"}
    picture = last(session.refine())
    assert picture.slice["computed"].all()
    assert picture.notice == ""
    assert picture.boundary is None
    plane = session.plane
    objective = getattr(Training(session.run).instance, split)
    where = torch.tensor([[picture.slice["alpha"].values[3], picture.slice["beta"].values[8]]])
    expected = float(objective.loss(plane.points(where)[0]))
    assert float(picture.slice["loss"].values[0, 8, 3]) == pytest.approx(expected, rel=1e-5)


def test_its_curvature_is_that_of_the_rayleigh_quotient():
    session = Session(
        Run(problem=StreamingPCA(points=500), dtype="float64"),
        SliceSpec(resolution=11, split="test"),
    )
    session.advance(20)
    session.picture()
    asked = Spectrum(top=3, bottom=1, probes=0)
    (found,) = last(
        session.study("curvature", lambda at: compute_spectrum(at.train, at.train.start, asked))
    ).studies.values()
    theta, objective = session.state.theta, Training(session.run).instance.train
    expected = torch.linalg.eigvalsh(torch.func.hessian(objective.loss)(theta)).flip(0)
    torch.testing.assert_close(
        torch.from_numpy(found["eigenvalue"].values[0]), expected, rtol=1e-6, atol=1e-8
    )


def test_a_slice_of_a_run_is_one_piece_of_work():
    run = Run(problem=StreamingPCA(points=200), steps=20)
    dataset = result(slice_of_run(run))
    assert dataset["loss"].sizes["split"] == 2
    # Half the quotient lies between the eigenvalues, wherever one looks.
    test = dataset["loss"].sel(split="test")
    assert float(test.min()) >= -2.0 - 1e-6
    assert float(test.max()) <= -0.5 + 1e-6
