"""Where in the content of a checkpoint a network's state dictionary lies.

Training loops save it alone, or under a name next to the epoch and the state of the optimizer, at
times two names deep. Only tensors are looked at; nothing is called.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor

from landscape_core.foundation.errors import SpecError

NAMES = (
    *("state_dict", "model_state_dict", "network_state_dict", "net_state_dict"),
    *("module_state_dict", "state", "model_state", "network_state", "net_state"),
    *("model", "network", "net", "module", "weights", "model_weights", "params", "parameters"),
)
"""Names of entries under which a network's own state is saved, by themselves or one in another."""

PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.")
"""What DataParallel, AveragedModel, torch.compile and modules of Lightning put before every key."""

BOOKKEEPING = ("n_averaged",)
"""Keys that a wrapper adds and that are none of the network's: AveragedModel counts in it."""

EXTRA = "_extra_state"
"""How the key of what a module adds to its state dictionary ends; its value is no tensor."""

ENTRY = "the entry of a checkpoint"
"""The field of errors where it is not clear which state dictionary is meant."""

DEPTH, SHOWN, JOINT = 2, 8, "/"
"""Names between the top and a state dictionary; names that an error lists; what joins them."""

MOST = 100
"""State dictionaries in a checkpoint: a file of a few bytes may name one many times."""


@dataclass(frozen=True, eq=False)
class Entry:
    """A state dictionary inside a checkpoint, and the names of the entries that lead to it."""

    names: tuple[str, ...]
    state: Mapping[str, Any]

    @property
    def name(self) -> str:
        """The names in one word, as `entry` takes it: `ema/state_dict`; "" at the top."""
        return JOINT.join(self.names)

    @property
    def usual(self) -> bool:
        """Whether every name on the way is one under which the network's own state is saved."""
        return all(name in NAMES for name in self.names)

    def stripped(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """The prefix and the state without it: first none, then one more each time."""
        state, prefix = dict(self.state), ""
        while True:
            yield prefix, state
            kept = {key: value for key, value in state.items() if key not in BOOKKEEPING}
            one = next((one for one in PREFIXES if all(key.startswith(one) for key in kept)), "")
            if not one or not kept:
                return
            state = {key.removeprefix(one): value for key, value in kept.items()}
            prefix += one


def entries_of(content: Mapping[Any, Any]) -> list[Entry]:
    """The state dictionaries in a checkpoint, the top first; inside one of them none is sought.

    Raises:
        SpecError: there are more than 100.
    """
    found = list(islice(_entries(content, (), set()), MOST + 1))
    if len(found) > MOST:
        raise SpecError("a checkpoint", "more", f"one of at most {MOST} state dictionaries")
    return found


def named_state(content: Mapping[Any, Any], name: str) -> Mapping[str, Any]:
    """The state dictionary of a checkpoint under a name, or names joined by `/`.

    Raises:
        SpecError: there is none; says which there are; or several that differ.
    """
    entries = entries_of(content)
    inside = [one for one in entries if (one.name + JOINT).startswith(name + JOINT)]
    if not inside:
        names = listed([one.name for one in entries if one.names] or ["none"])
        raise SpecError("entry", name, f"the name of a state dictionary; there are: {names}")
    if not all(same_states(inside[0].state, other.state) for other in inside):
        raise ambiguous(inside)
    return inside[0].state


def state_without_network(content: Mapping[Any, Any]) -> Mapping[str, Any]:
    """The one state dictionary in a checkpoint, with the keys that it has there.

    Raises:
        SpecError: there is none, or several, and it is not clear which one is meant.
    """
    entries = entries_of(content)
    usual = [entry for entry in entries if entry.usual]
    if not usual:
        raise unusual(entries) if entries else no_state(content)
    shapes = [_shapes(entry) for entry in usual]
    rivals = [one for one in entries if one.usual or _shapes(one) in shapes]
    if not all(same_states(usual[0].state, other.state) for other in rivals):
        raise ambiguous(rivals)
    return usual[0].state


def ambiguous(entries: list[Entry]) -> SpecError:
    """The error of several state dictionaries that differ."""
    names = [entry.name for entry in entries]
    accepted = f"one state dictionary, and these differ; {_by_name(names[-1])}"
    return SpecError(ENTRY, listed(names), accepted)


def unusual(entries: list[Entry], others: str = "") -> SpecError:
    """The error of state dictionaries whose names do not say that they are the network's own.

    Args:
        entries: these state dictionaries.
        others: what is wrong with those that have a usual name.
    """
    names = [entry.name for entry in entries]
    accepted = f"'state_dict', 'model' or another usual name; {others}{_by_name(names[0])}"
    return SpecError(ENTRY, listed(names), accepted)


def no_state(content: Mapping[Any, Any]) -> SpecError:
    """The error of a checkpoint in which there is no state dictionary."""
    keys = listed([str(key) for key in content]) if content else "an empty one"
    return SpecError(ENTRY, keys, "a state dictionary, from names to tensors")


def _by_name(name: str) -> str:
    return f"name the one that is meant, as in checkpoints(file, entry={name!r}), or give it alone"


def same_states(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two states have the same keys and equal tensors; NaN equals nothing."""
    return one.keys() == other.keys() and all(
        torch.equal(value, other[key])
        for key, value in one.items()
        if isinstance(value, Tensor)
        if isinstance(other[key], Tensor)
    )


def listed(names: list[str]) -> str:
    """The first names, and how many there are besides."""
    rest = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")


def _entries(
    content: Mapping[Any, Any], names: tuple[str, ...], seen: set[tuple[int, int]]
) -> Iterator[Entry]:
    place = (id(content), len(names))
    if place in seen:  # a dictionary may hold itself, and often
        return
    if _is_state(content):
        yield Entry(names, content)
        return
    seen.add(place)
    if len(names) < DEPTH:
        for key, value in content.items():
            if isinstance(key, str) and isinstance(value, Mapping):
                yield from _entries(value, (*names, key), seen)


def _is_state(content: Mapping[Any, Any]) -> bool:
    return (
        all(isinstance(key, str) for key in content)
        and any(isinstance(value, Tensor) for value in content.values())
        and all(isinstance(v, Tensor) or k.endswith(EXTRA) for k, v in content.items())
    )


def _shapes(entry: Entry) -> dict[str, torch.Size]:
    """The shapes by the keys without any prefix."""
    *_, (_, state) = entry.stripped()
    return {key: value.shape for key, value in state.items() if isinstance(value, Tensor)}
