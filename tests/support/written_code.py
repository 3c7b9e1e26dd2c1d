"""Modules of a user's own: written to files, loaded, and forgotten again."""

import contextlib
import importlib
import sys

HEAD = """
import collections, dataclasses, enum, functools, logging, operator, os, re, typing
from pathlib import Path
import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy
"""

NET = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 3)

    def forward(self, inputs):
        return self.second(torch.tanh(self.first(inputs)))
"""


@contextlib.contextmanager
def loaded(folder, sources, first="mine"):
    """The `first` module out of files that hold these sources by name, others beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, source in sources.items():
        path = folder.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((HEAD if name == "mine" else "") + source)
    before, written = set(sys.modules), sys.dont_write_bytecode
    sys.dont_write_bytecode = True
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield importlib.import_module(first)
    finally:
        sys.path.remove(str(folder))
        sys.dont_write_bytecode = written
        for name in [
            n for n in sys.modules if n not in before and n.split(".")[0] in tops(sources)
        ]:
            del sys.modules[name]


def tops(sources):
    """The names that modules of these sources may have, up to the first dot."""
    return {name.split(".")[0] for name in sources}
