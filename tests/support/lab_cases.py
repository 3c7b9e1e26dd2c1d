"""A made-up dataset of a lab with every kind of picture."""

import numpy as np
import xarray as xr

from landscape_core.experiments import lab_pictures as p
from landscape_core.experiments import picture_attributes

STEPS, SEEDS = 7, 3


def pictures() -> tuple[p.Picture, ...]:
    """A declaration of each kind, and some with other axes or parts."""
    return (
        p.Curves(
            title="Curves", x="step", y=("loss",), by="method", x_label="step", y_label="loss",
            x_scale="log", y_scale="log", shaded="on", shaded_label="warm-up",
            guides=(p.Guide(label="slope −1", slope=-1.0), p.Guide(label="level", level=0.1)),
        ),
        p.Curves(title="Symmetric", x="step", y=("drift", "loss_low"), y_scale="symlog",
                 markers=True, guides=(p.Guide(label="start", at=2.0),)),
        p.HeatMap(title="Heat map", x="rate", y="width", value="map", value_label="accuracy",
                  x_scale="log", y_scale="log"),
        p.Bars(title="Bars", x="method", value="height", theory="stated"),
        p.Histogram(title="Histogram", value="weights", sample="neuron", density="density",
                    density_x="grid"),
        p.Ridge(title="Ridge", x="grid", value="spectra", by="method"),
        p.Violin(title="Violin", x="method", value="spread", sample="neuron"),
        p.Arrows(title="Arrows", x="ax", y="ay", color="sign", frame="step"),
        p.Arrows(title="Dots", x="ax", y="ay", dots=True, size="size", contour="bowl",
                 contour_x="alpha", contour_y="beta", frame="step"),
        p.Paths(title="Paths", x="px", y="py", along="step", by="method", field_x="fx",
                field_y="fy", ground_x="alpha", ground_y="beta"),
        p.Graph(title="Graph", x="gx", y="gy", node="neuron", size="size1", source="from",
                target="to"),
        p.Strip(title="Strip", x="step", value="busy", by="worker", value_label="task"),
        p.Landscape(title="Landscape", value="bowls", by="method", path_x="px", path_y="py",
                    along="step"),
        p.Matrix(title="Matrix", value="matrix", row="row", column="column", kept="kept"),
        p.Function(title="Function", x="grid", y=("output",), by="method", points_x="ex",
                   points_y="ey", ticks="kinks", frame="step"),
    )  # fmt: skip


def dataset(known: int = STEPS) -> xr.Dataset:
    """The dataset while so many steps are known; what comes later is NaN."""
    drawn = np.random.default_rng(0)

    def values(**sizes: int) -> tuple[tuple[str, ...], np.ndarray]:
        found = drawn.normal(size=tuple(sizes.values()))
        if "step" in sizes:
            axis = list(sizes).index("step")
            np.moveaxis(found, axis, 0)[known:] = np.nan
        return tuple(sizes), found

    def positive(**sizes: int) -> tuple[tuple[str, ...], np.ndarray]:
        dims, found = values(**sizes)
        return dims, np.exp(found)

    alpha, beta = np.linspace(-1, 1, 9), np.linspace(-2, 2, 8)
    bowl = beta[:, None] ** 2 + alpha**2 + 0.1
    seeds = {"seed": SEEDS}
    variables = {
        "loss": positive(**seeds, method=2, step=STEPS),
        "loss_low": values(**seeds, step=STEPS),
        "drift": values(**seeds, step=STEPS),
        "on": (("seed", "step"), np.tile((np.arange(STEPS) < 2).astype(float), (SEEDS, 1))),
        "map": values(**seeds, width=4, rate=5),
        "height": positive(**seeds, method=2),
        "stated": (("method",), np.array([1.0, 2.0])),
        "weights": values(**seeds, neuron=30),
        "density": positive(grid=11),
        "spectra": positive(**seeds, method=2, grid=11),
        "spread": values(**seeds, method=2, neuron=30),
        "ax": values(**seeds, step=STEPS, neuron=30),
        "ay": values(**seeds, step=STEPS, neuron=30),
        "sign": values(**seeds, neuron=30),
        "size": positive(**seeds, step=STEPS, neuron=30),
        "bowl": (("beta", "alpha"), bowl),
        "px": values(**seeds, method=2, step=STEPS),
        "py": values(**seeds, method=2, step=STEPS),
        "fx": (("beta", "alpha"), -np.broadcast_to(alpha, bowl.shape).copy()),
        "fy": (("beta", "alpha"), -np.broadcast_to(beta[:, None], bowl.shape).copy()),
        "gx": values(neuron=30),
        "gy": values(neuron=30),
        "size1": positive(**seeds, neuron=30),
        "from": (("edge",), np.arange(20.0)),
        "to": (("edge",), np.arange(20.0)[::-1].copy()),
        "busy": values(**seeds, worker=3, step=STEPS),
        "bowls": (("method", "beta", "alpha"), np.stack([bowl, 3 * bowl])),
        "matrix": values(**seeds, row=6, column=6),
        "kept": (("row", "column"), np.eye(6)),
        "output": values(**seeds, method=2, step=STEPS, grid=11),
        "ex": (("example",), np.linspace(-1, 1, 5)),
        "ey": (("example",), np.linspace(-1, 1, 5) ** 2),
        "kinks": values(**seeds, step=STEPS, neuron=30),
        "effect": values(**seeds),
    }
    coordinates = {
        "step": 2.0 ** np.arange(STEPS), "method": ["SGD", "Adam"], "alpha": alpha, "beta": beta,
        "rate": np.geomspace(1e-3, 1, 5), "width": np.geomspace(8, 64, 4),
        "grid": np.linspace(-3, 3, 11), "worker": ["a", "b", "c"], "seed": np.arange(SEEDS),
    }  # fmt: skip
    found = xr.Dataset(
        variables, coordinates, {"title": "Made up", **picture_attributes.attribute(pictures())}
    )
    picture_attributes.check(found, pictures())
    return found
