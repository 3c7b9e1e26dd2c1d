"""The trajectory of a run as a dataset: trained once, then answered from the store."""

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr

from landscape_core.experiments.curve_measures import curve_measures
from landscape_core.experiments.learning_curves import curves
from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.foundation.progress import UPDATE_INTERVAL, Progress
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import (
    ENGINE_VERSION,
    canonical,
    is_own,
    parts_of,
    to_plain,
    unlike,
)
from landscape_core.foundation.registry import from_plain
from landscape_core.models.content_hash import Content
from landscape_core.models.content_key import key_or_warning
from landscape_core.models.file_digests import changed, data_digests, data_folders, without_places
from landscape_core.models.flat_buffers import flat_of, named_buffers_of
from landscape_core.models.network_objective import ModelObjective
from landscape_core.storage.schema import SCHEMA_VERSION
from landscape_core.storage.store import Store
from landscape_core.training.recorder import Entry, Recorder
from landscape_core.training.run import Run, Training

DATA_FILES = "data_files"
"""The attribute that says which data files a run was trained on, by their digests."""

OWN_PARTS = "own_parts"
"""The attribute that names classes of the user's own, which the text of the recipe cannot tell."""

OWN_CODE = "own_code"
"""The attribute with the digest of their code; empty where that is not known."""


@public_call
def record_run(
    run: Run, store: Store | None = None, *, examples: int | None = None
) -> Iterator[Progress]:
    """Train, and give the trajectory: iterates (step, param), measures (split, step).

    Measures of a large data set are those of a random sample of each split, the same at all steps,
    but for the last step, where they are those of all examples. Then the dataset has the number of
    `examples`, `examples_of` how many, `loss_standard_error` and `accuracy_standard_error`.

    Args:
        run: what is trained.
        store: where the trajectory is kept.
        examples: of each split at most, on which the run is measured; by default all of a small
            data set, and of a large one as many as keep recording within half the time of training.

    Raises:
        SpecError: parts of the run that do not fit together; before any work.
        MissingDataError: a data file is not there.
    """
    asked = () if examples is None else (f"measured on {examples}",)
    key = key_or_warning("This run", "trajectory", run, *asked) if store else ""
    kept = store.get(key) if store and key else None
    if kept is not None:  # perhaps of the same data in another folder
        attrs = {"run": canonical(to_plain(run)), **_own_parts(run)}
        yield Progress(run.steps, run.steps, kept.assign_attrs(attrs))
        return
    training = Training(run)
    state = training.start()
    recorder = Recorder(run, len(state.theta))
    every = math.ceil(run.steps / recorder.budget)
    measures = curve_measures(run, training.instance, recorder.budget, examples)
    recorder.add(state)
    updated = time.monotonic()
    while state.index < run.steps and not state.diverged:
        state = training.advance(state)
        if state.index % every == 0 or state.index == run.steps:
            recorder.add(state)
        if time.monotonic() - updated > UPDATE_INTERVAL:
            updated = time.monotonic()
            yield Progress(state.index, run.steps)
    for _ in recorder.measure(lambda one: measures.at(one, last=one.index >= run.steps)):
        if time.monotonic() - updated > UPDATE_INTERVAL:
            updated = time.monotonic()
            yield Progress(state.index, run.steps)
    dataset = trajectory(run, recorder.entries(), training.files, diverged=state.diverged)
    if store and key:
        store.put(key, dataset)
    yield Progress(state.index, run.steps, dataset)


def trajectory(
    run: Run, recorded: Sequence[Entry], files: Mapping[str, str], *, diverged: bool
) -> xr.Dataset:
    """The recorded iterates `theta` (step, param), statistics `buffer` (step, value), curves.

    The attributes hold the run's recipe, the engine's version, whether it diverged, and the digests
    of the data files, by their names, if it has any; and names what is no part of the laboratory.
    """
    attrs = {
        "run": canonical(to_plain(run)),
        "engine_version": ENGINE_VERSION,
        "schema_version": SCHEMA_VERSION,
        "diverged": int(diverged),
    }
    if files:
        attrs[DATA_FILES] = canonical(dict(files))
    attrs |= _own_parts(run)
    return curves(recorded).assign(iterates(recorded)).assign_attrs(attrs)


def iterates(recorded: Sequence[Entry]) -> dict[str, Any]:
    """The variables `theta` (step, param), `seen` (step) and, if any, `buffer` (step, value)."""
    theta = np.stack([entry.state.theta.numpy(force=True) for entry in recorded])
    seen = np.array([entry.state.seen for entry in recorded])
    columns = {"theta": (("step", "param"), theta), "seen": ("step", seen)}
    if recorded[0].state.buffers:
        flat = [flat_of(entry.state.buffers).numpy(force=True) for entry in recorded]
        columns["buffer"] = (("step", "value"), np.stack(flat))
    return columns


def run_of(path: xr.Dataset) -> Run:
    """The recipe that a trajectory was made by.

    Raises:
        FileFormatError: the dataset is no trajectory.
        SpecError: the run had parts of the user's own, which are not defined here with the same
            code.
    """
    if "run" not in path.attrs or "theta" not in path:
        raise FileFormatError("this file holds no trajectory; one is written by `landscape train`.")
    plain = json.loads(path.attrs["run"])
    return _run_of_own(plain, path) if OWN_PARTS in path.attrs else from_plain(Run, plain)


def _own_parts(run: Run) -> dict[str, str]:
    """The names of the classes of the user's own in a run, and a digest of their code."""
    own = [part for part in parts_of(run) if is_own(type(part))]
    if not own:
        return {}
    kinds = [type(part) for part in own]
    named = ", ".join(f"{kind.__module__}.{kind.__qualname__}" for kind in kinds)
    content = Content()
    try:
        for part in own:
            content.add(part)
        return {OWN_PARTS: named, OWN_CODE: content.digest()}
    except SpecError:
        return {OWN_PARTS: named, OWN_CODE: ""}


def _run_of_own(plain: Mapping[str, Any], path: xr.Dataset) -> Run:
    """A run with parts of the user's own, if the same code is defined here.

    Raises:
        SpecError: it is not, or cannot be compared.
    """
    accepted = "defined here, in the notebook, script or file of parts, by the code it trained with"
    problem = SpecError("the user's own parts of the run", path.attrs[OWN_PARTS], accepted)
    try:
        run = from_plain(Run, plain)
    except SpecError as error:
        raise problem from error
    here = _own_parts(run)
    same = here.get(OWN_PARTS) == path.attrs[OWN_PARTS]
    if not (same and here[OWN_CODE] and here[OWN_CODE] == path.attrs.get(OWN_CODE)):
        raise problem
    return run


def training_of(path: xr.Dataset) -> Training:
    """The run that a trajectory was made by, on the data that it was made with.

    Raises:
        FileFormatError: the dataset is no trajectory, or a data file is not the one it was then.
        MissingDataError: a data file is not there.
    """
    run = run_of(path)
    check_data(path, run)
    return Training(run)


def is_run_of(path: xr.Dataset, run: Run) -> bool:
    """Whether a trajectory is one of this run, on whichever device.

    The data files that a trajectory was made with may lie elsewhere by now, if it says which.
    """
    recorded = run_of(path)
    asked = run.replace(device=recorded.device)
    moved = DATA_FILES in path.attrs and without_places(asked) == without_places(recorded)
    return moved or asked == recorded


def with_run(path: xr.Dataset, run: Run) -> xr.Dataset:
    """The trajectory with its run as it is given now, whose data may be in another folder.

    Raises:
        SpecError: another run than the one that was recorded.
    """
    if not is_run_of(path, run):
        accepted = "as recorded, because the weights are those of that run"
        raise SpecError("run", unlike(run, run_of(path)), accepted)
    return path.assign_attrs(run=canonical(to_plain(run)))


def check_data(path: xr.Dataset, run: Run) -> None:
    """Refuse data files of a run that are not those that a trajectory was made with.

    One that does not say which those were is taken as it is.

    Raises:
        FileFormatError: a file is another one.
        MissingDataError: a file is not there.
    """
    if DATA_FILES not in path.attrs:
        return
    others = changed(json.loads(path.attrs[DATA_FILES]), data_digests(run.problem))
    if others:
        where = ", ".join(data_folders(run.problem))
        names = others[0] + (f" and {len(others) - 1} more" if len(others) > 1 else "")
        raise FileFormatError(
            f"{where}: {names} changed since the run was trained, to which these weights belong; "
            "put the files back, or train anew."
        )


def buffers_at(path: xr.Dataset, at: int, objective: ModelObjective) -> dict[str, torch.Tensor]:
    """The running statistics at a recorded iterate of a trajectory, by name."""
    if "buffer" not in path:
        return objective.buffers
    return named_buffers_of(torch.from_numpy(path["buffer"].values[at]), objective.buffers)


def index_at(path: xr.Dataset, step: int) -> int:
    """The index of the recorded iterate nearest to a step; -1 is the last.

    Raises:
        FileFormatError: the dataset is no trajectory.
        SpecError: neither -1 nor a whole number from 0 on.
    """
    run_of(path)
    if not isinstance(step, int | np.integer) or not -1 <= step < 2**63:
        raise SpecError("step", step, "-1 for the last, or a whole number from 0 on")
    if step == -1:
        return len(path["step"]) - 1
    return int(np.abs(path["step"].values - step).argmin())
