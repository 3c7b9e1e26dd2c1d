"""What is said of a network that is shown: a title, what is left out, and which network it is."""

from collections.abc import Iterator
from typing import Any

import xarray as xr


def words_of(network: xr.Dataset, point: Any = None) -> dict[str, Any]:
    """`title`, `notes` on what is left out, and the weights `set` by hand.

    In place of the notes, a network that is shown for a moment has the words `where` it is: so
    nothing moves.
    """
    changes = () if point is None else point.changes
    passing = point is not None and point.passing and network.attrs["kind"] != "nothing"
    return {
        "title": _title(network),
        "notes": [] if passing else list(_notes(network)),
        "changed": len(changes),
        "set": [str(one).rpartition("=")[0] for one in changes],
        "where": _where(point),
    }


def _where(point: Any) -> str:
    if point is None:
        return ""
    if not point.changes:
        return "at the point looked at"
    many = len(point.changes)
    values = "values" if many > 1 else "value"
    return f"{many} {values} set by hand, {point.distance:.2g} off the plane"


def _title(network: xr.Dataset) -> str:
    attrs, kind = network.attrs, network.attrs["kind"]
    if kind in ("plane", "curves"):
        sizes = [2 if kind == "plane" else 1, *network["units"].values.tolist()]
        parts = [str(one) for one in sizes]
        if network.sizes["layer"] < attrs["layers"]:
            parts.insert(-1, "…")
        names = [str(one) for one in network["function"].values if one]
        return " – ".join(parts) + (f" · {names[0]}" if names else "")
    if kind == "weights":
        return "Weights of the first layer"
    if kind == "filters":
        return "Filters of the first convolution, and their maps of one example"
    if kind == "graph":
        return f"Graph of {attrs['nodes']} nodes"
    if kind == "players":
        return "Paths of the two players"
    return {"parameters": "Parameters", "misread": "Misread examples"}.get(kind, "")


def _notes(network: xr.Dataset) -> Iterator[str]:
    yield from _NOTES.get(network.attrs["kind"], _of_nothing)(network)


def _of_nothing(network: xr.Dataset) -> Iterator[str]:
    if "why" in network.attrs:
        yield str(network.attrs["why"])


def _of_weights(network: xr.Dataset) -> Iterator[str]:
    attrs, shown = network.attrs, network.sizes["unit"]
    if shown < attrs["units"]:
        things = "filters" if attrs["kind"] == "filters" else "units"
        yield f"first {shown} of {attrs['units']} {things}"
    yield "blue negative, orange positive"
    if attrs["channels"] > 1:
        yield f"mean over the {attrs['channels']} channels"


def _of_graph(network: xr.Dataset) -> Iterator[str]:
    attrs = network.attrs
    if network.sizes["node"] < attrs["nodes"]:
        yield f"the first {network.sizes['node']} drawn"
    yield f"{attrs['misread_test']} of {attrs['test_nodes']} test nodes misread"


def _of_players(network: xr.Dataset) -> Iterator[str]:
    counts = network.attrs["first_variables"], network.attrs["second_variables"]
    if network.sizes["parameter"] < sum(counts):
        yield f"first variables of {counts[0]} and {counts[1]}"


def _of_units(network: xr.Dataset) -> Iterator[str]:
    attrs, shown = network.attrs, network.sizes["unit"]
    if not attrs["chain"]:
        yield "the layers of this architecture cannot be read one by one: outputs only"
    if network.sizes["layer"] < attrs["layers"]:
        yield f"{network.sizes['layer']} of {attrs['layers']} layers"
    if shown < int(network["units"].max()):
        yield f"first {shown} units of a layer"


_NOTES = {
    "plane": _of_units,
    "curves": _of_units,
    "weights": _of_weights,
    "filters": _of_weights,
    "graph": _of_graph,
    "players": _of_players,
}
