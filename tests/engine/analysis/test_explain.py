"""Findings: each on a slice that has it, and none on a slice that is well framed."""

import copy
import re
import sys
import types
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from IPython.core.interactiveshell import InteractiveShell
from torch import nn
from torch.nn.functional import cross_entropy, dropout, mse_loss

import landscape_core as lc
from landscape_core.analysis.explain import NOTHING, Findings, explain
from landscape_core.analysis.findings.base import Detector, Finding
from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.foundation.registry import entries
from landscape_core.models.user_parts import user_parts
from landscape_core.slices.grid import Grid

BOWL = "random_bowl"


@pytest.fixture(scope="module")
def data():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(200, 4, generator=generator)
    return x, (x[:, 0] * x[:, 1] > 0).long()


def drawn(net, seed, scale):
    """A network with normal random parameters."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return net


@pytest.fixture(scope="module")
def trained(data):
    """A small network after 300 steps, and the states on the way."""
    net = drawn(nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2)), 0, 0.3)
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    states = [copy.deepcopy(net.state_dict())]
    for step in range(1, 301):
        optimizer.zero_grad()
        cross_entropy(net(data[0]), data[1]).backward()
        optimizer.step()
        if step % 10 == 0:
            states.append(copy.deepcopy(net.state_dict()))
    return net, states


def sliced(trained, data, **settings):
    """A slice of the trained network with 21 points a side, warnings silenced."""
    with warnings.catch_warnings(action="ignore"):
        return lc.landscape(
            trained[0], cross_entropy, data, strategy="loop", **{"resolution": 21, **settings}
        )


def made(loss, dtype="float64", computed=None, **attrs):
    """A made-up slice with coordinates from -1 to 1."""
    loss = np.asarray(loss, dtype=float)
    dims = ("beta", "alpha")[-loss.ndim :]
    mask = np.ones(loss.shape, dtype=bool) if computed is None else computed
    coords = {dim: np.linspace(-1, 1, n) for dim, n in zip(dims, loss.shape, strict=True)}
    return xr.Dataset(
        {"loss": (("split", *dims), loss[None]), "computed": (dims, mask)},
        {"split": ["train"], **coords},
        {"dtype": dtype, **attrs},
    )


def bowl(n=21):
    """f = 1 + alpha² + beta²."""
    x = np.linspace(-1, 1, n)
    return 1 + x[:, None] ** 2 + x**2


def only(found, name):
    """The finding of that name, of which there must be one."""
    (one,) = [each for each in found if each.name == name]
    assert one.remedy
    assert one.sentence.endswith(".")
    return one


@pytest.mark.parametrize("dimensions", [1, 2])
def test_nothing_is_found_on_the_plane_of_a_path_that_shows_it(trained, data, dimensions):
    found = explain(sliced(trained, data, path=trained[1], dimensions=dimensions))
    assert not found
    assert (len(found), str(found), found.names()) == (0, NOTHING, ())


@pytest.mark.parametrize("directions", ["hessian", "gradient"])
def test_nothing_is_found_on_other_planes_of_usual_extent(trained, data, directions):
    assert explain(sliced(trained, data, directions=directions)).names() == ()


@pytest.mark.parametrize("span", [0.01, 0.1, 0.5, 1.0, 2.0])
@pytest.mark.parametrize("dimensions", [1, 2])
def test_a_random_plane_of_usual_extent_has_a_note_at_most(trained, data, span, dimensions):
    found = explain(sliced(trained, data, span=span, dimensions=dimensions))
    assert found.names() in ((), (BOWL,))


def test_a_network_that_is_not_trained_has_no_bowl(trained, data):
    fresh = trained[1][0]
    net = copy.deepcopy(trained[0])
    net.load_state_dict(fresh)
    assert explain(sliced((net, []), data)).names() == ()


def test_the_bowl_of_a_random_plane_is_a_note_with_the_losses(trained, data):
    slice_ = sliced(trained, data)
    one = only(explain(slice_), BOWL)
    loss = slice_["loss"].values[0]
    rim = min(loss[0].min(), loss[-1].min(), loss[:, 0].min(), loss[:, -1].min())
    assert one.level == "note"
    assert one.figures == {"centre": loss[10, 10], "lowest_of_edge": rim}
    assert explain(sliced(trained, data, resolution=20)).names() in ((), (BOWL,))  # no centre


@pytest.mark.parametrize("dimensions", [1, 2])
def test_a_loss_within_rounding_is_flat_and_double_precision_helps(trained, data, dimensions):
    settings = {"span": 1e-8, "dimensions": dimensions}
    slice_ = sliced(trained, data, **settings)
    one = only(explain(slice_), "flat")
    assert one.level == "warning"
    assert one.figures["range"] == np.ptp(slice_["loss"].values)
    assert "float32" in one.sentence
    double = explain(sliced(trained, data, dtype="float64", **{**settings, "span": 1e-6}))
    assert "flat" not in double.names()


def test_a_loss_that_jumps_from_point_to_point_by_little_is_flat():
    noise = np.random.default_rng(0).normal(size=(21, 21))
    assert explain(made(1 + 1e-5 * noise, "float32")).names() == ("flat",)
    assert only(explain(made(1 + 1e-5 * noise, "float32")), "flat").figures["noise"] == (
        pytest.approx(1e-5, rel=0.2)
    )
    assert explain(made(1 + 1e-5 * bowl(), "float32")).names() == ()
    assert explain(made(1 + 1e-5 * noise)).names() == ()  # float64 resolves it
    assert "flat" not in explain(made(1 + noise**2, "float32")).names()  # rough, but not small


@pytest.mark.parametrize("dimensions", [1, 2])
@pytest.mark.parametrize("span", [5.0, 50.0])
def test_a_span_of_several_norms_is_far(trained, data, span, dimensions):
    slice_ = sliced(trained, data, span=span, dimensions=dimensions)
    one = only(explain(slice_), "far")
    assert one.figures["lowest"] == slice_["loss"].values.min()
    assert one.figures["tenth_percentile"] == np.quantile(slice_["loss"].values, 0.1)
    weights = [p for p in trained[0].parameters() if p.dim() > 1]
    norm = torch.cat([p.detach().flatten() for p in weights]).double().norm()
    axis = np.linalg.norm(slice_["plane_axes"].values.astype(float), axis=1)
    assert one.figures["displacement"] == pytest.approx(span * axis.max() / float(norm), rel=1e-6)


def test_a_far_plane_that_is_not_in_the_dataset_is_told_by_its_normalization(trained, data):
    slice_ = sliced(trained, data, span=5).drop_vars(["plane_origin", "plane_axes"])
    assert only(explain(slice_), "far").figures["displacement"] == 5


def test_a_picture_far_above_its_path_is_far():
    slice_ = made(100 * bowl()).assign(path_loss=("step", [2.0, np.nan, 5.0]))
    figures = {"lower_quartile": np.quantile(100 * bowl(), 0.25), "largest_of_path": 5}
    assert only(explain(slice_), "far").figures == figures
    assert explain(made(10 * bowl()).assign(path_loss=("step", [2.0, 5.0]))).names() == ()


def test_a_path_that_takes_a_small_part_of_its_plane_is_far_away(trained, data):
    slice_ = sliced(trained, data, path=trained[1], span=20)
    taken = max(
        np.ptp(slice_[f"path_{side}"].values) / np.ptp(slice_[side].values)
        for side in ("alpha", "beta")
    )
    assert only(explain(slice_), "far").figures == {"fraction": taken}
    assert "far" not in explain(sliced(trained, data, path=trained[1], span=5)).names()


def test_a_minimum_narrower_than_the_grid_is_far():
    well = np.full((21, 21), 5.0) + 0.1 * bowl()
    well[10, 10] = 0.0
    one = only(explain(made(well)), "far")
    assert one.figures["lowest"] == 0
    mask = np.ones(well.shape, dtype=bool)
    mask[9, 10] = False  # what is beside it is not known
    assert "far" not in explain(made(well, computed=mask, checked_points=4)).names()
    mask[9, 10], mask[0, 0] = True, False
    assert "far" in explain(made(well, computed=mask, checked_points=4)).names()
    assert "far" not in explain(made(well, computed=mask)).names()  # not finished


def test_a_dead_network_does_not_move(data):
    dead = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    with torch.no_grad():
        dead[0].bias.fill_(-100.0)
    slice_ = sliced((dead, []), data)
    one = only(explain(slice_), "does_not_move")
    assert explain(slice_).names() == ("does_not_move",)
    with torch.no_grad():
        expected = float(cross_entropy(dead(data[0]), data[1]))
    assert one.figures["loss"] == pytest.approx(expected)


def test_an_axis_of_parameters_without_effect_does_not_move(trained, data):
    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.idle = copy.deepcopy(trained[0]), nn.Linear(3, 3)

        def forward(self, x):
            return self.body(x)

    net = Idle()
    theta = torch.nn.utils.parameters_to_vector(net.parameters()).detach()
    axes = torch.zeros(2, len(theta))
    axes[0, : len(theta) - 12] = 0.1 * theta[:-12]
    axes[1, -12:] = 1.0
    slice_ = sliced((net, []), data, directions=lc.Plane(theta, axes))
    one = only(explain(slice_), "does_not_move")
    assert "along beta" in one.sentence
    assert one.figures["range_along_axis"] <= 1e-6 < one.figures["range"]


def test_a_random_plane_does_not_show_a_path(trained, data):
    slice_ = sliced(trained, data, path=trained[1], directions="random")
    one = only(explain(slice_), "path_off_plane")
    assert one.figures["distance"] == slice_["path_distance"].values.max()
    axes = slice_["plane_axes"].values.astype(float)
    coords = np.stack([slice_["path_alpha"].values, slice_["path_beta"].values], axis=1)
    covered = max(np.linalg.norm((point - coords[0]) @ axes) for point in coords)
    assert one.figures["covered"] == pytest.approx(covered, rel=1e-9)
    ratio = float(slice_["explained_variance_ratio"].sum())
    assert one.figures["explained_variance"] == ratio < 0.5


def test_a_single_state_off_the_plane_has_not_moved(trained, data):
    slice_ = sliced(trained, data, path=trained[1][:1], directions="random")
    assert slice_["path_distance"].values.max() > 0.1
    assert "path_off_plane" not in [one.name for one in explain(slice_)]


def test_iterates_beyond_the_edges_are_counted(trained, data):
    slice_ = sliced(trained, data, path=trained[1], span=(-0.5, 5.0, -0.5, 1.0))
    alpha, beta = slice_["path_alpha"].values, slice_["path_beta"].values
    outside = sum(
        not (-0.5 <= a <= 5.0 and -0.5 <= b <= 1.0) for a, b in zip(alpha, beta, strict=True)
    )
    one = only(explain(slice_), "path_outside")
    assert one.figures == {"outside": outside, "iterates": 31}
    assert outside > 0


def normalized(data, seed):
    layers = (nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    net = drawn(nn.Sequential(*layers), seed, 2.0).train()
    with torch.no_grad():
        for _ in range(60):
            net(data[0])
    return net


def test_a_plane_through_states_with_running_statistics_is_stale(data):
    a, b = normalized(data, 0), normalized(data, 1)
    line = lc.Plane.through(a, b)
    running = sliced((a, []), data, directions=line, batch_norm="running")
    one = only(explain(running), "stale_batch_norm")
    assert one.figures == {"states": 2}
    own = explain(sliced((a, []), data, directions=line))  # interpolated
    assert "stale_batch_norm" not in own.names()


def test_statistics_that_do_not_fit_the_weights_show_at_the_centre(data):
    net = normalized(data, 0)
    fitting = [sliced((net, []), data, batch_norm=mode) for mode in ("running", "reestimated")]
    assert "stale_batch_norm" not in explain(fitting).names()
    net[1].running_var.fill_(0.01)
    stale = [sliced((net, []), data, batch_norm=mode) for mode in ("running", "reestimated")]
    one = only(explain(dict(zip("ab", stale, strict=True))), "stale_batch_norm")
    assert one.where == "a, b"
    with torch.no_grad():
        expected = float(cross_entropy(net.eval()(data[0]), data[1]))
    assert one.figures["first"] == pytest.approx(expected, rel=1e-5)
    assert one.figures["second"] == stale[1]["loss"].values[0, 10, 10]


def test_filters_of_norm_zero_are_found_with_the_model(trained, data):
    net = copy.deepcopy(trained[0])
    with torch.no_grad():
        net[0].weight[3:5] = 0.0
    slice_ = sliced((net, []), data)
    assert "zero_norm_filters" not in explain(slice_).names()
    one = only(explain(slice_, net), "zero_norm_filters")
    assert one.figures == {"zero": 2, "filters": 18}
    assert "0.weight" in one.sentence
    assert "zero_norm_filters" not in explain(sliced(trained, data), trained[0]).names()
    last = sliced((net, []), data, directions=lc.Random(layers="2"))
    assert "zero_norm_filters" not in explain(last, net).names()
    weights = sliced((net, []), data, directions=lc.Random(normalization="layer"))
    assert "zero_norm_filters" not in explain(weights, net).names()
    large = slice_.drop_vars(["plane_origin", "plane_axes"])
    assert only(explain(large, net), "zero_norm_filters").figures["zero"] == 2


def test_another_model_than_that_of_the_slice_is_refused(trained, data):
    with pytest.raises(SpecError, match=r"model must be the network of the slice, with 114 "):
        explain(sliced(trained, data), nn.Linear(4, 2))


def test_a_sample_whose_error_exceeds_the_range_is_too_small(trained, data):
    parts = user_parts(trained[0], nn.CrossEntropyLoss(reduction="none"), data)
    grid = Grid.square(span=0.01, resolution=9)
    small, *_, whole = lc.sample(lc.probe_of(parts, "random"), grid)
    one = only(explain(small), "subset_too_small")
    errors = small["loss_standard_error"].values
    assert one.figures["standard_error"] == np.median(errors)
    assert np.ptp(small["loss"].values) <= 1.96 * np.median(errors)
    assert "examples" in one.sentence
    assert "subset_too_small" not in explain(whole).names()  # all examples: no sampling error


def test_few_draws_of_random_numbers_are_a_sample_as_well(data):
    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 2)

        def forward(self, x):
            return dropout(self.linear(x), 0.5, True)

    slice_ = sliced((Noisy(), []), data, draws=4, span=1e-3, resolution=9)
    assert "random draws" in only(explain(slice_), "subset_too_small").sentence


def test_losses_of_zero_and_less_are_a_note(trained, data):
    def shifted(outputs, targets):
        return cross_entropy(outputs, targets) - 1

    with warnings.catch_warnings(action="ignore"):
        slice_ = lc.landscape(trained[0], shifted, data, resolution=11, strategy="loop")
    one = only(explain(slice_), "log_scale_hides_sign")
    loss = slice_["loss"].values
    assert one.level == "note"
    assert one.figures == {"fraction": np.mean(loss <= 0), "lowest": loss.min()}


def test_the_radius_from_which_a_loss_is_not_finite_is_told():
    class Steep(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(1, 1, bias=False)
            nn.init.constant_(self.linear.weight, 40.0)

        def forward(self, x):
            return torch.exp(self.linear(x))

    net, x, y = Steep(), torch.ones(8, 1), torch.zeros(8, 1)
    with warnings.catch_warnings(action="ignore"):
        slice_ = lc.landscape(net, mse_loss, (x, y), dimensions=1, resolution=21, strategy="loop")
    broken = []
    for alpha in slice_["alpha"].values:
        weight = 40.0 + alpha * slice_["plane_axes"].values[0, 0]
        if not torch.isfinite(mse_loss(torch.exp(torch.tensor(weight) * x), y)):
            broken.append(abs(float(alpha)))
    one = only(explain(slice_), "not_finite")
    assert one.figures["radius"] == min(broken)
    assert one.figures["fraction"] == len(broken) / 21


def test_nothing_but_that_is_said_of_a_slice_without_a_finite_value():
    one = only(explain(made(np.full((5, 5), np.nan))), "not_finite")
    assert one.figures == {"radius": 0, "fraction": 1, "fraction_beyond": 1}
    assert explain(made(np.full((5, 5), np.nan))).names() == ("not_finite",)


def test_slices_that_are_compared_have_the_same_settings(trained, data):
    first = sliced(trained, data)
    assert "not_comparable" not in explain([first, first.copy()]).names()
    changes = {
        "directions.normalization (filter, layer)": {
            "directions": lc.Random(normalization="layer")
        },
        "span (-1 to 1 × -1 to 1, -2 to 2 × -2 to 2)": {"span": 2.0},
        "dtype (float32, float64)": {"dtype": "float64"},
        "examples ([200], [50])": {"max_examples": 50},
    }
    for told, settings in changes.items():
        one = only(explain([first, sliced(trained, data, **settings)]), "not_comparable")
        assert one.sentence == f"The slices differ in {told}."
        assert one.level == "warning"
    other = only(explain([first, sliced(trained, data, seed=1)]), "not_comparable")
    assert (other.sentence, other.level) == ("The slices differ in seed (0, 1).", "note")


def test_extents_that_paths_determine_may_differ(trained, data):
    whole, half = (sliced(trained, data, path=path) for path in (trained[1], trained[1][:15]))
    assert whole["alpha"].values.max() != half["alpha"].values.max()
    assert explain([whole, half]).names() == ()


def test_data_of_runs_are_compared():
    named = {}
    for name, seed in (("a", 0), ("b", 1)):
        problem = f'{{"data_seed":-1,"dataset":{{"kind":"moons","noise":0.{seed}}}}}'
        named[name] = made(bowl(), run=f'{{"problem":{problem},"seed":{seed}}}')
    one = only(explain(named), "not_comparable")
    assert "data (" in one.sentence
    assert "data seed (0, 1)" in one.sentence


def test_findings_say_which_slice_and_which_data_they_are_of():
    good, bad = made(bowl()), made(bowl() - 1)
    assert only(explain([good, bad]), "log_scale_hides_sign").where == "slice 2"
    assert only(explain({"x": bad, "y": good}), "log_scale_hides_sign").where == "x"
    assert only(explain(bad), "log_scale_hides_sign").where == ""
    both = xr.concat([good, bad.assign_coords(split=["test"])], "split", data_vars="minimal")
    assert only(explain(both), "log_scale_hides_sign").where == "test data"


@pytest.mark.parametrize("settings", [{"span": 1.0}, {"span": 5.0}, {"span": 1e-8}])
def test_a_slice_on_the_way_has_no_finding_that_the_finished_one_has_not(trained, data, settings):
    parts = user_parts(trained[0], cross_entropy, data)
    read = lc.probe_of(parts, "random", strategy=lc.Loop())
    *early, last = lc.sweep(read, Grid.square(**settings, resolution=41))
    names = set(explain(last).names())
    assert len(early) > 2
    for slice_ in early:
        assert not slice_["computed"].values.all()
        assert set(explain(slice_).names()) <= names


def test_points_that_are_not_computed_do_not_count():
    loss, mask = bowl(), np.ones((21, 21), dtype=bool)
    loss[3, 4], mask[3, 4] = np.nan, False
    loss[5, 4], mask[5, 4] = -100.0, False
    assert explain(made(loss, computed=mask, checked_points=4)).names() == ()
    assert {"not_finite", "log_scale_hides_sign"} <= set(explain(made(loss)).names())


def test_a_slice_to_a_tolerance_has_the_findings_of_the_exact_one(trained, data):
    exact, near = (
        sliced(trained, data, resolution=31, tolerance=tolerance) for tolerance in (None, 0.01)
    )
    assert not near["computed"].values.all()
    assert explain(near).names() == explain(exact).names()


def test_a_file_has_the_findings_of_its_slice(trained, data, tmp_path):
    slice_ = sliced(trained, data, path=trained[1], directions="random", span=5.0)
    lc.save(slice_, tmp_path / "s.nc")
    assert explain(lc.load(tmp_path / "s.nc")) == explain(slice_)
    assert len(explain(slice_)) >= 2


def test_a_detector_of_your_own_is_asked_as_well(monkeypatch):
    main = types.ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    code = '''
from dataclasses import dataclass
from landscape_core.analysis.findings.base import OfSlice

@dataclass(frozen=True, kw_only=True)
class Large(OfSlice):
    """The loss is large."""

    remedy = "Train."

    def in_slice(self, seen):
        return self.finding("It is large.", least=seen.values.min())
'''
    exec(code, vars(main))
    assert only(explain(made(bowl())), "Large").figures == {"least": 1.0}


def test_warnings_come_before_notes():
    loss = bowl() - 1
    loss[0, 0] = np.inf
    assert explain(made(loss)).names() == ("not_finite", "log_scale_hides_sign")


def test_findings_are_shown_as_text_and_as_a_table():
    one = Finding("a", "note", "x < y.", "Do z.", {"b": 1.0}, "here")
    found = Findings((one,))
    assert str(found) == repr(found) == "note: a (here): x < y. Remedy: Do z."
    shown = InteractiveShell.instance().display_formatter.format
    pages = [shown(one)[0]["text/html"] for one in (found, Findings())]
    assert "x &lt; y." in pages[0]
    assert pages[1] == f"<p>{NOTHING}</p>"
    assert found[0] is one
    assert list(found) == [one]


@pytest.mark.parametrize(
    ("given", "accepted"), [([], "no slice"), ({}, "no slice"), ([1], "int"), ("s.nc", "str")]
)
def test_what_is_no_slice_is_refused(given, accepted):
    with pytest.raises(SpecError, match=f"dataset must be a Dataset .*{accepted}"):
        explain(given)


def test_other_datasets_and_models_are_refused(trained):
    with pytest.raises(FileFormatError, match="a slice needs the variable 'loss'"):
        explain(xr.Dataset())
    with pytest.raises(SpecError, match=re.escape("model must be a torch.nn.Module, or None")):
        explain(made(bowl()), trained[1][0])


@pytest.mark.parametrize("name", entries(Detector).shipped())
def test_every_detector_has_a_criterion_and_a_remedy_and_takes_odd_attributes(name):
    kind = entries(Detector)[name]
    assert kind.formula
    assert kind.remedy
    odd = made(bowl(), directions="{", slice="[1]", run='{"problem": 3}', grid="", tolerance="")
    assert list(kind().detect([])) == []
    assert explain(odd).names() == ()


def test_one_part_of_the_data_has_the_findings_of_a_slice_of_it_alone(trained, data):
    both = sliced(trained, data, test=(data[0][:9], data[1][:9]), span=20.0)
    for split in ("train", "test"):
        one = both.sel(split=split)
        assert explain(one).names() == explain(both.sel(split=[split])).names()
        assert "far" in explain(one).names()
        assert [found.where for found in explain(one)] == ["" for _ in explain(one)]
    here = explain({"a": both.sel(split="train"), "b": both.isel(split=1)})
    assert "parts of the data" in only(here, "not_comparable").sentence
    with pytest.raises(FileFormatError, match="loss"):
        explain(both.sel(split="train").drop_vars("loss"))


@pytest.mark.parametrize("name", entries(Detector).shipped())
def test_the_documentation_has_every_finding_with_its_level(name):
    page = (Path(__file__).parents[3] / "docs" / "findings.md").read_text("utf-8")
    assert f"| `{name}` | {entries(Detector)[name].level} |" in page
