"""Directions against independent float64 references: the rules of Li et al. and scikit-learn."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import decomposition
from torch import nn
from torch.nn.functional import cross_entropy

import cases
import oracles
from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import PlaneError
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.base import Viewpoint
from landscape_core.planes.directions.pca import PCA
from landscape_core.planes.directions.random import Random

OBJECTIVES = {"mlp": cases.mlp_objective, "residual": cases.residual_objective}
OFFICIAL = {"biases and norms": "biasbn", "nothing": None}


def view_of(objective, path=None, seed=0):
    centre = objective.start if path is None else path[-1]
    return Viewpoint(objective, centre, centre[None] if path is None else path, seed)


def blocks(objective, vector):
    return [block.of(vector).numpy() for block in objective.layout.blocks]


def drawn(size, seed, index):
    rng = random_streams.stream(seed, "direction", index)
    return torch.randn(size, generator=rng, dtype=torch.float64)


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("ignore", OFFICIAL)
@pytest.mark.parametrize("normalization", ["filter", "layer", "weight"])
def test_random_directions_follow_the_rules_of_li_et_al(name, normalization, ignore):
    objective = OBJECTIVES[name]()
    rule = Random(normalization=normalization, ignore=ignore)
    axes = rule.span(view_of(objective, seed=3)).axes
    for index, axis in enumerate(axes):
        expected = oracles.normalized_direction(
            blocks(objective, drawn(len(axis), 3, index)),
            blocks(objective, objective.start),
            normalization,
            OFFICIAL[ignore],
        )
        for found, right in zip(blocks(objective, axis), expected, strict=True):
            np.testing.assert_allclose(found, right, rtol=1e-6, atol=0)


def test_directions_of_a_float32_network_agree_with_the_float64_reference():
    module = cases.residual().float()
    inputs, targets = cases.images()
    objective = ModelObjective(module, cross_entropy, inputs.float(), targets)
    axis = Random().span(view_of(objective)).axes[0]
    assert axis.dtype == torch.float32
    expected = oracles.normalized_direction(
        blocks(objective, drawn(len(axis), 0, 0)), blocks(objective, objective.start)
    )
    for found, right in zip(blocks(objective, axis), expected, strict=True):
        np.testing.assert_allclose(found, right, rtol=1e-6, atol=1e-12)


def test_directions_without_normalization_are_gaussian_draws():
    objective = cases.mlp_objective()
    axis = Random(normalization="none").span(view_of(objective, seed=4)).axes[0]
    gaussian = drawn(len(axis), 4, 0)
    for block in objective.layout.blocks:
        expected = block.of(gaussian) if block.has_filters else torch.zeros(block.shape)
        torch.testing.assert_close(block.of(axis), expected.double(), rtol=0, atol=0)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=20)
def test_each_filter_of_a_filter_normalized_direction_is_as_long_as_the_networks(seed):
    objective = cases.residual_objective()
    for axis in Random().span(view_of(objective, seed=seed)).axes:
        for d, w in zip(blocks(objective, axis), blocks(objective, objective.start), strict=True):
            if d.ndim > 1:
                rows = len(d)
                lengths = np.linalg.norm(d.reshape(rows, -1), axis=1)
                np.testing.assert_allclose(lengths, np.linalg.norm(w.reshape(rows, -1), axis=1))


def test_filter_normalized_slices_do_not_see_the_scale_between_layers():
    """Li et al., 2018, section 3: a ReLU network computes the same after such a rescaling."""

    def losses(factor):
        layers = [nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 3)]
        module = cases.filled(nn.Sequential(*layers))
        with torch.no_grad():
            module[0].weight *= factor
            module[0].bias *= factor
            module[2].weight /= factor
        objective = ModelObjective(module, cross_entropy, *cases.vectors())
        plane = Random().span(view_of(objective, seed=1), 1)
        alphas = torch.linspace(-1, 1, 11, dtype=torch.float64)[:, None]
        return objective.losses(plane.points(alphas))

    torch.testing.assert_close(losses(7.0), losses(1.0), rtol=1e-8, atol=1e-8)


def test_orthogonal_directions_are_orthogonal_and_keep_their_length():
    objective = cases.mlp_objective()
    free = Random(orthogonal=False).span(view_of(objective)).axes
    turned = Random(orthogonal=True).span(view_of(objective)).axes
    assert abs(float(free[0] @ free[1])) > 1e-3
    assert abs(float(turned[0] @ turned[1])) < 1e-12
    torch.testing.assert_close(turned.norm(dim=1), free.norm(dim=1))
    torch.testing.assert_close(turned[0], free[0])


def test_a_seed_gives_the_same_plane_and_another_seed_another():
    objective = cases.mlp_objective()
    first, again, other = (Random().span(view_of(objective, seed=seed)).axes for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.allclose(first, other)


def test_the_first_direction_of_a_line_is_the_first_of_the_plane():
    objective = cases.mlp_objective()
    line, plane = (Random().span(view_of(objective), count) for count in (1, 2))
    assert torch.equal(line.axes[0], plane.axes[0])


def walk(steps=30, size=40, seed=0):
    """A path that turns, with clearly different variances along its principal directions."""
    return (cases.normal(steps, size, seed=seed) * torch.linspace(3, 0.3, size)).cumsum(dim=0)


@pytest.mark.parametrize(("steps", "size"), [(30, 40), (60, 12), (3, 100)])
def test_pca_is_scikit_learns(steps, size):
    path = walk(steps, size)
    plane = PCA().span(Viewpoint(cases.mlp_objective(), path[-1], path, 0))
    reference = decomposition.PCA(n_components=2).fit(path.numpy())
    np.testing.assert_allclose(
        plane.explained_variance_ratio, reference.explained_variance_ratio_, rtol=1e-9
    )
    overlap = np.abs(np.sum(plane.axes.numpy() * reference.components_, axis=1))
    np.testing.assert_allclose(overlap, 1.0, rtol=1e-9)
    np.testing.assert_allclose(plane.axes.norm(dim=1), 1.0, rtol=1e-12)
    assert plane.names == ("PC1", "PC2")
    assert torch.equal(plane.origin, path[-1])


def test_pca_relative_to_the_end_of_the_path_is_its_singular_value_decomposition():
    path = walk()
    plane = PCA(center=False).span(Viewpoint(cases.mlp_objective(), path[-1], path, 0))
    _, values, rows = np.linalg.svd((path - path[-1]).numpy(), full_matrices=False)
    overlap = np.abs(np.sum(plane.axes.numpy() * rows[:2], axis=1))
    np.testing.assert_allclose(overlap, 1.0, rtol=1e-9)
    np.testing.assert_allclose(
        plane.explained_variance_ratio, values[:2] ** 2 / np.sum(values**2), rtol=1e-9
    )


def test_pca_is_the_same_in_blocks_as_at_once(monkeypatch):
    path = walk()
    view = Viewpoint(cases.mlp_objective(), path[-1], path, 0)
    whole = PCA().span(view)
    monkeypatch.setattr("landscape_core.planes.directions.pca.BLOCK", 7 * len(path))
    torch.testing.assert_close(PCA().span(view).axes, whole.axes, rtol=1e-10, atol=1e-12)


def test_pca_in_one_dimension_is_the_first_axis_of_the_plane():
    path = walk()
    view = Viewpoint(cases.mlp_objective(), path[-1], path, 0)
    torch.testing.assert_close(PCA().span(view, 1).axes[0], PCA().span(view).axes[0])


@given(seed=st.integers(0, 1000))
@settings(max_examples=30)
def test_the_path_ends_right_of_its_start_and_its_largest_excursion_leads_upwards(seed):
    path = walk(12, 9, seed=seed)
    plane = PCA().span(Viewpoint(cases.mlp_objective(), path[-1], path, 0))
    alpha, beta = plane.axes @ (path - path[0]).T
    assert alpha[-1] > 0
    assert beta.max() > -beta.min()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (walk(2), "at least 3 points; it has 2"),
        (torch.ones(5, 4, dtype=torch.float64), "moves in 0"),
        (torch.linspace(0, 1, 6, dtype=torch.float64)[:, None] * torch.ones(4), "moves in 1"),
        (torch.full((5, 4), float("nan")), "finite"),
    ],
)
def test_a_path_that_spans_no_plane_is_refused_with_the_reason(path, says):
    with pytest.raises(PlaneError, match=says):
        PCA().span(Viewpoint(cases.mlp_objective(), path[-1], path, 0))


def test_rounding_in_float32_does_not_count_as_motion():
    line = torch.linspace(0, 1, 20)[:, None] * cases.normal(50).float() + 100.0
    with pytest.raises(PlaneError, match="moves in 1"):
        PCA().span(Viewpoint(cases.mlp_objective(), line[-1], line, 0))
