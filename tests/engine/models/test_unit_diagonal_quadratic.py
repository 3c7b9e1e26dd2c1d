"""The quadratic with a unit diagonal: its spectrum, its matrix, and its examples."""

import pytest
import torch

from cases import normal
from landscape_core.foundation import random_streams
from landscape_core.models.problems.unit_diagonal_quadratic import (
    SPECTRA,
    UnitDiagonalQuadratic,
    with_unit_diagonal,
)

CLOSE = {"rtol": 1e-9, "atol": 1e-9}


@pytest.mark.parametrize("spectrum", SPECTRA)
@pytest.mark.parametrize(("size", "rho"), [(2, 0.3), (7, 0.0), (20, 0.9)])
def test_the_matrix_has_the_stated_spectrum_and_ones_on_its_diagonal(spectrum, size, rho):
    problem = UnitDiagonalQuadratic(size=size, correlation=rho, spectrum=spectrum)
    values, A = problem.eigenvalues(), problem.matrix(3)
    torch.testing.assert_close(torch.linalg.eigvalsh(A), values, **CLOSE)
    assert torch.equal(A.diagonal(), torch.ones(size, dtype=torch.float64))
    assert torch.equal(A, A.T)
    assert float(values[-1] / values[0]) == pytest.approx(problem.condition)
    assert float(values.mean()) == pytest.approx(1.0)
    if spectrum == "two eigenvalues":
        off = A[~torch.eye(size, dtype=torch.bool)]
        torch.testing.assert_close(off, torch.full_like(off, rho))


def test_a_random_matrix_is_another_for_another_seed_and_keeps_its_eigenvalues():
    values = torch.tensor([0.1, 0.4, 0.5, 3.0], dtype=torch.float64)
    one, other = (with_unit_diagonal(values, random_streams.stream(s, "data")) for s in (0, 1))
    assert (one - other).abs().max() > 0.05
    for A in (one, other):
        torch.testing.assert_close(torch.linalg.eigvalsh(A), values, **CLOSE)


@pytest.mark.parametrize("spectrum", SPECTRA)
def test_the_mean_over_the_examples_is_the_quadratic_and_each_has_curvature_n(spectrum):
    problem = UnitDiagonalQuadratic(size=6, correlation=0.8, spectrum=spectrum)
    train, A = problem.build(2, dtype=torch.float64).train, problem.matrix(2)
    theta, d = normal(6, seed=1), normal(6, seed=2)
    torch.testing.assert_close(train.loss(theta), 0.5 * theta @ A @ theta, **CLOSE)
    torch.testing.assert_close(train.gradient(theta), A @ theta, **CLOSE)
    torch.testing.assert_close(train.hvp(theta, d), A @ d, **CLOSE)
    norms = train.inputs.square().sum(1)
    torch.testing.assert_close(norms, torch.full_like(norms, 6.0), **CLOSE)


def test_its_size_is_known_before_it_is_built():
    size = UnitDiagonalQuadratic(size=9).estimated_size()
    built = UnitDiagonalQuadratic(size=9).build(0).train
    assert (size.parameters, size.examples) == (built.layout.size, built.examples)
