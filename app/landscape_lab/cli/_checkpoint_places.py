"""Places of checkpoints on the command line: a file, a folder, or those of several runs by name."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from landscape_core.foundation.errors import LandscapeError, SpecError

if TYPE_CHECKING:
    from torch import nn


def places(given: str | list[str]) -> str | dict[str, str]:
    """The place of one path, or those of several runs by name.

    Raises:
        SpecError: several places without names, or a name twice.
    """
    if isinstance(given, str):
        return given
    named: dict[str, str] = {}
    for one in given:
        name, equals, place = one.partition("=")
        if _is_place(one) or not (equals and name and place) or "/" in name:
            if len(given) == 1:
                return one
            raise SpecError("--checkpoints", one, "NAME=PLACE, as it is given more than once")
        if name in named:
            raise SpecError("--checkpoints", one, f"another name, as {name} is that of another run")
        named[name] = place
    return named


def _is_place(text: str) -> bool:
    """Whether there is such a file or folder, or one that fits such a pattern."""
    path = Path(text)
    return path.exists() or ("*" in path.name and any(path.parent.glob(path.name)))


def check_there(given: str | Mapping[str, str]) -> None:
    """Refuse a place of checkpoints where there is nothing.

    Raises:
        LandscapeError: there is no such file or folder.
    """
    for place in (given,) if isinstance(given, str) else given.values():
        if not Path(place).exists() and not any(mark in place for mark in "*?["):
            raise LandscapeError(f"{place}: no such file or folder of checkpoints.")


def state_in_place(place: str, index: int, model: "nn.Module") -> Mapping[str, Any]:
    """The state of a network in a file or folder of checkpoints, the first (0) or the last (-1).

    Raises:
        SpecError: it is another network's, or holds random projections of the states.
        MissingDataError: there is no such file or folder.
        FileFormatError: a file cannot be read.
    """
    from landscape_core.models.fitting_state import fitting, opened
    from landscape_core.storage.checkpoints import Checkpoints
    from landscape_core.storage.recorded_projection import RecordedProjection

    states = opened(place)
    if isinstance(states, RecordedProjection):
        accepted = "checkpoints or whole states, of which one is loaded into the network; of random"
        accepted += " projections ll.landscape(..., path=) estimates the path"
        raise SpecError("--checkpoints", place, accepted)
    # A file may have several states; which of them is the network's, only the network tells.
    found = states.content(index) if isinstance(states, Checkpoints) else states[index]
    return fitting(found, model, [name for name, _ in model.named_parameters()])


def load_last(model: "nn.Module", place: str) -> None:
    """Load the last state of a file or folder of checkpoints into a network.

    Raises:
        SpecError: it is another network's.
        MissingDataError: there is no such file or folder.
        FileFormatError: a file cannot be read.
    """
    state = dict(state_in_place(place, -1, model))
    first = {id(one): name for name, one in model.named_parameters()}
    for name, one in model.named_parameters(remove_duplicate=False):  # tied ones may be there once
        state.setdefault(name, state[first[id(one)]])
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        told = " ".join(str(error).split())
        raise SpecError("--checkpoints", place, f"of this network; {told}") from error
