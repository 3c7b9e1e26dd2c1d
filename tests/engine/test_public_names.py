"""The public names of the engine: that they are there, with their parameters and defaults."""

import inspect

import pytest

import landscape_core as lc
from landscape_core.foundation.recipes import Recipe, fields_of

REQUIRED = inspect.Parameter.empty

CALLS = {
    "landscape": {
        "model": REQUIRED,
        "loss": None,
        "data": None,
        "objective": None,
        "batch": None,
        "reduction": None,
        "test": None,
        "directions": None,
        "path": None,
        "resolution": 51,
        "span": 1.0,
        "dimensions": 2,
        "tolerance": None,
        "batch_norm": None,
        "adapter": None,
        "max_examples": None,
        "measures": None,
        "device": None,
        "dtype": None,
        "tf32": False,
        "strategy": None,
        "backend": None,
        "store": None,
        "seed": 0,
    },
    "spectrum": {
        "objective": None,
        "batch": None,
        "reduction": None,
        "model": REQUIRED,
        "loss": None,
        "data": None,
        "matrix": "hessian",
        "top": 5,
        "bottom": 1,
        "each_layer": False,
        "probes": 10,
        "max_examples": None,
        "batch_norm": None,
        "adapter": None,
        "device": None,
        "dtype": None,
        "seed": 0,
    },
    "convexity": {
        "objective": None,
        "batch": None,
        "reduction": None,
        "model": REQUIRED,
        "loss": None,
        "data": None,
        "directions": None,
        "resolution": 15,
        "span": 1.0,
        "dimensions": 2,
        "matrix": "hessian",
        "batch_norm": None,
        "adapter": None,
        "max_examples": None,
        "device": None,
        "dtype": None,
        "seed": 0,
    },
    "connect": {
        "model": REQUIRED,
        "a": REQUIRED,
        "b": REQUIRED,
        "loss": None,
        "data": None,
        "objective": None,
        "batch": None,
        "reduction": None,
        "test": None,
        "path": "bezier",
        "align": False,
        "points": 61,
        "resolution": 25,
        "batch_norm": None,
        "adapter": None,
        "max_examples": None,
        "device": None,
        "dtype": None,
        "seed": 0,
    },
    "plane_of": {"dataset": REQUIRED, "store": None},
    "checkpoints": {"path": REQUIRED, "entry": None},
    "record": {"model": REQUIRED, "every": 1, "file": REQUIRED, "most": 200},
    "load": {"path": REQUIRED},
    "save": {"dataset": REQUIRED, "path": REQUIRED},
    "Store": {"folder": REQUIRED, "limit_mb": 512},
    "Plane": {"origin": REQUIRED, "axes": REQUIRED},
    "strategies": {},
}
"""Parameters, at least, and their defaults."""

POSITIONAL = {
    "landscape": ["model", "loss", "data"],
    "spectrum": ["model", "loss", "data"],
    "convexity": ["model", "loss", "data"],
    "connect": ["model", "a", "b", "loss", "data"],
}

RECIPES = {
    "Random": {"normalization"},
    "PCA": set(),
    "HessianEigenvectors": set(),
    "Between": {"first", "second"},
    "Gradient": set(),
    "Grid": {"resolution", "alpha_low", "alpha_high", "beta_low", "beta_high"},
    "Tolerance": {"relative_tolerance", "scale"},
    "Loop": set(),
    "Dask": {"workers", "scheduler"},
}
"""Recipes, and fields that they have at least."""

BASES = ["Recipe", "Optimizer", "ProblemData", "Architecture", "Loss", "Measure", "Directions"]

ERRORS = ["SpecError", "MissingDataError", "PlaneError", "FileFormatError", "BackendError"]


@pytest.mark.parametrize("name", CALLS)
def test_a_call_has_its_parameters_and_defaults(name):
    found = inspect.signature(getattr(lc, name)).parameters
    for parameter, default in CALLS[name].items():
        assert found[parameter].default == default, parameter


@pytest.mark.parametrize("name", POSITIONAL)
def test_only_model_states_loss_and_data_are_given_by_position(name):
    found = inspect.signature(getattr(lc, name)).parameters.values()
    by_position = [one.name for one in found if one.kind is not inspect.Parameter.KEYWORD_ONLY]
    assert by_position == POSITIONAL[name]


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_is_made_by_keywords_and_has_its_fields(name):
    recipe = getattr(lc, name)
    assert issubclass(recipe, Recipe)
    assert {field.name for field in fields_of(recipe)} >= RECIPES[name]


@pytest.mark.parametrize("name", BASES)
def test_a_base_class_may_be_subclassed(name):
    assert issubclass(getattr(lc, name), lc.Recipe)


@pytest.mark.parametrize("name", ERRORS)
def test_each_error_is_a_landscape_error_under_both_its_names(name):
    assert issubclass(getattr(lc, name), lc.errors.LandscapeError)
    assert getattr(lc, name) is getattr(lc.errors, name)


def test_a_plane_goes_through_points_and_strategies_have_names():
    assert callable(lc.Plane.through)
    assert "loop" in lc.strategies()


def test_every_public_name_is_importable_and_listed():
    for name in lc.__all__:
        assert getattr(lc, name) is not None
    assert set(lc.__all__) <= set(dir(lc))


def test_one_name_means_one_function_in_its_module_and_in_the_engine():
    for name in ("spectrum", "convexity", "connect", "landscape", "plane_of"):
        function = getattr(lc, name)
        assert function.__name__ == name
    for name in ("compute_spectrum", "compute_convexity", "compute_connection", "compute_slice"):
        assert inspect.isgeneratorfunction(inspect.unwrap(getattr(lc, name)))
