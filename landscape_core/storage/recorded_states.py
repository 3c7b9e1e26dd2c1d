"""The states of a network that were recorded in training, in one file of netCDF.

Each row of `state` (step, value) and `state_integer` (step, integer) holds the tensors of a state
dictionary laid end to end; `tensor`, `tensor_shape` and `tensor_dtype` (tensor) list these.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, final, overload

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import Tensor

from landscape_core.foundation.errors import FileFormatError, SpecError
from landscape_core.storage import netcdf

FLOATS = {str(kind).removeprefix("torch."): kind for kind in (
    torch.float16, torch.bfloat16, torch.float32, torch.float64
)}  # fmt: skip
INTEGERS = {str(kind).removeprefix("torch."): kind for kind in (
    torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64
)}  # fmt: skip
"""The types of tensors that are recorded, by their names."""

Rows = tuple[npt.NDArray[Any], npt.NDArray[Any]]
"""The floating-point numbers and the integers of a state."""

ENDING = ".nc"

PROJECTED = "projected_state"
"""The variable of a file that holds random projections of the states in place of these."""


@dataclass(frozen=True)
class StateLayout:
    """The tensors of a state dictionary in order: name, shape and type of each."""

    names: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    kinds: tuple[str, ...]

    @classmethod
    def of(cls, state: Mapping[str, Any]) -> "StateLayout":
        """The layout of the tensors of a state.

        Raises:
            SpecError: a tensor is of a type that is not recorded.
        """
        tensors = {name: value for name, value in state.items() if isinstance(value, Tensor)}
        kinds = [str(value.dtype).removeprefix("torch.") for value in tensors.values()]
        for name, kind in zip(tensors, kinds, strict=True):
            if kind not in FLOATS and kind not in INTEGERS:
                accepted = f"one of {', '.join((*FLOATS, *INTEGERS))}"
                raise SpecError(f"the type of {name}", kind, accepted)
        return cls(
            tuple(tensors), tuple(tuple(one.shape) for one in tensors.values()), tuple(kinds)
        )

    @property
    def is_valid(self) -> bool:
        """Whether all types are known and no name occurs twice."""
        known = set(self.kinds) <= {*FLOATS, *INTEGERS}
        return known and len(set(self.names)) == len(self.names)

    @property
    def sizes(self) -> tuple[int, int]:
        """How many floating-point numbers and how many integers a state has."""
        sizes = [math.prod(shape) for shape in self.shapes]
        of_floats = sum(s for s, kind in zip(sizes, self.kinds, strict=True) if kind in FLOATS)
        return of_floats, sum(sizes) - of_floats

    @property
    def stored(self) -> str:
        """The type in which floating-point numbers are kept without loss."""
        return "float64" if "float64" in self.kinds else "float32"

    def rows(self, state: Mapping[str, Any]) -> Rows:
        """Copies of the numbers of a state on the processor."""
        flat = [state[name].detach().cpu().reshape(-1) for name in self.names]
        pairs = list(zip(flat, self.kinds, strict=True))
        floats = [one.to(FLOATS[self.stored]) for one, kind in pairs if kind in FLOATS]
        integers = [one.to(torch.int64) for one, kind in pairs if kind in INTEGERS]
        return _joined(floats, FLOATS[self.stored]), _joined(integers, torch.int64)

    def state(self, rows: Rows) -> dict[str, Tensor]:
        """The tensors with the numbers of a state, by name, in their types."""
        found, starts = {}, [0, 0]
        for name, shape, kind in zip(self.names, self.shapes, self.kinds, strict=True):
            at, size = int(kind in INTEGERS), math.prod(shape)
            part = rows[at][starts[at] : starts[at] + size]
            starts[at] += size
            tensor = torch.tensor(part).reshape(shape)
            found[name] = tensor.to((INTEGERS if at else FLOATS)[kind])
        return found


@final
@dataclass(frozen=True, eq=False)
class RecordedStates(Sequence[Mapping[str, Any]]):
    """The state dictionaries of a recorded file, and after how many steps each was recorded."""

    layout: StateLayout
    steps: npt.NDArray[Any]
    floats: npt.NDArray[Any]
    integers: npt.NDArray[Any]
    file: str

    def __len__(self) -> int:
        """The number of recorded states."""
        return len(self.steps)

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "RecordedStates": ...
    def __getitem__(self, index: int | slice) -> "Mapping[str, Any] | RecordedStates":
        """One state dictionary, or fewer states."""
        parts = self.steps[index], self.floats[index], self.integers[index]
        if isinstance(index, slice):
            return RecordedStates(self.layout, *parts, self.file)
        return self.layout.state(parts[1:])

    def dataset(self) -> xr.Dataset:
        """The states as they are written into a file."""
        columns, names = layout_variables(self.layout)
        columns["state"] = (("step", "value"), self.floats)
        if self.integers.shape[1]:
            columns["state_integer"] = (("step", "integer"), self.integers)
        return xr.Dataset(columns, {"step": self.steps, "tensor": names})


def recorded_states(path: Path) -> RecordedStates:
    """The states in a file that `record` has written.

    Raises:
        MissingDataError: there is no such file.
        FileFormatError: it is none of netCDF, damaged, or holds no recorded states.
    """
    return states_in(netcdf.load(path), path)


def states_in(found: xr.Dataset, path: Path) -> RecordedStates:
    """The states that the dataset of a file holds; errors as of `recorded_states`."""
    if PROJECTED in found:
        raise FileFormatError(
            f"{path} holds random projections of the states, not the states, which are needed here;"
            " `record` without `projection=` keeps them. `landscape(..., path=)` takes the file."
        )
    if not {"state", "tensor", "tensor_shape", "tensor_dtype", "step"} <= set(found.variables):
        raise FileFormatError(f"{path} holds no recorded states; `record` writes them.")
    try:
        layout = layout_in(found)
        steps, floats = found["step"].values, found["state"].values
        nothing = np.zeros((len(steps), 0), np.int64)
        integers = found["state_integer"].values if "state_integer" in found else nothing
    except (ValueError, TypeError) as error:
        raise FileFormatError(f"{path} is a damaged file of recorded states.") from error
    rows = tuple((len(steps), size) for size in layout.sizes)
    kinds = steps.dtype.kind + floats.dtype.kind + integers.dtype.kind
    unique = len(set(steps.flat)) == steps.size
    if (
        not layout.is_valid
        or not unique
        or kinds != "ifi"
        or (floats.shape, integers.shape) != rows
    ):
        raise FileFormatError(f"{path} is a damaged file of recorded states.")
    return RecordedStates(layout, steps, floats, integers, str(path))


def layout_variables(layout: StateLayout) -> tuple[dict[str, Any], npt.NDArray[Any]]:
    """The variables of a file that state a layout, and the names of its tensors."""
    shapes = [",".join(map(str, shape)) for shape in layout.shapes]
    columns = {
        "tensor_shape": ("tensor", np.array(shapes, dtype=str)),
        "tensor_dtype": ("tensor", np.array(layout.kinds, dtype=str)),
    }
    return columns, np.array(layout.names, dtype=str)


def layout_in(found: xr.Dataset) -> StateLayout:
    """The layout that a file states.

    Raises:
        KeyError, ValueError: it states none.
    """
    return StateLayout(
        tuple(map(str, found["tensor"].values)),
        tuple(_shape(str(text)) for text in found["tensor_shape"].values),
        tuple(map(str, found["tensor_dtype"].values)),
    )


def _shape(text: str) -> tuple[int, ...]:
    shape = tuple(int(size) for size in text.split(",") if text)
    if any(not 0 <= size < 2**40 for size in shape) or len(shape) > 64:
        raise ValueError(text)
    return shape


def _joined(parts: list[Tensor], kind: torch.dtype) -> npt.NDArray[Any]:
    return (torch.cat(parts) if parts else torch.zeros(0, dtype=kind)).numpy(force=True)
