"""What a slice is of, in words: every setting, and how far the picture can be trusted."""

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

NUMBERS = ("batch_size", "steps", "seed", "dtype")
RUN = ("optimizer", "schedule", "sampler")
VIEW = ("span", "split", "scale")
"""What is told of a run and of a view beside their directions."""

COMPUTED = ("batch_norm", "examples", "explained_variance_ratio", "engine_version")
"""Attributes of every slice."""


def caption(slice_: xr.Dataset) -> str:
    """What the slice is of, as its attributes tell, and how much of it was computed."""
    attrs = slice_.attrs
    view = _parsed(attrs, "look") or _parsed(attrs, "view")
    run = view.get("run") or _parsed(attrs, "run")
    told = [*_of_run(run), *_where(attrs), *_of_view(view)]
    for name in COMPUTED:
        given = attrs.get(name)
        if given is not None and np.size(given):
            words = f"{_words(name)} {', '.join(map(_short, np.ravel(given)))}"
            meant = attrs.get("statistics") if name == "batch_norm" else None
            told.append(f"{words} ({meant})" if meant else words)
    return " · ".join([*told, *_quality(slice_)])


def _of_run(run: dict[str, Any]) -> Iterator[str]:
    """The parts of the problem, the optimizer and what goes with it, the plain numbers."""
    problem = run.get("problem", {})
    parts = {name: part for name, part in problem.items() if isinstance(part, dict)}
    rest = {name: given for name, given in problem.items() if name not in parts}
    if rest:
        yield f"problem {_recipe(rest)}"
    yield from (f"{_words(name)} {_recipe(part)}" for name, part in parts.items())
    yield from (f"{name} {_recipe(run[name])}" for name in RUN if name in run)
    yield from (f"{_words(name)} {run[name]}" for name in NUMBERS if name in run)


def _where(attrs: dict[Any, Any]) -> Iterator[str]:
    """The step that is looked at, and what was changed on the way there."""
    if "seen" in attrs:
        later = f" of a run to step {attrs['step']}" if attrs["step"] != attrs["seen"] else ""
        yield f"step {attrs['seen']}{later}"
    for change in json.loads(attrs.get("changes", "[]")):
        yield f"{change['path']} set to {_short(change['value'])} at step {change['step']}"
    if attrs.get("origin"):
        yield "started at a point of another picture"


def _of_view(view: dict[str, Any]) -> Iterator[str]:
    if "directions" in view:
        yield f"directions {_recipe(view['directions'])}"
    if "follow" in view:
        yield "plane found at the step shown" if view["follow"] else "plane held"
    yield from (f"{name} {_short(view[name])}" for name in VIEW if name in view)


def _quality(slice_: xr.Dataset) -> Iterator[str]:
    if "captured" in slice_.attrs:
        yield f"{float(slice_.attrs['captured']):.0%} of the motion lies in the plane"
    if "computed" in slice_:
        computed = slice_["computed"].values
        yield f"{int(computed.sum())} of {computed.size} points computed"
        if "estimated_error" in slice_.attrs:
            error = float(slice_.attrs["estimated_error"])
            yield f"others within an estimated {error:.2%} of the range of the loss"
    yield from certainty(slice_)
    if slice_.attrs.get("standard_error"):
        yield f"loss at the point ± {slice_.attrs['standard_error']:.2g}"
    broken = int((~np.isfinite(slice_["loss" if "loss" in slice_ else "ratio"].values)).sum())
    if broken:
        yield f"{broken} values not finite"
    if "version" in slice_.attrs:
        yield f"Landscape Lab {slice_.attrs['version']}"


def certainty(slice_: xr.Dataset) -> Iterator[str]:
    """What is known of how a slice's numbers were come by: points checked, random numbers drawn."""
    checked = int(slice_.attrs.get("checked_points", 0))
    if checked:
        yield f"{checked} of {checked} checked points agree"
    draws = int(slice_.attrs.get("draws", 0))
    if draws:
        told = f"the mean of {draws} draws" if draws > 1 else "the same ones at every point"
        yield f"the network draws random numbers: {told}"


def _parsed(attrs: dict[Any, Any], name: str) -> dict[str, Any]:
    """A recipe that an attribute holds; empty if there is none."""
    found = json.loads(attrs.get(name) or "{}")
    return found if isinstance(found, dict) else {}


def _recipe(plain: dict[str, Any]) -> str:
    """A recipe in one line: `sgd (learning rate 0.1, weight decay 0)`."""
    rest = {name: given for name, given in plain.items() if name != "kind"}
    fields = [
        f"{_words(name)} {_recipe(given) if isinstance(given, dict) else _short(given)}"
        for name, given in rest.items()
        if given != ""
    ]
    kind = str(plain.get("kind", ""))
    return f"{kind} ({', '.join(fields)})" if fields else kind


def _words(name: str) -> str:
    return name.replace("_", " ")


def _short(given: Any) -> str:
    if isinstance(given, bool):
        return "yes" if given else "no"
    return f"{given:.3g}" if isinstance(given, float) else str(given)


TOLD = {
    "minima": "minima",
    "saddles": "passes",
    "convex_share": "convex",
    "roughness": "roughness",
    "width": "width",
}
"""The figures that the title gives, and in which words."""


def headline(planes: int, figures: xr.Dataset | None) -> tuple[str, str]:
    """How many planes there are, and the figures over them; words that belong together stay so."""
    named = f"{planes} planes through one point" if planes > 1 else "one plane"
    told = []
    for name, word in TOLD.items():
        if figures is not None and f"{name}_spread" in figures:
            found = figures[f"{name}_spread"]
            mean, deviation = (
                float(found.sel(statistic=which)) for which in ("mean", "standard deviation")
            )
            share = str(found.attrs.get("unit", "")).startswith("share")
            words = _percent(mean, deviation) if share else _figure(mean, deviation)
            told.append(f"{word} {words}".replace(" ", "\N{NO-BREAK SPACE}"))
    if told and planes > 1:
        named += ", mean ± standard deviation over the planes"
    return named, " · ".join(told)


def _percent(mean: float, deviation: float) -> str:
    words = _figure(100 * mean, 100 * deviation)
    return f"{words} %" if math.isfinite(mean) else words


def _figure(mean: float, deviation: float) -> str:
    """Both with as many decimals as two digits of the deviation need."""
    if not math.isfinite(mean):
        return "unknown on some"
    if not (math.isfinite(deviation) and deviation > 0):
        return f"{mean:.3g}"
    decimals = max(0, 1 - math.floor(math.log10(deviation)))
    return f"{mean:.{decimals}f} ± {deviation:.{decimals}f}" if decimals < 6 else f"{mean:.3g}"
