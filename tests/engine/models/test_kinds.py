"""A table of kinds of modules, losses, data and files, each against a plain call of the network.

The rows are in the modules of `tests/support` whose names end in `_kinds`; what `explore` shows of
them is compared in `tests/app/notebook`.
"""

import pytest
from jaxtyping import config

import data_kinds  # noqa: F401 - enters its kinds
import file_kinds  # noqa: F401
import loss_kinds  # noqa: F401
import module_kinds  # noqa: F401
import structure_kinds  # noqa: F401
from kinds import CALLS, KINDS, check

OFTEN = {"landscape": 1, "gradient": 8, "spectrum": 8}
"""Of the rows that a call takes, every how many-th is asked where time is short."""


@pytest.fixture(autouse=True)
def _as_outside_the_tests(monkeypatch):
    """Without checks of types, which are slow, and refuse what users may give."""
    monkeypatch.setattr(config, "jaxtyping_disable", True)


def cells():
    """The name of each kind and what it is asked, those that are left out where time is short."""
    for call, often in OFTEN.items():
        for number, name in enumerate(KINDS):
            some = number % often == list(OFTEN).index(call) % often
            marks = [] if some else [pytest.mark.exhaustive]
            yield pytest.param(name, call, marks=marks, id=f"{call} of {name}")


@pytest.mark.parametrize(("name", "call"), [*cells()])
def test_each_kind_has_the_values_of_a_plain_call_or_is_refused(name, call):
    if call not in KINDS[name]().calls:
        pytest.skip("nothing to ask")
    check(name, call)


def test_the_table_names_at_least_eighty_kinds_that_are_computed():
    cases = {name: make() for name, make in KINDS.items()}
    right = [name for name, case in cases.items() if not case.refused and case.calls == CALLS]
    assert len(right) >= 80
    assert {name.partition(":")[0] for name in KINDS} == {
        *("module", "loss", "objective", "data", "file"),
    }
