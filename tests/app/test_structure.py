"""The shape of the house: few rooms at the top, names that hide nothing, imports when needed."""

import ast
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import landscape_core
import landscape_lab
from landscape_core.foundation.kinds import base_of, packages_of_kinds
from landscape_core.foundation.recipes import Recipe
from landscape_core.foundation.registry import entries
from landscape_core.training.optimizers.base import Optimizer

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = [landscape_core, landscape_lab]
AT_MOST = 15


def modules(package):
    """Every module of a package by its whole name."""
    for info in pkgutil.walk_packages(package.__path__, package.__name__ + "."):
        yield importlib.import_module(info.name) if info.ispkg else info.name


def printed(code):
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.split()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_the_top_of_a_package_is_seen_at_a_glance(package):
    top = {path.name for path in Path(package.__path__[0]).iterdir()}
    top -= {"__pycache__", "__main__.py"}  # which Python asks for
    assert len(top) <= AT_MOST


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_every_public_name_is_there_and_hides_no_module(package):
    inside = {info.name for info in pkgutil.iter_modules(package.__path__)}
    assert not inside & set(package.__all__)
    assert len(set(package.__all__)) == len(package.__all__)
    assert all(getattr(package, name) is not None for name in package.__all__)
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = package.nothing


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_no_package_exports_a_name_that_hides_its_module(package):
    for found in modules(package):
        if not isinstance(found, str):
            names = {info.name for info in pkgutil.iter_modules(found.__path__)}
            hidden = [n for n in names if not isinstance(vars(found).get(n, sys), type(sys))]
            assert not hidden, f"{found.__name__}: {hidden}"


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_what_type_checkers_are_told_is_what_is_imported(package):
    tree = ast.parse(Path(package.__file__).read_text("utf-8"))
    (checked,) = (node for node in tree.body if isinstance(node, ast.If))
    told = {alias.asname: node.module for node in checked.body for alias in node.names}
    assert set(told) == set(package.__all__)
    for name, module in told.items():
        found = getattr(importlib.import_module(module), name, None)
        assert getattr(package, name) is (found or importlib.import_module(f"{module}.{name}"))


def test_the_app_is_imported_by_one_name():
    assert "app.landscape_lab" not in sys.modules


@pytest.mark.parametrize("name", ["landscape_core", "landscape_lab", "landscape_lab.cli.main"])
def test_an_import_and_the_help_load_nothing_heavy(name):
    code = f"import sys, {name}; print(*{{'torch', 'xarray', 'panel', 'numpy'}} & set(sys.modules))"
    assert printed(code) == []


def test_a_page_and_its_first_picture_load_no_more_than_they_need():
    code = """
import sys
sys.modules["dask"] = None  # xarray imports it, and SciPy with it, where it is installed
from landscape_lab.bridge.jupyter import setup
setup()
from landscape_lab.page.controller import Page
Page().view.get_root()
from landscape_lab.state.link import place
from landscape_lab.worker.worker import Job, Worker
there = place("preset=spirals&step=2&slice.resolution=15")
pictures = [update.picture for update in Worker(None).do(Job(there.scene, go=there))]
assert pictures[-1] is not None
heavy = "matplotlib scipy sklearn sympy IPython torch._dynamo torch._inductor anywidget".split()
print(*(name for name in heavy if name in sys.modules))
"""
    assert printed(code) == []


def test_the_garbage_collector_is_held_while_the_app_is_imported_and_left_as_it_was():
    code = """
import gc
from landscape_lab.bridge.imports import uncollected
seen = []
for on in (True, False):
    (gc.enable if on else gc.disable)()
    try:
        with uncollected():
            seen.append(gc.isenabled())
            raise ValueError
    except ValueError:
        seen.append(gc.isenabled())
print(*seen)
"""
    assert printed(code) == ["False", "True", "False", "False"]


def test_a_part_is_imported_when_it_is_asked_for():
    code = """
import sys
from landscape_core.foundation.registry import entries, find
from landscape_core.training.optimizers.base import Optimizer
known = entries(Optimizer)
told = {name: known.described(name) for name in known}
find(Optimizer, "adine")
print(*sorted(m for m in sys.modules if m.startswith("landscape_core.training.optimizers.ad")))
"""
    package = "landscape_core.training.optimizers."
    assert printed(code) == [package + "adine"]


@pytest.fixture(scope="module")
def menus():
    """Of each kind, in a process that has imported no part: whether both agree, and how many."""
    code = """
import os
import torch, xarray  # which take long, and are then there for all
from landscape_core.foundation.registry import entries
from landscape_core.foundation.kinds import base_of, packages_of_kinds
for kind in packages_of_kinds():
    if os.fork():
        assert os.wait()[1] == 0, kind
        continue
    known = entries(base_of(kind))
    early = [known.described(name) for name in known]
    assert all(known[name] for name in known)
    print(kind, early == [known.described(name) for name in known], len(known), flush=True)
    os._exit(0)
"""
    told = printed(code)
    return dict(zip(told[::3], zip(told[1::3], told[2::3], strict=True), strict=True))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a fork for each kind")
@pytest.mark.parametrize("kind", packages_of_kinds())
def test_a_menu_tells_the_same_of_a_part_before_and_after_its_import(kind, menus):
    base = base_of(kind)
    assert issubclass(base, Recipe)
    assert menus[kind] == ("True", str(len(entries(base).shipped())))


def test_parts_are_described_where_there_are_no_files():
    """As in a zip archive: the class says what the file would."""
    code = """
from pathlib import Path
from landscape_core.foundation.registry import entries
from landscape_core.training.optimizers.base import Optimizer
known = entries(Optimizer)
expected = [known.described(name) for name in known]
def missing(path, *options):
    raise NotADirectoryError(path)
Path.read_text = missing
print(expected == [known.described(name) for name in known], len(known))
"""
    assert printed(code) == ["True", str(len(entries(Optimizer)))]
