"""Recipes as the Python that makes them."""

from collections.abc import Mapping
from typing import Any

from landscape_core.foundation.errors import SpecError
from landscape_core.foundation.recipes import Recipe, fields_of

WIDTH = 88
"""Letters of a line, at most, where it can be broken."""


class RecipeCode:
    """Expressions that make recipes, and the imports that they need."""

    def __init__(self, *taken: str) -> None:
        """`taken` are names that mean something else already."""
        self._modules = dict.fromkeys(taken, "")
        self._aliases: dict[tuple[str, str], str] = {}

    def value(self, value: Any, used: int = 0, indent: int = 0) -> str:
        """A plain value, or the call that makes a recipe of the fields that are not as by default.

        Args:
            value: what is written.
            used: letters that stand before it on its line.
            indent: by how many letters that line is indented.
        """
        if not isinstance(value, Recipe):
            return repr(value)
        own = {field.name: getattr(value, field.name) for field in fields_of(type(value))}
        defaults = {field.name: field.default for field in fields_of(type(value))}
        given = {name: one for name, one in own.items() if one != defaults[name]}
        return self.call(self.name(type(value)), given, used, indent)

    def call(self, name: str, given: Mapping[str, Any], used: int = 0, indent: int = 0) -> str:
        """A call with named values, in one line if it fits."""
        line = ", ".join(f"{key}={self.value(value)}" for key, value in given.items())
        if not given or ("\n" not in line and used + len(name) + len(line) + 2 <= WIDTH):
            return f"{name}({line})"
        deeper = indent + 4
        rows = [
            f"{' ' * deeper}{key}={self.value(value, deeper + len(key) + 2, deeper)},\n"
            for key, value in given.items()
        ]
        return f"{name}(\n{''.join(rows)}{' ' * indent})"

    def name(self, thing: Any) -> str:
        """The name of a class or function, imported from now on; another one if it is taken.

        Raises:
            SpecError: it is defined in a notebook, where a program cannot import it.
        """
        module, name = thing.__module__, thing.__name__
        if module == "__main__":
            raise SpecError("a program", name, "made of classes that it can import")
        if self._modules.setdefault(name, module) == module:
            return name
        package = module.split(".")[-2].title().replace("_", "")
        return self._aliases.setdefault((module, name), f"{name}Of{package}")

    def imports(self) -> str:
        """The imports of all that was named."""
        found: dict[str, list[str]] = {}
        for name, module in self._modules.items():
            found.setdefault(module, []).append(name)
        for (module, name), alias in self._aliases.items():
            found.setdefault(module, []).append(f"{name} as {alias}")
        found.pop("", None)
        lines = (f"from {module} import {', '.join(sorted(of))}" for module, of in found.items())
        return "\n".join(sorted(lines))
