"""The region below a loss, small pictures of data and presets, the eigenvalue along a run."""

import base64
import io

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from figure_cases import path_to, slice_of, valley
from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.contour import Contour
from landscape_lab.figures.bokeh.stability import Stability
from landscape_lab.figures.data_picture import data_picture
from landscape_lab.figures.outline import outline, share_below, stated_region, words_of
from landscape_lab.figures.preset_picture import curve_picture, slice_picture, surface_picture

SIDE = np.linspace(-1, 1, 41)
BOWL = SIDE[:, None] ** 2 + SIDE**2
LOOKS = {"split": "train", "scale": "linear", "limits": None, "outline": 0.0}


def test_the_outline_of_a_bowl_is_a_circle_and_its_share_that_of_the_points():
    line = outline(BOWL + 0.1, SIDE, SIDE, 0.35)
    radius = np.hypot(line["x_low"], line["y_low"])
    np.testing.assert_allclose(radius[np.isfinite(radius)], 0.5, atol=2e-3)
    inside = sum(a * a + b * b < 0.25 for a in SIDE for b in SIDE)
    assert share_below(BOWL, 0.25) == inside / 41**2
    assert words_of(BOWL, 0.25) == "loss < 0.25 on 18 % of the slice"
    shown = slice_of(valley)
    assert stated_region(shown, "train", 0.0) == ("", None)
    assert stated_region(shown, "train", 1e9)[0] == " (loss < 1e+09 on 100 % of the slice)"
    broken = BOWL.copy()
    broken[0] = np.nan
    assert share_below(broken, 0.25) == inside / 41**2
    assert not np.isfinite(outline(BOWL, SIDE, SIDE, 0.0)["x_low"]).any()


def test_the_landscape_states_the_share_and_takes_it_back():
    view, shown = Contour(), slice_of(valley)
    low = float(np.quantile(shown["loss"].sel(split="train"), 0.25))
    view.update(shown, None, level=low)
    assert view.share.visible
    assert f"loss < {low:g} on 25 % of the slice" in view.share.text
    assert np.isfinite(view.region.data["x_low"]).any()
    view.update(shown, None)
    assert not view.share.visible
    assert not np.isfinite(view.region.data["x_low"]).any()


@pytest.mark.parametrize(
    ("inputs", "targets", "classes", "drawn"),
    [((30, 1), (30, 1), None, True), ((30, 2), (30,), 2, True), ((30, 3), (30,), 2, False),
     ((12, 1, 8, 8), (12,), 10, True)],
)  # fmt: skip
def test_data_with_one_or_two_inputs_and_images_have_a_picture(inputs, targets, classes, drawn):
    rng = np.random.default_rng(0)
    marks = rng.integers(0, classes, targets) if classes else rng.normal(size=targets)
    image = data_picture(rng.normal(size=inputs), marks, classes)
    assert bool(image) == drawn
    if len(inputs) == 2 and drawn:
        assert image.count("h0") == 30
        assert all(theme.CLASSES[kind] in image for kind in range(classes or 1))


def test_grey_images_are_one_colour_on_whatever_ground_there_is():
    image = data_picture(np.random.default_rng(0).random((12, 1, 8, 8)), np.zeros(12), 10)
    data = base64.b64decode(image.partition("base64,")[2].partition('"')[0])
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))
    red, green, blue = np.unique(pixels[..., :3].reshape(-1, 3), axis=0)[-1]
    assert f"#{red:02x}{green:02x}{blue:02x}" == theme.CLASSES[0]
    assert len(np.unique(pixels[..., 3])) > 50  # more or less of it, down to nothing


def test_the_path_of_a_preset_is_in_its_picture_in_both_views():
    shown, path = slice_of(valley), path_to(0.5, 1.0)
    flat = slice_picture(shown, path, LOOKS)
    assert flat.count("<polyline") == 2
    assert flat.count("<circle") == 2
    low = float(np.quantile(shown["loss"].sel(split="train"), 0.25))
    assert "<polygon" in slice_picture(shown, path, {**LOOKS, "outline": low})
    assert "data:image/png" in surface_picture(shown, path, LOOKS)


def test_a_bound_is_a_dashed_line_at_its_height():
    steps = np.arange(5.0)
    image = curve_picture({"#123456": (steps, steps)}, bound=2.0)
    assert image.count("stroke-dasharray") == 1
    assert 'y1="63.0"' in image  # the middle of the image


@pytest.mark.parametrize(("bound", "near"), [(4.0, True), (None, False), (400.0, False)])
def test_eigenvalue_and_bound_share_one_axis_and_the_loss_is_below(bound, near):
    along = xr.Dataset({"eigenvalue": ("step", [2.0, 5.0, 3.0])}, {"step": [0, 5, 10]})
    losses = np.linspace(1.0, 0.1, 11)
    curves = xr.Dataset({"loss": (("split", "step"), losses[None])},
                        {"split": ["train"], "step": np.arange(11)})  # fmt: skip
    view = Stability()
    view.update(along, curves, bound)
    np.testing.assert_allclose(view.along.data["eigenvalue"], [2, 5, 3])
    np.testing.assert_allclose(view.loss.data["loss"], losses, rtol=1e-6)
    assert view.bound.visible == view.name.visible == near
    assert view.upper.x_range is view.lower.x_range
    if near:
        assert view.bound.location == bound
        assert view.name.text == "2/η = 4"
        assert view.upper.y_range.start < bound < view.upper.y_range.end
    view.update(None, curves, bound)
    assert len(view.along.data["step"]) == 0
