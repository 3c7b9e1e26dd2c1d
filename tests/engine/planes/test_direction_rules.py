"""Every rule for directions, held to what it says, and its options that hold for all."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from jaxtyping import config

import cases
import oracles
from landscape_core.curvature import eigenpairs as eigenpairs_module
from landscape_core.foundation.errors import (
    FileFormatError,
    MissingDataError,
    PlaneError,
    SpecError,
)
from landscape_core.foundation.registry import entries
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.directions.base import Directions, Viewpoint, explained_by
from landscape_core.planes.directions.between import Between
from landscape_core.planes.directions.endpoints import Endpoints
from landscape_core.planes.directions.given import GivenVectors
from landscape_core.planes.directions.gradient import Gradient
from landscape_core.planes.directions.hessian import HessianEigenvectors
from landscape_core.planes.directions.parameters import SingleParameters
from landscape_core.planes.directions.pca import PCA
from landscape_core.planes.directions.random import Random
from landscape_core.planes.directions.update import Update
from landscape_core.planes.plane import Plane


def view_of(objective, steps=6, seed=0):
    """A viewpoint at the end of a path of so many points."""
    walk = 0.1 * cases.normal(steps, objective.layout.size, seed=seed + 7).cumsum(dim=0)
    path = objective.start + walk
    return Viewpoint(objective, path[-1], path, seed)


def line_objective():
    """A line through five points: two parameters."""
    line = torch.nn.Linear(1, 1, dtype=torch.float64)
    data = torch.linspace(-1.0, 1.0, 5, dtype=torch.float64)[:, None]
    return ModelObjective(line, lambda out, to: (out - to).square().mean(1), data, data)


@pytest.fixture
def view():
    return view_of(cases.mlp_objective())


@pytest.fixture
def rules(tmp_path, view):
    """Every rule there is, with files where it reads some."""
    np.save(tmp_path / "two.npy", cases.normal(2, len(view.centre), seed=1).numpy())
    names = {}
    for index, name in enumerate(("first", "second")):
        theta = view.centre + cases.normal(len(view.centre), seed=index + 2)
        torch.save(view.objective.layout.split(theta), tmp_path / f"{name}.pt")
        names[name] = str(tmp_path / f"{name}.pt")
    made = {"between": Between(**names), "given": GivenVectors(file=str(tmp_path / "two.npy"))}
    return {name: made.get(name) or kind() for name, kind in entries(Directions).items()}


def test_every_rule_spans_a_line_and_a_plane(rules, view):
    for rule in rules.values():
        line, plane = rule.span(view, 1), rule.span(view)
        assert (line.dimensions, plane.dimensions) == (1, 2)
        assert len(plane.names) == 2
        torch.testing.assert_close(line.axes[0], plane.axes[0], rtol=1e-6, atol=1e-9)


def test_every_rule_can_be_held_to_some_layers(rules, view):
    layout = view.objective.layout
    held = [block for block in layout.blocks if not block.name.startswith("2.")]
    for rule in rules.values():
        plane = rule.replace(layers="2").span(view)
        for block in held:
            assert not bool(block.of(plane.axes).any())
        assert bool(plane.axes.any(dim=1).all())


def test_every_rule_gives_axes_of_unit_length_and_orthogonal_ones_if_asked(rules, view):
    for rule in rules.values():
        axes = rule.replace(length="unit", orthogonal=True).span(view).axes
        torch.testing.assert_close(axes @ axes.T, torch.eye(2, dtype=torch.float64))


def test_every_rule_refuses_a_centre_that_is_not_finite(rules, view):
    broken = Viewpoint(view.objective, view.centre * torch.nan, view.path, 0)
    for rule in rules.values():
        with pytest.raises(PlaneError, match="finite"):
            rule.span(broken)


def test_a_layer_that_is_not_there_is_refused_with_those_that_are(view):
    with pytest.raises(SpecError, match=r"0\.weight, 0\.bias"):
        Random(layers="7").span(view)


@pytest.mark.parametrize("names", [",", " ", " , "])
def test_a_list_that_names_no_layer_is_refused_with_those_that_there_are(view, names):
    with pytest.raises(SpecError, match=rf"layers must be .*0\.weight, 0\.bias.*got '{names}'"):
        Random(layers=names).span(view)


@pytest.mark.parametrize("dimensions", [0, -1, 3])
def test_neither_a_line_nor_a_plane_is_refused(rules, view, dimensions):
    for rule in rules.values():
        with pytest.raises(SpecError, match=rf"dimensions must be 1 .* or 2 .*got {dimensions}\."):
            rule.span(view, dimensions)


@pytest.mark.parametrize(
    ("ignore", "dimensions"), [("biases and norms", 1), ("biases and norms", 2), ("nothing", 2)]
)
def test_biases_alone_have_no_random_directions(view, ignore, dimensions):
    with pytest.raises(PlaneError, match=r"biases.*0\.bias, 2\.bias, 4\.bias.*ignore = nothing"):
        Random(layers="*.bias", ignore=ignore).span(view, dimensions)


def test_one_weight_has_no_two_random_directions():
    ones = torch.ones(2, 1)
    part = ModelObjective(torch.nn.Linear(1, 1), torch.nn.functional.mse_loss, ones, ones)
    one = Viewpoint(part, part.start, part.start[None], 0)
    with pytest.raises(PlaneError, match=r"at least two numbers that vary; 1 does.*dimensions=1"):
        Random().span(one, 2)
    assert float(Random().span(one, 1).axes[0, 1]) == 0


def test_biases_alone_span_a_line_along_their_own_values(view):
    axis = Random(layers="*.bias", ignore="nothing").span(view, 1).axes[0]
    for block in view.objective.layout.blocks:
        expected = block.of(view.centre) if block.name.endswith("bias") else 0 * block.of(axis)
        torch.testing.assert_close(block.of(axis), expected)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("0", ["0.weight", "0.bias"]),
        ("*.bias, 0.weight", ["0.weight", "0.bias", "2.bias", "4.bias"]),
    ],
)
def test_layers_are_chosen_by_name_and_by_pattern(view, names, expected):
    layout = view.objective.layout
    moved = Random(normalization="none", ignore="nothing", layers=names).span(view).axes[0]
    assert [b.name for b in layout.blocks if bool(b.of(moved).any())] == expected


@pytest.mark.parametrize("ranks", [(1, 2), (2, 1), (1, -1), (-1, -2), (3, -2)])
@pytest.mark.parametrize("whole", [True, False])
def test_hessian_directions_are_the_eigenvectors_asked_for(view, ranks, whole, monkeypatch):
    monkeypatch.setattr(eigenpairs_module, "DENSE", 1000 if whole else 0)
    _, vectors = torch.linalg.eigh(oracles.dense_hessian(view.objective, view.centre))
    plane = HessianEigenvectors(first=ranks[0], second=ranks[1], tolerance=1e-10).span(view)
    for axis, rank in zip(plane.axes, ranks, strict=True):
        expected = vectors[:, -rank] if rank > 0 else vectors[:, -rank - 1]
        assert abs(float(axis @ expected)) == pytest.approx(1, abs=1e-6)


def test_eigenvectors_of_one_layer_are_those_of_its_block(view):
    matrix = oracles.dense_hessian(view.objective, view.centre)
    block = view.objective.layout.blocks[2]
    _, vectors = torch.linalg.eigh(matrix[block.start : block.stop, block.start : block.stop])
    axis = HessianEigenvectors(layers=block.name).span(view, 1).axes[0]
    found = axis[block.start : block.stop]
    assert abs(float(found @ vectors[:, -1])) == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize("ranks", [(0, 1), (1, 0), (2, 2)])
def test_eigenvectors_that_are_not_two_are_refused(ranks):
    with pytest.raises(SpecError):
        HessianEigenvectors(first=ranks[0], second=ranks[1])


def test_the_gradient_plane_holds_two_steps_of_gradient_descent(view):
    bowl = cases.bowl([1.0, 2.0, 5.0, 9.0])
    theta = cases.normal(4, seed=8)
    plane = Gradient().span(Viewpoint(bowl, theta, theta[None], 0))
    once = theta - 0.1 * bowl.gradient(theta)
    twice = once - 0.1 * bowl.gradient(once)
    assert float(plane.distance(torch.stack([once, twice])).max()) < 1e-12
    assert float(plane.coords(once[None])[0, 0]) == pytest.approx(0.1)


def test_at_a_minimum_there_is_no_gradient_to_follow():
    bowl = cases.bowl([1.0, 2.0, 5.0], examples=1)
    with pytest.raises(PlaneError, match="zero"):
        Gradient().span(Viewpoint(bowl, bowl.centres[0], bowl.centres, 0))


def test_the_last_update_leads_back_to_the_point_before(view):
    plane = Update().span(view)
    torch.testing.assert_close(plane.points(torch.tensor([[-1.0, 0.0]]))[0], view.path[-2])
    torch.testing.assert_close(plane.axes[1], -view.objective.gradient(view.centre))


def test_start_to_end_goes_through_start_end_and_the_farthest_point(view):
    plane = Endpoints().span(view)
    coords = plane.coords(view.path)
    torch.testing.assert_close(coords[[0, -1]], torch.tensor([[0.0, 0], [1, 0]]).double())
    line = Endpoints().span(view, 1)
    far = int(line.distance(view.path).argmax())
    assert float(plane.distance(view.path[far][None])[0]) < 1e-9
    assert float(coords[far, 1]) == pytest.approx(1)


def test_what_axes_explain_is_the_share_of_squared_moves(view):
    moves = view.path - view.path[0]
    basis = np.linalg.qr(Endpoints().span(view).axes.numpy().T)[0]
    shares = ((moves.numpy() @ basis) ** 2).sum(0) / float(moves.square().sum())
    assert explained_by(Endpoints().span(view).axes, moves) == pytest.approx(tuple(shares))
    assert Endpoints().span(view).explained_variance_ratio == pytest.approx(tuple(shares))


@pytest.mark.parametrize(
    ("rule", "steps", "word"),
    [(PCA(), 2, "at least 3"), (Endpoints(), 2, "at least 3"), (Update(), 1, "at least 2")],
)
def test_too_short_a_path_is_refused_with_what_is_needed(rule, steps, word):
    with pytest.raises(PlaneError, match=word):
        rule.span(view_of(cases.mlp_objective(), steps))


def test_paths_that_do_not_move_or_do_not_bend_span_nothing(view):
    still = view.centre.expand(5, -1)
    straight = view.centre + torch.arange(5.0)[:, None] * cases.normal(len(view.centre))
    for path, word in ((still, "coincide"), (straight, "straight")):
        with pytest.raises(PlaneError, match=word):
            Endpoints().span(Viewpoint(view.objective, path[-1], path, 0))
    with pytest.raises(PlaneError, match="are equal"):
        Update().span(Viewpoint(view.objective, still[-1], still, 0))


def test_pca_of_the_last_part_of_a_path_is_pca_of_that_part(view):
    whole = view_of(cases.mlp_objective(), 20)
    cut = Viewpoint(whole.objective, whole.centre, whole.path[10:], 0)
    found, expected = PCA(last=0.5).span(whole), PCA().span(cut)
    torch.testing.assert_close(found.axes, expected.axes)


def test_pca_of_several_runs_is_that_of_all_their_points(view):
    other = view_of(cases.mlp_objective(), 9, seed=5).path
    found = PCA().span(Viewpoint(view.objective, view.centre, view.path, 0, (other,)))
    together = torch.cat([other, view.path]).numpy()
    _, _, rows = np.linalg.svd(together - together.mean(0), full_matrices=False)
    cosines = np.abs(np.sum(found.axes.numpy() * rows[:2], axis=1))
    np.testing.assert_allclose(cosines, 1, atol=1e-9)


def test_parameters_in_files_lie_at_one_on_their_axes(rules, view):
    plane = rules["between"].span(view)
    saved = torch.load(rules["between"].second, weights_only=True)
    found = plane.points(torch.tensor([[0.0, 1.0]], dtype=torch.float64))[0]
    torch.testing.assert_close(found, view.objective.layout.join(saved))
    assert plane.names == ("to first", "to second")


def test_a_file_that_does_not_fit_is_refused_by_name(tmp_path, view):
    def refused(error, match, rule):
        with pytest.raises(error, match=match):
            rule.span(view, 1)

    refused(SpecError, r"Between\.first", Between())
    refused(MissingDataError, "no file", GivenVectors(file=str(tmp_path / "none.npy")))
    np.save(tmp_path / "short.npy", np.ones((2, 5)))
    refused(PlaneError, "length 5", GivenVectors(file=str(tmp_path / "short.npy")))
    refused(PlaneError, "length 5", Between(first=str(tmp_path / "short.npy")))
    torch.save({"other": torch.ones(3)}, tmp_path / "other.pt")
    refused(PlaneError, "different network", Between(first=str(tmp_path / "other.pt")))
    (tmp_path / "broken.pt").write_bytes(b"no tensor")
    refused(FileFormatError, "cannot be read", Between(first=str(tmp_path / "broken.pt")))
    np.save(tmp_path / "nan.npy", np.full((2, len(view.centre)), np.nan))
    refused(PlaneError, "finite", GivenVectors(file=str(tmp_path / "nan.npy")))
    refused(SpecError, "must be one of", GivenVectors(file=__file__))
    torch.save(view.objective.layout.split(view.centre), tmp_path / "same.pt")
    refused(PlaneError, "same parameters", Between(first=str(tmp_path / "same.pt")))


@pytest.mark.parametrize("options", [{}, {"orthogonal": True}, {"length": "unit"}])
@pytest.mark.parametrize(("multiple", "word"), [(0.0, "zero for vector 2"), (-3.0, "parallel")])
def test_vectors_in_a_file_that_span_no_plane_are_refused(tmp_path, view, options, multiple, word):
    vector = cases.normal(len(view.centre), seed=4).numpy()
    np.save(tmp_path / "two.npy", np.stack([vector, multiple * vector]))
    rule = GivenVectors(file=str(tmp_path / "two.npy"), **options)
    with pytest.raises(PlaneError, match=word):
        rule.span(view)
    assert rule.span(view, 1).dimensions == 1


@pytest.mark.parametrize(
    ("shape", "error", "word"),
    [
        ((1, 59), PlaneError, "holds 1 vectors; 2 are needed"),
        ((0, 59), FileFormatError, r"\(D, P\) or \(P,\); its shape is \(0, 59\)"),
        ((2, 0), FileFormatError, r"\(D, P\) or \(P,\); its shape is \(2, 0\)"),
        ((59, 2), PlaneError, "vectors of length 2; the network has 59 parameters"),
        ((2, 3, 59), FileFormatError, r"\(D, P\) or \(P,\); its shape is \(2, 3, 59\)"),
        ((), FileFormatError, r"\(D, P\) or \(P,\); its shape is \(\)"),
    ],
)
def test_an_array_of_another_shape_is_refused_by_name(tmp_path, view, shape, error, word):
    file = str(tmp_path / "odd.npy")
    np.save(file, np.ones(shape))
    with pytest.raises(error, match=rf"odd\.npy.*{word}"):
        GivenVectors(file=file).span(view)
    if shape != (1, 59):  # enough for a line
        with pytest.raises(error, match=rf"odd\.npy.*{word}"):
            Between(first=file).span(view, 1)


@pytest.mark.parametrize("rule", [GivenVectors, Between])
@pytest.mark.parametrize(
    ("name", "content", "error", "says"),
    [
        ("a.npy", np.array(["a", "b"]), FileFormatError, "cannot be read.*str"),
        ("a.npy", np.full((2, 59), 1j), FileFormatError, "real numbers.*complex128"),
        ("a.npy", np.ones((2, 59), bool), FileFormatError, "real numbers.*bool"),
        ("a.pt", torch.full((2, 59), 1j), FileFormatError, "real numbers.*complex64"),
        ("a.pt", {"0.weight": 3}, (FileFormatError, PlaneError), r"\(D, P\).*named|0\.weight"),
        ("a.pt", [torch.ones(59)], FileFormatError, "holds list, not parameters"),
        ("a.pt", cases.mlp(), FileFormatError, "state dictionary or vectors"),
        ("a.pt", b"", FileFormatError, "state dictionary or vectors"),
    ],
    ids=["text", "complex", "bool", "complex tensor", "numbers", "list", "module", "empty"],
)
def test_a_file_of_something_else_is_refused_in_one_line(
    tmp_path, view, rule, name, content, error, says, monkeypatch
):
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # as it is outside the tests
    file = tmp_path / name
    if isinstance(content, bytes):
        file.write_bytes(content)
    elif file.suffix == ".npy":
        np.save(file, content)
    else:
        torch.save(content, file)
    asked = rule(**{"file" if rule is GivenVectors else "first": str(file)})
    with pytest.raises(error, match=rf"{file.name}.*({says})") as refused:
        asked.span(view, 1)
    assert "\n" not in str(refused.value)


def test_complex_parameters_by_name_are_refused(tmp_path, view, monkeypatch):
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # as it is outside the tests
    named = {name: value * 1j for name, value in view.objective.layout.split(view.centre).items()}
    torch.save(named, tmp_path / "complex.pt")
    with pytest.raises(FileFormatError, match=r"complex\.pt.*real numbers"):
        Between(first=str(tmp_path / "complex.pt")).span(view, 1)


@pytest.mark.parametrize("kind", ["vector", "rows", "by name", "with a gradient"])
def test_of_a_file_of_the_whole_network_the_layers_that_move_are_taken(tmp_path, view, kind):
    theta = cases.normal(len(view.centre), seed=3)
    file = str(tmp_path / ("whole.npy" if kind in ("vector", "rows") else "whole.pt"))
    if kind == "by name":
        torch.save(view.objective.layout.split(theta), file)
    elif kind == "with a gradient":
        torch.save(theta.clone().requires_grad_(), file)
    else:
        np.save(file, theta.numpy() if kind == "vector" else torch.stack([0 * theta, theta]))
    axes = [(Between(first=file, layers="2, 4.bias"), theta - view.centre)]
    if kind in ("vector", "with a gradient"):
        axes.append((GivenVectors(file=file, layers="2, 4.bias"), theta))
    for rule, expected in axes:
        axis = rule.span(view, 1).axes[0]
        assert not axis.requires_grad
        for block in view.objective.layout.blocks:
            moves = block.name in ("2.weight", "2.bias", "4.bias")
            torch.testing.assert_close(block.of(axis), block.of(expected) * moves)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_parameters_in_a_file_that_are_not_finite_are_refused_by_its_name(tmp_path, view, value):
    named = view.objective.layout.split(view.centre.clone())
    named["2.bias"][0] = value
    torch.save(named, tmp_path / "broken.pt")
    with pytest.raises(PlaneError, match=r"broken\.pt.*finite"):
        Between(first=str(tmp_path / "broken.pt")).span(view, 1)


def test_two_files_of_the_same_parameters_span_no_plane(rules, view):
    first = rules["between"].first
    with pytest.raises(PlaneError, match="parallel"):
        Between(first=first, second=first).span(view)


def test_a_path_that_is_not_finite_has_no_components(view):
    path = view.path.clone()
    path[2, 0] = torch.nan
    with pytest.raises(PlaneError, match="finite path"):
        PCA().span(Viewpoint(view.objective, view.centre, path, 0))


def test_a_plane_through_three_points_has_them_at_its_corners():
    points = [cases.normal(7, seed=seed) for seed in range(3)]
    plane = Plane.through(*points)
    expected = torch.tensor([[0.0, 0], [1, 0], [0, 1]]).double()
    torch.testing.assert_close(plane.coords(torch.stack(points)), expected)
    with pytest.raises(PlaneError, match="parallel"):
        Plane.through(points[0], points[1], 2 * points[1] - points[0])
    with pytest.raises(PlaneError, match="points 1 and 2 coincide"):
        Plane.through(points[0], points[0])
    with pytest.raises(PlaneError, match="2 or 3"):
        Plane.through(points[0])


def test_coordinates_of_two_parameters_are_their_values(view):
    rule = SingleParameters(first=3, second=0, names="slope, intercept")
    plane = rule.span(view)
    there = plane.points(torch.tensor([[0.25, -2.0]], dtype=torch.float64))[0]
    expected = view.centre.clone()
    expected[3], expected[0] = 0.25, -2.0
    torch.testing.assert_close(there, expected)
    assert float(plane.distance(view.centre[None])) == 0.0
    first = view.objective.layout.blocks[0]
    assert plane.names[1].startswith(first.name)  # of other parameters, no name is given
    assert "slope" not in plane.names


def test_two_parameters_without_others_have_the_names_given():
    here = view_of(line_objective())
    assert SingleParameters(names="slope, intercept").span(here).names == ("slope", "intercept")
    assert SingleParameters().span(here).names == ("weight", "bias")


@pytest.mark.parametrize("dimensions", [1, 2])
def test_a_plane_that_is_said_to_stay_is_the_same_at_every_iterate(rules, view, dimensions):
    small = view_of(line_objective())
    saying = []
    for name, rule in rules.items():
        for seen in (view, small):
            if not rule.stays(len(seen.centre), dimensions):
                continue
            saying.append((name, len(seen.centre)))
            start = replace(seen, centre=seen.path[0], path=seen.path[:2])
            first, last = rule.span(start, dimensions), rule.span(seen, dimensions)
            torch.testing.assert_close(first.origin, last.origin, rtol=0, atol=0)
            torch.testing.assert_close(first.axes, last.axes, rtol=0, atol=0)
    assert saying == ([("parameters", 2)] if dimensions == 2 else [])


@pytest.mark.parametrize(
    ("fields", "error"),
    [({"second": 0}, SpecError), ({"names": "one"}, SpecError), ({"second": 10**6}, PlaneError)],
)
def test_two_parameters_that_do_not_exist_are_refused(view, fields, error):
    with pytest.raises(error):
        SingleParameters(**fields).span(view)
