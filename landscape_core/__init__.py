"""Loss landscapes of neural networks: train, slice, project the trajectory, keep the result.

Data goes one way: a recipe names what is wanted, it builds an objective and an optimizer, a run
yields states, its path and a rule give a plane, and the objective on that plane is a slice.
"""

from landscape_core.alignment import aligned
from landscape_core.along import curvature, curvature_along
from landscape_core.catalogue import entries, find, from_plain, make
from landscape_core.connections import Connection, connect, connection
from landscape_core.convexity import Convexity, convexity
from landscape_core.curvature.density import density
from landscape_core.curvature.eigenpairs import eigenpairs
from landscape_core.curvature.trace import trace
from landscape_core.directions.base import Directions, Viewpoint
from landscape_core.directions.pca import PCA
from landscape_core.directions.random import Random
from landscape_core.ensembles import ensemble, spread
from landscape_core.errors import (
    FileFormatError,
    LandscapeError,
    MissingDataError,
    PlaneError,
    SpecError,
)
from landscape_core.estimates import Estimate, estimate
from landscape_core.figures import figures
from landscape_core.landscape import landscape, probe_of
from landscape_core.live import Session
from landscape_core.objective import ModelObjective, Objective, from_module
from landscape_core.pictures import Picture, View
from landscape_core.planes import Plane
from landscape_core.probes import Probe, probe
from landscape_core.problems.supervised import Supervised
from landscape_core.recipes import Recipe, content_key, to_plain
from landscape_core.refining import Tolerance, refine
from landscape_core.sampling import sample
from landscape_core.schema import load, save
from landscape_core.slices import Grid, coarse, exact, sweep
from landscape_core.slicing import slicing
from landscape_core.spectra import Spectrum, spectrum
from landscape_core.store import Store
from landscape_core.tasks import Look, finish, follow, look, look_at
from landscape_core.topology import merge_tree
from landscape_core.training import Run, State, Training, train

__all__ = [  # noqa: RUF022 - in the order of the work, not of the alphabet
    # one's own network
    "landscape",
    "from_module",
    "probe_of",
    # recipes and what there is
    "Recipe",
    "Run",
    "Look",
    "View",
    "Supervised",
    "entries",
    "find",
    "make",
    "from_plain",
    "to_plain",
    "content_key",
    # training
    "train",
    "Training",
    "State",
    # planes and slices
    "Objective",
    "ModelObjective",
    "Plane",
    "Directions",
    "Viewpoint",
    "Random",
    "PCA",
    "Grid",
    "Probe",
    "probe",
    "slicing",
    "Tolerance",
    "refine",
    "sample",
    "exact",
    "sweep",
    "coarse",
    "Estimate",
    "estimate",
    # curvature
    "Spectrum",
    "spectrum",
    "curvature",
    "curvature_along",
    "eigenpairs",
    "trace",
    "density",
    "Convexity",
    "convexity",
    # connections between minima
    "Connection",
    "connect",
    "connection",
    "aligned",
    # the shape of a slice in numbers
    "figures",
    "merge_tree",
    "ensemble",
    "spread",
    # whole pieces of work
    "follow",
    "look",
    "look_at",
    "finish",
    "Session",
    "Picture",
    # results on disk
    "save",
    "load",
    "Store",
    # errors
    "LandscapeError",
    "SpecError",
    "MissingDataError",
    "PlaneError",
    "FileFormatError",
]
