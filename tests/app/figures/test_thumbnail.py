"""Thumbnails of labs: marks land where their numbers say, and the shipped images are the labs'."""

import base64
import io
import re
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import pytest
import xarray as xr
from PIL import Image

import lab_cases
from landscape_core import labs
from landscape_core.experiments import picture_attributes
from landscape_core.experiments.lab_pictures import Curves, HeatMap, Picture
from landscape_core.foundation.registry import entries
from landscape_core.labs.base import Lab
from landscape_lab.components.gallery.gallery import THUMBNAILS
from landscape_lab.components.images import images
from landscape_lab.figures import theme
from landscape_lab.figures.bokeh.thumbnail import HEIGHT, MARGIN, MOST, WIDTH, thumbnail

NAMESPACE = "{http://www.w3.org/2000/svg}"

QUICK = ("games", "xor_amplification")
"""Labs that are computed within a second."""

NEAR = 2.0
"""Pixels by which an image may differ where another processor rounds otherwise."""


def of(columns: dict, coords: dict, *pictures: Picture) -> str:
    """The image of a made-up dataset."""
    return thumbnail(xr.Dataset(columns, coords, picture_attributes.attribute(pictures)))


def parts(svg):
    """What an image consists of, with the corner of each part: (x, element)."""
    root = ElementTree.fromstring(svg)
    return [(float(panel.get("x")), one) for panel in root for one in panel]


def points(path):
    """The corners of a path, (N, 2); h and v, which only frames and boxes have, are left out."""
    pairs = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path.get("d"))
    return np.array(pairs, float).reshape(-1, 2)


def lines(svg, color):
    """The paths with a stroke of a colour."""
    return [points(one) for _, one in parts(svg) if one.get("stroke") == color]


def cells(image):
    """The pixels of an image of cells, (rows, columns, 4)."""
    data = base64.b64decode(image.get("href").partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA"))


@pytest.mark.parametrize("known", [0, 1, lab_cases.STEPS])
@pytest.mark.parametrize("picture", lab_cases.pictures(), ids=lambda picture: picture.title)
def test_every_kind_of_picture_has_a_thumbnail_without_words(picture, known):
    dataset = lab_cases.dataset(known)
    dataset.attrs.update(picture_attributes.attribute((picture,)))
    svg = thumbnail(dataset)
    assert ElementTree.fromstring(svg).tag == f"{NAMESPACE}svg"
    assert {one.tag for _, one in parts(svg)} <= {f"{NAMESPACE}path", f"{NAMESPACE}image"}
    assert "".join(ElementTree.fromstring(svg).itertext()).strip() == ""
    assert not re.search(r"nan|inf\b", svg)
    frame = [one for _, one in parts(svg) if one.get("stroke") == theme.FRAME]
    if known:
        assert len(parts(svg)) > len(frame)


def test_a_line_goes_where_its_numbers_say_and_is_interrupted_where_there_are_none():
    x = np.array([1.0, 10.0, 100.0, 1000.0, 10000.0])
    picture = Curves(title="A", x="x", y=("y",), x_scale="log")
    y = np.array([0.0, 1.0, np.nan, 3.0, 4.0])
    svg = of({"y": ("x", y)}, {"x": x}, picture)
    (line,) = lines(svg, theme.CLASSES[0])
    along, down = line.T
    assert np.allclose(np.diff(along)[[0, 2]], np.diff(along)[0], atol=0.11)
    assert np.allclose((down - down[0]) / (down[-1] - down[0]), [0, 0.25, 0.75, 1], atol=2e-3)
    assert down[-1] < HEIGHT / 4 < HEIGHT * 3 / 4 < down[0]  # upwards
    drawn = next(one for _, one in parts(svg) if one.get("stroke") == theme.CLASSES[0])
    assert drawn.get("d").count("M") == 2


def test_cells_have_the_colours_of_the_landscape_the_first_row_below():
    values = np.array([[0.0, 1.0, 2.0], [3.0, np.nan, 5.0]])
    picture = HeatMap(title="A", x="x", y="y", value="z")
    svg = of({"z": (("y", "x"), values)}, {"x": [0.0, 1, 2], "y": [0.0, 1]}, picture)
    ((_, image),) = parts(svg)
    pixels = cells(image)
    assert pixels.shape == (2, 3, 4)

    def color(pixel):
        return "#{:02x}{:02x}{:02x}".format(*pixel[:3])

    assert color(pixels[1, 0]) == theme.LANDSCAPE[0].lower()
    assert color(pixels[0, 2]) == theme.LANDSCAPE[-1].lower()
    assert pixels[0, 1, 3] == 0
    box = [float(image.get(side)) for side in ("x", "y", "width", "height")]
    assert box == [MARGIN, MARGIN, WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN]


def test_pictures_stand_side_by_side_and_the_first_ones_are_shown():
    picture = Curves(title="A", x="x", y=("y",))
    for count in range(1, MOST + 2):
        svg = of({"y": ("x", [1.0, 2.0])}, {"x": [0.0, 1.0]}, *[picture] * count)
        panels = list(ElementTree.fromstring(svg))
        ends = [(float(one.get("x")), float(one.get("width"))) for one in panels]
        assert len(panels) == min(count, MOST)
        assert ends[-1][0] + ends[-1][1] == pytest.approx(WIDTH, abs=0.2)
        assert all(a + width < b for (a, width), (b, _) in pairwise(ends))


def test_a_dataset_without_pictures_has_no_thumbnail():
    assert thumbnail(xr.Dataset()) == ""


# --- the shipped images ---


def test_every_shipped_lab_has_an_image_that_is_small_and_nothing_else_has_one():
    assert set(images(THUMBNAILS)) == set(entries(Lab).shipped())
    for name, svg in images(THUMBNAILS).items():
        assert len(svg) < 24_000, name
        assert 1 <= len(ElementTree.fromstring(svg)) <= MOST, name
    assert sum(map(len, images(THUMBNAILS).values())) < 200_000


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[] if name in QUICK else pytest.mark.exhaustive)
        for name in sorted(entries(Lab).shipped())
    ],
)
def test_an_image_is_the_picture_that_its_lab_computes(name):
    again = parts(thumbnail(labs.run(name, seeds=1)))
    shown = parts(images(THUMBNAILS)[name])
    assert [(left, one.tag, one.get("stroke"), one.get("fill")) for left, one in again] == [
        (left, one.tag, one.get("stroke"), one.get("fill")) for left, one in shown
    ], "run `make thumbnails`"
    for (_, new), (_, old) in zip(again, shown, strict=True):
        if new.tag.endswith("image"):
            difference = np.abs(cells(new).astype(float) - cells(old))
            assert np.mean(difference) < 8, "run `make thumbnails`"
        elif len(points(new)):
            gaps = np.linalg.norm(points(new)[:, None] - between(points(old))[None], axis=2)
            assert np.quantile(gaps.min(1), 0.98) < NEAR, "run `make thumbnails`"


def between(corners):
    """Points along the lines from corner to corner, at most half a pixel from one to the next."""
    if len(corners) == 1:
        return corners
    found = [
        first
        + (last - first) * np.linspace(0, 1, 2 + int(2 * np.linalg.norm(last - first)))[:, None]
        for first, last in pairwise(corners)
    ]
    return np.concatenate(found)
