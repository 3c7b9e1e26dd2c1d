"""Landscape Lab for people: explore, slice and draw your own network, open the app.

A name is imported from its module when it is first used, so `import landscape_lab` takes
milliseconds. From then on `slice_.plot()` draws a result, as `plot(slice_)` does.
"""

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landscape_core import labs as labs
    from landscape_core.analysis.convexity_of_model import convexity as convexity
    from landscape_core.analysis.explain import explain as explain
    from landscape_core.connectivity.connect_models import connect as connect
    from landscape_core.curvature.sharpness_of_model import sharpness as sharpness
    from landscape_core.curvature.spectrum_of_model import spectrum as spectrum
    from landscape_core.slices.common_span import common_span as common_span
    from landscape_core.slices.one_call import landscape as landscape
    from landscape_core.slices.plane_of_slice import plane_of as plane_of
    from landscape_core.storage.checkpoints import checkpoints as checkpoints
    from landscape_core.storage.formats import load as load
    from landscape_core.storage.formats import save as save
    from landscape_core.storage.store import Store as Store
    from landscape_core.training.model_recorder import record as record
    from landscape_lab.figures.matplotlib.moving import film as film
    from landscape_lab.figures.matplotlib.plotting import plot as plot
    from landscape_lab.notebook.app import app as app
    from landscape_lab.notebook.controls import Controls as Controls
    from landscape_lab.notebook.explore import explore as explore
    from landscape_lab.notebook.view import view as view
    from landscape_lab.page.controller import Page as Page

_PUBLIC = {
    # your own network
    "landscape_core.slices.one_call": ("landscape",),
    "landscape_core.slices.common_span": ("common_span",),
    "landscape_core.slices.plane_of_slice": ("plane_of",),
    "landscape_core.curvature.spectrum_of_model": ("spectrum",),
    "landscape_core.curvature.sharpness_of_model": ("sharpness",),
    "landscape_core.analysis.convexity_of_model": ("convexity",),
    "landscape_core.connectivity.connect_models": ("connect",),
    "landscape_core.storage.checkpoints": ("checkpoints",),
    "landscape_core.training.model_recorder": ("record",),
    "landscape_core.analysis.explain": ("explain",),
    "landscape_lab.notebook.explore": ("explore",),
    # claims of the literature
    "landscape_core": ("labs",),
    # pictures
    "landscape_lab.figures.matplotlib.plotting": ("plot",),
    "landscape_lab.figures.matplotlib.moving": ("film",),
    "landscape_lab.notebook.view": ("view",),
    # the app in a notebook cell
    "landscape_lab.notebook.app": ("app",),
    "landscape_lab.page.controller": ("Page",),
    "landscape_lab.notebook.controls": ("Controls",),
    # results
    "landscape_core.storage.formats": (
        "load",
        "save",
    ),
    "landscape_core.storage.store": ("Store",),
}
"""The public names by the module that defines them, in the order of the work."""

_HOMES = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a public name from its module at its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = import_module(_HOMES[name])
    _let_datasets_plot()
    globals()[name] = value = getattr(home, name, None) or import_module(f"{_HOMES[name]}.{name}")
    return value


def _let_datasets_plot() -> None:
    """Let `slice_.plot()` draw, once xarray is loaded, which takes half a second to import."""
    if "xarray" in sys.modules:
        import_module("landscape_lab.figures.dataset_plot").install()


def __dir__() -> list[str]:
    """The public names, whether imported yet or not."""
    return sorted(__all__)


_let_datasets_plot()
