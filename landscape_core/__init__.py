"""Loss landscapes of neural networks: train, slice, project the trajectory, keep the result.

Data goes one way: a recipe names what is wanted, it builds an objective and an optimizer, a run
yields states, its path and a rule give a plane, and the objective on that plane is a slice.
"""

from landscape_core.analysis.convexity_map import Convexity, convexity
from landscape_core.analysis.merge_tree import merge_tree
from landscape_core.analysis.plane_ensemble import ensemble, spread
from landscape_core.analysis.slice_metrics import figures
from landscape_core.connectivity.alignment import aligned
from landscape_core.connectivity.connection import Connection, connect, connection
from landscape_core.curvature.density import density
from landscape_core.curvature.eigenpairs import eigenpairs
from landscape_core.curvature.spectrum import Spectrum, spectrum
from landscape_core.curvature.trace import trace
from landscape_core.experiments.curvature_of_run import curvature, curvature_along
from landscape_core.experiments.progress import finish
from landscape_core.experiments.slice_of_run import Look, look, look_at
from landscape_core.experiments.trajectory import follow
from landscape_core.foundation.errors import (
    FileFormatError,
    LandscapeError,
    MissingDataError,
    PlaneError,
    SpecError,
)
from landscape_core.foundation.recipes import Recipe, content_key, to_plain
from landscape_core.foundation.registry import entries, find, from_plain, make
from landscape_core.models.objective import ModelObjective, Objective
from landscape_core.models.problems.supervised import Supervised
from landscape_core.models.user_model import from_module
from landscape_core.planes.directions.base import Directions, Viewpoint
from landscape_core.planes.directions.pca import PCA
from landscape_core.planes.directions.random import Random
from landscape_core.planes.plane import Plane
from landscape_core.session.picture import Picture
from landscape_core.session.session import Session
from landscape_core.session.view import View
from landscape_core.slices.adaptive import Tolerance, refine
from landscape_core.slices.cost import Estimate, estimate
from landscape_core.slices.grid import Grid
from landscape_core.slices.one_call import landscape, probe_of
from landscape_core.slices.probe import Probe, probe
from landscape_core.slices.slice import slicing
from landscape_core.slices.subsampling import sample
from landscape_core.slices.sweep import coarse, exact, sweep
from landscape_core.storage.netcdf import load, save
from landscape_core.storage.store import Store
from landscape_core.training.run import Run, State, Training, train

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
