"""What a slice is of, in words: every setting, and how far the picture can be trusted."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from landscape_lab.figures import stated
from landscape_lab.figures.reliability import asked_tolerance, products, reliability, statistics

NUMBERS = ("batch_size", "steps", "seed", "dtype")
RUN = ("optimizer", "schedule", "sampler")
SLICE = ("span", "split", "measures")
"""The settings of a run and a view stated in captions, except directions."""

OF_THE_RUN = ("data_seed", -1)
"""The field and value by which data follow the seed of the run, which the caption states."""

COMPUTED = ("examples", "explained_variance_ratio", "engine_version")
"""Attributes of every slice."""


def caption(slice_: xr.Dataset) -> str:
    """What the slice is of, as its attributes tell, and how much of it was computed."""
    return " · ".join(_told(slice_))


def caption_of_several(slices: Mapping[str, xr.Dataset]) -> str:
    """What all of the slices have in common, then what each is of apart from it, by its name."""
    told = {name: list(dict.fromkeys(_told(one))) for name, one in slices.items()}
    common = [
        part for part in next(iter(told.values())) if all(part in one for one in told.values())
    ]
    own = {name: [part for part in one if part not in common] for name, one in told.items()}
    return " · ".join([*common, *(f"{name}: {', '.join(one)}" for name, one in own.items() if one)])


def _told(slice_: xr.Dataset) -> list[str]:
    """Everything that a caption says of a slice."""
    attrs = slice_.attrs
    spec, run = stated.recipe(attrs, "slice"), stated.recipe(attrs, "run")
    told = [attrs.get("notice", ""), *_of_model(attrs), *_of_run(run, attrs), *_where(attrs)]
    told += [*_of_slice(spec, attrs), *_of_evaluation(attrs, run)]
    told += [statistics(slice_), asked_tolerance(slice_)]
    for name in COMPUTED:
        given = attrs.get(name)
        if name == "examples" and "examples_of" in attrs:  # told with the products
            continue
        if given is not None and np.size(given):
            told.append(f"{_words(name)} {', '.join(map(_short, np.ravel(given)))}")
    return [one for one in [*told, *_quality(slice_)] if one]


def _of_model(attrs: dict[Any, Any]) -> Iterator[str]:
    """The class of your own network."""
    if "model" in attrs:
        yield f"model {attrs['model']}"


def _of_evaluation(attrs: dict[Any, Any], run: dict[str, Any]) -> Iterator[str]:
    """How points were evaluated; seed and type, where no run tells them."""
    yield from (
        f"{name} {attrs[name]}" for name in ("seed", "dtype") if name in attrs and name not in run
    )
    if "strategy" in attrs:
        yield f"strategy {', '.join(dict.fromkeys(map(str, np.ravel(attrs['strategy']))))}"


def _of_run(run: dict[str, Any], attrs: dict[Any, Any]) -> Iterator[str]:
    """The parts of the problem, the optimizer and what goes with it, the plain numbers.

    Where the step that is seen is known, where the run would end says nothing of the picture.
    """
    problem = run["problem"] if isinstance(run.get("problem"), dict) else {}
    parts = {name: part for name, part in problem.items() if isinstance(part, dict)}
    rest = {name: given for name, given in problem.items() if name not in parts}
    if rest:
        yield f"problem {_recipe(rest)}"
    yield from (f"{_words(name)} {_recipe(part)}" for name, part in parts.items())
    yield from (f"{name} {_recipe(run[name])}" for name in RUN if name in run)
    numbers = [name for name in NUMBERS if name != "steps" or "step" not in attrs]
    yield from (f"{_words(name)} {run[name]}" for name in numbers if name in run)


def _where(attrs: dict[Any, Any]) -> Iterator[str]:
    """The step that is looked at, and what was changed on the way there."""
    if "step" in attrs:
        seen = attrs.get("seen", attrs["step"])
        later = f" of a run to step {attrs['step']}" if attrs["step"] != seen else ""
        yield f"step {seen}{later}"
    for change in stated.rows(attrs, "changes"):
        if not (isinstance(change, dict) and {"path", "value", "step"} <= change.keys()):
            continue
        name = _words(str(change["path"]).rpartition(".")[2])
        yield f"{name} set to {_short(change['value'])} at step {change['step']}"
    if attrs.get("origin"):
        yield "started at a point of another picture"


def _of_slice(spec: dict[str, Any], attrs: dict[Any, Any]) -> Iterator[str]:
    """The plane, and the other settings of a slice; of your own network they are attributes."""
    directions = spec.get("directions") or _directions(attrs)
    if isinstance(directions, dict) and directions.get("kind"):
        yield f"directions {_recipe(directions)}"
    if spec.get("follow") is False:
        yield "plane held fixed"
    yield from (f"{_words(name)} {_short(spec[name])}" for name in SLICE if spec.get(name))


def _directions(attrs: dict[Any, Any]) -> dict[str, Any]:
    """The rule for the plane of your own network's slice; by name alone where it is no recipe."""
    text = str(attrs.get("directions", ""))
    return stated.recipe(attrs, "directions") if text.startswith("{") else {"kind": text}


def _quality(slice_: xr.Dataset) -> Iterator[str]:
    attrs = slice_.attrs
    if "captured" in attrs:
        yield f"explained variance {float(attrs['captured']):.0%}"
    yield from reliability(slice_)
    yield from products(slice_)
    name = next((name for name in ("loss", "ratio") if name in slice_), None)
    broken = int((~np.isfinite(slice_[name].values)).sum()) if name else 0
    missing = min(broken, int(np.sum(attrs.get("not_computed", 0))))
    for count, word in ((missing, "not computed"), (broken - missing, "not finite")):
        if count:
            yield f"{count} value{'s' * (count > 1)} {word}"
    if "version" in attrs:
        yield f"Landscape Lab {attrs['version']}"


def _recipe(plain: dict[str, Any]) -> str:
    """A recipe in one line: `sgd (learning rate 0.1, weight decay 0)`."""
    rest = {name: given for name, given in plain.items() if name != "kind"}
    fields = [
        f"{_words(name)} {_recipe(given) if isinstance(given, dict) else _short(given)}"
        for name, given in rest.items()
        if given != "" and (name, given) != OF_THE_RUN
    ]
    kind = str(plain.get("kind", ""))
    return f"{kind} ({', '.join(fields)})" if fields else kind


def _words(name: str) -> str:
    return name.replace("_", " ")


def _short(given: Any) -> str:
    if isinstance(given, bool):
        return "yes" if given else "no"
    return f"{given:.3g}" if isinstance(given, float) else str(given)


METRICS = {
    "minima": "minima",
    "saddles": "saddles",
    "convex_share": "convex",
    "roughness": "roughness",
    "width": "width",
}
"""The figures that the title gives, and in which words."""


def headline(planes: int, figures: xr.Dataset | None) -> tuple[str, str]:
    """How many planes there are, and the figures over them; words that belong together stay so."""
    named = f"{planes} planes through one point" if planes > 1 else "one plane"
    told = []
    for name, word in METRICS.items():
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
