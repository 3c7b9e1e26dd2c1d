"""Meshes as text: VTK's XML format for polygons (.vtp), and Wavefront OBJ (.obj).

https://docs.vtk.org/en/latest/design_documents/VTKFileFormats.html, "XML File Formats", PolyData.
"""

import xml.sax.saxutils as xml
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from landscape_core.storage.slice_mesh import Mesh

PER_LINE = 12
"""Numbers in a line of text."""


def vtp_text(mesh: Mesh) -> str:
    """A file for ParaView, PyVista and VTK: triangles, lines, and values of the points.

    Values of a point are those of the variable by its name (`loss`), the decimal logarithm of it
    (`log10_loss`) if all are positive, `computed` and `on_path` (1 or 0). `height_factor` and
    `log_heights` (1 or 0) are field data: z is the value, or its logarithm, times the factor.
    """
    lengths = [len(line) for line in mesh.lines]
    lines = np.concatenate([np.empty(0, np.int64), *mesh.lines])
    ends = 3 * np.arange(1, len(mesh.triangles) + 1)
    path = np.arange(len(mesh.points)) >= len(mesh.points) - mesh.on_path
    name = mesh.variable
    values: list[tuple[str, Any]] = [(name, mesh.values)]
    if (mesh.values > 0).all():
        values.append((f"log10_{name}", np.log10(mesh.values)))
    values += [("computed", mesh.computed), ("on_path", path)]
    fields = [("height_factor", np.array([mesh.factor])), ("log_heights", _log(mesh))]
    parts = [
        '<?xml version="1.0"?>',
        '<VTKFile type="PolyData" version="0.1" byte_order="LittleEndian">',
        f"<!-- {_told(mesh).replace('--', '-')} -->",
        "<PolyData>",
        "<FieldData>",
        *(_array(*one, tuples=1) for one in fields),
        "</FieldData>",
        f'<Piece NumberOfPoints="{len(mesh.points)}" NumberOfVerts="0"'
        f' NumberOfLines="{len(lengths)}" NumberOfStrips="0" NumberOfPolys="{len(ends)}">',
        f"<PointData Scalars={xml.quoteattr(name)}>",
        *(_array(*one) for one in values),
        "</PointData>",
        "<Points>",
        _array("Points", mesh.points, components=3),
        "</Points>",
        "<Lines>",
        _array("connectivity", lines),
        _array("offsets", np.cumsum(lengths, dtype=np.int64)),
        "</Lines>",
        "<Polys>",
        _array("connectivity", mesh.triangles),
        _array("offsets", ends),
        "</Polys>",
        "</Piece>",
        "</PolyData>",
        "</VTKFile>",
    ]
    return "\n".join(parts) + "\n"


def obj_text(mesh: Mesh) -> str:
    """A file for programs of three dimensions: vertices, triangles, and lines.

    Comments at its head state the factor of the heights.
    """
    parts = [f"# {_told(mesh)}", "o slice"]
    parts += [f"v {x!r} {y!r} {z!r}" for x, y, z in mesh.points.tolist()]
    parts += [f"f {a} {b} {c}" for a, b, c in (mesh.triangles + 1).tolist()]
    parts += ["l " + " ".join(map(str, (line + 1).tolist())) for line in mesh.lines]
    return "\n".join(parts) + "\n"


def _log(mesh: Mesh) -> Any:
    return np.array([mesh.scale == "log"])


def _told(mesh: Mesh) -> str:
    """What the numbers of a file mean, in one line."""
    value = f"log10 of the {mesh.variable}" if mesh.scale == "log" else f"the {mesh.variable}"
    told = f"x: alpha, y: beta, z: {mesh.factor!r} times {value} ({mesh.split})"
    return told.replace("\n", " ")


def _array(name: str, values: Any, *, components: int = 1, tuples: int = 0) -> str:
    """An array of XML in text."""
    kinds = {"f": "Float64", "i": "Int64", "b": "UInt8"}
    kind = kinds[values.dtype.kind]
    numbers = values.astype(np.uint8) if kind == "UInt8" else values
    head = f'<DataArray type="{kind}" Name={xml.quoteattr(name)} format="ascii"'
    head += f' NumberOfComponents="{components}"' if components > 1 else ""
    head += f' NumberOfTuples="{tuples}"' if tuples else ""
    return "\n".join([f"{head}>", *_lines(numbers.ravel().tolist()), "</DataArray>"])


def _lines(numbers: list[Any]) -> Iterator[str]:
    """Numbers as text, a few in a line."""
    for start in range(0, len(numbers), PER_LINE):
        part: Iterable[Any] = numbers[start : start + PER_LINE]
        yield " ".join(map(repr, part))
