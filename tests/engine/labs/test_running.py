"""Seeds of a lab: growing datasets, the store, workers, and what is refused."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Annotated, ClassVar

import numpy as np
import pytest
import torch
import xarray as xr

import foreign
from landscape_core import labs
from landscape_core.analysis.verdict import NOT_REPRODUCED, PASS, Criterion
from landscape_core.experiments import picture_attributes
from landscape_core.experiments.lab_pictures import Curves
from landscape_core.foundation import progress as pace
from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.foundation.recipes import Knob
from landscape_core.labs.base import Lab
from landscape_core.labs.constant_target import ConstantTarget
from landscape_core.storage.netcdf import from_bytes, to_bytes
from landscape_core.storage.store import Store
from waiting import take

COUNTED: list[int] = []
STOPPED: list[int] = []


@dataclass(frozen=True, kw_only=True)
class Halving(Lab):
    """A number is halved."""

    label: ClassVar[str] = "Halving"
    family: ClassVar[str] = "Width"
    question: ClassVar[str] = "Does halving make a number smaller?"
    claim: ClassVar[str] = "It does."
    shows: ClassVar[str] = "It becomes half of what it was."
    source: ClassVar[str] = "Euclid"
    seconds: ClassVar[float] = 1.0
    criterion: ClassVar[Criterion] = Criterion("last number over the first", "at most", 0.9)
    expected: ClassVar = "PASS"
    searched: ClassVar[str] = "Nothing"
    pictures: ClassVar = (Curves(title="The number", x="step", y=("number",)),)

    steps: Annotated[int, Knob(1, 100, "how often")] = 3
    first: Annotated[float, Knob(0.1, 10.0, "the number")] = 1.0

    def work(self, seed: int) -> Iterator[xr.Dataset]:
        COUNTED.append(seed)
        assert torch.get_num_threads() == 1
        if seed in STOPPED:
            raise KeyboardInterrupt
        number = np.full(self.steps + 1, np.nan)
        for step in range(self.steps + 1):
            number[step] = self.first * (1 + seed) / 2**step
            effect = number[-1] / number[0]
            yield xr.Dataset(
                {"number": ("step", number.copy()), "effect": effect, "seconds": 0.1},
                {"step": np.arange(self.steps + 1)},
            )


def _slow_work(lab: Halving, seed: int) -> Iterator[xr.Dataset]:
    take(0.02)
    yield xr.Dataset({"number": ("step", [1.0]), "effect": float(seed)})


@pytest.fixture(autouse=True)
def _counted():
    COUNTED.clear()


def test_seeds_become_a_dimension_and_a_verdict_stands_beside_them():
    found = labs.run(Halving(), 8)
    assert found["number"].dims == ("seed", "step")
    assert np.array_equal(found["number"][2], 3 / 2.0 ** np.arange(4))
    assert found["effect"].values.tolist() == [0.125] * 8
    assert found.attrs["verdict"] == PASS == labs.verdict(found).word
    assert from_bytes(to_bytes(found)).identical(found)
    assert "seconds" not in labs.repeatable(found)


def test_what_is_yielded_on_the_way_is_complete_and_later_seeds_are_nan():
    seen = list(labs.progress(Halving(), [5, 7]))
    assert [one.done for one in seen] == sorted(one.done for one in seen)
    assert seen[-1].done == seen[-1].total == 2
    first = seen[0].dataset
    assert first["seed"].values.tolist() == [5, 7]
    assert np.isnan(first["number"][1]).all()
    assert not np.isnan(first["number"][0, 0])


def test_seeds_that_are_not_computed_yet_make_no_verdict(monkeypatch):
    monkeypatch.setattr(pace, "UPDATE_INTERVAL", 0.0)
    *under_way, end = [one.dataset for one in labs.progress(Halving(), [5, 7, 9])]
    for number, found in enumerate(under_way):
        found = from_bytes(to_bytes(found))
        with pytest.raises(FileFormatError, match="of 3 are not computed yet"):
            labs.verdict(found)
        left = np.atleast_1d(found.attrs["unfinished"])
        assert left.tolist() == [5, 7, 9][3 - len(left) :], number
    assert labs.verdict(found.sel(seed=[5])).seeds == 1
    assert "unfinished" not in end.attrs
    assert labs.verdict(end).seeds == 3


def test_finished_seeds_are_kept_and_a_stopped_run_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(ConstantTarget, "work", Halving(steps=53).work)
    monkeypatch.setattr(ConstantTarget, "pictures", Halving.pictures)
    store, lab = Store(tmp_path), ConstantTarget()
    STOPPED.append(2)
    with pytest.raises(KeyboardInterrupt):
        labs.run(lab, [1, 2, 3], store=store)
    STOPPED.clear()
    COUNTED.clear()
    found = labs.run(lab, [1, 2, 3], store=store)
    assert COUNTED == [2, 3]
    assert found.identical(labs.run(lab, [1, 2, 3]))
    COUNTED.clear()
    labs.run(lab, [3, 1], store=store)
    assert COUNTED == []
    labs.run(lab, [3, 1], store=store, again=True)
    assert COUNTED == [3, 1]
    labs.run(lab, [3], store=store, target=2.0)
    assert COUNTED == [3, 1, 3]


def test_a_lab_of_a_script_is_not_kept_and_that_is_said(tmp_path):
    with pytest.warns(UserWarning, match="This lab is not kept"):
        labs.run(Halving(), 1, store=Store(tmp_path))
    assert Store(tmp_path).entries() == []


def test_the_smallest_lab_of_the_documentation_runs_from_its_package(tmp_path):
    with foreign.on_path(foreign.install(tmp_path)):
        assert "averages" in labs.names()
        found = labs.run("averages", 6)
        assert labs.verdict(found).word == PASS
        heavy = labs.run("averages", 6, distribution="cauchy")
        assert labs.verdict(heavy).word == NOT_REPRODUCED
        assert labs.run("averages", [4]).identical(labs.run("averages", [4]))


def test_torch_has_its_threads_back():
    threads = torch.get_num_threads()
    for _ in labs.progress(Halving(), 2):
        assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("seeds", "told"),
    [(0, "seeds"), ([], "seeds"), ([1, 1], "once"), ([-1], "seed"), ([1.5], "whole"),
     (True, "seeds"), (10**6, "seeds"), ([2**31], "between"), (10**15, "seeds"),
     (range(10**15), "seeds"), (count(), "seeds"), (2.0, "seeds"), (math.nan, "seeds"),
     ("3", "seeds")],
)  # fmt: skip
def test_seeds_that_are_none_are_refused_before_anything_is_computed(seeds, told):
    with pytest.raises(SpecError, match=told):
        labs.run(Halving(), seeds)
    assert COUNTED == []


def test_a_number_of_numpy_says_how_many_seeds():
    assert labs.run(Halving(), np.int64(2))["seed"].values.tolist() == [0, 1]


@pytest.mark.parametrize(
    ("given", "told"),
    [({"store": "results"}, "store must be a Store"), ({"backend": "dask"}, "backend must be")],
)
def test_what_is_no_store_or_backend_is_refused_before_anything_is_computed(given, told):
    with pytest.raises(SpecError, match=told):
        labs.run(Halving(), 1, **given)
    assert COUNTED == []


@pytest.mark.parametrize("given", ["constant_target", ConstantTarget, None])
def test_progress_refuses_what_is_no_lab(given):
    with pytest.raises(SpecError, match="lab must be"):
        labs.progress(given, 1)


def test_no_setting_makes_another_lab_of_one():
    for lab in ("constant_target", ConstantTarget()):
        with pytest.raises(SpecError, match=r"field of ConstantTarget .*learning_rate.*'kind'"):
            labs.run(lab, 1, kind="games")


def test_datasets_on_the_way_do_not_hold_up_many_seeds(monkeypatch):
    def slow(*given):
        take(0.05)
        check(*given)

    check = picture_attributes.check
    monkeypatch.setattr(picture_attributes, "check", slow)
    monkeypatch.setattr(pace, "UPDATE_INTERVAL", 0.0)
    monkeypatch.setattr(Halving, "work", _slow_work)
    seen = [one for one in labs.progress(Halving(), 20) if one.dataset is not None]
    assert 2 <= len(seen) <= 6


def test_unknown_labs_and_settings_are_refused():
    with pytest.raises(SpecError, match="constant_target"):
        labs.run("constant_targt")
    with pytest.raises(SpecError, match="first"):
        labs.run(Halving(), frist=2.0)
    with pytest.raises(SpecError, match="between"):
        labs.run(Halving(), steps=101)


def test_coordinates_that_differ_between_seeds_are_refused():
    class Shifted(Halving):
        def work(self, seed):
            yield xr.Dataset({"number": ("step", [1.0]), "effect": 1.0}, {"step": [seed]})

    class Longer(Halving):
        def work(self, seed):
            yield xr.Dataset({"number": ("step", np.ones(seed + 1)), "effect": 1.0})

    for wrong in (Shifted, Longer):
        assert labs.run(wrong(), 1)["effect"].values == 1.0
        with pytest.raises(TypeError, match="same coordinates on every seed"):
            labs.run(wrong(), 2)


def test_values_that_are_no_numbers_or_no_effect_are_refused():
    class Words(Halving):
        def work(self, seed):
            yield xr.Dataset({"number": ("step", ["a"]), "effect": 1.0})

    class Nothing(Halving):
        def work(self, seed):
            yield xr.Dataset({"number": ("step", [1.0])})

    for wrong, told in ((Words, "number"), (Nothing, "effect")):
        with pytest.raises(TypeError, match=told):
            labs.run(wrong(), 1)
