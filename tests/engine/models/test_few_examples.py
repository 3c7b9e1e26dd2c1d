"""Trials on a few examples, or on all where a network or a loss cannot do with fewer."""

import pytest
from torch.nn.functional import cross_entropy

import cases
from landscape_core.models.few_examples import FEW, on_few
from landscape_core.models.network_objective import ModelObjective


def counted(least, seen):
    """What notes the examples that it is given, and fails below a least number."""

    def read(part):
        seen.append(part.examples)
        if part.examples < least:
            raise ValueError(f"{part.examples} are too few")
        return part.examples

    return read


@pytest.mark.parametrize(("least", "asked"), [(0, [FEW]), (FEW + 1, [FEW, 20])])
def test_all_examples_are_tried_where_a_few_do_not_do(least, asked):
    part, seen = ModelObjective(cases.mlp(), cross_entropy, *cases.vectors(20)), []
    assert on_few(part, counted(least, seen)) == asked[-1]
    assert seen == asked


@pytest.mark.parametrize("fits", [True, False])
def test_the_error_on_a_few_is_told_where_all_fail_or_do_not_fit(fits):
    part, seen = ModelObjective(cases.mlp(), cross_entropy, *cases.vectors(20)), []
    with pytest.raises(ValueError, match="2 are too few"):
        on_few(part, counted(21, seen), lambda whole: fits)
    assert seen == [FEW, 20][: 1 + fits]
