"""Python files of the user's own, as `--parts FILE` names one.

Such a file is imported, and the classes of parts that it defines get names in the running program,
as if a notebook had said `from FILE import *`: there the registry finds them.
"""

import importlib
import inspect
import sys
from pathlib import Path
from types import ModuleType

from landscape_core.foundation.errors import LandscapeError, SpecError


def load(file: Path) -> None:
    """Import a file and make the classes of parts that it defines known by their names.

    Raises:
        SpecError: the file is not there, or no module can have its name.
        LandscapeError: importing it fails.
    """
    module = imported(file, "--parts")
    from landscape_core.foundation.recipes import Recipe

    for name, kind in inspect.getmembers(module, inspect.isclass):
        if issubclass(kind, Recipe) and kind.__module__ == module.__name__:
            setattr(sys.modules["__main__"], name, kind)


def imported(file: Path, option: str) -> ModuleType:
    """The module of a file that an option names.

    Its folder is added to the end of Python's path, so that workers of a local cluster find it too.

    Raises:
        SpecError: the file is not there, or no module can have its name.
        LandscapeError: importing it fails.
    """
    if not file.is_file() or file.suffix != ".py" or not file.stem.isidentifier():
        raise SpecError(option, str(file), "a Python file, as my_parts.py")
    folder = str(file.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        module = importlib.import_module(file.stem)
    except (Exception, SystemExit) as error:  # whatever the user's own file raises
        told = f"{option} {file} cannot be imported: {type(error).__name__}: {error}"
        raise LandscapeError(told) from error
    if Path(getattr(module, "__file__", None) or "").resolve() != file.resolve():
        raise SpecError(option, str(file), f"named otherwise: there is a module {file.stem}")
    return module
