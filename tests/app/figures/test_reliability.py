"""What is said of how far the numbers of a slice can be relied on."""

import json

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn
from torch.nn.functional import cross_entropy

import cases
from figure_cases import slice_of, valley
from landscape_core import Plane, landscape
from landscape_core.storage import netcdf
from landscape_lab.figures.annotations import given_points
from landscape_lab.figures.bokeh.web_page import web_page
from landscape_lab.figures.captions import caption
from landscape_lab.figures.matplotlib.plotting import picture
from landscape_lab.figures.reliability import (
    computed,
    measured_on,
    reliability,
    stated_error,
    statistics,
)


def to_tolerance(scale="linear", error=0.01, reached=1, **attrs):
    """A slice whose training losses are 1 to 1001, its test losses 2 to 2002."""
    found = slice_of(lambda alpha, _: 1 + 500 * (alpha + 1))
    asked = {"kind": "tolerance", "relative_tolerance": 0.01, "scale": scale}
    return found.assign_attrs(
        {
            "tolerance": json.dumps(asked), "estimated_error": error, "tolerance_reached": reached,
            "checked_points": 6, "checked_deviation": 3e-7, "strategy": ["vmap", "vmap"], **attrs,
        }
    )  # fmt: skip


def test_on_the_linear_scale_the_error_is_told_in_units_of_the_loss():
    assert stated_error(to_tolerance()) == "20 (1 % of the range of the loss)"
    words = "676 of 2601 points computed, the others interpolated: estimated largest error 20"
    assert computed(to_tolerance()).startswith(words)


def test_on_the_logarithmic_scale_the_error_is_a_factor():
    factor = 1001**0.05  # both splits have the same range of log10 loss
    assert stated_error(to_tolerance("log", 0.05)) == (
        f"a factor of {factor:.3g} (5 % of the range of log10 loss)"
    )
    assert computed(to_tolerance("log", 0.05), brief=True).endswith("about a factor of 1.41")


def test_losses_that_have_no_logarithm_do_not_count_in_the_range():
    found = to_tolerance("log", 0.05)
    found["loss"][0, 0, 0] = -1.0
    found["loss"][0, 0, 2] = np.inf
    assert stated_error(found).startswith("a factor of 1.41")


def test_an_error_that_could_not_be_estimated_is_not_stated():
    assert stated_error(to_tolerance(error=np.inf)) == ""
    assert computed(to_tolerance(error=np.inf)).endswith("computed, the others interpolated")


def test_a_tolerance_that_was_missed_is_said():
    told = " · ".join(reliability(to_tolerance(error=0.098, reached=0)))
    assert "(9.8 % of the range of the loss)" in told
    assert "the tolerance of 1 % was not reached: at most about 60 % of the points" in told
    brief = list(reliability(to_tolerance(error=0.098, reached=0), brief=True))
    assert "tolerance 1 % not reached" in brief
    assert "not reached" not in " · ".join(reliability(to_tolerance()))


def test_while_a_slice_is_computed_nothing_is_said_to_be_missed():
    under_way = to_tolerance(error=0.3, reached=0)
    del under_way.attrs["checked_points"]
    assert "not reached" not in " · ".join(reliability(under_way))


def test_checked_points_agree_with_what_they_were_compared_with():
    words = "6 of 6 checked points agree"
    difference = "(largest relative difference 3e-7)"
    assert f"{words} with the plain evaluation {difference}" in list(reliability(to_tolerance()))
    own = to_tolerance(model="Net")
    assert f"{words} with your own code evaluated plainly {difference}" in list(reliability(own))
    assert words in list(reliability(own, brief=True))
    same = to_tolerance(checked_deviation=0.0)
    assert f"{words} with the plain evaluation (no difference)" in list(reliability(same))


def test_where_nothing_was_compared_no_agreement_is_told():
    alone = to_tolerance(checked_points=0, checked_deviation=np.nan, strategy=["loop", "loop"])
    told = list(reliability(alone))
    assert "every computed point is from the plain evaluation" in told
    assert "agree" not in " · ".join(told)
    assert "plain" not in " · ".join(reliability(slice_of(valley)))


def test_statistics_are_told_of_networks_that_have_them():
    assert statistics(slice_of(valley)) == ""  # `running`, but nothing that it applies to
    found = slice_of(valley).assign_attrs(batch_norm="interpolated", statistics="as meant")
    assert statistics(found) == "batch norm interpolated (as meant)"
    held = found.assign_attrs(held_variances=31)
    assert "held above zero at 31 computed points" in statistics(held)
    assert statistics(held, brief=True) == "batch norm interpolated, variances held at 31 points"
    assert statistics(found.assign_attrs(batch_norm="none")) == ""


def test_a_standard_error_that_is_not_known_is_not_told():
    assert not list(reliability(slice_of(valley).assign_attrs(standard_error=np.nan)))[1:]
    told = list(reliability(slice_of(valley).assign_attrs(standard_error=0.019)))
    assert "standard error of the loss at the current parameters: 0.019" in told


# --- your own network -----------------------------------------------------------------------------


class Noisy(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = cases.filled(nn.Linear(4, 2))

    def forward(self, inputs):
        return self.layer(inputs + 0.3 * torch.randn_like(inputs))


def examples():
    inputs = cases.normal(40, 4)
    return inputs, (inputs[:, 0] > 0).long()


def network(seed=0):
    return cases.filled(nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2)), seed=seed)


def test_the_caption_of_your_own_network_tells_all_settings(tmp_path):
    found = landscape(network(), cross_entropy, examples(), tolerance=0.05, resolution=33)
    netcdf.save(found, tmp_path / "x.nc")
    words = caption(netcdf.load(tmp_path / "x.nc"))
    for told in (
        "model Sequential", "directions random", "normalization filter", "seed 0", "dtype float64",
        f"strategy {found.attrs['strategy'][0]}", "tolerance 5 % of the range of the loss",
        "points computed, the others interpolated: estimated largest error",
    ):  # fmt: skip
        assert told in words, told
    assert "batch norm" not in words
    assert "scale" not in words  # neither the picture's


def test_the_caption_tells_the_standard_error_of_several_draws(tmp_path):
    found = landscape(Noisy(), cross_entropy, examples(), resolution=5, draws=8)
    centre = float(found["loss_standard_error"].sel(split="train", alpha=0, beta=0))
    words = caption(found)
    assert f"standard error of the loss at the current parameters: {centre:.2g}" in words
    assert "the loss is random: mean of 8 draws" in words
    one = caption(landscape(Noisy(), cross_entropy, examples(), resolution=5))
    assert "the same random numbers are used at every point (one draw)" in one


def test_nothing_compared_is_no_deviation_in_a_file_either(tmp_path):
    found = landscape(network(), cross_entropy, examples(), resolution=5, strategy="loop")
    netcdf.save(found, tmp_path / "x.nc")
    attrs = netcdf.load(tmp_path / "x.nc").attrs
    assert attrs["checked_points"] == 0
    assert np.isnan(attrs["checked_deviation"])


@pytest.mark.parametrize("count", [2, 3])
def test_the_given_states_are_marked(count, tmp_path):
    states = [network(seed) for seed in range(count)]
    found = landscape(
        states[0], cross_entropy, examples(), directions=Plane.through(*states), resolution=5
    )
    assert given_points(found) == [
        (f"point {number}", at)
        for number, at in enumerate([(0, 0), (1, 0), (0, 1)] if count == 3 else [(0,), (1,)], 1)
    ]
    drawing = picture(found, "svg").decode()
    assert all(f">point {number}<" in drawing for number in range(1, count + 1))
    page = web_page(found, None)
    assert all(f'["point {number}"]' in page for number in range(1, count + 1))
    near = landscape(
        states[0], cross_entropy, examples(),
        directions=Plane.through(*states), resolution=5, span=0.5,
    )  # fmt: skip
    assert [name for name, _ in given_points(near)] == ["point 1"]


def test_random_directions_mark_nothing():
    found = landscape(network(), cross_entropy, examples(), resolution=5)
    assert given_points(found) == []


def sampled(error=0.04):
    """Learning curves on 96 of 8,000 examples, whose last step is measured on all."""
    columns = {
        "loss": [[2.0, 1.0, 0.5]],
        "loss_standard_error": [[error, error, 0.0]],
        "examples": [[96.0, 96.0, 8000.0]],
        "examples_of": [[8000.0] * 3],
    }
    variables = {name: (("split", "step"), values) for name, values in columns.items()}
    return xr.Dataset(variables, {"split": ["train"], "step": [0, 10, 20]})


def test_curves_on_a_sample_say_so_with_their_standard_error():
    assert measured_on(sampled(), 10, "train", brief=True) == (
        "curves on 96 of 8,000 train examples, loss ± 0.04"
    )
    assert "loss ± 0.04 (standard error); on all at its end" in measured_on(sampled(), 0, "train")
    assert "±" not in measured_on(sampled(np.nan), 0, "train")
    assert (
        measured_on(sampled(), 20, "train") == "curves on 96 of 8,000 train examples, here on all"
    )
    assert measured_on(sampled(), 10, "test") == ""
    assert measured_on(sampled().drop_vars("examples"), 10, "train") == ""
