"""The state dictionary of a network inside what its training loop saved.

Wrappers (DataParallel, torch.compile, AveragedModel, Lightning) put prefixes before all keys, and
training loops put the dictionary into another one. Both are undone where the result then has
exactly the keys and shapes of the network, and refused otherwise.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, NoReturn, TypeGuard

import numpy as np
import torch
from torch import Tensor, nn

from landscape_core.foundation.errors import SpecError
from landscape_core.models.nested_batches import arrays_in, as_array
from landscape_core.models.state_keys import (
    check_keys,
    has_keys,
    key_remedy,
    shown_keys,
    wrong_keys,
)
from landscape_core.storage.checkpoints import Checkpoints, checkpoints
from landscape_core.storage.recorded_projection import RecordedProjection, recorded
from landscape_core.storage.recorded_states import ENDING, RecordedStates
from landscape_core.storage.state_entries import (
    BOOKKEEPING,
    DEPTH,
    Entry,
    ambiguous,
    entries_of,
    same_states,
    unusual,
)

SHOWN = 3
"""State dictionaries of a checkpoint of which an error says what is wrong."""

GivenPath = Iterable[Mapping[str, Any] | nn.Module] | RecordedProjection | str | PathLike[str]
"""States or checkpoints as loaded, the latest last; a file or folder; or a file of `record`."""

ACCEPTED = (
    "a list of state dictionaries or modules, a file or folder of checkpoints, or a recorded file"
)

COPIED = (
    "a state of its own: state_dict() gives the tensors that training goes on to change, so append"
    " copy.deepcopy(model.state_dict())"
)
"""The remedy where a loop has kept one state many times."""

SEVERAL = f"{ACCEPTED}, or several of these by the names of their runs"


def named_runs(path: object) -> dict[str, Any] | None:
    """The paths of several runs by name, if `path=` is a mapping; None of anything else.

    Raises:
        SpecError: it is a state or a checkpoint, has no entry, or a name that is no text.
    """
    if not isinstance(path, Mapping):
        return None
    runs = {
        name: one
        for name, one in path.items()
        if isinstance(one, PathLike | RecordedProjection) or _is_list(one)
    }
    if len(runs) < len(path) or not runs:
        raise SpecError("path", type(path).__name__ if path else path, SEVERAL)
    for name in runs:
        if not isinstance(name, str) or not name.strip():
            raise SpecError("the name of a run", name, "a text")
    return runs


def opened(path: Any, field: str = "path") -> Any:
    """What `path=` names, if it is a file or folder: checkpoints or what was recorded; else itself.

    Raises:
        SpecError: a file of another kind or without a state, or a folder whose files have no order.
        MissingDataError: there is no such file or folder.
        FileFormatError: a recorded file that cannot be read.
    """
    if not isinstance(path, str | PathLike):
        return path
    if Path(path).suffix != ENDING:
        return checkpoints(path)
    found = recorded(Path(path))
    if not len(found):
        raise SpecError(field, f"{path} without a state", "a file of at least one finite state")
    return found


def states_in_path(path: object, field: str = "path") -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What `path=` lists, one after the other, and what errors call it; none of None.

    Raises:
        SpecError: neither states nor a file or folder of checkpoints, or none at all.
        MissingDataError: there is no such file or folder.
        FileFormatError: a file cannot be read.
    """
    path = opened(path, field)
    if path is None:
        return
    if isinstance(path, Checkpoints) and path.files:
        yield from ((str(file), path.content(at)) for at, file in enumerate(path.files))
        return
    if isinstance(path, RecordedStates) and len(path):
        yield from ((f"{path.file}, step {step}", path[at]) for at, step in enumerate(path.steps))
        return
    if not _is_list(path):
        raise SpecError(field, _kind(path), ACCEPTED)
    yield from _listed_states(path, field)


def _listed_states(path: Iterable[Any], field: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """States and modules in a list, one after the other; errors as above."""
    at, before, taken = -1, None, None
    for at, given in enumerate(path):
        state = given.state_dict() if isinstance(given, nn.Module) else given
        if not isinstance(state, Mapping):
            raise SpecError(field, type(state).__name__, ACCEPTED)
        places = _places(state)
        if places is not None and places == taken and given is not before:
            raise SpecError(f"{field}[{at}]", "the tensors of the state before it", COPIED)
        yield f"{field}[{at}]", state
        before, taken = given, places
    if at < 0:
        raise SpecError(field, "without a state", "at least one state, or None for no path")


def _places(state: Mapping[str, Any]) -> tuple[list[str], set[int]] | None:
    """The keys of a state, and where its tensors lie in memory; None where there are none."""
    tensors = (one for one in arrays_in(state) if isinstance(one, Tensor))
    found = {one.data_ptr() for one in tensors if one.numel() and not one.is_meta}
    return (list(state), found) if found else None


def _kind(path: object) -> str:
    """What an error calls what lists no states."""
    projected = isinstance(path, RecordedProjection)
    return "random projections of states" if projected else type(path).__name__


def _is_list(value: object) -> TypeGuard[Iterable[Any]]:
    """Whether a value may list states, or name a file, and is no state or checkpoint itself."""
    return isinstance(value, Iterable) and not isinstance(
        value, Mapping | bytes | Tensor | nn.Module
    )


def fitting(
    found: Mapping[Any, Any], module: nn.Module, needed: Collection[str]
) -> Mapping[str, Any]:
    """The state of a network in a checkpoint: itself, or an entry, perhaps without a prefix.

    A state that has the parameters `needed` and no other keys than the network's is taken as it
    is. Any other must fit the network's state dictionary exactly, buffers included.

    Raises:
        SpecError: none fits; several fit and differ; one fits whose name does not say that it is
            the network's own; or tensors differ that are one in the network.
    """
    found = with_tensors(found)
    state = found if has_keys(found, module, needed) else _inside(found, module, needed)
    _check_tied(state, module)
    return state


def with_tensors(found: Mapping[Any, Any], depth: int = DEPTH) -> Mapping[Any, Any]:
    """A checkpoint with tensors in the place of arrays of NumPy, as deep as a state may lie."""
    inside = [one for one in found.values() if isinstance(one, np.ndarray | Mapping)]
    if not inside or (depth == 0 and not any(isinstance(one, np.ndarray) for one in inside)):
        return found
    return {
        key: with_tensors(one, depth - 1)
        if depth and isinstance(one, Mapping)
        else torch.as_tensor(as_array(one))
        if isinstance(one, np.ndarray) and one.dtype.kind in "biuf"
        else one
        for key, one in found.items()
    }


def _inside(
    found: Mapping[Any, Any], module: nn.Module, needed: Collection[str]
) -> Mapping[str, Any]:
    """The state dictionary in a checkpoint that fits a network's exactly; errors as above."""
    own = module.state_dict()
    entries = entries_of(found)
    fits = [(entry, state) for entry in entries if (state := _fitting(entry, own)) is not None]
    if not any(entry.usual for entry, _ in fits):
        if fits:
            others = [f"{_misfit(entry, own)[1]}; " for entry in entries if entry.usual]
            raise unusual([entry for entry, _ in fits], "".join(others))
        _refuse(found, entries, module, needed)
    state = next(state for entry, state in fits if entry.usual)
    if not all(same_states(state, other) for _, other in fits):
        raise ambiguous([entry for entry, _ in fits])
    return state


def _check_tied(state: Mapping[str, Any], module: nn.Module) -> None:
    """Refuse different values of one tensor that the network has under several names."""
    names: dict[int, str] = {}
    for name, own in module.named_parameters(remove_duplicate=False):
        first = names.setdefault(id(own), name)
        one, other = state.get(first), state.get(name)
        if first == name or not (isinstance(one, Tensor) and isinstance(other, Tensor)):
            continue
        if one.shape != other.shape or not torch.equal(one.detach(), other.detach().to(one)):
            accepted = "equal, as they are one tensor in the network"
            raise SpecError(f"{first} and {name} of a state", "different ones", accepted)


def _fitting(entry: Entry, own: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """An entry with exactly the keys and shapes of a network's state, if it has them."""
    for _, state in entry.stripped():
        fewer = _belonging(state, own)
        if fewer.keys() == own.keys() and not _other_shapes(fewer, own):
            return fewer
    return None


def _refuse(
    found: Mapping[Any, Any], entries: list[Entry], module: nn.Module, needed: Collection[str]
) -> NoReturn:
    """Say what each state dictionary of a checkpoint lacks, where it is no plain one."""
    own = module.state_dict()
    told = [_misfit(entry, own) for entry in sorted(entries, key=lambda entry: not entry.usual)]
    if not any(entry.names or prefix for entry, (prefix, _) in zip(entries, told, strict=True)):
        check_keys(found, module, needed)
    first = min(entries, key=lambda entry: not entry.usual)
    accepted = f"the network's, {shown_keys(own)}; {'; '.join(text for _, text in told[:SHOWN])}"
    raise SpecError("the keys of a state", shown_keys(first.state), accepted)


def _misfit(entry: Entry, own: Mapping[str, Any]) -> tuple[str, str]:
    """The prefix without which an entry is nearest to a network's state, and what is wrong then."""
    prefix, state = max(entry.stripped(), key=lambda one: len(one[1].keys() & own.keys()))
    fewer = _belonging(state, own)
    missing = [name for name in own if name not in fewer]
    unexpected = [name for name in fewer if name not in own]
    wrong = [wrong_keys(missing, unexpected)] if missing or unexpected else []
    wrong += _other_shapes(fewer, own)[:1]
    where = f"in the entry {entry.name!r}" if entry.names else "at the top level"
    where += f" without the prefix {prefix!r}" if prefix else ""
    return prefix, f"{where}, {', '.join(wrong)}{key_remedy(fewer, own) if missing else ''}"


def _belonging(state: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """A state without what a wrapper counts in it."""
    return {key: one for key, one in state.items() if key in own or key not in BOOKKEEPING}


def _other_shapes(state: Mapping[str, Any], own: Mapping[str, Any]) -> list[str]:
    """What an error says of each tensor of another shape."""
    return [
        f"{name} has the shape {_shape(state[name])}, not {_shape(one)}"
        for name, one in own.items()
        if name in state and _shape(state[name]) != _shape(one)
    ]


def _shape(value: object) -> tuple[int, ...] | None:
    return tuple(value.shape) if isinstance(value, Tensor) else None
