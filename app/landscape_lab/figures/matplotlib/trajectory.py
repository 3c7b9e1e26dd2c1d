"""A recorded run: loss and accuracy by step."""

from typing import Any, ClassVar

import xarray as xr

from landscape_lab.figures import theme
from landscape_lab.figures.annotations import part_of
from landscape_lab.figures.matplotlib.base import Drawing, Place, PlotOptions
from landscape_lab.figures.matplotlib.curves import finish, split_color
from landscape_lab.figures.matplotlib.paper import HEIGHT, WIDTH
from landscape_lab.figures.slice_parts import part, splits_of

MEASURES = ("loss", "accuracy")


class Trajectory(Drawing[xr.Dataset]):
    """The loss above the accuracy, of each split or of the one asked for."""

    rank: ClassVar[int] = 80
    needs: ClassVar[str] = "a trajectory: loss (split, step)"

    def draws(self, dataset: object) -> bool:
        return isinstance(dataset, xr.Dataset) and bool(_measures(dataset))

    def variables(self, dataset: xr.Dataset) -> list[str]:
        return ["", *_measures(dataset)]

    def size(self, dataset: xr.Dataset) -> tuple[float, float]:
        return WIDTH, HEIGHT * (0.9 if len(_measures(dataset)) > 1 else 0.7)

    def draw(self, place: Place, dataset: xr.Dataset, options: PlotOptions) -> Any:
        names = [options.variable] if options.variable else _measures(dataset)
        if not place.is_whole:
            names = names[:1]
        if len(names) > 1:
            every = list(place.panels(len(names), 1, height_ratios=(2, 1))[:, 0])
        else:
            every = [place.axes()]
        for axes, name in zip(every, names, strict=True):
            if name == "loss" and "batch_loss" in dataset:
                axes.plot(
                    dataset["step"], dataset["batch_loss"], color=theme.BATCH, linewidth=0.8,
                    label="mini-batch",
                )  # fmt: skip
            for split in [options.split] if options.split else splits_of(dataset) or [""]:
                values = part(dataset[name], split)
                axes.plot(
                    dataset["step"], values, color=split_color(split), linewidth=1.6,
                    label=(part_of(split) or name) + _sample(dataset, split),
                )  # fmt: skip
                _error_on(axes, dataset, name, split)
            finish(axes, name, options if name == names[0] else PlotOptions())
            axes.tick_params(labelbottom=axes is every[-1])
        every[-1].set_xlabel("step")
        every[0].legend(frameon=False, fontsize="small")
        return every[0]


def _sample(dataset: xr.Dataset, split: str) -> str:
    """On how many examples a split was measured: ` (96 of 8,000 examples)`; empty: on all."""
    if "examples" not in dataset:
        return ""
    count, total = (int(part(dataset[n], split)[0]) for n in ("examples", "examples_of"))
    return f" ({count:,} of {total:,} examples)" if count < total else ""


def _error_on(axes: Any, dataset: xr.Dataset, name: str, split: str) -> None:
    """A band of one standard error, where a measure is that of a sample."""
    if f"{name}_standard_error" not in dataset:
        return
    values, error = (part(dataset[n], split).values for n in (name, f"{name}_standard_error"))
    axes.fill_between(
        dataset["step"], values - error, values + error, color=split_color(split), alpha=0.2,
        linewidth=0,
    )  # fmt: skip


def _measures(dataset: xr.Dataset) -> list[str]:
    """The measures that are known by step."""
    return [
        name
        for name in MEASURES
        if name in dataset
        and "step" in dataset[name].dims
        and set(dataset[name].dims) <= {"split", "step"}
    ]
