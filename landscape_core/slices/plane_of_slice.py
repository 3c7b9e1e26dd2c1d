"""The plane of a slice, kept in its dataset or in the store, and read back.

The coordinates `plane_origin` (param) and `plane_axes` (axis, param) hold the vectors where these
are at most `MOST` numbers in all; `plane_buffer_origin` (value) and `plane_buffer_axes`
(axis, value) the buffers of the states that the plane goes through, where it moves them. A larger
plane lies in the store, if there is one, under the key in the attribute `plane_key`. In any case
the attribute `plane_digest` tells whether another plane is the same.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from landscape_core.foundation.errors import (
    FileFormatError,
    MissingDataError,
    PlaneError,
    SpecError,
)
from landscape_core.foundation.public_call import public_call
from landscape_core.foundation.recipes import canonical
from landscape_core.models.flat_buffers import flat_of, named_buffers_of
from landscape_core.planes.moving_buffers import MovingBuffers
from landscape_core.planes.plane import Plane
from landscape_core.storage.store import KEY_LIMIT, MEGABYTE, Store, check_store

MOST = 100_000
"""Numbers that a dataset holds of its plane at most: origin, axes and buffers."""

STORED_SHARE = 1 / 8
"""The fraction of a store's limit that one plane may take."""

ORIGIN, AXES = "plane_origin", "plane_axes"
BUFFER_ORIGIN, BUFFER_AXES = "plane_buffer_origin", "plane_buffer_axes"
VARIABLES = (ORIGIN, AXES, BUFFER_ORIGIN, BUFFER_AXES)

DIGEST, KEY, STATES, BUFFERS = "plane_digest", "plane_key", "plane_states", "plane_buffers"

NOT_HERE = (
    "this dataset does not hold the vectors of its plane, which are more than {} numbers; compute"
    " it with a store and give that store as well, or keep the plane yourself."
)

NO_PLANE = "this dataset has no plane: it is neither a slice nor a convexity map."


def with_plane(dataset: xr.Dataset, plane: Plane, store: Store | None = None) -> xr.Dataset:
    """The dataset with the vectors of its plane, or with where they are.

    Args:
        dataset: computed on the plane.
        plane: its origin, axes and buffers.
        store: where a plane lies that is too large for the dataset.
    """
    digest = _digest(plane)
    attrs = {
        DIGEST: digest,
        STATES: plane.states,
        "names": list(plane.names),
        "explained_variance_ratio": list(plane.explained_variance_ratio or ()),
        "dtype": _name(plane.origin.dtype),
        **({"given_points": canonical(list(plane.given))} if plane.given else {}),
        **({BUFFERS: _form(plane.buffers)} if plane.buffers else {}),
    }
    size = _size(plane)
    if size <= MOST and _is_exact(plane):
        return dataset.assign_coords(_coords(plane)).assign_attrs(attrs)
    key = f"plane{digest}"
    if store is not None and _is_exact(plane) and _fits(store, size):
        if store.get(key) is None:
            store.put(key, xr.Dataset(coords=_coords(plane), attrs=attrs))
        attrs[KEY] = key
    return dataset.assign_attrs(attrs)


def without_plane(dataset: xr.Dataset) -> xr.Dataset:
    """The dataset without the vectors of its plane; its attributes stay."""
    return dataset.drop_vars(VARIABLES, errors="ignore")


@public_call
def plane_of(dataset: xr.Dataset, store: Store | None = None) -> Plane:
    """The line or plane on which a slice or a map of convexity was computed, bit for bit.

    `landscape(model, loss, data, directions=plane_of(slice_), ...)` computes the slice again; where
    a path determined its extent, with that path or with the ends of the axes as `span`.

    Args:
        dataset: what `landscape`, `convexity` or a command has given or written.
        store: that the dataset was computed with, where its plane is a large one.

    Raises:
        MissingDataError: the vectors are neither in the dataset nor in the store.
        FileFormatError: they are not those that the dataset was computed on, or what the attributes
            say of them contradicts them.
        SpecError: no dataset, or no store.
    """
    if not isinstance(dataset, xr.Dataset):
        raise SpecError("dataset", type(dataset).__name__, "a Dataset, as landscape gives it")
    check_store(store)
    source: xr.Dataset | None = dataset
    if ORIGIN not in dataset.coords:
        source = _stored(dataset.attrs, store)
    if source is None:
        raise MissingDataError(NOT_HERE.format(MOST) if DIGEST in dataset.attrs else NO_PLANE)
    try:
        plane = _read(source, dataset.attrs)
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError, PlaneError) as error:
        raise FileFormatError(f"the plane of this dataset cannot be read: {error}") from error
    if _digest(plane) != dataset.attrs.get(DIGEST):
        raise FileFormatError("the plane in this dataset is not the one that it was computed on.")
    return plane


def _stored(attrs: Mapping[Any, Any], store: Store | None) -> xr.Dataset | None:
    """What a store holds of the plane that attributes name."""
    key = attrs.get(KEY)
    if store is None or not isinstance(key, str) or key != f"plane{attrs.get(DIGEST)}":
        return None
    return store.get(key) if key.isalnum() and len(key) <= KEY_LIMIT else None


def _read(source: xr.Dataset, attrs: Mapping[Any, Any]) -> Plane:
    kind = _type(attrs["dtype"])
    origin, axes = (torch.from_numpy(source[name].values.copy()) for name in (ORIGIN, AXES))
    given = json.loads(attrs["given_points"]) if "given_points" in attrs else ()
    buffers = _buffers(source, json.loads(attrs[BUFFERS])) if BUFFERS in attrs else None
    ratios = tuple(float(ratio) for ratio in attrs["explained_variance_ratio"])
    points = tuple(tuple(float(number) for number in point) for point in given)
    names = attrs["names"]
    _check_said(len(axes), names, ratios, int(attrs[STATES]), points)
    return Plane(
        origin.to(kind),
        axes.to(kind),
        tuple(str(name) for name in names),
        ratios or None,
        int(attrs[STATES]),
        buffers,
        points,
    )


def _check_said(
    dimensions: int,
    names: object,
    ratios: tuple[float, ...],
    states: int,
    points: tuple[tuple[float, ...], ...],
) -> None:
    """Refuse what attributes say of a plane where it cannot be so.

    Raises:
        ValueError: says what.
    """
    if isinstance(names, str):
        raise ValueError("the names of its axes are one text")
    if len(ratios) not in (0, dimensions) or not all(0 <= ratio <= 1.000001 for ratio in ratios):
        raise ValueError(f"it has {dimensions} axes, whose explained variance ratio is {ratios}")
    if states < 1:
        raise ValueError(f"it goes through {states} states")
    if not all(len(point) == dimensions and all(map(math.isfinite, point)) for point in points):
        raise ValueError(f"its states lie at {points}")


def _coords(plane: Plane) -> dict[str, Any]:
    """The vectors as coordinates of a dataset; numbers of half precision as float32."""
    found = {ORIGIN: ("param", _array(plane.origin)), AXES: (("axis", "param"), _array(plane.axes))}
    if plane.buffers is not None:
        origin, axes = _flat(plane.buffers, plane.dimensions)
        found[BUFFER_ORIGIN] = ("value", _array(origin))
        found[BUFFER_AXES] = (("axis", "value"), _array(axes))
    return found


def _array(vector: Tensor) -> np.ndarray:
    wide = vector if vector.dtype in (torch.float32, torch.float64) else vector.float()
    array = wide.detach().cpu().numpy().copy()
    array.flags.writeable = False
    return array


def _flat(buffers: MovingBuffers, dimensions: int) -> tuple[Tensor, Tensor]:
    """All buffers end to end at the origin (V,), and their changes along the axes (D, V)."""
    rows = [
        {n: buffers.axes[n][i] if n in buffers.axes else torch.zeros_like(value)
         for n, value in buffers.origin.items()}
        for i in range(dimensions)
    ]  # fmt: skip
    if not buffers.origin:
        return torch.zeros(0), torch.zeros(dimensions, 0)
    return flat_of(buffers.origin), torch.stack([flat_of(row) for row in rows])


def _form(buffers: MovingBuffers) -> str:
    """Name, shape, type and whether it moves, of each buffer, as JSON."""
    return canonical(
        [
            [name, list(value.shape), _name(value.dtype), name in buffers.axes]
            for name, value in buffers.origin.items()
        ]
    )


def _buffers(source: xr.Dataset, form: list[Any]) -> MovingBuffers:
    """The buffers as `_form` describes them; nothing is made before their sizes are compared."""
    origin, axes = (torch.from_numpy(source[n].values.copy()) for n in (BUFFER_ORIGIN, BUFFER_AXES))
    sizes = [math.prod(int(side) for side in shape) for _, shape, _, _ in form]
    doubled = [2 if _type(kind).is_complex else 1 for _, _, kind, _ in form]
    if sum(size * parts for size, parts in zip(sizes, doubled, strict=True)) != len(origin):
        raise ValueError("its buffers are of another size than is said of them")
    like = {str(name): torch.empty(shape, dtype=_type(kind)) for name, shape, kind, _ in form}
    if not like:
        return MovingBuffers({}, {})
    rows = [named_buffers_of(row, like) for row in axes]
    moving = [str(name) for name, _, _, moves in form if moves]
    return MovingBuffers(
        named_buffers_of(origin, like), {n: torch.stack([row[n] for row in rows]) for n in moving}
    )


def _digest(plane: Plane) -> str:
    """A digest of the numbers of a plane, in hexadecimal."""
    found = hashlib.blake2b(digest_size=16)
    buffers = plane.buffers or MovingBuffers({}, {})
    for name, tensor in (
        ("origin", plane.origin),
        ("axes", plane.axes),
        *sorted(buffers.origin.items()),
        *sorted(buffers.axes.items()),
    ):
        value = tensor.detach().cpu().contiguous()
        found.update(f"{name} {tuple(value.shape)} {value.dtype};".encode())
        found.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()


def _size(plane: Plane) -> int:
    """How many numbers a plane consists of."""
    buffers = plane.buffers.origin.values() if plane.buffers else ()
    values = sum(one.numel() * (2 if one.is_complex() else 1) for one in buffers)
    return (1 + plane.dimensions) * (len(plane.origin) + values)


def _is_exact(plane: Plane) -> bool:
    """Whether all buffers can be written as numbers of double precision."""
    kept = plane.buffers.origin.values() if plane.buffers else ()
    return all(
        one.is_floating_point() or one.is_complex() or torch.equal(one.double().to(one), one)
        for one in kept
    )


def _fits(store: Store, size: int) -> bool:
    return size * 8 <= STORED_SHARE * store.limit_mb * MEGABYTE


def _name(kind: torch.dtype) -> str:
    return str(kind).removeprefix("torch.")


def _type(name: object) -> torch.dtype:
    """The type of numbers that a name of torch says; of nothing else."""
    found = getattr(torch, name, None) if isinstance(name, str) else None
    if not isinstance(found, torch.dtype):
        raise TypeError(f"{name!r} is no type of numbers")
    return found
