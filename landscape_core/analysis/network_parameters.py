"""Problems without a network to see: the players of a game with their paths, or the parameters."""

from itertools import product

import numpy as np
import torch
import xarray as xr

from landscape_core.analysis.network_dataset import (
    MOST_UNITS,
    Column,
    NetworkPoint,
    column,
    network_dataset,
)
from landscape_core.models.games import maximizes
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.parameters import Layout

MOST_PARAMETERS = 24
"""Parameters of a problem without inputs that are included, at most."""

MOST_STEPS = 400
"""Recorded steps of a game's paths that are included, evenly chosen."""


class PlayersView:
    """The paths of the two players of a game."""

    def __init__(self, objective: ModelObjective) -> None:
        """Tell the variables of the players apart."""
        second = maximizes(objective.layout).numpy()
        few = [np.flatnonzero(second == which)[:MOST_UNITS] for which in (False, True)]
        self._shown = np.concatenate(few)
        self._player = second[self._shown].astype(int) + 1
        self._named = _named(objective.layout, self._shown)
        self._counts = [int((second == which).sum()) for which in (False, True)]

    def at(self, point: NetworkPoint) -> xr.Dataset:
        """The dataset of the kind `players`: `value` (step, parameter), and `now` at the point.

        The first player minimizes the value of the game, the second maximizes it.
        """
        chosen = _evenly(len(point.steps), MOST_STEPS)
        shown = torch.from_numpy(self._shown).to(point.theta.device)
        value = point.thetas[torch.from_numpy(chosen).to(point.thetas.device)][:, shown]
        columns = {
            "value": column(("step", "parameter"), value, "1", "variable along the run"),
            "now": column(("parameter",), point.theta[shown], "1", "variable at the point"),
            "player": column(("parameter",), self._player, "1", "player whose variable it is"),
            **self._named,
        }
        steps = np.array(point.steps)[chosen]
        counts = {"first_variables": self._counts[0], "second_variables": self._counts[1]}
        return network_dataset("players", columns, {"step": steps}, **counts)


class ParametersView:
    """The parameters of a problem that has only a few."""

    def __init__(self, layout: Layout) -> None:
        """Name the parameters."""
        self._named, self._size = _named(layout, np.arange(layout.size)), layout.size

    def at(self, point: NetworkPoint) -> xr.Dataset:
        """The dataset of the kind `parameters`: `now` (parameter) at the point."""
        now = column(("parameter",), point.theta, "1", "parameter at the point")
        return network_dataset("parameters", {"now": now, **self._named}, parameters=self._size)


def _named(layout: Layout, shown: np.ndarray) -> dict[str, Column]:
    """The tensor and the index of each of these entries of the vector of parameters."""
    places = [
        (block.name, ",".join(map(str, index)))
        for block in layout.blocks
        for index in product(*map(range, block.shape))
    ]
    few = [places[at] for at in shown]
    per = ("parameter",)
    return {
        "tensor": column(per, [one[0] for one in few], "1", "tensor of the parameter"),
        "index": column(per, [one[1] for one in few], "1", "index in the tensor"),
    }


def _evenly(count: int, most: int) -> np.ndarray:
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))
