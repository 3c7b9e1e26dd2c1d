"""Which buffers a network has at the points of a plane, and what a slice says of them."""

import warnings
from collections.abc import Mapping
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from landscape_core.foundation.errors import SpecError
from landscape_core.models.batch_norm import CENTRE, MEANINGS, NETWORK, UNKNOWN, USUAL, BatchNorm
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.plane import Plane

ACCEPTED = (
    "running, batch or reestimated: this plane does not go through several states of the network"
    " whose buffers are known"
)

NOT_FOUND = (
    "{} changes nothing: the network has no layer of torch's batch normalization, and its other"
    " buffers are used as they are."
)


def named_choice(word: str) -> BatchNorm | None:
    """The choice that a recipe's field names; None: what is usual on the plane."""
    return None if word == USUAL else cast(BatchNorm, word)


def with_statistics(
    parts: Mapping[str, ModelObjective],
    plane: Plane,
    asked: BatchNorm | None,
    field: str = "batch_norm",
) -> dict[str, ModelObjective]:
    """The parts with the statistics that were asked for, or with those that are usual on a plane.

    Args:
        parts: the data, by the name of its split.
        plane: where they are evaluated.
        asked: the choice; by default each part's own but for `running`, in whose place there is
            `interpolated` where the plane moves buffers.
        field: what the choice is called in an error.

    Raises:
        SpecError: `interpolated`, where the buffers of several states are not known.
    """
    found = {name: _chosen(part, plane, asked, field) for name, part in parts.items()}
    first = next(iter(found.values()))
    numbers = any(one.is_floating_point() for one in first.buffers.values())
    if asked not in (None, "running") and numbers and named(first, plane) == "none":
        warnings.warn(NOT_FOUND.format(f"{field}={asked!r}"), stacklevel=3)
    return found


def _chosen(
    part: ModelObjective, plane: Plane, asked: BatchNorm | None, field: str
) -> ModelObjective:
    choice = asked or part.batch_norm
    moving = plane.buffers
    if asked is None and choice == "running" and moving is not None and moving.moves:
        choice = "interpolated"
    if choice != "interpolated":
        return part if choice == part.batch_norm else part.with_batch_norm(choice)
    if moving is None or plane.states < 2:
        raise SpecError(field, choice, ACCEPTED)
    return part.with_buffers(moving.origin).with_batch_norm(choice)


def at_coord(part: ModelObjective, plane: Plane, coord: Float[Tensor, " D"]) -> ModelObjective:
    """A part with the buffers that it has at a point of the plane."""
    if part.batch_norm != "interpolated" or plane.buffers is None:
        return part
    return part.with_buffers(plane.buffers.at(coord))


def named(part: ModelObjective, plane: Plane) -> str:
    """The choice of statistics, as a slice names it; `none` where it changes nothing."""
    moves = part.batch_norm == "interpolated" and plane.buffers and plane.buffers.moves
    return part.batch_norm if part.normalizes or moves else "none"


def of_given_network(said: str, part: ModelObjective, plane: Plane) -> str:
    """What `description` says, of a part whose start is the network that was given.

    Stored statistics are those of that network, which need not be the centre of the plane.
    """
    if plane.buffers is not None or torch.equal(plane.origin.to(part.start), part.start):
        return said
    return said.replace(CENTRE, NETWORK)


def description(part: ModelObjective, plane: Plane) -> str:
    """What the statistics at the points are, in words; nothing of a network that has none."""
    moves = part.batch_norm == "interpolated" and plane.buffers and plane.buffers.moves
    if not (part.normalizes and part.buffers) and not moves:
        return ""
    if part.batch_norm == "running" and plane.states > 1 and plane.buffers is None:
        return UNKNOWN
    return MEANINGS[part.batch_norm]
