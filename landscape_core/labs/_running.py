"""A lab over seeds: datasets that grow, seeds kept in a store, the verdict at the end.

Every seed is computed on one thread of torch, here and on workers, so that it repeats to the bit.
A finished seed is kept in the store under its recipe and the code that the lab can reach: a run
that was stopped goes on with the next seed, and asked again it is there at once. A lab whose code
has no key is not kept, with a warning.
"""

import functools
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from landscape_core.analysis import verdict
from landscape_core.experiments import picture_attributes
from landscape_core.foundation import one_thread
from landscape_core.foundation import progress as pace
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.progress import Progress, result
from landscape_core.foundation.reachable_files import reachable_digest
from landscape_core.foundation.recipes import Recipe, name_of, to_plain
from landscape_core.foundation.registry import entries
from landscape_core.labs._asked import check_lab, lab_of, seeds_of
from landscape_core.labs.base import WALL_CLOCK, Lab
from landscape_core.models.content_key import content_key, key_or_warning
from landscape_core.slices.backends.base import Backend
from landscape_core.storage.store import Store, check_store

SEED = picture_attributes.SEED

MERGED = 4
"""Datasets on the way come so seldom that making them takes at most a fifth of the time."""

Found = tuple[int, xr.Dataset, bool]
"""A seed, its dataset, and whether that is finished."""

Compute = Callable[[Lab, Sequence[int]], Iterator[Found | None]]
"""Computes seeds of a lab, in any order or at once; None now and then while there is no update."""


def names() -> list[str]:
    """The names of all labs: shipped, of installed packages, and of the running program."""
    return sorted(entries(Lab))


def run(
    lab: str | Lab,
    seeds: int | Iterable[int] | None = None,
    *,
    backend: Backend | None = None,
    store: Store | None = None,
    again: bool = False,
    **settings: Any,
) -> xr.Dataset:
    """Try the claim of a lab on seeds, and return what was found.

    Args:
        lab: its name, or the lab itself.
        seeds: the seeds, or how many from 0 on; by default as many as the lab shows.
        backend: where seeds are computed; None: here, one after the other.
        store: keeps finished seeds, and gives those that were computed before.
        again: whether seeds are computed anew although the store has them.
        settings: fields of the lab by name.

    Returns:
        The variables of the lab with the dimension `seed`, among them `effect` (seed); attributes
        with the recipe, the pictures, the criterion and the verdict.

    Raises:
        SpecError: no such lab, a field that it does not have, or seeds that are none.
        BackendError: the workers cannot be had.
    """
    return result(progress(lab_of(lab, settings), seeds, backend=backend, store=store, again=again))


def progress(
    lab: Lab,
    seeds: int | Iterable[int] | None = None,
    *,
    backend: Backend | None = None,
    store: Store | None = None,
    again: bool = False,
) -> Iterator[Progress]:
    """Like `run`, but yield complete datasets on the way, ten a second at most.

    `done` counts finished seeds. In what is yielded before the end, seeds that are not begun are
    NaN. Nothing is lost when the generator is closed: finished seeds are in the store.
    """
    if not (backend is None or isinstance(backend, Backend)):
        raise SpecError("backend", backend, "a backend, for instance Dask(workers=2), or None")
    compute = functools.partial(computed, backend=backend)
    return progress_from(compute, lab, seeds, store=store, again=again)


def progress_from(
    compute: Compute,
    lab: Lab,
    seeds: int | Iterable[int] | None = None,
    *,
    store: Store | None = None,
    again: bool = False,
) -> Iterator[Progress]:
    """Like `progress`, of seeds that `compute` computes, wherever that is.

    While it has no update, progress without a dataset is yielded.
    """
    check_lab(lab)
    check_store(store)
    asked = seeds_of(lab.seeds if seeds is None else seeds)
    return _progress(compute, lab, asked, store, again=again)


def key(lab: Lab, seed: int) -> str:
    """The key of one seed of a lab in the store: by content, and all code that it can reach."""
    code = [reachable_digest(module) for module in sorted({one_thread.__name__, *_homes(lab)})]
    return content_key("lab", *code, lab, seed)


def _homes(recipe: Recipe) -> set[str]:
    """The modules of the classes of a recipe, and of those in its fields."""
    inner = [value for value in vars(recipe).values() if isinstance(value, Recipe)]
    return {type(recipe).__module__}.union(*map(_homes, inner))


def _progress(
    compute: Compute, lab: Lab, seeds: list[int], store: Store | None, *, again: bool
) -> Iterator[Progress]:
    found: dict[int, xr.Dataset] = {}
    if store is not None and not key_or_warning("This lab", lab, seeds[0]):
        store = None
    if store is not None and not again:
        found = _kept(lab, seeds, store)
    done, total, later = set(found), len(seeds), 0.0
    left = [seed for seed in seeds if seed not in found]
    if found and left:
        yield Progress(len(done), total, _unfinished(merged(lab, found, seeds), done))
    for update in compute(lab, left):
        if update is None:
            yield Progress(len(done), total)
            continue
        seed, dataset, finished = update
        _check_alike(lab, dataset, next(iter(found.values()), dataset))
        found[seed] = dataset
        if finished:
            done.add(seed)
            _keep(lab, seed, dataset, store)
        began = time.monotonic()
        if len(done) < total and began >= later:
            one = _unfinished(merged(lab, found, seeds), done)
            took = time.monotonic() - began
            yield Progress(len(done), total, one)
            later = time.monotonic() + max(pace.UPDATE_INTERVAL, MERGED * took)
    yield Progress(total, total, _judged(merged(lab, found, seeds)))


def _keep(lab: Lab, seed: int, dataset: xr.Dataset, store: Store | None) -> None:
    if store is not None:
        store.put(key(lab, seed), dataset)


def _kept(lab: Lab, seeds: list[int], store: Store) -> dict[int, xr.Dataset]:
    """The datasets of the seeds that a store has."""
    kept = {seed: store.get(key(lab, seed)) for seed in seeds}
    return {seed: one for seed, one in kept.items() if one is not None}


def _check_alike(lab: Lab, dataset: xr.Dataset, other: xr.Dataset) -> None:
    if dataset.sizes != other.sizes or not dataset.coords.equals(other.coords):
        raise TypeError(
            f"the lab {name_of(type(lab))!r} must have the same coordinates on every seed"
        )


def merged(lab: Lab, found: Mapping[int, xr.Dataset], seeds: list[int]) -> xr.Dataset:
    """The datasets of seeds as one with the dimension `seed`; NaN for those that are missing."""
    parts = {index: found[seed] for index, seed in enumerate(seeds) if seed in found}
    first = next(iter(parts.values()))
    columns: dict[str, Any] = {}
    for name, column in first.data_vars.items():
        values = np.full((len(seeds), *column.shape), np.nan)
        for index, part in parts.items():
            values[index] = part[name].values
        columns[str(name)] = ((SEED, *column.dims), values, column.attrs)
    dataset = xr.Dataset(columns, {**first.coords, SEED: seeds}, _attributes(lab))
    picture_attributes.check(dataset, lab.pictures)
    return dataset


def repeatable(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset without measured times: what another run gives again to the bit."""
    return dataset.drop_vars([name for name in dataset if str(name).startswith(WALL_CLOCK)])


def computed(lab: Lab, seeds: Sequence[int], *, backend: Backend | None = None) -> Iterator[Found]:
    """The datasets of seeds as they come: here one after the other, or on a backend."""
    if backend is not None:
        for index, dataset in backend.map(_Whole(lab), seeds):
            yield seeds[index], dataset, True
        return
    for seed in seeds:
        last = None
        for last in steps(lab, seed):
            yield seed, last, False
        if last is None:
            raise RuntimeError(f"the lab {name_of(type(lab))!r} computed nothing")
        yield seed, last, True


def steps(lab: Lab, seed: int) -> Iterator[xr.Dataset]:
    """The datasets of one seed, each computed while torch has one thread.

    Raises:
        TypeError: the lab yields what is no dataset of a lab.
    """
    work = lab.work(seed)
    while True:
        with one_thread.ONE_THREAD.hold():
            dataset = next(work, None)
        if dataset is None:
            return
        yield checked(lab, dataset)


def checked(lab: Lab, dataset: xr.Dataset) -> xr.Dataset:
    """The dataset of a seed itself.

    Raises:
        TypeError: it has no `effect`, or values that are not real floating-point numbers.
    """
    name = name_of(type(lab))
    if verdict.EFFECT not in dataset or dataset[verdict.EFFECT].dims:
        raise TypeError(f"the lab {name!r} must compute the number 'effect' of each seed")
    for variable, column in dataset.data_vars.items():
        if column.dtype.kind != "f":
            raise TypeError(f"the lab {name!r} computed {variable!r} as {column.dtype}, not float")
    return dataset


class _Whole:
    """The finished dataset of a seed; travels to workers."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def __call__(self, seed: int) -> xr.Dataset:
        return [dataset for _, dataset, _ in computed(self._lab, [seed])][-1]


def _unfinished(dataset: xr.Dataset, done: set[int]) -> xr.Dataset:
    left = [seed for seed in dataset[SEED].values.tolist() if seed not in done]
    return dataset.assign_attrs({verdict.UNFINISHED: left})


def _judged(dataset: xr.Dataset) -> xr.Dataset:
    judged = verdict.verdict(dataset)
    return dataset.assign_attrs(verdict=judged.word, verdict_in_words=str(judged))


def _attributes(lab: Lab) -> dict[str, Any]:
    kind = type(lab)
    return {
        "lab": json.dumps(to_plain(lab)),
        "title": kind.label,
        **verdict.carried(kind.criterion),
        **picture_attributes.attribute(kind.pictures),
    }
