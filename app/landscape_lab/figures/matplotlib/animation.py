"""A run as moving pictures: each with the same frame and colours, the path up to its step."""

import io
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import title_of
from landscape_lab.figures.camera import HOME, Camera
from landscape_lab.figures.matplotlib.base import PlotOptions
from landscape_lab.figures.matplotlib.heights import heights_on, name_axes
from landscape_lab.figures.matplotlib.paper import sizes
from landscape_lab.figures.matplotlib.relief import above, relief_on
from landscape_lab.figures.matplotlib.tracks import pieces
from landscape_lab.figures.slice_parts import shown_of

Frame = npt.NDArray[np.uint8]
"""One picture: (rows, columns, 3), red, green and blue."""

WIDTH, HEIGHT, DOTS_PER_INCH = 5.0, 4.2, 120
"""The size in inches and pixels to an inch; even numbers of pixels, as MP4 wants them."""

DARK = (0.06, 0.12, 0.18, 0.25)
"""How much darker than in the light a surface is drawn, in some steps."""

COLORS = (
    *theme.LANDSCAPE[::3],
    *(theme.mixed(color, "#000000", dark) for dark in DARK for color in theme.LANDSCAPE[::10]),
    *theme.ramp((theme.HALO, "#ffffff"), 32),
    *theme.ramp((theme.HALO, theme.CURRENT, "#ffffff"), 15),
)
"""The colours of a GIF: the landscape's in light and shade, greys, and the run's."""

MOST = 60
"""Pictures of a film, at most: the file stays below some megabytes."""

SECONDS = 6.0
"""How long a film lasts, apart from its last picture."""

LASTING = 2.0
"""Seconds that the last picture stays."""


class Film:
    """Draws pictures that follow each other; what does not change is drawn once."""

    def __init__(
        self,
        limits: tuple[float, float],
        variable: str,
        split: str,
        scale: str,
        *,
        deep: bool,
        camera: Camera = HOME,
    ) -> None:
        """Nothing drawn yet.

        Args:
            limits: values of the first and the last colour.
            variable: what is shown, `loss` or another.
            split: which part of the data is shown.
            scale: `log` or `linear` heights.
            deep: whether a lit surface is drawn.
            camera: that of the surface.
        """
        self._deep = deep
        self._options = PlotOptions(variable, split, scale=scale, limits=limits, camera=camera)
        self._slice: xr.Dataset | None = None
        self._empty: Any = None
        self._axes: Any = None

    def frame(self, slice_: xr.Dataset, path: xr.Dataset, words: str) -> Frame:
        """A slice (split, beta, alpha), the path on it as far as it is given, and words above."""
        shown = shown_of(slice_, self._options.variable, self._options.split)
        if slice_ is not self._slice:
            title = title_of(slice_, self._options.variable, self._options.split)
            self._stage(shown, title)
            self._slice = slice_
        axes, canvas = self._axes, self._axes.figure.canvas
        canvas.restore_region(self._empty)
        places = [path["alpha"].values, path["beta"].values]
        if self._deep:
            places.append(above(shown, path, self._options))
        ends = [[one[:1] for one in places], [one[-1:] for one in places]]
        parts = [
            *axes.plot(*places, color=theme.HALO, alpha=0.8, linewidth=3.6, zorder=4),
            *(
                line
                for piece, color in pieces(len(places[0]))
                for line in axes.plot(*[one[piece] for one in places], color=color, linewidth=1.8)
            ),
            *axes.plot(*ends[0], "o", color="#ffffff", markeredgecolor=theme.HALO, zorder=5),
            *axes.plot(*ends[1], "o", color=theme.CURRENT, markersize=9, zorder=6,
                       markeredgecolor="#ffffff"),
            axes.figure.text(0.02, 0.975, words, va="top", fontsize=10, color=theme.INK),
        ]  # fmt: skip
        for part in parts:
            axes.figure.draw_artist(part) if part.axes is None else axes.draw_artist(part)
            part.remove()
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()

    def _stage(self, shown: xr.DataArray, title: str) -> None:
        """Draw all but the path, and keep it."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg  # takes half a second to import
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine

        with sizes():
            below = ConstrainedLayoutEngine(rect=(0.0, 0.0, 1.0, 0.93))
            paper = Figure(figsize=(WIDTH, HEIGHT), dpi=DOTS_PER_INCH, layout=below)
            canvas = FigureCanvasAgg(paper)
            axes = paper.add_subplot(projection="3d" if self._deep else None)
            if self._deep:
                relief_on(axes, shown, title, self._options, smooth=False)
            else:
                heights_on(axes, shown, title, self._options)
            name_axes(axes, shown)
            canvas.draw()
        self._axes, self._empty = axes, canvas.copy_from_bbox(paper.bbox)


def gif(frames: Sequence[Frame], seconds: float) -> bytes:
    """The frames as a GIF that lasts so long, and begins again."""
    from PIL import Image

    # One palette for all, without dithering: what does not move costs nothing.
    palette = Image.new("P", (1, 1))
    palette.putpalette([int(color[i : i + 2], 16) for color in COLORS for i in (1, 3, 5)])
    none = Image.Dither.NONE
    few = [Image.fromarray(frame).quantize(palette=palette, dither=none) for frame in frames]
    each = max(20, round(1000 * seconds / len(few)))
    times = [each] * (len(few) - 1) + [each + round(1000 * LASTING)]
    content = io.BytesIO()
    few[0].save(
        content, "GIF", save_all=True, append_images=few[1:], duration=times, loop=0, optimize=False
    )
    return content.getvalue()


def webp(frames: Sequence[Frame], seconds: float) -> bytes:
    """The frames as an animated WebP in all colours that lasts so long, and begins again."""
    from PIL import Image

    images = [Image.fromarray(frame) for frame in frames]
    each = max(20, round(1000 * seconds / len(images)))
    times = [each] * (len(images) - 1) + [each + round(1000 * LASTING)]
    content = io.BytesIO()
    images[0].save(
        content, "WEBP", save_all=True, append_images=images[1:], duration=times, loop=0,
        quality=85, method=2,
    )  # fmt: skip
    return content.getvalue()


def ffmpeg() -> str | None:
    """Where the program that writes MP4 lies; None if it is not installed."""
    return shutil.which("ffmpeg")


def mp4(frames: Sequence[Frame], seconds: float) -> bytes:
    """The frames as an MP4 that lasts so long; only where there is `ffmpeg`."""
    rows, columns = frames[0].shape[:2]
    rate = f"{len(frames) / seconds:.3f}"
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "run.mp4"  # its index is written last, so it needs a file
        command = [
            str(ffmpeg()), "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24",
            "-s", f"{columns}x{rows}", "-r", rate, "-i", "-",
            "-vf", f"tpad=stop_mode=clone:stop_duration={LASTING}",
            "-c:v", "libx264", "-pix_fmt", "yuv420p", "-crf", "20", "-movflags", "+faststart",
            str(target),
        ]  # fmt: skip
        raw = b"".join(frame.tobytes() for frame in frames)
        subprocess.run(command, input=raw, check=True, capture_output=True)
        return target.read_bytes()
