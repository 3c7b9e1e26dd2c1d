"""The specification of a slice: what it accepts, and the extents that it asks for."""

import pytest

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import to_plain
from landscape_core.foundation.registry import from_plain
from landscape_core.planes.directions.endpoints import Endpoints
from landscape_core.slices.slice_spec import SliceSpec


@pytest.mark.parametrize(
    ("extent", "ends"),
    [
        ("", None),
        ("  ", None),
        ("-0.5, 1.5", (-0.5, 1.5, -0.5, 1.5)),
        ("-1,2,-3e2,4", (-1.0, 2.0, -300.0, 4.0)),
    ],
)
def test_an_extent_gives_the_ends_of_the_axes(extent, ends):
    assert SliceSpec(extent=extent).ends() == ends


@pytest.mark.parametrize(
    "extent", ["1", "1, 0", "0, 1, 2", "a, b", "0, inf", "nan, 1", "0, 1, 2, 2"]
)
def test_what_is_no_extent_is_refused(extent):
    with pytest.raises(SpecError, match=r"SliceSpec\.extent must be two or four finite numbers"):
        SliceSpec(extent=extent)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("measures", "accuracyy", "did you mean 'accuracy'"),
        ("batch_norm", "interpolated", "several states"),
        ("dimensions", 3, "between 1 and 2"),
        ("resolution", 1, "between 2 and 501"),
        ("split", "validation", "one of train, test"),
        ("tolerance", -0.1, "between 0 and 1"),
        ("max_examples", 0, "between 1 and"),
    ],
)
def test_a_value_that_is_not_accepted_is_refused_when_the_specification_is_made(field, value, said):
    with pytest.raises(SpecError, match=said):
        SliceSpec(**{field: value})


def test_measures_and_tolerance_are_what_the_words_say():
    spec = SliceSpec(measures=" error , class_loss", tolerance=0.02, scale="log")
    assert list(spec.chosen_measures()) == ["error", "class_loss"]
    assert spec.interpolation().relative_tolerance == 0.02
    assert spec.interpolation().scale == "log"
    assert SliceSpec().chosen_measures() is None
    assert SliceSpec().interpolation() is None


def test_a_specification_is_the_same_after_a_file():
    spec = SliceSpec(directions=Endpoints(), batch_norm="interpolated", extent="-0.5, 1.5")
    assert from_plain(SliceSpec, to_plain(spec)) == spec
