"""Loss landscapes of neural networks: train, slice, project the trajectory, keep the result.

Data goes one way: a recipe names what is wanted, it builds an objective and an optimizer, a run
yields states, its trajectory and a rule give a plane, and the objective on that plane is a slice.

A name is imported from its module when it is first used, so `import landscape_core` takes
milliseconds and loads no PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landscape_core.analysis.bottleneck import bottleneck_distance as bottleneck_distance
    from landscape_core.analysis.convexity_map import Convexity as Convexity
    from landscape_core.analysis.convexity_map import compute_convexity as compute_convexity
    from landscape_core.analysis.convexity_of_model import convexity as convexity
    from landscape_core.analysis.explain import explain as explain
    from landscape_core.analysis.merge_tree import merge_tree as merge_tree
    from landscape_core.analysis.persistence import persistence as persistence
    from landscape_core.analysis.plane_ensemble import ensemble as ensemble
    from landscape_core.analysis.plane_ensemble import spread as spread
    from landscape_core.analysis.slice_metrics import slice_metrics as slice_metrics
    from landscape_core.analysis.topological_profile import (
        topological_profile as topological_profile,
    )
    from landscape_core.connectivity.alignment import aligned as aligned
    from landscape_core.connectivity.connect_models import connect as connect
    from landscape_core.connectivity.connected_runs import connect_runs as connect_runs
    from landscape_core.connectivity.connection import Connection as Connection
    from landscape_core.connectivity.curve_search import compute_connection as compute_connection
    from landscape_core.curvature.density import density as density
    from landscape_core.curvature.eigenpairs import eigenpairs as eigenpairs
    from landscape_core.curvature.monitor import Watch as Watch
    from landscape_core.curvature.sharpness_of_model import sharpness as sharpness
    from landscape_core.curvature.spectrum import Spectrum as Spectrum
    from landscape_core.curvature.spectrum import compute_spectrum as compute_spectrum
    from landscape_core.curvature.spectrum_of_model import spectrum as spectrum
    from landscape_core.curvature.trace import trace as trace
    from landscape_core.experiments.curvature_of_run import (
        curvature_along_run as curvature_along_run,
    )
    from landscape_core.experiments.curvature_of_run import curvature_of_run as curvature_of_run
    from landscape_core.experiments.curvature_of_run import parts_at as parts_at
    from landscape_core.experiments.curvature_of_run import sharpness_at as sharpness_at
    from landscape_core.experiments.curvature_of_run import signs as signs
    from landscape_core.experiments.slice_of_run import slice_of_run as slice_of_run
    from landscape_core.experiments.slice_of_run import slice_of_trajectory as slice_of_trajectory
    from landscape_core.experiments.trajectory import record_run as record_run
    from landscape_core.experiments.trajectory import run_of as run_of
    from landscape_core.foundation import errors as errors
    from landscape_core.foundation.errors import BackendError as BackendError
    from landscape_core.foundation.errors import FileFormatError as FileFormatError
    from landscape_core.foundation.errors import LandscapeError as LandscapeError
    from landscape_core.foundation.errors import MissingDataError as MissingDataError
    from landscape_core.foundation.errors import MissingPackageError as MissingPackageError
    from landscape_core.foundation.errors import PlaneError as PlaneError
    from landscape_core.foundation.errors import SpecError as SpecError
    from landscape_core.foundation.progress import Progress as Progress
    from landscape_core.foundation.progress import result as result
    from landscape_core.foundation.recipes import Choice as Choice
    from landscape_core.foundation.recipes import Knob as Knob
    from landscape_core.foundation.recipes import Note as Note
    from landscape_core.foundation.recipes import Recipe as Recipe
    from landscape_core.foundation.recipes import to_plain as to_plain
    from landscape_core.foundation.registry import entries as entries
    from landscape_core.foundation.registry import find as find
    from landscape_core.foundation.registry import from_plain as from_plain
    from landscape_core.foundation.registry import make as make
    from landscape_core.labs.base import Lab as Lab
    from landscape_core.models.architectures.base import Architecture as Architecture
    from landscape_core.models.content_key import content_key as content_key
    from landscape_core.models.datasets.base import ProblemData as ProblemData
    from landscape_core.models.losses.base import Loss as Loss
    from landscape_core.models.measures.base import Measure as Measure
    from landscape_core.models.measures.base import OutputMeasure as OutputMeasure
    from landscape_core.models.network_objective import ModelObjective as ModelObjective
    from landscape_core.models.objective import Objective as Objective
    from landscape_core.models.problems.base import Problem as Problem
    from landscape_core.models.problems.supervised import Supervised as Supervised
    from landscape_core.models.user_model import from_module as from_module
    from landscape_core.models.user_model import user_problem as user_problem
    from landscape_core.planes.directions.base import Directions as Directions
    from landscape_core.planes.directions.base import Viewpoint as Viewpoint
    from landscape_core.planes.directions.between import Between as Between
    from landscape_core.planes.directions.gradient import Gradient as Gradient
    from landscape_core.planes.directions.hessian import HessianEigenvectors as HessianEigenvectors
    from landscape_core.planes.directions.parameters import SingleParameters as SingleParameters
    from landscape_core.planes.directions.pca import PCA as PCA
    from landscape_core.planes.directions.random import Random as Random
    from landscape_core.planes.plane import Plane as Plane
    from landscape_core.session.picture import Picture as Picture
    from landscape_core.session.session import Session as Session
    from landscape_core.slices.adaptive import refine as refine
    from landscape_core.slices.backends.dask import Dask as Dask
    from landscape_core.slices.backends.dask import local_cluster as local_cluster
    from landscape_core.slices.chosen_extent import Extent as Extent
    from landscape_core.slices.common_span import common_span as common_span
    from landscape_core.slices.cost import Estimate as Estimate
    from landscape_core.slices.cost import estimate as estimate
    from landscape_core.slices.grid import Grid as Grid
    from landscape_core.slices.model_plan import probe_of as probe_of
    from landscape_core.slices.one_call import landscape as landscape
    from landscape_core.slices.plane_of_slice import plane_of as plane_of
    from landscape_core.slices.probe import Probe as Probe
    from landscape_core.slices.probe import probe as probe
    from landscape_core.slices.slice import compute_slice as compute_slice
    from landscape_core.slices.slice_spec import SliceSpec as SliceSpec
    from landscape_core.slices.strategies.base import Strategy as Strategy
    from landscape_core.slices.strategies.loop import Loop as Loop
    from landscape_core.slices.strategy_choice import strategies as strategies
    from landscape_core.slices.subsampling import sample as sample
    from landscape_core.slices.sweep import coarse as coarse
    from landscape_core.slices.sweep import exact as exact
    from landscape_core.slices.sweep import sweep as sweep
    from landscape_core.slices.tolerance import Tolerance as Tolerance
    from landscape_core.storage.checkpoints import checkpoints as checkpoints
    from landscape_core.storage.formats import load as load
    from landscape_core.storage.formats import save as save
    from landscape_core.storage.store import Store as Store
    from landscape_core.training.model_recorder import record as record
    from landscape_core.training.optimizers.base import Optimizer as Optimizer
    from landscape_core.training.run import Run as Run
    from landscape_core.training.run import State as State
    from landscape_core.training.run import Training as Training
    from landscape_core.training.run import train as train

_PUBLIC = {
    # your own network
    "landscape_core.slices.one_call": ("landscape",),
    "landscape_core.slices.common_span": ("common_span",),
    "landscape_core.slices.chosen_extent": ("Extent",),
    "landscape_core.slices.model_plan": ("probe_of",),
    "landscape_core.curvature.spectrum_of_model": ("spectrum",),
    "landscape_core.curvature.sharpness_of_model": ("sharpness",),
    "landscape_core.analysis.convexity_of_model": ("convexity",),
    "landscape_core.connectivity.connect_models": ("connect",),
    "landscape_core.models.user_model": (
        "from_module",
        "user_problem",
    ),
    "landscape_core.storage.checkpoints": ("checkpoints",),
    "landscape_core.training.model_recorder": ("record",),
    # recipes, and the parts that there are
    "landscape_core.foundation.recipes": (
        "Choice",
        "Knob",
        "Note",
        "Recipe",
        "to_plain",
    ),
    "landscape_core.foundation.registry": (
        "entries",
        "find",
        "from_plain",
        "make",
    ),
    "landscape_core.models.content_key": ("content_key",),
    "landscape_core.models.architectures.base": ("Architecture",),
    "landscape_core.models.datasets.base": ("ProblemData",),
    "landscape_core.models.losses.base": ("Loss",),
    "landscape_core.models.measures.base": (
        "Measure",
        "OutputMeasure",
    ),
    "landscape_core.models.problems.base": ("Problem",),
    "landscape_core.models.problems.supervised": ("Supervised",),
    "landscape_core.training.optimizers.base": ("Optimizer",),
    # training
    "landscape_core.training.run": (
        "Run",
        "State",
        "Training",
        "train",
    ),
    "landscape_core.experiments.trajectory": (
        "record_run",
        "run_of",
    ),
    # planes
    "landscape_core.planes.plane": ("Plane",),
    "landscape_core.planes.directions.base": (
        "Directions",
        "Viewpoint",
    ),
    "landscape_core.planes.directions.between": ("Between",),
    "landscape_core.planes.directions.gradient": ("Gradient",),
    "landscape_core.planes.directions.hessian": ("HessianEigenvectors",),
    "landscape_core.planes.directions.parameters": ("SingleParameters",),
    "landscape_core.planes.directions.pca": ("PCA",),
    "landscape_core.planes.directions.random": ("Random",),
    # slices
    "landscape_core.models.network_objective": ("ModelObjective",),
    "landscape_core.models.objective": ("Objective",),
    "landscape_core.slices.grid": ("Grid",),
    "landscape_core.slices.probe": (
        "Probe",
        "probe",
    ),
    "landscape_core.slices.slice": ("compute_slice",),
    "landscape_core.slices.slice_spec": ("SliceSpec",),
    "landscape_core.slices.plane_of_slice": ("plane_of",),
    "landscape_core.slices.adaptive": ("refine",),
    "landscape_core.slices.subsampling": ("sample",),
    "landscape_core.slices.sweep": (
        "coarse",
        "exact",
        "sweep",
    ),
    "landscape_core.slices.cost": (
        "Estimate",
        "estimate",
    ),
    "landscape_core.slices.strategy_choice": ("strategies",),
    "landscape_core.slices.strategies.base": ("Strategy",),
    "landscape_core.slices.strategies.loop": ("Loop",),
    "landscape_core.slices.backends.dask": (
        "Dask",
        "local_cluster",
    ),
    "landscape_core.experiments.slice_of_run": (
        "slice_of_run",
        "slice_of_trajectory",
    ),
    # curvature
    "landscape_core.curvature.spectrum": (
        "Spectrum",
        "compute_spectrum",
    ),
    "landscape_core.curvature.eigenpairs": ("eigenpairs",),
    "landscape_core.curvature.trace": ("trace",),
    "landscape_core.curvature.density": ("density",),
    "landscape_core.curvature.monitor": ("Watch",),
    "landscape_core.experiments.curvature_of_run": (
        "curvature_of_run",
        "curvature_along_run",
        "parts_at",
        "sharpness_at",
        "signs",
    ),
    "landscape_core.analysis.convexity_map": (
        "Convexity",
        "compute_convexity",
    ),
    # claims of the literature
    "landscape_core.labs.base": ("Lab",),
    # connections between minima
    "landscape_core.connectivity.connection": ("Connection",),
    "landscape_core.connectivity.connected_runs": ("connect_runs",),
    "landscape_core.connectivity.curve_search": ("compute_connection",),
    "landscape_core.connectivity.alignment": ("aligned",),
    # the shape of a slice in numbers
    "landscape_core.analysis.explain": ("explain",),
    "landscape_core.analysis.slice_metrics": ("slice_metrics",),
    "landscape_core.analysis.merge_tree": ("merge_tree",),
    "landscape_core.analysis.persistence": ("persistence",),
    "landscape_core.analysis.topological_profile": ("topological_profile",),
    "landscape_core.analysis.bottleneck": ("bottleneck_distance",),
    "landscape_core.analysis.plane_ensemble": (
        "ensemble",
        "spread",
    ),
    # a live run
    "landscape_core.session.session": ("Session",),
    "landscape_core.session.picture": ("Picture",),
    # results
    "landscape_core.foundation.progress": (
        "Progress",
        "result",
    ),
    "landscape_core.slices.tolerance": ("Tolerance",),
    "landscape_core.storage.formats": (
        "load",
        "save",
    ),
    "landscape_core.storage.store": ("Store",),
    # errors
    "landscape_core.foundation": ("errors",),
    "landscape_core.foundation.errors": (
        "BackendError",
        "FileFormatError",
        "LandscapeError",
        "MissingDataError",
        "MissingPackageError",
        "PlaneError",
        "SpecError",
    ),
}
"""The public names by the module that defines them, in the order of the work."""

_HOMES = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a public name from its module at its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(_HOMES[name])
    globals()[name] = value = getattr(home, name, None) or import_module(f"{_HOMES[name]}.{name}")
    return value


def __dir__() -> list[str]:
    """The public names, whether imported yet or not."""
    return sorted(__all__)
