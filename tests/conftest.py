"""What holds for all tests. The engine is not imported here: shapes are checked in what is imported
after `check_types`."""

import sys

import pytest
import torch
from hypothesis import settings
from jaxtyping import config as checks

from shape_checks import check_types

# One thread: the sums of a test then have one order, and two workers do not fight over two cores.
torch.set_num_threads(1)

# The same examples every time, no record of failures on disk, no deadline on a busy machine.
settings.register_profile("landscape", derandomize=True, database=None, deadline=None)
settings.load_profile("landscape")


@pytest.fixture(autouse=True)
def _figures_closed():
    """Matplotlib keeps the figures of `pyplot`, and warns when they are many."""
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def unchecked(monkeypatch):
    """No shapes are checked, for tests of thousands of steps; those of a few steps check them."""
    monkeypatch.setattr(checks, "jaxtyping_disable", True)


def pytest_addoption(parser):
    parser.addoption(
        "--check-all-types", action="store_true", help="also where no annotation names a shape"
    )


def pytest_configure(config):
    check_types(everywhere=config.option.check_all_types)
