"""What a picture shows, in one sentence; `figures.captions` tells all of its settings."""

from landscape_core.foundation.recipes import Recipe, fields_of, label_of
from landscape_core.session.picture import Picture
from landscape_lab.figures.annotations import title_of
from landscape_lab.state.setting_words import in_words

MAIN = ("architecture", "dataset")
"""Parts of a problem that the sentence names."""

FIRST = 2
"""Whole numbers of a network that the sentence gives, at most."""


def sentence(picture: Picture, variable: str) -> str:
    """What is shown, of which network, where on its way, and in which plane."""
    run, spec = picture.run, picture.spec
    plane = label_of(type(spec.directions)) + _normalized(spec.directions)
    told = f"The {title_of(picture.slice, variable, spec.split)}"
    told += f" of {_problem(run.problem)}, at step {picture.seen} of {_named(run.optimizer, float)}"
    told += f", batch size {run.batch_size}; plane: {plane}"
    moved = picture.path.sizes["step"] > 1
    return told + (f", explained variance {picture.captured:.0%}." if moved else ".")


def _normalized(directions: Recipe) -> str:
    """How random directions are scaled: ` (filter-normalized)`; empty for others."""
    how = getattr(directions, "normalization", "")
    return "" if not how else " (not normalized)" if how == "none" else f" ({how}-normalized)"


def _problem(problem: Recipe) -> str:
    parts = [getattr(problem, name, None) for name in MAIN]
    network, data = (part if isinstance(part, Recipe) else None for part in parts)
    if network is None or data is None:
        return f"the {label_of(type(problem))}"
    return f"the network {_named(network, int)} on {label_of(type(data))}"


def _named(recipe: Recipe, kind: type) -> str:
    """A part with its first numbers: `MLP (depth 2, width 16)`, `Adam (learning rate 0.02)`."""
    numbers = [field for field in fields_of(type(recipe)) if field.type is kind]
    few = numbers[: FIRST if kind is int else 1]
    told = ", ".join(f"{field.label} {in_words(getattr(recipe, field.name))}" for field in few)
    return f"{label_of(type(recipe))} ({told})" if told else label_of(type(recipe))
