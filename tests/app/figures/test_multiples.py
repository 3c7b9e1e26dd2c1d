"""Small pictures of an ensemble: what their file holds, and the one scale of colours."""

import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from landscape_lab.figures import theme
from landscape_lab.figures.captions import headline
from landscape_lab.figures.matplotlib.plotting import picture, plot
from landscape_lab.figures.pixels import shared_limits


def ensemble_of(planes=9, n=25):
    """Bowls of different tilt and depth with ripples, one of them with a hole."""
    side = np.linspace(-1, 1, n)
    a, b = np.meshgrid(side, side)
    rng = np.random.default_rng(0)
    loss = []
    for k in range(planes):
        turn = rng.uniform(0, np.pi)
        u, v = np.cos(turn) * a + np.sin(turn) * b, np.cos(turn) * b - np.sin(turn) * a
        ripples = 0.1 * np.sin(6 * u + k) * np.cos(5 * v)
        loss.append(0.15 + rng.uniform(0.5, 8) * u**2 + rng.uniform(0.1, 2) * v**2 + ripples)
    loss = np.array(loss)
    loss[-1, :4, :4] = np.nan
    dims = ("plane", "split", "beta", "alpha")
    return xr.Dataset(
        {"loss": (dims, np.stack([loss, 2 * loss], axis=1))},
        {
            "plane": np.arange(planes),
            "split": ["train", "test"],
            "alpha": ("alpha", side, {"long_name": "random direction 1"}),
            "beta": ("beta", side, {"long_name": "random direction 2"}),
            "seed": ("plane", 4 + np.arange(planes)),
        },
    )


def figures_of(**values):
    """Statistics of figures, as the engine's `spread` gives them."""
    return xr.Dataset(
        {
            f"{name}_spread": ("statistic", [*pair, pair[1] / 3], {"unit": unit})
            for name, (*pair, unit) in values.items()
        },
        {"statistic": ["mean", "standard deviation", "standard error"]},
    )


FIGURES = figures_of(
    minima=(1.4, 0.6, "1"), saddles=(0.9, 0.8, "1"), roughness=(0.021, 0.004, "share of the range"),
    convex_share=(0.71, 0.12, "share of the points"), width=(np.nan, np.nan, "multiples"),
)  # fmt: skip


@pytest.mark.parametrize(("suffix", "beginning"), [("png", b"\x89PNG"), ("svg", b"<?xml")])
@pytest.mark.parametrize(("planes", "scale"), [(9, "log"), (4, "linear"), (1, "log")])
def test_the_file_is_drawn(planes, scale, suffix, beginning):
    content = picture(ensemble_of(planes).merge(FIGURES), suffix, scale=scale)
    assert content.startswith(beginning)
    assert len(content) > 5_000


def images(paper):
    return [image for axes in paper.axes for image in axes.images if axes.get_visible()]


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("scale", ["linear", "log"])
def test_all_pictures_have_the_same_colours_and_they_cover_every_finite_value(split, scale):
    ensemble = ensemble_of(5)
    paper = plot(ensemble, split=split, scale=scale).figure
    loss = ensemble["loss"].sel(split=split).values
    finite = loss[np.isfinite(loss)]
    ends = (
        (finite.min(), finite.max())
        if scale == "linear"
        else np.log10([finite.min(), finite.max()])
    )
    pictures = images(paper)
    assert len(pictures) == 5
    for image in pictures:
        np.testing.assert_allclose(image.get_clim(), ends, rtol=1e-12)
    assert len(pictures[-1].cmap.colors) == len(theme.LANDSCAPE)


@given(
    arrays(
        float,
        (2, 3, 3),
        elements=st.one_of(st.floats(-1e9, 1e9), st.sampled_from([np.nan, np.inf, -np.inf])),
    )
)
def test_the_limits_hold_every_finite_height_and_are_apart(heights):
    low, high = shared_limits(heights)
    finite = heights[np.isfinite(heights)]
    assert low < high
    assert ((finite >= low) & (finite <= high)).all()


def test_each_picture_shows_its_own_plane():
    ensemble = ensemble_of(4)
    paper = plot(ensemble).figure
    loss = ensemble["loss"].sel(split="train").values
    for image, own in zip(images(paper), loss, strict=True):
        drawn = image.get_array()
        assert abs(drawn.max() - np.nanmax(own)) < 1e-9
        assert bool(np.ma.is_masked(drawn)) == bool(np.isnan(own).any())
    titles = [axes.get_title().split(":")[0] for axes in paper.axes if axes.images]
    assert titles == ["seed 4", "seed 5", "seed 6", "seed 7"]


def test_the_title_gives_the_spread_of_the_figures():
    words = " ".join(headline(9, FIGURES)).replace("\N{NO-BREAK SPACE}", " ")
    for told in ("9 planes", "standard deviation", "minima 1.40 ± 0.60", "roughness 2.10 ± 0.40 %",
                 "convex 71 ± 12 %", "width unknown on some"):  # fmt: skip
        assert told in words
    assert headline(1, None) == ("one plane", "")


def test_planes_without_a_finite_value_or_all_alike_are_drawn_too():
    for value in (np.nan, 1.0):
        given_ = ensemble_of(2)
        given_["loss"] = given_["loss"] * 0 + value
        assert picture(given_, "png")


def test_views_of_ensembles_need_neither_the_engine_nor_torch_nor_panel():
    code = (
        "import sys, landscape_lab.figures.matplotlib.plotting;"
        "print(*{'torch', 'landscape_core', 'panel', 'matplotlib'} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == ""
