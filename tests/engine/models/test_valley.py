"""The curved valley against its formula, and that it can be learned on as any other problem."""

import numpy as np
import pytest
import torch

from landscape_core.models.problems.valley import Valley
from landscape_core.session.session import Session
from landscape_core.slices.slice_spec import SliceSpec
from landscape_core.training.run import Run, train


def built(dtype=torch.float64, **fields):
    return Valley(**fields).build(0, dtype=dtype)


@pytest.mark.parametrize("k", [0.5, 10.0])
@pytest.mark.parametrize("noise", [0.0, 3.0])
def test_the_height_is_that_of_the_formula_with_any_noise(k, noise):
    train = built(steepness=k, noise=noise).train
    for x, y in ((0.3, -1.2), (1.0, 1.0), (-2.0, 0.5)):
        expected = 0.25 * (x**2 - 1) ** 2 + 0.5 * k * (y - x**2) ** 2
        found = train.loss(torch.tensor([x, y], dtype=torch.float64))
        assert float(found) == pytest.approx(expected, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize(
    ("point", "curvatures"), [((0.0, 0.0), (-1.0, 10.0)), ((1.0, 1.0), None), ((-1.0, 1.0), None)]
)
def test_minima_and_saddle_are_where_they_are_said_to_be(point, curvatures):
    train, theta = built().train, torch.tensor(point, dtype=torch.float64)
    assert float(train.gradient(theta).norm()) < 1e-12
    columns = [train.hvp(theta, e) for e in torch.eye(2, dtype=torch.float64)]
    values = torch.linalg.eigvalsh(torch.stack(columns)).numpy()
    if curvatures:
        np.testing.assert_allclose(values, curvatures)
    else:
        assert float(train.loss(theta)) == 0
        assert values.min() > 0


def test_the_gradient_of_an_example_deviates_by_the_noise():
    train = built(noise=2.0, points=5000).train
    theta = train.start
    mean = train.gradient(theta)
    singles = torch.stack([train.minibatch(torch.tensor([i])).gradient(theta) for i in range(500)])
    # The standard deviation of 1000 normal numbers is right to 1 / √2000, thrice that is 7 %.
    assert float((singles - mean).std()) == pytest.approx(2.0, rel=0.07)


def test_a_run_starts_where_it_is_told_and_is_looked_at():
    run = Run(problem=Valley(x=0.5, y=-0.25), steps=3)
    assert next(train(run)).theta.tolist() == [0.5, -0.25]
    session = Session(run, SliceSpec(resolution=11))
    session.advance(2)
    *_, picture = session.refine()
    assert picture.slice["loss"].notnull().all()
    assert picture.points is None
