"""How far the values of a tool are from the loss in float64."""

import numpy as np
import torch

from peers.work import Evaluation, Work, flat


def disagreement(work: Work, found: Evaluation, *, every: int = 1) -> tuple[float, float]:
    """Largest relative errors where the tool claims its values to be, and where it went.

    Against a plain loop in float64 over every `every`-th value that the tool did not replace.
    """
    chosen = np.flatnonzero(found.genuine.ravel())[::every]
    values = found.values.ravel()[chosen]

    def error(coordinates: np.ndarray) -> float:
        truth = plain_loop(work, found.axes, coordinates.reshape(2, -1)[:, chosen].T)
        return float(np.max(np.abs(values - truth) / np.abs(truth)))

    at_visited = error(found.visited)
    same = np.allclose(found.claimed, found.visited, rtol=0, atol=1e-12)
    return (at_visited if same else error(found.claimed)), at_visited


@torch.no_grad()
def plain_loop(work: Work, axes: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
    """The loss in float64 at each row of the coordinates, by `load_state_dict`, shape (K,)."""
    network = work.network().double()
    names = [name for name, _ in network.named_parameters()]
    shapes = [parameter.shape for parameter in network.parameters()]
    sizes = [shape.numel() for shape in shapes]
    origin, inputs = flat(list(network.parameters())), work.inputs.double()
    targets = work.targets.double() if work.targets.is_floating_point() else work.targets
    losses = []
    for coordinate in coordinates:
        parts = torch.from_numpy(origin + coordinate @ axes).split(sizes)
        state = {n: p.view(s) for n, p, s in zip(names, parts, shapes, strict=True)}
        network.load_state_dict(state, strict=False)
        losses.append(work.mean_loss(network(inputs), targets).item())
    return np.array(losses)
