"""Recipes as Python code: what it makes is the recipe again."""

import pytest

from landscape_core.foundation.recipe_code import RecipeCode
from landscape_core.foundation.recipes import Recipe
from landscape_core.foundation.registry import entries, find
from landscape_core.models.problems.base import Problem
from landscape_core.planes.directions.base import Directions
from landscape_core.training.optimizers.base import Optimizer
from landscape_core.training.run import Run


def evaluated(recipe: Recipe) -> Recipe:
    code = RecipeCode()
    text = f"made = {code.value(recipe, 7)}"
    assert max(map(len, text.splitlines())) <= 100
    names: dict = {}
    exec(f"{code.imports()}\n{text}", names)
    return names["made"]


@pytest.mark.parametrize("base", [Optimizer, Problem, Directions])
def test_code_makes_the_recipe_again(base):
    for kind in entries(base).values():
        assert evaluated(kind()) == kind()


def test_code_names_what_differs_and_breaks_long_lines():
    run = Run(
        optimizer=find(Optimizer, "adam")(learning_rate=0.1, beta1=0.8),
        problem=find(Problem, "node_classification")(),
        seed=3,
        dtype="float64",
    )
    assert evaluated(run) == run
    text = RecipeCode().value(run)
    assert "optimizer=Adam(learning_rate=0.1, beta1=0.8),\n" in text
    assert "steps" not in text


def test_two_classes_of_one_name_are_told_apart():
    from landscape_core.models.neighbor_sampling.minimal_variance import MinimalVariance as Drawn
    from landscape_core.training.samplers.minimal_variance import MinimalVariance as Sampler

    code = RecipeCode()
    names = code.name(Drawn), code.name(Sampler)
    assert names == ("MinimalVariance", "MinimalVarianceOfSamplers")
    scope: dict = {}
    exec(code.imports(), scope)
    assert (scope[names[0]], scope[names[1]]) == (Drawn, Sampler)
