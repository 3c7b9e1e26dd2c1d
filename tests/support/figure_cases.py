"""Slices, paths and curves to draw, and what a figure sends to the browser."""

import numpy as np
import xarray as xr
from bokeh.document import Document
from bokeh.models import Legend
from bokeh.protocol import Protocol

N = 51


def slice_of(height, n=N, ends=((-1.0, 1.0), (-2.0, 3.0)), splits=("train", "test")):
    """A slice of a function of alpha and beta; the test loss is twice the training loss."""
    alpha, beta = (np.linspace(*side, n) for side in ends)
    loss = height(*np.meshgrid(alpha, beta))
    computed = np.zeros((n, n), bool)
    computed[::2, ::2] = True
    return xr.Dataset(
        {
            "loss": (("split", "beta", "alpha"), np.stack([loss, 2 * loss][: len(splits)])),
            "accuracy": (("split", "beta", "alpha"), np.stack([np.exp(-loss)] * len(splits))),
            "computed": (("beta", "alpha"), computed),
        },
        {
            "split": list(splits),
            "alpha": ("alpha", alpha, {"long_name": "PC1 (71 % of the variance)"}),
            "beta": ("beta", beta, {"long_name": "PC2 (18 % of the variance)"}),
        },
        {"examples": [300] * len(splits), "batch_norm": "running", "engine_version": 1},
    )


def valley(alpha, beta):
    return 0.02 + 3 * (alpha - 0.3) ** 2 + 10 * (beta - alpha**2) ** 2


def path_to(alpha, beta, count=41, every=5):
    way = np.linspace(0, 1, count)
    return xr.Dataset(
        {
            "alpha": ("step", alpha * way - 0.5),
            "beta": ("step", beta * way + 0.25),
            "loss": ("step", np.exp(-way)),
            "distance": ("step", np.zeros(count)),
        },
        {"step": np.arange(count) * every},
    )


def sent(view, act):
    """What an action sends to the browser: the changed models, and the number of bytes."""
    document = Document()
    document.add_root(view.figure)
    events = []
    heard = events.append
    document.on_change(heard)
    act()
    document.remove_on_change(heard)
    document.remove_root(view.figure)
    if not events:
        return [], 0
    message = Protocol().create("PATCH-DOC", events)
    size = len(message.content_json) + sum(len(buffer.to_bytes()) for buffer in message.buffers)
    return [event.model for event in events], size


def curves_of(count, *, accuracy=True):
    rng = np.random.default_rng(0)
    loss = np.exp(-np.arange(count) / count) + 0.01 * rng.random(count)
    columns = {
        "loss": (("split", "step"), np.stack([loss, loss + 0.5])),
        "batch_loss": ("step", loss * (1 + 0.1 * rng.normal(size=count))),
    }
    if accuracy:
        columns["accuracy"] = (("split", "step"), np.stack([1 - loss / 3, 1 - loss / 2]))
    return xr.Dataset(columns, {"split": ["train", "test"], "step": 3 * np.arange(count)})


def explained_in(figure):
    """The words of a figure's legends that can be seen."""
    legends = (legend for legend in figure.select(Legend) if legend.visible)
    return [item.label.value for legend in legends for item in legend.items if item.visible]
