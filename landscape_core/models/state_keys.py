"""Whether a state dictionary is one of a network: what is missing, and what does not belong."""

from collections.abc import Collection, Mapping
from typing import Any

from torch import nn

from landscape_core.foundation.errors import SpecError

SHOWN = 4
"""Keys that an error names at most."""


def check_keys(found: Mapping[str, Any], module: nn.Module, needed: Collection[str]) -> None:
    """Refuse a state that lacks parameters of a network, or has others.

    Args:
        found: the state.
        module: the network.
        needed: the names of its parameters that the state must hold.

    Raises:
        SpecError: keys are missing or unexpected; says which, and what would fit.
    """
    if has_keys(found, module, needed):
        return
    missing = [name for name in needed if name not in found]
    accepted = f"the network's; {wrong_keys(missing, _unexpected(found, module))}"
    remedy = key_remedy(found, needed) if missing else ""
    raise SpecError("the keys of a state", shown_keys(found), accepted + remedy)


def has_keys(found: Mapping[Any, Any], module: nn.Module, needed: Collection[str]) -> bool:
    """Whether a state has all parameters that it must hold, and no other keys than a network's."""
    return all(name in found for name in needed) and not _unexpected(found, module)


def wrong_keys(missing: list[str], unexpected: list[str]) -> str:
    """What an error says of keys that are missing and that do not belong."""
    wrong = [f"{_listed(missing)} missing"] * bool(missing)
    wrong += [f"{_listed(unexpected)} unexpected"] * bool(unexpected)
    return ", ".join(wrong)


def shown_keys(found: Mapping[Any, Any]) -> str:
    """The first keys of a state."""
    shown = ", ".join(str(key) for key in list(found)[:SHOWN])
    return shown + (", ..." if len(found) > SHOWN else "")


def key_remedy(found: Mapping[Any, Any], needed: Collection[str]) -> str:
    """What would fit: an entry of the state, or its keys without a prefix."""
    for key, value in found.items():
        if isinstance(value, Mapping) and all(name in value for name in needed):
            return f"; the entry {key!r} has the network's keys"
    first = next(iter(needed))
    for key in found:
        if str(key).endswith(first):
            prefix = str(key).removesuffix(first)
            if prefix and all(prefix + name in found for name in needed):
                spare = [str(other) for other in found if not str(other).startswith(prefix)]
                but = f", but {_listed(spare)} unexpected" if spare else ""
                return f"; without the prefix {prefix!r} they would be{but}"
    parts = [name.partition(".") for name in needed]
    prefix = parts[0][0]
    if all(part[0] == prefix and part[2] in found for part in parts):
        return f"; behind the prefix '{prefix}.' they would be"
    return ""


def _unexpected(found: Mapping[Any, Any], module: nn.Module) -> list[str]:
    known = {name for name, _ in (*module.named_parameters(), *module.named_buffers())}
    known |= module.state_dict().keys()
    return [str(key) for key in found if key not in known]


def _listed(names: list[str]) -> str:
    """A few of the names, how many there are besides, and the verb."""
    rest = len(names) - SHOWN
    told = ", ".join(names[:SHOWN]) + (f" and {rest} more" if rest > 0 else "")
    return f"{told} {'is' if len(names) == 1 else 'are'}"
