"""`slice_.plot()`: what xarray leaves undone, done for datasets that `ll.plot` knows.

`Dataset.plot` of xarray groups its methods (`ds.plot.scatter`, `ds.plot.quiver`); called itself it
raises a ValueError whatever the dataset is. That one method is replaced: it draws the datasets of
this laboratory, and raises what it raised for all others. Datasets stay plain ones, so nothing of
them changes: indexing, arithmetic, copies, pickles and files. A subclass of `Dataset` would be lost
at every operation that xarray builds a new dataset in, and would need this package to be unpickled.
"""

from typing import Any

import xarray as xr


def install() -> None:
    """Let `Dataset.plot()` draw; a second time changes nothing."""
    accessor: Any = xr.Dataset.plot
    refused = accessor.__call__
    if getattr(refused, "draws_landscapes", False):
        return

    def plotted(self: Any, *args: Any, **kwargs: Any) -> Any:
        """Draw a result of Landscape Lab as `landscape_lab.plot` does, with its options."""
        from landscape_lab.figures.matplotlib.base import kinds
        from landscape_lab.figures.matplotlib.plotting import plot

        dataset = self._ds
        if any(kind.draws(dataset) for kind in kinds().values()):
            return plot(dataset, *args, **kwargs)
        return refused(self, *args, **kwargs)

    plotted.draws_landscapes = True  # type: ignore[attr-defined]
    accessor.__call__ = plotted
