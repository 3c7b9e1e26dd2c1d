"""The work of a lab on a page: its first picture, all of its seeds, or the next one alone."""

from collections.abc import Iterator
from dataclasses import replace

from landscape_core import labs
from landscape_core.experiments.progress import Progress
from landscape_core.foundation.errors import SpecError
from landscape_core.storage.store import Store
from landscape_lab.state.lab_place import LabPlace

JUDGED = ("verdict", "verdict_in_words")
"""Attributes of a dataset whose seeds are all computed."""


def first_picture(there: LabPlace, store: Store | None) -> Iterator[Progress]:
    """What is there at once: all seeds if they are kept, else a first, coarse picture."""
    work = labs.progress(there.lab, there.seeds, store=store)
    yield next(iter(work))


def every_seed(there: LabPlace, store: Store | None, *, again: bool) -> Iterator[Progress]:
    """All seeds, with pictures on the way; those that are kept are not computed `again`."""
    yield from labs.progress(there.lab, there.seeds, store=store, again=again)


def next_seed(there: LabPlace, store: Store | None, done: int) -> Iterator[tuple[int, Progress]]:
    """The index of the first seed that is missing, and what is known while it is computed.

    Args:
        there: a lab whose seeds are not all computed.
        store: keeps those that are.
        done: how many are computed, for a lab that is not kept; the first ones are.
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
    for progress in labs.progress(there.lab, asked, store=store):
        found = progress.dataset
        if found is not None and len(asked) < len(seeds):
            unjudged = {name: found.attrs[name] for name in found.attrs if name not in JUDGED}
            found = found.reindex(seed=seeds)
            found.attrs = unjudged
        yield index, replace(progress, total=len(seeds), dataset=found)
