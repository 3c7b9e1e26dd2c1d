"""Curvature and sharpness at the recorded iterates of a run.

Work is a generator of `Progress`; `result` waits for the finished dataset. The objective is that
of the training data, with the running statistics of the iterate.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr

from landscape_core.curvature.monitor import LONGEST, Watch, Watcher
from landscape_core.curvature.sharpness_of_model import read_sharpness, sharpness_rules
from landscape_core.curvature.spectrum import Spectrum, compute_spectrum, stages
from landscape_core.experiments.learning_curves import LOSS_ERROR
from landscape_core.experiments.splits import splits_with
from landscape_core.experiments.trajectory import buffers_at, index_at, run_of, training_of
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.progress import Progress
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import (
    ENGINE_VERSION,
    Recipe,
    canonical,
    to_plain,
)
from landscape_core.models.content_hash import Content
from landscape_core.models.content_key import key_or_warning
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance
from landscape_core.storage.schema import SCHEMA_VERSION, VERSION
from landscape_core.storage.store import Store

ZERO = 4.0
"""Eigenvalues within so many widths of a density's smoothing cannot be distinguished from zero by
it.
"""


@public_call
def parts_at(path: xr.Dataset, step: int = -1) -> dict[str, ModelObjective]:
    """The data of both splits, each objective starting at the recorded iterate nearest to a step.

    Raises:
        FileFormatError: the dataset is no trajectory.
        SpecError: a problem without a network, or no step.
    """
    instance, at = training_of(path).instance, index_at(path, step)
    return _splits(instance, path, at)


@public_call
def curvature_of_run(
    path: xr.Dataset, asked: Spectrum, *, step: int = -1, store: Store | None = None
) -> Iterator[Progress]:
    """The spectrum at the recorded iterate nearest to a step, as `compute_spectrum` gives it.

    Raises:
        FileFormatError: the dataset is no trajectory.
        SpecError: a problem without a network, no step, or what `compute_spectrum` refuses; before
            any work.
    """
    at = index_at(path, step)
    key = _key(path, asked, at=[at]) if store else ""
    part = _placed(training_of(path).instance, path, at)
    total = stages(part.layout, asked)
    found, attrs = (store.get(key) if store and key else None), _attrs(path, at)
    if found is None:
        for done, growing in enumerate(compute_spectrum(part, part.start, asked)):
            found = growing.assign_attrs(attrs)
            yield Progress(done, total, found)
        if store and key and found is not None:
            store.put(key, found)
    yield Progress(total, total, found if found is None else found.assign_attrs(attrs))


@public_call
def curvature_along_run(
    path: xr.Dataset, asked: Watch, *, count: int = 20, store: Store | None = None
) -> Iterator[Progress]:
    """The leading eigenvalues and the trace at about so many recorded steps, evenly spaced.

    Variables: `eigenvalue`, `residual` (step, rank), `trace`, `trace_error`, `loss` (step); NaN
    where the curvature is not finite. `asked.max_overhead` is of no account: no training waits.

    Raises:
        FileFormatError: the dataset is no trajectory.
        SpecError: a problem without a network, or too few or too many steps; before any work. A
            curvature that is finite at no step.
    """
    if not 2 <= count <= LONGEST:
        raise SpecError("count", count, f"between 2 and {LONGEST}")
    last = index_at(path, -1)
    chosen = np.unique(np.linspace(0, last, min(count, last + 1)).round().astype(int)).tolist()
    key = _key(path, asked.replace(max_overhead=0.0), at=chosen) if store else ""
    kept = store.get(key) if store and key else None
    if kept is not None:
        yield Progress(len(chosen), len(chosen), kept.assign_attrs(_attrs(path)))
        return
    instance, watcher = training_of(path).instance, Watcher(asked)
    steps = path["step"].values
    found = None
    for done, at in enumerate(chosen, 1):
        part = _placed(instance, path, at)
        watcher.measure(part, part.start, int(steps[at]))
        measured = watcher.dataset()
        if measured is not None:
            found = measured.reindex(step=steps[chosen[:done]])
            loss = path["loss"].sel(split="train", drop=True)[chosen[:done]]
            found = found.assign(loss=("step", loss.values)).assign_attrs(_attrs(path))
            if LOSS_ERROR in path:  # the loss of a sample
                error = path[LOSS_ERROR].sel(split="train", drop=True)[chosen[:done]]
                found = found.assign({LOSS_ERROR: ("step", error.values)})
        yield Progress(done, len(chosen), found)
    if found is None:
        raise SpecError("the curvature along the run", "NaN or infinity", "finite somewhere")
    if store and key:
        store.put(key, found)


@public_call
def sharpness_at(
    path: xr.Dataset,
    names: Sequence[str] = (),
    *,
    step: int = -1,
    store: Store | None = None,
) -> Iterator[Progress]:
    """Definitions of sharpness around a recorded iterate, on all training examples.

    Variables on (sharpness,): `value`, `standard_error` (0 where nothing is drawn), `evaluations`
    and `invariant`, whether it stays when weights are rescaled and the function does not change;
    coordinates `unit` and `formula`. Without names, all that are shipped, with their defaults.

    Raises:
        FileFormatError: the dataset is no trajectory.
        SpecError: no such sharpness, a problem without a network, no step, or a loss there that is
            not finite; before any work.
    """
    rules = sharpness_rules(names)
    at = index_at(path, step)
    key = _key(path, *rules.values(), at=[at]) if store else ""
    found = store.get(key) if store and key else None
    if found is None:
        part = _placed(training_of(path).instance, path, at)
        for progress in read_sharpness(part, rules):
            assert progress.dataset is not None  # there is one from the first reading on
            found = progress.dataset.assign_attrs(_attrs(path, at))
            yield Progress(progress.done, progress.total, found)
        if store and key and found is not None:
            store.put(key, found)
    told = found if found is None else found.assign_attrs(_attrs(path, at))
    yield Progress(len(rules), len(rules), told)


def signs(found: xr.Dataset) -> xr.Dataset:
    """The fractions of the density below, about and above zero, by block: `negative`, `zero`, ...

    A smoothed density cannot tell small eigenvalues from zero: `zero` is the share within
    `zero_within`, four widths of its smoothing. NaN where there is no density.
    """
    smoothing = json.loads(found.attrs["spectrum"])["smoothing"]
    where, density = found["eigenvalue_axis"], found["density"]
    # The points reach from four widths below the lowest node to four above the highest.
    extent = where.isel(point=-1) - where.isel(point=0)
    within = ZERO * smoothing / (1 + 8 * smoothing) * extent
    total = density.sum("point", skipna=False)
    negative = density.where(where < -within, 0.0).sum("point") / total
    positive = density.where(where > within, 0.0).sum("point") / total
    return xr.Dataset(
        {
            "negative": negative,
            "zero": 1 - negative - positive,
            "positive": positive,
            "zero_within": within,
        }
    )


def _splits(instance: Instance, path: xr.Dataset, at: int) -> dict[str, ModelObjective]:
    """The objectives that start at a recorded iterate, with its statistics."""
    train = instance.train
    if not isinstance(train, ModelObjective):
        raise SpecError("Run.problem", type(train).__name__, "a network")
    theta = torch.from_numpy(path["theta"].values[at]).to(instance.start)
    return splits_with(instance, buffers_at(path, at, train), start=theta)


def _placed(instance: Instance, path: xr.Dataset, at: int) -> ModelObjective:
    """The training objective that starts at a recorded iterate, with its statistics."""
    return _splits(instance, path, at)["train"]


def _key(path: xr.Dataset, *asked: Recipe, at: Sequence[int]) -> str:
    """The key of work at some iterates: the run, what is asked, and the iterates themselves.

    Empty, with a warning, where none can be made.
    """
    content = Content()
    content.add(path["theta"].values[list(at)], path["step"].values[list(at)])
    if "buffer" in path:
        content.add(path["buffer"].values[list(at)])
    return key_or_warning("This curvature", "along", run_of(path), *asked, content.digest())


def _attrs(path: xr.Dataset, at: int | None = None) -> dict[str, Any]:
    found = {"run": canonical(to_plain(run_of(path))), "engine_version": ENGINE_VERSION}
    found[VERSION] = SCHEMA_VERSION
    return found if at is None else {**found, "step": int(path["step"].values[at])}
