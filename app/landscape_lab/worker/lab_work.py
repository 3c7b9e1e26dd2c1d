"""The work of a lab on a page: its first picture, or all of its seeds."""

from collections.abc import Iterator

from landscape_core import labs
from landscape_core.experiments.progress import Progress
from landscape_core.storage.store import Store
from landscape_lab.state.lab_place import LabPlace


def first_picture(there: LabPlace, store: Store | None) -> Iterator[Progress]:
    """What is there at once: all seeds if they are kept, else a first, coarse picture."""
    work = labs.progress(there.lab, there.seeds, store=store)
    yield next(iter(work))


def every_seed(there: LabPlace, store: Store | None, *, again: bool) -> Iterator[Progress]:
    """All seeds, with pictures on the way; those that are kept are not computed `again`."""
    yield from labs.progress(there.lab, there.seeds, store=store, again=again)
