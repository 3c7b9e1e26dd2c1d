"""The work of a lab on a page: its first picture, or all of its seeds.

Seeds are computed on the workers of the server, each by the next that is free; where there are
none, here, and at the same time on a second core of the machine, if nobody else uses it.
"""

import functools
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence

from landscape_core import labs
from landscape_core.experiments.progress import UPDATE_INTERVAL, Progress
from landscape_core.labs.base import Lab
from landscape_core.storage.store import Store
from landscape_lab.state.lab_place import LabPlace
from landscape_lab.worker.elsewhere import ELSEWHERE, Elsewhere

LOOK = 0.05
"""Seconds of waiting for one of several workers, while others may have news."""

QUIET = 0.25
"""Seconds without news after which a page is asked whether it still wants them."""

News = Generator[labs.Found | None, None, None]


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
    there: LabPlace, store: Store | None, *, again: bool, elsewhere: Elsewhere = ELSEWHERE
) -> Iterator[Progress]:
    """All seeds, with pictures on the way; those that are kept are not computed `again`.

    Raises:
        BackendError: a worker died.
    """
    compute = functools.partial(_shared_out, elsewhere)
    yield from labs.progress_from(compute, there.lab, there.seeds, store=store, again=again)


def _shared_out(
    elsewhere: Elsewhere, lab: Lab, seeds: Sequence[int]
) -> Iterator[labs.Found | None]:
    """The datasets of seeds from wherever they are computed, as they come."""
    if not elsewhere.exists:
        yield from labs.computed(lab, seeds)
        return
    left = deque(seeds)
    count = min(elsewhere.count, len(seeds))
    lanes = [_on_workers(elsewhere, lab, left) for _ in range(count)]
    try:
        yield from _sparing(_in_turn(lanes))
    finally:
        for lane in lanes:
            lane.close()


def _in_turn(lanes: Sequence[News]) -> Iterator[labs.Found | None]:
    """The news of lanes, one after the other, until all have ended."""
    there = list(lanes)
    while there:
        for lane in tuple(there):
            try:
                yield next(lane)
            except StopIteration:
                there.remove(lane)


def _sparing(news: Iterator[labs.Found | None]) -> Iterator[labs.Found | None]:
    """The same, with None less often."""
    last = time.monotonic()
    for one in news:
        if one is not None or time.monotonic() >= last + QUIET:
            yield one
            last = time.monotonic()


def _on_workers(elsewhere: Elsewhere, lab: Lab, left: deque[int]) -> News:
    """One seed after the other on whichever worker takes it."""
    while left:
        seed = left.popleft()
        yield from elsewhere.items(functools.partial(_steps, lab, seed), LOOK)


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
