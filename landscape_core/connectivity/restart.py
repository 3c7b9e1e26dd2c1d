"""The curve from where a run stands to the end of the same run from other initial weights."""

from collections.abc import Iterator, Mapping

import torch

from landscape_core.connectivity.alignment import matching
from landscape_core.connectivity.barrier import End
from landscape_core.connectivity.curve_search import CurveSearch
from landscape_core.connectivity.paths.base import Path
from landscape_core.connectivity.paths.bezier import Bezier
from landscape_core.experiments.trajectory import buffers_at, record_run
from landscape_core.foundation.progress import Progress
from landscape_core.foundation.public_call import public_call
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.supervised import Supervised
from landscape_core.storage.store import Store
from landscape_core.training.run import Run


def another_start(run: Run) -> Run:
    """The same run on the same data, from other initial weights: with the next seed."""
    if isinstance(run.problem, Supervised) and run.problem.data_seed < 0:
        run = run.replace(problem=run.problem.replace(data_seed=run.seed))
    return run.replace(seed=run.seed + 1)


@public_call
def to_another_start(  # noqa: PLR0913 - the options are by name
    parts: Mapping[str, ModelObjective],
    run: Run,
    *,
    path: Path | None = None,
    align: bool = False,
    points: int = 61,
    resolution: int = 25,
    store: Store | None = None,
) -> Iterator[Progress]:
    """The curve from where the parts start to the end of `another_start` of their run.

    Args:
        parts: the data by split, the training data first, each starting at the curve's first end.
        run: that led there.
        path: method that finds the path; by default a quadratic Bezier curve.
        align: first put the other network's hidden units in the order nearest to this one's.
        points: of the curve, at which the losses are read.
        resolution: grid points per axis on the plane of the curve; 0: none.
        store: keeps the other run.

    Raises:
        SpecError: a network that cannot be aligned; before any work.
    """
    train = next(iter(parts.values()))
    path, other = path or Bezier(), another_start(run)
    total = other.steps + path.curves
    if align:
        matching(train, train.start, train.start)  # raises if the network cannot be followed
    trajectory = None
    for progress in record_run(other, store):
        trajectory = progress.dataset
        yield Progress(progress.done, total)
    if trajectory is None:
        return
    statistics = {
        name: part.with_batch_norm("reestimated").with_reference(train.inputs)
        for name, part in parts.items()
    }
    last = torch.from_numpy(trajectory["theta"].values[-1]).to(train.start)
    ends = (End(train.start, train.buffers), End(last, buffers_at(trajectory, -1, train)))
    search = CurveSearch(statistics, ends, path, align, points, resolution, run.seed)
    for done, dataset in search.found():
        yield Progress(other.steps + done, total, dataset)
