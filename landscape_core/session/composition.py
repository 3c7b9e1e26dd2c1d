"""A picture composed of the inspected iterate, its slice and the results for the side panels."""

import xarray as xr

from landscape_core.experiments.learning_curves import curves
from landscape_core.planes.projected_path import ProjectedPath
from landscape_core.session.live_run import LiveRun
from landscape_core.session.live_slice import LiveSlice
from landscape_core.session.observed_run import ObservedRun
from landscape_core.session.picture import Picture, Status, projected_path
from landscape_core.session.side_results import SideResults


def composed(
    observed: ObservedRun,
    projected: ProjectedPath,
    dataset: xr.Dataset,
    parts: tuple[LiveRun, LiveSlice, SideResults],
    *,
    status: Status,
    kept: Picture | None = None,
) -> Picture:
    """The picture of an inspected iterate.

    Args:
        observed: the run as it is inspected.
        projected: its trajectory on the plane.
        dataset: the slice.
        parts: of the session.
        status: of the run.
        kept: an earlier picture whose learning curves and decision boundary stay, except that of a
            point which was looked at: it is another network's.
    """
    run, slices, side = parts
    kept = None if kept is None or kept.point else kept
    state, examples = observed.state, int(dataset.attrs.get("examples", [0])[0])
    return Picture(
        run=run.run,
        spec=slices.spec,
        status=status,
        readings=run.readings(observed),
        slice=dataset,
        path=projected_path(observed.entries, projected),
        curves=kept.curves if kept else curves(observed.entries),
        boundary=kept.boundary if kept else side.boundary(state),
        points=side.points,
        captured=projected.plane.captured(observed.thetas),
        notice=slices.notice,
        standard_error=side.standard_error(slices.spec.split, examples, state),
        curvature=side.curvature(),
        network=side.network(observed, state, live=status == "running"),
        seen=state.index,
        stays=slices.spec.stays(len(state.theta)),
    )
