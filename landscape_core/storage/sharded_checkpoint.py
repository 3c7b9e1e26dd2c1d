"""A checkpoint in several files, with an index that says in which file each tensor lies.

https://huggingface.co/docs/transformers/big_models, "Sharded checkpoints".
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from landscape_core.foundation.errors import FileFormatError
from landscape_core.storage.bounded_files import bounded_text, check_memory, check_regular

MOST = 64 * 2**20
"""Bytes of an index that are read, at most."""


def joined_shards(index: Path, read: Callable[[Path], Any]) -> dict[str, Any]:
    """The tensors of all files that an index names, by the names of the tensors.

    Args:
        index: the file with the map from names of tensors to files in the same folder.
        read: reads one of these files.

    Raises:
        MissingDataError: there is no such index or file.
        FileFormatError: no index, one that names files elsewhere, more than memory holds, or files
            that hold other tensors than the index says.
    """
    places = _places(index)
    files = {name: index.parent / name for name in dict.fromkeys(places.values())}
    check_memory(index, sum(check_regular(file) for file in files.values()))
    found: dict[str, Any] = {}
    for name, file in files.items():
        content = read(file)
        said = {tensor for tensor, place in places.items() if place == name}
        if not isinstance(content, Mapping) or set(content) != said:
            raise FileFormatError(f"{file} holds other tensors than {index.name} says.")
        found.update(content)
    return {tensor: found[tensor] for tensor in places}


def _places(index: Path) -> dict[str, str]:
    """In which file each tensor lies."""
    try:
        plain = json.loads(bounded_text(index, MOST))
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{index} is no index in JSON: {error}") from error
    places = plain.get("weight_map") if isinstance(plain, dict) else None
    if not isinstance(places, dict) or not places:
        raise FileFormatError(f"{index} has no weight_map from tensors to files.")
    for name in places.values():
        if not isinstance(name, str) or Path(name).name != name or "\\" in name or "\0" in name:
            raise FileFormatError(f"{index} names {name!r}, which is no file of its folder.")
        if name.endswith(".json"):
            raise FileFormatError(f"{index} names {name!r}, which holds no tensors.")
    return places
