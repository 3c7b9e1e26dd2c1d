"""Parameters and direction vectors read from files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from landscape_core.foundation.errors import (
    FileFormatError,
    LandscapeError,
    MissingDataError,
    PlaneError,
    SpecError,
)
from landscape_core.foundation.types import Vectors
from landscape_core.models.flat_buffers import named_buffers_of
from landscape_core.models.network_objective import ModelObjective
from landscape_core.planes.direction_tensors import vectors_and_buffers
from landscape_core.planes.directions.base import Viewpoint
from landscape_core.planes.moving_buffers import MovingBuffers
from landscape_core.planes.network_state import NetworkState, state_in
from landscape_core.storage import loss_landscape_h5, netcdf
from landscape_core.storage.bounded_files import numpy_array
from landscape_core.storage.checkpoint_places import ENDINGS
from landscape_core.storage.checkpoints import checkpoint_content
from landscape_core.storage.recorded_states import PROJECTED, recorded_states
from landscape_core.storage.state_entries import ENTRY

READ = f"{', '.join(ENDINGS)} (torch.save), .npy (numpy.save) or .nc (landscape train, record)"
VECTORS = f"{READ}, or .h5 (loss-landscape)"
ARRAY = "an array of shape (D, P) or (P,)"


def state(file: str, field: str, view: Viewpoint) -> NetworkState:
    """Read parameters from a file (the last row of an array) and the buffers, if it has any.

    The file holds all parameters of the network; those of fixed layers are dropped.

    Raises:
        SpecError: no file is given, or its type is unknown.
        MissingDataError: the file does not exist.
        FileFormatError: it cannot be read, or has other content.
        PlaneError: it holds parameters of a different network, or NaN or infinity.
    """
    found = _content(file, field)
    objective = view.objective
    if not isinstance(found, Mapping):
        return NetworkState(_moving(found, file, view)[-1], _recorded(file, view))
    try:
        if isinstance(objective, ModelObjective):
            read = state_in(found, objective)
        else:
            read = NetworkState(objective.layout.join(found), {})
    except SpecError as error:
        if error.field == ENTRY:
            remedy = "Such a state is a point of Plane.through(model, checkpoints(...)[0])."
            raise PlaneError(f"{file}: {error} {remedy}") from error
        raise PlaneError(f"{file} holds parameters of a different network: {error}") from error
    _finite(read.theta, file)
    return read


def vectors(file: str, field: str, view: Viewpoint) -> Vectors:
    """Read the vectors (D, P) in a file; fixed layers and errors as in `state`."""
    return directions(file, field, view)[0]


def directions(file: str, field: str, view: Viewpoint) -> tuple[Vectors, MovingBuffers | None]:
    """The vectors (D, P) in a file, and how buffers move along them, if any does.

    Buffers move only in a direction file (.h5) of states; fixed layers and errors as in `state`.
    """
    if loss_landscape_h5.is_named_so(Path(file)):
        tensors = loss_landscape_h5.read_directions(Path(file))
        return vectors_and_buffers(tensors, view.objective, view.whole, file)
    found = _content(file, field, VECTORS)
    if isinstance(found, Mapping):
        raise FileFormatError(f"{file} must hold {ARRAY}; it holds named tensors.")
    return _moving(found, file, view), None


def _moving(found: Tensor, file: str, view: Viewpoint) -> Vectors:
    """The rows of an array, restricted to the parameters that vary."""
    if found.ndim not in (1, 2) or not found.numel():
        raise FileFormatError(f"{file} must hold {ARRAY}; its shape is {tuple(found.shape)}.")
    rows = found.detach().reshape(-1, found.shape[-1])
    whole = view.whole or view.objective.layout
    if rows.shape[1] != whole.size:
        raise PlaneError(
            f"{file} holds vectors of length {rows.shape[1]}; the network has {whole.size}"
            " parameters."
        )
    names = {block.name for block in view.objective.layout.blocks}
    moving = [rows[:, b.start : b.stop] for b in whole.blocks if b.name in names]
    return _finite(torch.cat(moving, dim=1), file)


def _recorded(file: str, view: Viewpoint) -> Mapping[str, Tensor] | None:
    """The buffers at the end of a recorded run; else the given ones."""
    objective = view.objective
    if not isinstance(objective, ModelObjective) or not objective.buffers:
        return {}
    if view.whole is not None or Path(file).suffix != ".nc":
        return None
    path = netcdf.load(Path(file))
    if "buffer" not in path:
        return None
    try:
        return named_buffers_of(torch.from_numpy(path["buffer"].values[-1]), objective.buffers)
    except ValueError as error:
        raise PlaneError(f"{file} is a run of a different network: {error}") from error


def _content(file: str, field: str, accepted: str = READ) -> Mapping[Any, Any] | Tensor:
    path = Path(file)
    if not file:
        raise SpecError(field, file, f"a file name: {accepted}")
    if not path.is_file():
        raise MissingDataError(f"{field}: there is no file {file}.")
    found = _read(path, field, accepted)
    if isinstance(found, Mapping) or torch.is_tensor(found):
        return found
    raise FileFormatError(f"{file} holds {type(found).__name__}, not parameters.")


def _read(path: Path, field: str, accepted: str) -> Any:
    try:
        if path.name.lower().endswith(ENDINGS):
            return checkpoint_content(path)
        if path.suffix == ".npy":
            return torch.from_numpy(numpy_array(path))
    except LandscapeError:
        raise
    except (OSError, TypeError, ValueError, RuntimeError, AttributeError, KeyError) as error:
        raise FileFormatError(f"{path} cannot be read: {error}") from error
    if path.suffix == ".nc":
        dataset = netcdf.load(path)
        if "state" in dataset or PROJECTED in dataset:
            return recorded_states(path)[-1]
        if "theta" not in dataset:
            raise FileFormatError(f"{path} holds no trajectory.")
        return torch.from_numpy(dataset["theta"].values)
    raise SpecError(field, str(path), f"one of {accepted}")


def _finite(found: Tensor, file: str) -> Tensor:
    if found.is_complex() or found.dtype == torch.bool:
        raise FileFormatError(f"{file} must hold real numbers; it holds {found.dtype}.")
    if not bool(found.isfinite().all()):
        raise PlaneError(f"{file} holds NaN or infinity; directions must be finite.")
    return found
