"""The pictures of the catalogue: one for each optimizer, small, and the same each time."""

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from landscape_core.foundation.registry import entries
from landscape_core.training.optimizers.barzilai_borwein import BarzilaiBorwein
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.optimizers.sgd import SGD
from landscape_lab.cli import catalogue_page as handbook
from landscape_lab.figures.matplotlib.vignettes import HEIGHT, WIDTH, path_png

DOCS = Path(__file__).parents[3] / "docs"


REFUSING = {"path_sgd"}
"""Optimizers for networks of layers alone, which the valley is not."""


def test_every_optimizer_has_its_picture_and_the_page_shows_it():
    page = handbook.page({"optimizers": Optimizer})
    shown = set(re.findall(r"!\[[^\]]+\]\(([^)]+)\)", page))
    drawn = set(entries(Optimizer)) - REFUSING
    assert shown == {f"catalogue/{name}.png" for name in drawn}
    assert {name for name, kind in entries(Optimizer).items() if handbook.is_drawn(kind)} == drawn
    missing = [name for name in shown if not (DOCS / name).is_file()]
    assert not missing, "make catalogue"


def test_pictures_are_small_and_no_others_are_kept():
    files = list((DOCS / "catalogue").iterdir())
    assert {file.stem for file in files} <= set(entries(Optimizer))
    assert sum(file.stat().st_size for file in files) < 600_000
    for file in files:
        with Image.open(file) as picture:
            assert picture.size == (WIDTH, HEIGHT)


def test_an_optimizer_walks_from_the_start_at_the_best_of_its_rates():
    path, rate = handbook.walked(SGD)
    start = handbook.WALK.problem
    assert (float(path["alpha"][0]), float(path["beta"][0])) == (start.x, start.y)
    assert path.sizes["step"] == 1 + handbook.STEPS
    x, y = path["alpha"].values, path["beta"].values
    own = (0.25 * (x**2 - 1) ** 2 + 0.5 * start.steepness * (y - x**2) ** 2).mean()
    for other in (rate / 3, rate * 3):
        theta, lost = np.array([start.x, start.y]), []
        for _ in range(1 + handbook.STEPS):  # gradient descent by hand
            u, v = theta
            off = start.steepness * (v - u**2)
            lost.append(0.25 * (u**2 - 1) ** 2 + 0.5 * off * (v - u**2))
            with np.errstate(over="ignore", invalid="ignore"):
                theta = theta - other * np.array([u * (u**2 - 1) - 2 * u * off, off])
        assert not np.mean(lost) < own


@pytest.fixture(scope="module")
def surface():
    return handbook.valley_surface()


@pytest.mark.parametrize("kind", [SGD, BarzilaiBorwein])
def test_the_same_path_gives_the_same_file(kind, surface, tmp_path, monkeypatch):
    monkeypatch.setattr(handbook, "RATES", (0.03, 0.1))
    for name in ("one.png", "two.png"):
        path, rate = handbook.walked(kind)
        path_png(surface, path, f"η = {rate:g}", tmp_path / name)
    one, two = ((tmp_path / name).read_bytes() for name in ("one.png", "two.png"))
    assert one == two
    assert len(one) < 12_000
    with Image.open(tmp_path / "one.png") as picture:
        assert picture.mode == "P"
        here = np.asarray(picture.convert("RGB")).reshape(-1, 3)
    assert (here == [255, 90, 54]).all(axis=1).sum() > 10  # the orange point
