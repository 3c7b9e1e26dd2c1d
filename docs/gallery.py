"""Write docs/plotting.md and its pictures anew: `make gallery`.

Every command and every line of Python on the page is run here, in this order, in an empty folder;
the page shows what they drew. The same versions give the same pictures, but for the strategy that a
caption names: a trial of speed chooses it.
"""

import contextlib
import io
import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from PIL import Image

from landscape_lab.cli.main import main
from landscape_lab.figures import theme

HERE = Path(__file__).resolve().parent
PICTURES = "plotting"
DOTS_PER_INCH, COLORS = 80, 210

HEAD = """\
# Pictures from Python

`ll.plot(result)` draws what the app draws, with Matplotlib: contours with their values, the path
with its start and its last and best step, the lowest point, what was computed and what is
interpolated, values that are not finite, and below the picture all settings and the estimated
error. Notebooks, exports and `landscape plot` use the same code, so that all of them show the same
picture of the same run. The app's page itself opens on a logarithmic scale.

```python
ll.plot(dataset, kind=None, *, ax=None, path=True, scale="linear", limits=None, cmap=None,
        variable=None, split=None, caption=True, camera=None, width=None, font="sans",
        theme="light")  # -> matplotlib Axes
```

| option | on the command line | meaning |
| --- | --- | --- |
| `kind` | `--kind` | which picture; by default the first of {kinds} that draws the dataset |
| `ax` | | an Axes of your own, for instance of `plt.subplots` |
| `path` | `--no-path` | whether paths are drawn |
| `scale` | `--scale` | `linear` or `log`; refused where a loss is below zero |
| `limits` | `--limits LOW HIGH` | values of the first and the last colour, or of the axis |
| `cmap` | `--cmap` | a colormap of Matplotlib; by default the app's |
| `variable` | `--variable` | `loss`, `accuracy` or another measure of the dataset |
| `split` | `--split` | `train` or `test` |
| `caption` | | whether the settings stand below a new figure |
| | `--caption` | `below`, `separate` (a text file next to the picture) or `none` |
| `camera` | `--camera` | azimuth, elevation and maybe the distance of a `surface` |
| `width` | `--width` | of a new figure: `column` (3.25 inches), `page` (6.75) or inches |
| `font` | `--font` | `sans`, `serif` (STIX, as Times) or `tex` (Computer Modern) |
| `theme` | `--theme` | `light`, `dark`, `transparent`, `dark-transparent` |
| | `--dpi` | dots per inch of bitmaps |

For a paper, in the width of one column, its words in SVG and PDF as text:

```sh
landscape plot slice.nc --width column --font serif --caption separate -o figure.pdf
landscape plot slice.nc --width column -o figure.pgf     # for \\input, in the fonts of the paper
landscape plot slice.nc --kind surface -o run.gif        # the path growing step by step
```

```python
ll.plot(slice_, width="column", font="serif", caption=False).figure.savefig("figure.pdf")
ll.film(slice_, "run.webp", "surface", seconds=6)        # .gif, .webp, .mp4 where ffmpeg is
```

To keep words as words, set Matplotlib's `pdf.fonttype` to 42 and `svg.fonttype` to `none` before
`savefig`; the command and the app do so.

A slice that `ll.landscape` gives draws itself, too: `slice_.plot()` takes the same options. It
stays an `xarray.Dataset`, with xarray's own `slice_.plot.scatter` and `slice_["loss"].plot`.
`ll.view(slice_)` shows it in a notebook cell, interactive: zoom, values under the pointer, and in
3-D rotation.

In a notebook, and where `matplotlib.pyplot` is imported, a new figure is one of pyplot and is shown
as usual. Elsewhere, as in a server, only you hold it: `ll.plot(result).figure.savefig(...)`.

`landscape plot` also draws surfaces and projections of the program loss-landscape (`.h5`), and
writes the numbers of a slice for other programs (`.csv`, `.json`, `.vtp`, `.obj`):
[exports.md](exports.md).

This page is written by `make gallery`, which runs all that it shows.
"""

TAIL = """
## Another kind of picture

One file in `app/landscape_lab/figures/matplotlib/` with one class, whose name is that of the file.
The documentation of `base.py` there says what it provides. It is then known to `ll.plot`, to
`landscape plot --kind` and to this page's table.
"""


class Entry(NamedTuple):
    """A part of the page: commands of the shell, then Python whose last line draws."""

    name: str
    title: str
    words: str
    commands: str
    code: str


TRAIN = "--dataset moons --optimizer adam --steps 120 --set problem.architecture.width=8"

ENTRIES = (
    Entry(
        "slice", "A slice",
        "Of two dimensions, here in the plane in which the run moves most, refined to a tolerance: "
        "dots are computed points.",
        f"landscape train {TRAIN} -o run.nc\n"
        "landscape slice run.nc --directions pca --resolution 41 --tolerance 0.02"
        " -o slice.nc",
        'slice_ = ll.load("slice.nc")\nax = ll.plot(slice_, scale="log")',
    ),
    Entry(
        "surface", "A surface", "The same slice, lit, with the path on it.", "",
        'ax = ll.plot(slice_, "surface", scale="log")',
    ),
    Entry(
        "line", "A line", "From one network to another: every split, the loss above the accuracy.",
        "",
        "one, other = (\n"
        "    torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))\n"
        "    for _ in range(2)\n"
        ")\n"
        "inputs = torch.randn(200, 2)\n"
        "targets = (inputs[:, 0] * inputs[:, 1] > 0).long()\n"
        "loss = torch.nn.functional.cross_entropy\n"
        "plane = lc.Plane.through(one, other)\n"
        "line = ll.landscape(one, loss, (inputs, targets), directions=plane)\n"
        "ax = line.plot()",
    ),
    Entry(
        "axes", "Axes of your own",
        "`ax` puts pictures into a figure of yours; what is interpolated is then said below each.",
        "",
        "fig, axes = plt.subplots(1, 2, figsize=(10, 4), layout=\"constrained\")\n"
        'll.plot(slice_, ax=axes[0], split="test")\n'
        'ax = ll.plot(slice_, ax=axes[1], variable="accuracy", cmap="magma", path=False)',
    ),
    Entry(
        "comparison", "A comparison",
        "Several slices with one scale of colours, by name or in a list; lines are drawn in one "
        "picture.",
        f"landscape train {TRAIN} --seed 1 -o wider.nc --set problem.architecture.width=24\n"
        "landscape slice run.nc --resolution 25 -o narrow_slice.nc\n"
        "landscape slice wider.nc --resolution 25 -o wide_slice.nc",
        'narrow, wide = ll.load("narrow_slice.nc"), ll.load("wide_slice.nc")\n'
        'ax = ll.plot({"8 units": narrow, "24 units": wide})',
    ),
    Entry(
        "ensemble", "An ensemble of planes",
        "Random planes through one point, and how much metrics of slices differ between them.",
        "landscape planes run.nc --count 6 --resolution 21 -o planes.nc",
        'ax = ll.plot(ll.load("planes.nc"))',
    ),
    Entry(
        "convexity", "A convexity map", "Li et al., 2018, figure 7.",
        "landscape convexity run.nc --directions pca --resolution 13 --max-examples 60"
        " -o convexity.nc",
        'ax = ll.plot(ll.load("convexity.nc"))',
    ),
    Entry(
        "connection", "A connection",
        "The loss along the straight line and along a curve of low loss, and the curve's plane.",
        f"landscape train {TRAIN} --seed 1 -o second.nc\n"
        "landscape connect run.nc second.nc -o connection.nc",
        'ax = ll.plot(ll.load("connection.nc"))',
    ),
    Entry(
        "spectrum", "A spectrum",
        "Density of the Hessian's eigenvalues, those found one by one, layers, every sharpness.",
        "landscape curvature run.nc --each-layer --sharpness -o spectrum.nc",
        'ax = ll.plot(ll.load("spectrum.nc"))',
    ),
    Entry(
        "curvature", "Curvature along a run", "The largest eigenvalues and the trace by step.",
        "landscape curvature run.nc --along 9 -o along.nc",
        'ax = ll.plot(ll.load("along.nc"))',
    ),
    Entry(
        "trajectory", "A run", "What `landscape train` wrote.", "",
        'ax = ll.plot(ll.load("run.nc"), scale="log")',
    ),
    Entry(
        "diagnostic", "Diagnostics", "What `landscape diagnose` wrote, a panel for each variable.",
        "landscape diagnose run.nc layer_gradients -o measured.nc",
        'ax = ll.plot(ll.load("measured_layer_gradients.nc"))',
    ),
)  # fmt: skip


def page() -> Iterator[str]:
    """The parts of the page; draws each picture on the way."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    import landscape_core as lc
    import landscape_lab as ll
    from landscape_lab.figures.matplotlib.base import kinds

    torch.set_num_threads(1)
    torch.random.default_generator.manual_seed(0)
    known = {"ll": ll, "lc": lc, "torch": torch, "plt": plt}
    yield HEAD.format(kinds=", ".join(f"`{name}`" for name in kinds()))
    for entry in ENTRIES:
        for command in entry.commands.splitlines():
            _run(command)
        exec(entry.code, known)
        _write(known["ax"], HERE / PICTURES / f"{entry.name}.png")
        plt.close("all")
        yield f"\n## {entry.title}\n\n{entry.words}\n"
        if entry.commands:
            yield f"\n```\n{entry.commands}\n```\n"
        yield f"\n```python\n{entry.code}\n```\n"
        yield f"\n![{entry.title}]({PICTURES}/{entry.name}.png)\n"
    yield TAIL


def _run(command: str) -> None:
    with contextlib.redirect_stdout(io.StringIO()):
        code = main(shlex.split(command)[1:])
    if code:
        sys.exit(f"{command}: exit code {code}")


def _write(axes: Any, target: Path) -> None:
    """Write the figure with few colours, which make it small."""
    drawn = io.BytesIO()
    axes.figure.savefig(drawn, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})
    picture = Image.open(drawn).convert("RGB")
    # The colours of small signs would be lost among those of the landscape.
    signs = [*theme.TIME, theme.CURRENT, theme.BEST, theme.ACCENT, *theme.CLASSES]
    signs += [*theme.SPLITS.values(), theme.HALO, theme.INK, theme.MUTED]
    most = picture.quantize(COLORS, dither=Image.Dither.NONE).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette(most[: 3 * COLORS] + [one for sign in signs for one in _bytes(sign)])
    few = picture.quantize(palette=palette, dither=Image.Dither.NONE)
    few.save(target, "PNG", optimize=True)


def _bytes(color: str) -> bytes:
    return bytes.fromhex(color.removeprefix("#"))


if __name__ == "__main__":
    (HERE / PICTURES).mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LANDSCAPE_CACHE"] = f"{folder}/cache"
        with contextlib.chdir(folder):
            text = "".join(page())
    (HERE / "plotting.md").write_text(text, encoding="utf-8")
