"""Runs that are compared as surfaces side by side, under one camera."""

from collections.abc import Callable, Sequence

from landscape_lab.components.surface.pictured import Pictured, pictured
from landscape_lab.components.surface.surface import Surface
from landscape_lab.figures.bokeh.comparison import MOST, Compared, color_of
from landscape_lab.figures.bokeh.style import Style
from landscape_lab.figures.camera import HOME
from landscape_lab.figures.comparison_modes import OWN_SURFACES


class Surfaces:
    """Two to four surfaces: one camera moves all of them."""

    def __init__(
        self,
        turned: Callable[[str], None] | None = None,
        shared: Callable[[bool], None] | None = None,
    ) -> None:
        """Empty, and as large as there is space.

        Args:
            turned: called with the camera as `Surface.look_from` takes it, when the user moved it.
            shared: called with whether all are to have one range of heights.
        """
        self.surface = Surface(turned=turned, shared=shared)
        self.view = self.surface.view
        self.view.several = True

    def update(
        self,
        runs: Sequence[Compared],
        mode: str,
        scale: str = "log",
        *,
        variable: str = "loss",
        limits: tuple[float, float] | None = None,
    ) -> None:
        """Show runs; the arguments are those of `Comparison.update`.

        Args:
            runs: their slices have two dimensions.
            mode: `surfaces`, all with one range of heights and colours, or `surfaces_own`.
            scale: `log` or `linear` heights.
            variable: what of the slices is shown, the loss where one does not have it.
            limits: losses of the lowest and the highest height, where all have one range.
        """
        runs, own = runs[:MOST], mode == OWN_SURFACES
        loss = variable == "loss" or any(variable not in run.slice for run in runs)
        style = Style("loss", scale, limits) if loss else Style(variable, "linear", None)
        slices = [run.slice[style.variable].sel(split=run.split) for run in runs]
        ends = [shown.limits for shown in style.heights(slices, own=own)]
        pictures = [
            pictured(
                run.slice, run.path, variable=style.variable, split=run.split, scale=style.scale,
                seen=run.seen, ends=one,
            )
            for run, one in zip(runs, ends, strict=True)
        ]  # fmt: skip
        self.view.param.update(
            shared=not own,
            axes=[list(one.labels) for one in pictures],
            titles=[[run.name, run.words, color_of(i)] for i, run in enumerate(runs)],
        )
        self.surface.show(_joined(pictures), subject=(len(runs), style.variable))


def _joined(pictures: Sequence[Pictured]) -> Pictured:
    """All pictures one behind the other, seen from where the bottom of each is seen."""
    highest = max((one.home for one in pictures), key=lambda home: home.elevation, default=HOME)
    frame = b"".join(one.frame for one in pictures)
    return Pictured(frame, pictures[0].labels, highest)
