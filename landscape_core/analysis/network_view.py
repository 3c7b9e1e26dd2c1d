"""What a network is at a point: units, weights, filters, misread examples, a graph, or players."""

from collections.abc import Mapping, Sequence

import xarray as xr
from torch import Tensor

from landscape_core.analysis.decision_boundary import drawable
from landscape_core.analysis.network_dataset import NetworkPoint, network_dataset
from landscape_core.analysis.network_graph import GraphView
from landscape_core.analysis.network_parameters import MOST_PARAMETERS, ParametersView, PlayersView
from landscape_core.analysis.network_units import UnitsView
from landscape_core.analysis.network_weights import WeightsView
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.types import Vector, Vectors
from landscape_core.models.games import value as value_of_game
from landscape_core.models.graph_convolution import GCN
from landscape_core.models.losses.base import Loss
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.problems.base import Instance

MOST_WEIGHTS = 20_000_000
"""Parameters of a network that is copied to be read, at most."""

NO_NETWORK = "This problem has no network: its loss is a function of the parameters alone."
TOO_LARGE = "The network has more than {most:,} parameters and is not drawn."
NO_INPUTS = (
    "The inputs of this network, of the shape {shape}, cannot be drawn. The curves, the landscape"
    " and the other side panels show the run."
)


class Nothing:
    """Of a problem of which there is nothing to show."""

    def __init__(self, why: str) -> None:
        """Keep the reason."""
        self._why = why

    def at(self, point: NetworkPoint) -> xr.Dataset:
        """The dataset of the kind `nothing`, with the reason as its attribute `why`."""
        del point
        return network_dataset("nothing", {}, why=self._why)


View = UnitsView | WeightsView | GraphView | PlayersView | ParametersView | Nothing
"""A way to show a network, prepared for a problem; `at` gives the dataset at a point."""


class NetworkView:
    """The network of a problem, prepared once and read at one point after another."""

    def __init__(self, instance: Instance, image_shape: tuple[int, int] | None = None) -> None:
        """Choose by the problem what is shown of it.

        Args:
            instance: the problem.
            image_shape: rows and columns of the images whose pixels input vectors are.
        """
        self._view = _chosen(instance, image_shape)

    @public_call
    def at(
        self,
        theta: Vector,
        buffers: Mapping[str, Tensor],
        thetas: Vectors | None = None,
        steps: Sequence[int] = (0,),
    ) -> xr.Dataset:
        """What the network is at theta; `network_dataset` names kinds and variables.

        Args:
            theta: the parameters, (P,).
            buffers: running statistics.
            thetas: the recorded trajectory (T, P), for the paths of players; by default theta.
            steps: of the trajectory, T numbers.
        """
        path = theta[None] if thetas is None else thetas
        return self._view.at(NetworkPoint(theta, dict(buffers), path, tuple(steps)))


def _chosen(instance: Instance, image_shape: tuple[int, int] | None) -> View:
    objective, data = instance.train, instance.data
    if not isinstance(objective, ModelObjective):
        return Nothing(NO_NETWORK)
    if objective.loss_function is value_of_game and objective.field is not None:
        return PlayersView(objective)
    size = objective.layout.size
    if size > MOST_WEIGHTS:
        return Nothing(TOO_LARGE.format(most=MOST_WEIGHTS))
    module = objective.module
    if isinstance(module, GCN) and data is not None and isinstance(objective.loss_function, Loss):
        return GraphView(objective, module, data)
    if data is None:
        return ParametersView(objective.layout) if size <= MOST_PARAMETERS else Nothing(NO_NETWORK)
    if drawable(data):
        return UnitsView(objective, data)
    if data.train.inputs.is_floating_point() and 1 <= len(data.input_shape) <= 3:
        return WeightsView(instance, objective, data, image_shape)
    return Nothing(NO_INPUTS.format(shape=data.input_shape))
