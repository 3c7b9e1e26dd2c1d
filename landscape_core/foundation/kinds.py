"""The kinds of parts: every package of the engine that has a `base.py`, by the package's name."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Recipe, once

ENGINE = "landscape_core"


@once
def packages_of_kinds() -> Mapping[str, str]:
    """The package of each kind of parts by its name, for instance `optimizers`; imports no part."""
    engine = importlib.import_module(ENGINE)
    modules = pkgutil.walk_packages(engine.__path__, f"{ENGINE}.")
    bases = [info.name.rpartition(".")[0] for info in modules if info.name.endswith(".base")]
    return {package.rpartition(".")[2]: package for package in sorted(bases, key=_last)}


@once
def base_of(kind: str) -> type[Recipe]:
    """The base class of a kind of parts: the recipe that the `base.py` of its package defines.

    Raises:
        SpecError: there is no such kind.
        TypeError: the module does not hold one such class.
    """
    known = packages_of_kinds()
    if kind not in known:
        raise SpecError("the kind of parts", kind, "one of " + ", ".join(known))
    module = importlib.import_module(f"{known[kind]}.base")
    found = [
        one
        for _, one in inspect.getmembers(module, inspect.isclass)
        if issubclass(one, Recipe) and one.__module__ == module.__name__ and Recipe in one.__bases__
    ]
    if len(found) != 1:
        raise TypeError(f"{module.__name__} must hold one kind of recipe; it holds {found}.")
    return found[0]


def _last(package: str) -> str:
    return package.rpartition(".")[2]
