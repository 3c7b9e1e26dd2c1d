"""Networks, their normalizations and initializations, losses and measures: every file there is."""

import pytest
import torch
from oracles import difference_gradient
from torch.nn import functional

from landscape_core import seeds
from landscape_core.architectures.base import Architecture
from landscape_core.catalogue import entries, from_plain
from landscape_core.errors import SpecError
from landscape_core.initializations.base import Initialization
from landscape_core.losses.base import Loss
from landscape_core.losses.cross_entropy import CrossEntropy
from landscape_core.losses.logistic import Logistic
from landscape_core.losses.squared_error import SquaredError
from landscape_core.measures.accuracy import Accuracy
from landscape_core.measures.base import Answers
from landscape_core.normalizations.base import Normalization
from landscape_core.objective import ModelObjective

SMALL = {"mlp": {"depth": 2, "width": 8}, "residual_mlp": {"depth": 4, "width": 8},
         "convnet": {"depth": 3, "channels": 4}, "resnet": {"depth": 4, "channels": 4}}  # fmt: skip


def network(name, shape=(1, 8, 8), seed=0, **changes):
    recipe = from_plain(Architecture, {"kind": name, **SMALL.get(name, {}), **changes})
    return recipe.build(shape, 3, seeds.stream(seed, "init"))


@pytest.mark.parametrize("normalization", entries(Normalization))
@pytest.mark.parametrize("name", entries(Architecture))
def test_a_network_maps_images_to_outputs_with_every_normalization(name, normalization):
    outputs = network(name, normalization=normalization)(torch.randn(5, 1, 8, 8))
    assert outputs.shape == (5, 3)
    assert outputs.isfinite().all()


@pytest.mark.parametrize("name", entries(Architecture))
def test_a_seed_makes_the_same_weights_and_another_seed_others(name):
    first, again, other = (network(name, seed=s).state_dict() for s in (1, 1, 2))
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", ["residual_mlp", "resnet"])
def test_only_the_skip_differs_between_skips_on_and_off(name):
    on, off = (network(name, skips=skips) for skips in (True, False))
    shapes = [[(n, p.shape) for n, p in net.named_parameters()] for net in (on, off)]
    assert shapes[0] == shapes[1]
    assert all(torch.equal(a, b) for a, b in zip(on.parameters(), off.parameters(), strict=True))
    inputs = torch.randn(4, 1, 8, 8)
    assert not torch.allclose(on(inputs), off(inputs))


@pytest.mark.parametrize("name", ["convnet", "resnet"])
def test_a_network_for_images_refuses_vectors_by_name(name):
    with pytest.raises(SpecError, match="height, width"):
        network(name, shape=(64,))


@pytest.mark.parametrize("name", entries(Architecture))
def test_gradients_agree_with_finite_differences(name):
    net = network(name, activation="tanh", normalization="layer").double()
    inputs = torch.randn(6, 1, 8, 8, generator=seeds.stream(0, "x"), dtype=torch.float64)
    objective = ModelObjective(net, CrossEntropy(), inputs, torch.arange(6) % 3)
    gradient = objective.gradient(objective.start)
    some = torch.randperm(len(gradient), generator=seeds.stream(0, "some"))[:40]
    expected = difference_gradient(objective.loss, objective.start)
    torch.testing.assert_close(gradient[some], expected[some], rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("name", "activation", "variance"),
    [
        ("he", "relu", 2 / 200),
        ("lecun", "relu", 1 / 200),
        ("xavier", "relu", 2 / 600),
        ("gaussian", "relu", 1 / 200),
        ("pytorch", "relu", 1 / (3 * 200)),
    ],
)
def test_weights_have_the_variance_of_their_scheme(name, activation, variance):
    weight = torch.empty(400, 200)
    entries(Initialization)[name]().fill(weight, activation, seeds.stream(0, "w"))
    assert float(weight.var()) == pytest.approx(variance, rel=0.05)
    assert float(weight.mean()) == pytest.approx(0.0, abs=3 * (variance / 80_000) ** 0.5)


def test_orthogonal_weights_keep_lengths_up_to_their_gain():
    for activation, gain in (("relu", 2.0), ("tanh", 1.0)):
        weight = torch.empty(50, 50)
        entries(Initialization)["orthogonal"]().fill(weight, activation, seeds.stream(0, "w"))
        torch.testing.assert_close(weight.T @ weight, gain * torch.eye(50), atol=1e-4, rtol=0)


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(SpecError, match=r"Group\.groups .* divisor of the 10"):
        network("mlp", width=10, normalization={"kind": "group", "groups": 4})


OUTPUTS = torch.randn(4, 7, 3, generator=seeds.stream(0, "outputs"), dtype=torch.float64)
TARGETS = torch.tensor([0, 1, 2, 0, 1, 2, 2])


@pytest.mark.parametrize(
    ("loss", "reference"),
    [
        (CrossEntropy(), lambda o: functional.cross_entropy(o, TARGETS, reduction="none")),
        (SquaredError(), lambda o: 0.5 * (o - functional.one_hot(TARGETS, 3)).square().sum(1)),
        (
            Logistic(),
            lambda o: functional.binary_cross_entropy_with_logits(
                o, functional.one_hot(TARGETS, 3).double(), reduction="none"
            ).mean(1),
        ),
    ],
)
def test_a_loss_agrees_with_torch_and_many_points_with_one_by_one(loss, reference):
    many = loss(OUTPUTS, TARGETS)
    assert many.shape == (4, 7)
    for k in range(4):
        torch.testing.assert_close(many[k], reference(OUTPUTS[k]), rtol=1e-12, atol=1e-12)


def test_one_logistic_output_answers_a_question_of_two_classes():
    outputs, targets = OUTPUTS[..., :1], TARGETS.clamp(max=1)
    expected = functional.binary_cross_entropy_with_logits(
        outputs[0, :, 0], targets.double(), reduction="none"
    )
    torch.testing.assert_close(Logistic()(outputs, targets)[0], expected)
    assert torch.equal(Logistic().predict(outputs), (outputs[..., 0] > 0).long())


@pytest.mark.parametrize("name", entries(Loss))
def test_probabilities_sum_to_one_and_agree_with_the_prediction(name):
    loss = entries(Loss)[name]()
    probabilities = loss.probabilities(OUTPUTS)
    torch.testing.assert_close(probabilities.sum(-1), torch.ones(4, 7, dtype=torch.float64))
    if name != "squared_error":
        assert torch.equal(probabilities.argmax(-1), loss.predict(OUTPUTS))


def test_accuracy_is_the_share_of_right_answers():
    found = Accuracy().read(OUTPUTS, Answers(TARGETS, CrossEntropy()))
    expected = (OUTPUTS.argmax(-1) == TARGETS).double().mean(-1)
    torch.testing.assert_close(found, expected)
    assert not Accuracy().applies(None)
