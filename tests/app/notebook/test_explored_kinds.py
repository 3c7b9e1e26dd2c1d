"""The first picture of `explore` for the table of kinds, against a plain call of the network."""

import pytest
from jaxtyping import config

import data_kinds  # noqa: F401 - enters its kinds
import file_kinds  # noqa: F401
import loss_kinds  # noqa: F401
import module_kinds  # noqa: F401
import structure_kinds  # noqa: F401
from kinds import KINDS, check
from landscape_core.storage.store import Store

OFTEN = {
    "module: convolution and batch normalization", "module: LSTM", "module: weight_norm by hooks",
    "objective: weight penalty", "data: two inputs",
}  # fmt: skip
"""Kinds that are also explored where time is short."""


@pytest.fixture(autouse=True)
def _as_outside_the_tests(monkeypatch):
    """Without checks of types, which are slow, and refuse what users may give."""
    monkeypatch.setattr(config, "jaxtyping_disable", True)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in OFTEN else [pytest.mark.exhaustive]) for name in KINDS],
)
def test_the_first_picture_of_each_kind_has_the_values_of_a_plain_call(name, tmp_path):
    if "explore" not in KINDS[name]().calls:
        pytest.skip("nothing to ask")
    check(name, "explore", store=Store(tmp_path))
