"""Slices over data that are read in passes: how they are made, and what they state."""

import math
from dataclasses import replace

import xarray as xr

from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.open_streams import OpenStreams
from landscape_core.models.streamed_loss import check_statistics
from landscape_core.slices.chosen_extent import AUTO, PATH, STATES, Extent
from landscape_core.slices.last_dataset import agreeing, stating
from landscape_core.slices.model_plan import ModelPlan, Span
from landscape_core.slices.probe import Probe
from landscape_core.slices.spot_checks import Checked
from landscape_core.slices.streamed_part import StreamedPart


def with_streams(planned: ModelPlan, streams: OpenStreams, span: Span = 1.0) -> ModelPlan:
    """The same plan, whose parts of which there are streams are read in passes.

    Args:
        planned: made with the first batches of the streams.
        streams: by part.
        span: that of the plan; an extent that it chose by a loss says of how many examples.

    Raises:
        SpecError: statistics that need all examples at once.
    """
    if not streams.losses:
        return planned
    read = planned.probe
    for part in read.parts.values():
        check_statistics(part)
    first = next(iter(read.parts))
    made = {
        name: StreamedPart(loss, planned.states if name == first else ())
        for name, loss in streams.losses.items()
    }
    extent = planned.extent
    if first in made and span == AUTO:
        extent = _of_first_batch(extent, read.parts[first])
    return replace(planned, probe=read.streaming(made), extent=extent)


def _of_first_batch(extent: Extent | None, part: ModelObjective) -> Extent | None:
    """The extent, whose reason says that its losses are those of the first batch alone."""
    if extent is None or extent.reason in (PATH, STATES):
        return extent
    of = f"on the first batch of {part.examples} examples alone, as the data are streamed"
    return replace(extent, reason=f"{extent.reason}, {of}")


def stating_streams(read: Probe, dataset: xr.Dataset, *, stacklevel: int) -> xr.Dataset | None:
    """A finished slice that states its checks and, by part, how many passes were made.

    The parts in memory are compared with the plain evaluation here; None where they disagree.
    """
    if not read.streams:
        return agreeing(read, dataset, stacklevel=stacklevel + 1)
    held = {name: part for name, part in read.parts.items() if name not in read.streams}
    finished: xr.Dataset | None = dataset
    if held:
        finished = agreeing(read.over(held), dataset, stacklevel=stacklevel + 1)
    if finished is None or any(one.doubtful for one in read.streams.values()):
        return None
    known = [one.checked for one in read.streams.values()]
    points = sum(one.points for one in known) + int(finished.attrs.get("checked_points", 0))
    apart = [one.deviation for one in known] + [finished.attrs.get("checked_deviation", math.nan)]
    largest = max((one for one in apart if not math.isnan(one)), default=math.nan)
    return with_passes(read, stating(Checked(points, largest), finished))


def with_passes(read: Probe, dataset: xr.Dataset) -> xr.Dataset:
    """The dataset with the attribute `passes`, where some data are streamed."""
    if not read.streams:
        return dataset
    passes = [read.streams[name].passes if name in read.streams else 0 for name in read.parts]
    return dataset.assign_attrs(passes=passes)
