"""`ll.view`: a slice in a cell, with a dataset alone."""

import subprocess
import sys

import numpy as np
import pytest

from figure_cases import path_to, slice_of, valley
from landscape_core.foundation.errors import SpecError
from landscape_lab.notebook.view import PlaneView, view

LOOKS = {"variable": "loss", "split": "train", "scale": "linear", "limits": None}


def with_path(slice_):
    path = path_to(1, 1)
    return slice_.merge(path.rename({name: f"path_{name}" for name in path.data_vars}))


def line_of():
    return slice_of(valley).isel(beta=25, drop=True)


@pytest.mark.parametrize(
    "given",
    [with_path(slice_of(valley)), slice_of(valley), slice_of(valley).sel(split="test"), line_of()],
    ids=["with path", "two splits", "one split", "line"],
)
def test_a_slice_is_a_widget(given):
    import ipywidgets

    assert isinstance(view(given, scale="log"), ipywidgets.DOMWidget)


@pytest.mark.parametrize("given", [with_path(slice_of(valley)), line_of()], ids=["plane", "line"])
def test_panel_finds_nothing_to_warn_of(given, caplog):
    view(given)
    assert [one.getMessage() for one in caplog.records] == []


def test_the_picture_is_turned_and_the_path_follows_the_slider():
    shown = PlaneView(with_path(slice_of(valley)), LOOKS, 300)
    np.testing.assert_allclose(shown.contour.picture.data["values"][0][0, 0], valley(-1, -2))
    assert [part.visible for part in shown.parts[1:]] == [True, False]
    shown.show.value = "3-D"
    assert [part.visible for part in shown.parts[1:]] == [False, True]
    whole, frame = len(shown.contour.path.data["x"]), shown.surface.frame
    shown.step.value = 50
    assert len(shown.contour.path.data["x"]) < whole
    assert shown.surface.frame != frame


def test_what_is_no_slice_is_not_shown():
    with pytest.raises(SpecError, match="a slice of one or two dimensions"):
        view([slice_of(valley, 5), slice_of(valley, 5)])
    with pytest.raises(SpecError, match="one of linear, log"):
        view(slice_of(valley, 5), scale="sqrt")
    with pytest.raises(SpecError, match="one of train, test"):
        view(slice_of(valley, 5), split="validation")


def test_pytorch_is_not_needed():
    code = (
        "import sys; sys.path += ['tests/support']; from figure_cases import slice_of, valley;"
        "import landscape_lab as ll; ll.view(slice_of(valley, 11));"
        "print('torch' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "False"
