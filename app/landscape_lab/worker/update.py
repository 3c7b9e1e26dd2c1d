"""What the worker of a page reports: a picture, its place, the kept runs, how far the work is."""

from dataclasses import dataclass

import xarray as xr

from landscape_core.session.picture import Picture
from landscape_lab.state.place import Place

TRAINING = "Training"
REFINING = "Refining the slice"
STUDYING = "Computing the side panel"
COMPARING = "Computing the comparison"


@dataclass(frozen=True)
class WorkProgress:
    """The kind of work, and how much of a total is done; the total is 0 where it is unknown."""

    what: str
    done: int = 0
    total: int = 0


@dataclass(frozen=True, eq=False)
class Kept:
    """A run that is kept: its place, held picture and trajectory, and the metrics of its slice."""

    place: Place
    picture: Picture
    path: xr.Dataset
    figures: xr.Dataset


@dataclass(frozen=True, eq=False)
class Update:
    """A picture with the place at which it was taken, and the progress of the work.

    `kept` are the runs that are kept, as far as they have been computed; `together` is the slice
    with all paths on one plane; `figures` are the metrics of the slice, where runs are compared;
    `parameters` is the size of the network; `problem` says why runs cannot be compared.
    """

    picture: Picture | None
    place: Place
    progress: WorkProgress | None = None
    kept: tuple[Kept, ...] = ()
    together: xr.Dataset | None = None
    figures: xr.Dataset | None = None
    parameters: int | None = None
    problem: str = ""
