"""The PCA of a trajectory against the rule of the catalogue, a walk's against theory."""

import numpy as np
import pytest
import torch

from landscape_core.labs import trajectory_pca
from landscape_core.models.architectures.mlp import MLP
from landscape_core.planes.directions.base import Viewpoint
from landscape_core.planes.directions.pca import PCA


@pytest.mark.parametrize("length", [5, 61])
def test_the_shares_of_a_random_walk_are_the_eigenvalues_of_its_expected_gram_matrix(length):
    """Antognini and Sohl-Dickstein, 2018; brute force against the closed form."""
    sums = np.tril(np.ones((length, length)))
    centred = sums - sums.mean(axis=0)
    values = np.linalg.eigvalsh(centred @ centred.T)[::-1]
    closed = [trajectory_pca.walk_share(k, length) for k in range(1, length)]
    np.testing.assert_allclose(closed, values[:-1] / values.sum(), rtol=1e-9)
    assert sum(closed) == pytest.approx(1)


def test_the_shares_of_an_endless_walk_fall_as_the_square_of_the_component():
    for k in (1, 2, 3):
        assert trajectory_pca.walk_share(k, 10**5) == pytest.approx(6 / (np.pi * k) ** 2, rel=1e-6)


def test_a_walk_in_many_dimensions_has_the_shares_of_theory():
    _, shares = trajectory_pca.components(trajectory_pca.random_walk(40, 20_000, 7))
    expected = [trajectory_pca.walk_share(k, 40) for k in (1, 2)]
    np.testing.assert_allclose(shares[:2], expected, atol=0.01)


def test_components_are_those_of_the_rule_of_the_catalogue():
    objective = trajectory_pca.digits(MLP(width=4), 7, points=100)
    path = trajectory_pca.random_walk(12, objective.layout.size, 7)
    plane = PCA().span(Viewpoint(objective, path[-1], path, 0))
    coords, shares = trajectory_pca.components(path)
    np.testing.assert_allclose(shares[:2], plane.explained_variance_ratio, rtol=1e-10)
    along = (path - path.mean(0)) @ plane.axes.double().T
    rms = (path - path.mean(0)).square().sum(1).mean().sqrt()
    np.testing.assert_allclose(np.abs(coords), (along / rms).abs().T, rtol=1e-8, atol=1e-10)


def test_coordinates_do_not_flip_as_the_path_grows():
    path = trajectory_pca.random_walk(30, 5000, 3)
    for count in range(5, 31):
        (first, second), _ = trajectory_pca.components(path[:count])
        assert first[-1] > first[0]
        assert second[count // 2] < 0


def test_a_path_on_a_plane_is_explained_by_two_components():
    drawn = torch.Generator().manual_seed(0)
    plane = torch.randn(2, 50, generator=drawn, dtype=torch.float64)
    weights = torch.randn(9, 2, generator=drawn, dtype=torch.float64)
    _, shares = trajectory_pca.components(weights @ plane)
    assert shares[:2].sum() == pytest.approx(1)
