"""Parameters and vectors of one's own, read from files."""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from landscape_core import schema
from landscape_core.errors import FileFormatError, MissingDataError, PlaneError, SpecError
from landscape_core.params import Layout
from landscape_core.types import Vector, Vectors

READ = ".pt, .pth (torch.save), .npy (numpy.save) or .nc (landscape train)"


def parameters(file: str, field: str, layout: Layout) -> Vector:
    """The flat parameter vector in a file, shape (P,), on the CPU.

    Raises:
        SpecError: no file is named, or one of an unknown kind.
        MissingDataError: no such file.
        FileFormatError: it cannot be read.
        PlaneError: it holds the parameters of another network, or NaN or infinity.
    """
    found = _content(file, field)
    if isinstance(found, Mapping):
        try:
            vector = layout.join(found)
        except SpecError as error:
            raise PlaneError(f"{file} holds another network's parameters: {error}") from error
    else:
        vector = found[-1] if found.ndim == 2 else found.reshape(-1)
    if len(vector) != layout.size:
        raise PlaneError(f"{file} holds {len(vector)} parameters; this network has {layout.size}.")
    return _finite(vector, file)


def vectors(file: str, field: str) -> Vectors:
    """The vectors (D, P) in a file; a single one is D = 1. Raises as `parameters` does."""
    found = _content(file, field)
    if isinstance(found, Mapping) or found.ndim > 2:
        raise FileFormatError(f"{file} must hold an array of shape (D, P) or (P,).")
    return _finite(found.reshape(-1, found.shape[-1]), file)


def _content(file: str, field: str) -> Mapping[str, Tensor] | Tensor:
    path = Path(file)
    if not file:
        raise SpecError(field, file, f"the name of a file: {READ}")
    if not path.is_file():
        raise MissingDataError(f"{field}: there is no file {file}.")
    found = _read(path, field)
    if isinstance(found, Mapping) or (torch.is_tensor(found) and found.ndim > 0):
        return found
    raise FileFormatError(f"{file} holds no parameters but {type(found).__name__}.")


def _read(path: Path, field: str) -> Any:
    try:
        if path.suffix in (".pt", ".pth"):
            return torch.load(path, map_location="cpu", weights_only=True)
        if path.suffix == ".npy":
            return torch.from_numpy(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        raise FileFormatError(f"{path} cannot be read: {error}") from error
    if path.suffix == ".nc":
        dataset = schema.load(path)
        if "theta" not in dataset:
            raise FileFormatError(f"{path} holds no trajectory.")
        return torch.from_numpy(dataset["theta"].values)
    raise SpecError(field, str(path), f"a file of the kind {READ}")


def _finite(found: Tensor, file: str) -> Tensor:
    if not bool(found.isfinite().all()):
        raise PlaneError(f"{file} holds NaN or infinity; directions must be finite.")
    return found
