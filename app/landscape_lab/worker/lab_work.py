"""The work of a lab on a page: its first picture, all of its seeds, or the next one alone.

Seeds are computed on the workers of the server, each by the next that is free, and at the same time
here while this process shows no other page; where there are no workers, here, and at the same time
on a second core of the machine, if nobody else uses it.
"""

import functools
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace

from landscape_core import labs
from landscape_core.analysis.verdict import UNFINISHED
from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.progress import UPDATE_INTERVAL, Progress
from landscape_core.labs.base import Lab
from landscape_core.slices.cluster_steps import LOOK
from landscape_core.storage.store import Store
from landscape_lab.state.lab_place import LabPlace, opening
from landscape_lab.worker.elsewhere import ELSEWHERE, Elsewhere
from landscape_lab.worker.second_process import SECOND_PROCESS, SecondProcess

INTERVAL = 0.05
"""Seconds of waiting for one of several workers, while others may have updates."""

PAUSE = 0.02
"""Seconds until sources are asked again that had no update."""

LONG = 4.0
"""Seconds of work from which a second process is worth its start."""

QUIET = 0.25
"""Seconds without an update after which a page is asked whether it still waits for one."""

IMPORTING = ("adine_saddle", "good_saddles")
"""Labs that between them import what labs compute with, a third of a second each."""

JUDGED = ("verdict", "verdict_in_words")
"""Attributes of a dataset whose seeds are all computed."""

Updates = Generator[labs.Found | None, None, None]


def prepare() -> Iterator[None]:
    """Import, once, what the first pictures of labs need, while somebody chooses one.

    Yields after each lab, to be broken off once one is chosen.
    """
    for name in IMPORTING:
        _compute_first(name)
        yield None


@functools.cache
def _compute_first(name: str) -> None:
    """The first picture of a lab, once in this process and for nobody."""
    there = opening(name)
    next(iter(labs.progress(there.lab, there.seeds)))


def first_picture(
    there: LabPlace, store: Store | None, elsewhere: Elsewhere = ELSEWHERE
) -> Iterator[Progress]:
    """What is there at once: all seeds if they are kept, else a first, coarse picture."""
    work = labs.progress(there.lab, there.seeds, store=store)
    first = next(iter(work))
    if first.done < first.total:
        elsewhere.prepare()
    yield first


def every_seed(
    there: LabPlace,
    store: Store | None,
    *,
    again: bool,
    elsewhere: Elsewhere = ELSEWHERE,
    second: SecondProcess = SECOND_PROCESS,
) -> Iterator[Progress]:
    """All seeds, with pictures on the way; those that are kept are not computed `again`.

    Raises:
        BackendError: a worker died.
    """
    compute = _computation(elsewhere, second)
    yield from labs.progress_from(compute, there.lab, there.seeds, store=store, again=again)


def next_seed(
    there: LabPlace,
    store: Store | None,
    done: int,
    elsewhere: Elsewhere = ELSEWHERE,
    second: SecondProcess = SECOND_PROCESS,
) -> Iterator[tuple[int, Progress]]:
    """The index of the first seed that is missing, and what is known while it is computed.

    Args:
        there: a lab whose seeds are not all computed.
        store: keeps those that are.
        done: how many are computed, for a lab that is not kept; the first ones are.
        elsewhere: the workers of the server.
        second: a second process of the machine.
    """
    seeds = there.seeds
    try:
        known = [store is not None and store.get(labs.key(there.lab, s)) is not None for s in seeds]
    except SpecError:  # its code has no key
        known = [False] * len(seeds)
    if not any(known):
        known = [index < done for index in range(len(seeds))]
    index = known.index(False) if False in known else len(seeds) - 1
    asked = [seed for i, seed in enumerate(seeds) if known[i] or i == index]
    compute = _computation(elsewhere, second)
    for progress in labs.progress_from(compute, there.lab, asked, store=store):
        found = progress.dataset
        if found is not None and len(asked) < len(seeds):
            unjudged = {name: found.attrs[name] for name in found.attrs if name not in JUDGED}
            left = [*found.attrs.get(UNFINISHED, []), *(s for s in seeds if s not in asked)]
            found = found.reindex(seed=seeds)
            found.attrs = {**unjudged, UNFINISHED: sorted(left)}
        yield index, replace(progress, total=len(seeds), dataset=found)


def _computation(
    elsewhere: Elsewhere, second: SecondProcess
) -> Callable[[Lab, Sequence[int]], Iterator[labs.Found | None]]:
    """What computes seeds of a lab wherever there is room."""

    def compute(lab: Lab, seeds: Sequence[int]) -> Iterator[labs.Found | None]:
        left = deque(seeds)
        if elsewhere.exists:
            count = min(elsewhere.count, len(seeds))
            sources = [_on_workers(elsewhere, lab, left, count) for _ in range(count)]
            sources.append(_here(lab, left, elsewhere.alone))
        else:
            sources = [_here(lab, left)]
            if lab.seconds * len(seeds) / lab.seeds >= LONG:
                sources.append(_on_second_process(second, lab, left))
        yield from _together(sources)
        yield from _here(lab, left)  # what another process has refused in the end

    return compute


def _together(sources: list[Updates]) -> Updates:
    """The updates of sources in turn, until all have ended; None now and then without any."""
    last = time.monotonic()
    try:
        while sources:
            updates: list[labs.Found | None] = [
                one for source in tuple(sources) if (one := _next(source, sources)) is not None
            ]
            if updates or time.monotonic() >= last + QUIET:
                last = time.monotonic()
                yield from updates or [None]
            else:
                time.sleep(PAUSE)
    finally:
        for source in sources:
            source.close()


def _next(source: Updates, sources: list[Updates]) -> labs.Found | None:
    """The update of a source; one that has ended is removed."""
    try:
        return next(source)
    except StopIteration:
        sources.remove(source)
        return None


def _always() -> bool:
    return True


def _here(lab: Lab, left: deque[int], allowed: Callable[[], bool] = _always) -> Updates:
    """One seed after the other in this process, as long as that is allowed."""
    while left and allowed():
        yield from labs.computed(lab, [left.popleft()])


def _on_second_process(second: SecondProcess, lab: Lab, left: deque[int]) -> Updates:
    """One seed after the other on the second process of this one, if it can be had."""
    with second.taken() as there:
        if not there or not (yield from second.ready()):
            return
        while left:
            seed = left.popleft()
            dataset = yield from second.finished(lab, seed)
            if dataset is None:
                left.appendleft(seed)
                return
            yield seed, dataset, True


def _on_workers(elsewhere: Elsewhere, lab: Lab, left: deque[int], count: int) -> Updates:
    """One seed after the other on whichever of so many workers takes it."""
    if elsewhere.alone():
        for _ in elsewhere.arriving(0.0):
            if not left:  # all have been computed here meanwhile
                return
            yield None
    while left:
        alone, seed = elsewhere.alone(), left.popleft()
        interval = 0.0 if alone else INTERVAL if count > 1 else LOOK
        work = _finished if alone else _steps
        yield from elsewhere.items(functools.partial(work, lab, seed), interval)


def _finished(lab: Lab, seed: int) -> Iterator[labs.Found]:
    """The dataset of a seed at its end: the worker need not wait until it is asked for more."""
    *_, found = labs.computed(lab, [seed])
    yield found


def _steps(lab: Lab, seed: int) -> Iterator[labs.Found | None]:
    """The datasets of a seed, ten a second at most, for the way from a worker."""
    sent = 0.0
    for found in labs.computed(lab, [seed]):
        *_, finished = found
        if finished or time.monotonic() >= sent + UPDATE_INTERVAL:
            yield found
            sent = time.monotonic()
        else:
            yield None
