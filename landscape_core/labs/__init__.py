"""Claims of the literature that can be tried: `labs.run("constant_target")`.

found = labs.run("constant_target", seeds=range(10))
print(labs.verdict(found))
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from landscape_core.analysis.verdict import verdict as verdict
    from landscape_core.labs._running import Compute as Compute
    from landscape_core.labs._running import Found as Found
    from landscape_core.labs._running import computed as computed
    from landscape_core.labs._running import key as key
    from landscape_core.labs._running import merged as merged
    from landscape_core.labs._running import names as names
    from landscape_core.labs._running import progress as progress
    from landscape_core.labs._running import progress_from as progress_from
    from landscape_core.labs._running import repeatable as repeatable
    from landscape_core.labs._running import run as run

_PUBLIC = {
    "landscape_core.labs._running": (
        *("run", "progress", "names"),
        *("key", "merged", "repeatable"),
        *("progress_from", "computed", "Compute", "Found"),
    ),
    "landscape_core.analysis.verdict": ("verdict",),
}

_HOMES = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    """Import a public name from its module at its first use."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value = getattr(import_module(_HOMES[name]), name)
    return value
