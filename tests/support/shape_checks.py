"""Checking of the shapes that annotations promise, in the modules that name shapes.

A check costs a binding of all arguments at each call, which in code that calls many small functions
is several times what these take themselves; where no annotation names a shape, mypy has checked the
same types already. `make test-all` checks them everywhere.
"""

import re
from pathlib import Path

from jaxtyping import install_import_hook

ROOT = Path(__file__).resolve().parents[2]
CHECKER = "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))"
SHAPES = re.compile(r"^from (jaxtyping|landscape_core\.foundation\.types) import", re.M)


def modules_with_shapes():
    """The dotted names of the engine's modules in which an annotation names a shape."""
    for file in sorted(ROOT.glob("landscape_core/**/*.py")):
        if SHAPES.search(file.read_text("utf-8")):
            yield ".".join(file.relative_to(ROOT).with_suffix("").parts)


def check_types(*, everywhere):
    """Check arguments and results of these modules' functions, or of all of the engine's.

    Only of those that are imported later.
    """
    modules = ["landscape_core"] if everywhere else [*modules_with_shapes()]
    install_import_hook(modules, CHECKER)
