"""Ensembles of planes: against slices taken one by one, and NumPy's statistics."""

from dataclasses import dataclass

import numpy as np
import pytest
import xarray as xr
from jaxtyping import config
from torch.nn.functional import cross_entropy

import cases
from landscape_core.analysis.plane_ensemble import STATISTICS, ensemble, spread
from landscape_core.analysis.slice_metrics import MEANINGS, slice_metrics
from landscape_core.foundation.errors import PlaneError, SpecError
from landscape_core.planes.directions.base import Directions
from landscape_core.planes.directions.pca import PCA
from landscape_core.planes.directions.random import Random
from landscape_core.planes.plane import Plane
from landscape_core.slices.grid import Grid
from landscape_core.slices.one_call import landscape
from landscape_core.storage import netcdf, schema
from landscape_core.storage.store import Store

GRID = Grid.square(0.8, 9)


@pytest.fixture(scope="module")
def parts():
    train = cases.mlp_objective()
    return {"train": train, "test": train.first(9)}


@pytest.fixture(scope="module")
def three(parts):
    *_, last = ensemble(parts, Random(), planes=3, grid=GRID, seed=4)
    return last


def test_every_plane_is_the_slice_of_its_own_seed(three):
    train, test = cases.vectors(), tuple(part[:9] for part in cases.vectors())
    for plane, seed in enumerate((4, 5, 6)):
        assert int(three["seed"][plane]) == seed
        alone = landscape(
            cases.mlp(), cross_entropy, train, test=test, resolution=9, span=0.8, seed=seed
        )
        for name in ("loss", "accuracy"):
            np.testing.assert_allclose(three[name][plane].values, alone[name].values, rtol=1e-9)


def test_planes_differ_and_meet_at_the_centre(three):
    loss = three["loss"].sel(split="train")
    assert np.ptp(loss.sel(alpha=0, beta=0).values) < 1e-12
    assert (loss.std("plane").sel(alpha=0.8, beta=0.8) > 1e-4).all()


def test_each_news_is_complete_and_has_one_plane_more(parts):
    news = list(ensemble(parts, Random(), planes=3, grid=GRID, seed=4))
    assert [one.sizes["plane"] for one in news] == [1, 2, 3]
    for one in news:
        assert one["loss"].dims == ("plane", "split", "beta", "alpha")
        assert np.isfinite(one["loss"].values).all()
        assert one["computed"].values.all()
        with pytest.raises(ValueError, match="read-only"):
            one["loss"].values[:] = 0
        schema.check(one.isel(plane=0))
    np.testing.assert_array_equal(news[0]["loss"][0], news[2]["loss"][0])


def test_an_ensemble_survives_its_file(three, tmp_path):
    netcdf.save(three, tmp_path / "ensemble.nc")
    assert netcdf.load(tmp_path / "ensemble.nc").identical(three)


def test_what_is_kept_is_not_computed_again(parts, tmp_path):
    store = Store(tmp_path)
    *_, first = ensemble(parts, Random(), planes=2, grid=GRID, store=store)
    *_, again = ensemble(parts, Random(), planes=2, grid=GRID, store=store)
    np.testing.assert_array_equal(first["loss"].values, again["loss"].values)
    assert again.sizes["plane"] == 2


@pytest.mark.parametrize("scale", ["linear", "log"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_the_spread_is_that_of_the_figures_of_single_planes(three, split, scale):
    found = spread(three, split, scale)
    assert found["statistic"].values.tolist() == list(STATISTICS)
    for name in MEANINGS:
        alone = [float(slice_metrics(three.isel(plane=i), split, scale)[name]) for i in range(3)]
        np.testing.assert_array_equal(found[name].values, alone)
        deviation = np.std(alone, ddof=1)
        expected = [np.mean(alone), deviation, deviation / np.sqrt(3)]
        np.testing.assert_allclose(found[f"{name}_spread"].values, expected, rtol=1e-12, atol=1e-15)
        assert found[f"{name}_spread"].attrs == found[name].attrs
        assert found[name].attrs["unit"]


def test_one_plane_has_a_mean_and_no_spread(three):
    found = spread(three.isel(plane=[0]))["range_spread"].values
    assert found[0] > 0
    assert np.isnan(found[1:]).all()


@dataclass(frozen=True, kw_only=True)
class Fixed(Directions):
    """Two directions that are always the same."""

    def axes(self, view, dimensions):
        return Random().span(type(view)(view.objective, view.centre, view.path, 0), dimensions)


def test_a_rule_may_be_given_by_its_name(parts):
    named, given = (next(ensemble(parts, one, planes=1)) for one in ("random", Random()))
    assert named.attrs["plane_digest"] == given.attrs["plane_digest"]
    xr.testing.assert_allclose(named, given, rtol=1e-12)  # a trial chose how each is computed


def test_directions_that_are_not_drawn_are_refused(parts):
    with pytest.raises(SpecError, match=r"directions.*random.*pca"):
        next(ensemble(parts, PCA()))
    with pytest.raises(PlaneError, match="seed"):
        next(ensemble(parts, Fixed()))


def test_what_is_no_rule_or_no_data_is_refused(parts, monkeypatch):
    monkeypatch.setattr(config, "jaxtyping_disable", True)  # as it is outside the tests
    plane = Plane(parts["train"].start, cases.normal(2, 59))
    with pytest.raises(SpecError, match=r"directions must be a rule.*got 'Plane'"):
        next(ensemble(parts, plane))
    with pytest.raises(SpecError, match=r"directions must be one of.*did you mean 'random'"):
        next(ensemble(parts, "randon"))
    with pytest.raises(SpecError, match=r"parts must be at least one objective.*got \{\}"):
        next(ensemble({}, Random()))


def test_what_is_no_ensemble_is_refused(parts, three):
    with pytest.raises(SpecError, match=r"planes.*at least 1"):
        next(ensemble(parts, Random(), planes=0))
    with pytest.raises(SpecError, match="plane"):
        spread(three.isel(plane=0))
    with pytest.raises(SpecError, match="train, test"):
        spread(three, "validation")
