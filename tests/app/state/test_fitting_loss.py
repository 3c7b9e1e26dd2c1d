"""Data that are chosen in the form bring along a loss that applies to them."""

import pytest

from landscape_core.foundation.recipes import name_of
from landscape_lab.state.fitting_loss import with_fitting_batch, with_fitting_loss
from landscape_lab.state.form_model import assign
from landscape_lab.state.scene import Scene

DATA, LOSS = "run.problem.dataset", "run.problem.loss"


def chosen(data, loss):
    return assign(assign(Scene(), LOSS, loss), DATA, data)


@pytest.mark.parametrize("data", ["regression_1d", "friedman1"])
@pytest.mark.parametrize("loss", ["cross_entropy", "logistic"])
def test_numbers_as_targets_bring_squared_error(data, loss):
    scene, said = with_fitting_loss(chosen(data, loss), DATA)
    assert name_of(type(scene.run.problem.loss)) == "squared_error"
    assert "the loss is now squared error" in said


@pytest.mark.parametrize(
    ("data", "loss"),
    [("regression_1d", "squared_error"), ("moons", "squared_error"), ("circles", "logistic")],
)
def test_a_loss_that_applies_stays(data, loss):
    scene = chosen(data, loss)
    assert with_fitting_loss(scene, DATA) == (scene, "")


def test_another_choice_than_data_changes_no_loss():
    scene = chosen("regression_1d", "cross_entropy")
    for path in (LOSS, "run.batch_size", "run.problem.dataset.noise", "run.problem"):
        assert with_fitting_loss(scene, path) == (scene, "")


def test_fewer_examples_than_a_batch_bring_a_smaller_batch():
    few = assign(chosen("moons", "cross_entropy"), f"{DATA}.points", 20)
    scene, said = with_fitting_batch(few, DATA)
    assert scene.run.batch_size == 20 < few.run.batch_size
    assert said == "There are 20 training examples: the batch size is now 20."
    assert with_fitting_batch(scene, DATA) == (scene, "")
    assert with_fitting_batch(few, LOSS) == (few, "")
