"""The public face for people: names, where they come from, and that they are imported lazily."""

import inspect
import subprocess
import sys

import pytest

import landscape_lab as ll

NAMES = (
    *("landscape", "plot", "view", "explore", "explain", "spectrum", "convexity", "connect"),
    *("plane_of", "Store", "load", "save", "app", "Page", "Controls"),
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_face_is_there(name):
    assert name in dir(ll)
    assert callable(getattr(ll, name)) or inspect.ismodule(getattr(ll, name))


def test_plot_takes_the_options_of_the_contract():
    found = inspect.signature(ll.plot).parameters
    defaults = {"kind": None, "ax": None, "path": True, "scale": "linear", "limits": None}
    for name, default in (defaults | {"cmap": None}).items():
        assert found[name].default == default
    assert [n for n, p in found.items() if p.kind is p.POSITIONAL_OR_KEYWORD][1:] == ["kind"]


def test_to_import_the_face_loads_neither_torch_nor_panel():
    code = "import sys, landscape_lab; print({'torch', 'panel', 'matplotlib'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "set()"
