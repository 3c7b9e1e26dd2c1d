"""Networks, their normalizations and initializations, losses and measures: every file there is."""

import contextlib
import copy
import functools
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations
from torch.nn.utils.parametrize import is_parametrized

from landscape_core.foundation import random_streams
from landscape_core.foundation.errors import MissingDataError, SpecError
from landscape_core.foundation.recipes import fields_of
from landscape_core.foundation.registry import entries, from_plain, make
from landscape_core.models.architectures.base import Architecture
from landscape_core.models.architectures.mlp import MLP
from landscape_core.models.datasets.base import Data, ProblemData, Split
from landscape_core.models.datasets.digits import Digits
from landscape_core.models.initializations.base import Initialization
from landscape_core.models.losses.base import Loss
from landscape_core.models.losses.cross_entropy import CrossEntropy
from landscape_core.models.losses.logistic import Logistic
from landscape_core.models.losses.quadratic_hinge import QuadraticHinge
from landscape_core.models.losses.squared_error import SquaredError
from landscape_core.models.measures.accuracy import Accuracy
from landscape_core.models.measures.base import Answers
from landscape_core.models.network_objective import ModelObjective
from landscape_core.models.normalizations.base import Normalization
from landscape_core.models.normalizations.group import Group
from landscape_core.models.problems.supervised import Supervised
from landscape_core.planes.plane import Plane
from landscape_core.slices.one_call import landscape
from oracles import difference_gradient, flat_parameters, plain_loop

SMALL = {
    "mlp": {"depth": 2, "width": 8},
    "residual_mlp": {"depth": 4, "width": 8},
    "convnet": {"depth": 3, "channels": 4},
    "resnet": {"depth": 4, "channels": 4},
    "deep_linear": {"depth": 3, "width": 8},
    "ntk_mlp": {"depth": 2, "width": 8},
    "vgg": {"blocks": 2, "convolutions": 1, "multiplier": 1 / 16},
    "densenet": {"depth": 2, "growth": 4},
    "transformer": {"depth": 1, "width": 4},
    "highway": {"depth": 2, "width": 8},
    "resnext": {"depth": 3, "channels": 8, "groups": 2},
    "recurrent": {"depth": 1, "width": 4},
}
IMAGES_ONLY = ("convnet", "resnet", "resnext", "vgg")
LINEAR_ONLY = ("highway", "mlp", "residual_mlp")
ONE_OUTPUT = ("two_layer_identity",)
ARCHITECTURES = entries(Architecture)


def fitting(name, **changes):
    """Those of the changes that the network has a field for."""
    known = {field.name for field in fields_of(ARCHITECTURES[name])}
    return {field: value for field, value in changes.items() if field in known}


def network(name, shape=(1, 8, 8), seed=0, **changes):
    recipe = from_plain(Architecture, {"kind": name, **SMALL.get(name, {}), **changes})
    return recipe.build(shape, 1 if name in ONE_OUTPUT else 3, random_streams.stream(seed, "init"))


def with_data(name, shape=(1, 8, 8), **changes):
    """A small smooth network in float64, its loss, and six examples."""
    changes = fitting(name, activation="tanh", **changes)
    inputs = torch.randn(6, *shape, generator=random_streams.stream(0, "x"), dtype=torch.float64)
    targets = torch.arange(6) % 3
    loss = CrossEntropy()
    if name in ONE_OUTPUT:
        loss, targets = SquaredError(), targets[:, None].double()
    return network(name, shape, **changes).double(), loss, inputs, targets


PAIRS = [
    (name, normalization)
    for name in ARCHITECTURES
    for normalization in entries(Normalization)
    if fitting(name, normalization=normalization)
    and not (normalization == "instance" and name in LINEAR_ONLY)
]


@pytest.mark.parametrize(("name", "normalization"), PAIRS)
def test_a_network_maps_images_to_outputs_with_every_normalization(name, normalization):
    outputs = network(name, normalization=normalization)(torch.randn(5, 1, 8, 8))
    assert outputs.shape == (5, 3)
    assert outputs.isfinite().all()


@functools.cache
def shapes():
    """What the data sets that can be generated give, and the two that are read from files."""
    found = {(1, 28, 28), (3, 32, 32)}
    for dataset in entries(ProblemData).values():
        with contextlib.suppress(MissingDataError):
            found.add(dataset().build(0).input_shape)
    return sorted(found)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_network_takes_every_data_set_or_refuses_it(name):
    for shape in shapes():
        if name in IMAGES_ONLY and len(shape) < 3:
            with pytest.raises(SpecError, match="height, width"):
                network(name, shape)
            continue
        outputs = network(name, shape)(torch.randn(2, *shape))
        assert outputs.shape == (2, 1 if name in ONE_OUTPUT else 3)
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


SMOOTH = [(name, "layer") for name in ARCHITECTURES]
SMOOTH += [pair for pair in PAIRS if pair[0] in ("mlp", "convnet") and pair[1] != "layer"]


@pytest.mark.parametrize(("name", "normalization"), SMOOTH)
def test_gradients_agree_with_finite_differences(name, normalization):
    objective = ModelObjective(*with_data(name, normalization=normalization))
    gradient = objective.gradient(objective.start)
    some = torch.randperm(len(gradient), generator=random_streams.stream(0, "some"))[:60]

    def loss(values):
        return objective.loss(objective.start.index_copy(0, some, values))

    expected = difference_gradient(loss, objective.start[some])
    assert float(expected.abs().max()) > 0
    torch.testing.assert_close(gradient[some], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("name", "normalization"), SMOOTH)
def test_hessian_products_agree_with_differences_of_gradients(name, normalization):
    objective = ModelObjective(*with_data(name, normalization=normalization))
    theta, step = objective.start, 1e-5
    direction = torch.randn(
        theta.shape, generator=random_streams.stream(1, "d"), dtype=torch.float64
    )
    ends = (objective.gradient(theta + sign * step * direction) for sign in (1, -1))
    expected = torch.sub(*ends) / (2 * step)
    found = objective.hvp(theta, direction)
    assert float(found.norm()) > 0
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6 * float(found.norm()))


def check_slice(net, loss, inputs, targets):
    """The slice of `landscape` is what a plain loop over `load_state_dict` gives."""
    origin = flat_parameters(net)
    axes = torch.randn(
        2, len(origin), generator=random_streams.stream(2, "axes"), dtype=torch.float64
    )
    plane = Plane(origin, 0.1 * axes)
    found = landscape(net, loss, (inputs, targets), directions=plane, resolution=3)["loss"][0]
    coords = [(alpha, beta) for beta in found.beta.values for alpha in found.alpha.values]
    expected = plain_loop(net, loss, inputs, targets, plane.origin, plane.axes, coords)
    assert len(set(expected)) == 9
    np.testing.assert_allclose(found.values.reshape(-1), expected, rtol=1e-9)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_slice_of_every_network_agrees_with_a_plain_loop(name):
    check_slice(*with_data(name, normalization="layer"))


@pytest.mark.parametrize(
    ("name", "normalization"), [pair for pair in PAIRS if pair[0] in ("mlp", "convnet")]
)
def test_a_slice_with_every_normalization_agrees_with_a_plain_loop(name, normalization):
    check_slice(*with_data(name, normalization=normalization))


@pytest.mark.parametrize(
    ("name", "activation", "variance"),
    [
        ("he", "relu", 2 / 200),
        ("lecun", "relu", 1 / 200),
        ("xavier", "relu", 2 / 600),
        ("gaussian", "relu", 1 / 200),
        ("pytorch", "relu", 1 / (3 * 200)),
        ("identity", "relu", 1 / 200),
        ("mean_field", "tanh", 2 / 200),
        ("meta_init", "tanh", 1 / 200),
    ],
)
def test_weights_have_the_variance_of_their_scheme(name, activation, variance):
    weight = torch.empty(400, 200)
    entries(Initialization)[name]().fill(weight, activation, random_streams.stream(0, "w"))
    assert float(weight.var()) == pytest.approx(variance, rel=0.05)
    assert float(weight.mean()) == pytest.approx(0.0, abs=3 * (variance / 80_000) ** 0.5)


def test_orthogonal_weights_keep_lengths_up_to_their_gain():
    for activation, gain in (("relu", 2.0), ("tanh", 1.0)):
        weight = torch.empty(50, 50)
        entries(Initialization)["orthogonal"]().fill(
            weight, activation, random_streams.stream(0, "w")
        )
        torch.testing.assert_close(weight.T @ weight, gain * torch.eye(50), atol=1e-4, rtol=0)


def test_orthogonal_layers_of_unit_variance_start_as_an_isometry():
    weight = torch.empty(50, 50)
    entries(Initialization)["lsuv"]().fill(weight, "relu", random_streams.stream(0, "w"))
    torch.testing.assert_close(weight.T @ weight, torch.eye(50), atol=1e-5, rtol=0)


@pytest.mark.parametrize(("initialization", "low", "high"), [("he", 1 / 3, 3), ("xavier", 0, 1e-6)])
def test_thirty_relu_layers_keep_the_second_moment_with_he_and_lose_it_with_xavier(
    initialization, low, high
):
    net = network("mlp", (256,), depth=30, width=256, initialization=initialization)
    inputs = torch.randn(100, 256, generator=random_streams.stream(0, "x"))
    with torch.no_grad():
        moment = float(net[:-1](inputs).square().mean())
    # Of normal inputs, and of ReLU's outputs as He's scheme has it, the second moment is 1.
    assert low < moment < high


def test_square_layers_start_as_the_identity_times_a_gain():
    start = {"kind": "identity", "gain": 2.0}
    inputs, images = torch.randn(5, 3), torch.randn(5, 4, 6, 6).abs()
    torch.testing.assert_close(
        network("deep_linear", (3,), width=3, initialization=start)(inputs), 8 * inputs
    )
    convolution = network("convnet", (4, 6, 6), depth=1, initialization=start)[:2]
    torch.testing.assert_close(convolution(images), 2 * images)


def expectation(function):
    """E function(z) over standard normal z (2,), by Gauss and Hermite's rule."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    first, second = np.meshgrid(nodes, nodes)
    return float(np.sum(np.outer(weights, weights) * function(first, second)) / (2 * math.pi))


@pytest.mark.parametrize("sigma_w", [0.8, 1.2, 2.5], ids=["order", "near the edge", "chaos"])
def test_the_cosine_of_two_inputs_follows_the_mean_field_map(sigma_w):
    width, depth, sigma_b, correlation = 1000, 8, 0.1, 0.5
    start = {"kind": "mean_field", "sigma_w": sigma_w, "sigma_b": sigma_b}
    changes = {"depth": depth, "width": width, "activation": "tanh", "initialization": start}
    net = network("mlp", (width,), **changes)
    # The mean of sixteen pairs: at this width a single one strays from the limit by .1 and more.
    drawn = torch.linalg.qr(torch.randn(width, 32, generator=random_streams.stream(0, "x"))).Q.T
    first, other = drawn.chunk(2)
    inputs = torch.cat([first, correlation * first + math.sqrt(1 - correlation**2) * other])
    hidden = inputs * math.sqrt(width)
    length, product = 1.0, correlation
    for layer in range(depth):
        with torch.no_grad():
            before = net[2 * layer](hidden)
            hidden = net[2 * layer + 1](before)
        length = sigma_w**2 * length + sigma_b**2
        product = sigma_w**2 * product + sigma_b**2
        cosine = product / length
        assert float(functional.cosine_similarity(*before.chunk(2)).mean()) == pytest.approx(
            cosine, abs=0.05
        )
        root, rest = math.sqrt(length), math.sqrt(1 - cosine**2)
        length = expectation(lambda a, _, r=root: np.tanh(r * a) ** 2)
        product = expectation(
            lambda a, b, r=root, c=cosine, s=rest: np.tanh(r * a) * np.tanh(r * (c * a + s * b))
        )


def linear_layers(net):
    return [one for one in net.modules() if isinstance(one, nn.Linear | nn.Conv2d)]


@pytest.mark.parametrize(
    "name", [name for name in ARCHITECTURES if fitting(name, initialization="lsuv")]
)
def test_lsuv_gives_the_outputs_of_every_layer_variance_one(name):
    start = {"kind": "gaussian", "gain": 3.0}
    net = network(name, **fitting(name, initialization=start, normalization="batch"))
    buffers = {key: value.clone() for key, value in net.named_buffers()}
    entries(Initialization)["lsuv"]().settle(net, (1, 8, 8), random_streams.stream(7, "x"))
    assert net.training
    assert all(torch.equal(value, buffers[key]) for key, value in net.named_buffers())
    variances = []
    for layer in linear_layers(net):
        layer.register_forward_hook(lambda *seen: variances.append(float(seen[2].var())))
    with torch.no_grad():
        net.eval()(torch.randn(128, 1, 8, 8, generator=random_streams.stream(7, "x")))
    assert len(variances) == len(linear_layers(net))
    assert all(0.9 <= variance <= 1.1 for variance in variances)


def test_a_network_is_built_with_its_initialization_settled():
    plain, settled = (network("mlp", initialization=one) for one in ("orthogonal", "lsuv"))
    with torch.no_grad():
        deviations = [float(net(torch.randn(2000, 1, 8, 8)).std()) for net in (plain, settled)]
    assert deviations[1] == pytest.approx(1.0, abs=0.2)
    assert deviations[0] < 0.8


def variances(net, inputs):
    found = []
    for layer in linear_layers(net):
        layer.register_forward_hook(lambda *seen: found.append(float(seen[2].var())))
    with torch.no_grad():
        net(inputs)
    return found


def test_lsuv_scales_every_layer_on_the_training_inputs_where_there_are_some():
    architecture = MLP(depth=4, width=32, initialization=make(Initialization, "lsuv"))
    problem = Supervised(dataset=Digits(points=400), architecture=architecture)
    train = problem.build(0).train
    some = train.inputs[:128]
    on_data = variances(train.module, some)
    assert len(on_data) == 5
    assert all(0.9 <= variance <= 1.1 for variance in on_data)
    on_noise = variances(architecture.build((64,), 10, random_streams.stream(0, "init")), some)
    assert min(on_noise) < 0.9


def test_dead_layers_are_left_as_they_are_by_lsuv():
    net = nn.Sequential(nn.Linear(3, 3, bias=False))
    nn.init.zeros_(net[0].weight)
    entries(Initialization)["lsuv"]().settle(net, (3,), random_streams.stream(0, "x"))
    assert not net[0].weight.any()


def test_a_deep_linear_network_is_the_product_of_its_matrices():
    net = network("deep_linear", (5,), depth=4, width=7)
    product = torch.linalg.multi_dot([p.detach() for p in net.parameters()][::-1])
    inputs = torch.randn(6, 5)
    torch.testing.assert_close(net(inputs), inputs @ product.T)
    assert [tuple(p.shape) for p in net.parameters()] == [(7, 5), (7, 7), (7, 7), (3, 7)]


@pytest.mark.parametrize("identity", [True, False])
def test_two_layers_with_identity_are_the_sum_that_the_paper_writes(identity):
    net = network("two_layer_identity", (4,), identity=identity).double()
    columns = next(net.parameters()).detach().numpy()
    x = torch.randn(4, dtype=torch.float64)
    units = np.eye(4) + columns if identity else columns
    expected = sum(max(0.0, float(unit @ x.numpy())) for unit in units)
    assert float(net(x[None]).detach()) == pytest.approx(expected, rel=1e-12)


def test_two_layers_with_identity_refuse_three_classes():
    with pytest.raises(SpecError, match=r"outputs must be 1 for two_layer_identity.* got 3"):
        entries(Architecture)["two_layer_identity"]().build(
            (4,), 3, random_streams.stream(0, "init")
        )


def test_the_kernel_of_a_wide_ntk_network_is_the_limit_of_jacot_et_al():
    wide = entries(Architecture)["ntk_mlp"](depth=1, width=4096, beta=0.0)
    net = wide.build((3,), 1, random_streams.stream(0, "init")).double()
    inputs = torch.randn(4, 3, generator=random_streams.stream(0, "x"), dtype=torch.float64)
    weights = [layer.weight for layer in net if hasattr(layer, "weight")]
    rows = [torch.autograd.grad(net(x[None])[0, 0], weights) for x in inputs]
    jacobian = torch.stack([torch.cat([part.flatten() for part in row]) for row in rows])
    # Two layers, σ² = 2: Θ = S κ₁ + ⟨x, x'⟩ 2/n κ₀, by Cho and Saul's arc-cosine kernels.
    first = 2 / 3 * inputs @ inputs.T
    lengths = first.diag().sqrt()
    scale = lengths[:, None] * lengths
    angle = (first / scale).clamp(-1, 1).arccos()
    kappa0 = (math.pi - angle) / math.pi
    kappa1 = (angle.sin() + (math.pi - angle) * angle.cos()) / math.pi
    expected = scale * kappa1 + first * kappa0
    # 4096 units: each entry is a mean whose deviation is about 2 % of the diagonal.
    error = (jacobian @ jacobian.T - expected).norm() / expected.norm()
    assert float(error) < 0.05


def test_ntk_weights_are_standard_normal_and_outputs_keep_their_scale():
    changes = {"depth": 3, "beta": 0.0}
    moments = []
    for width in (256, 1024):
        net = network("ntk_mlp", (100,), width=width, **changes)
        assert float(net[2].weight.detach().std()) == pytest.approx(1.0, abs=0.02)
        with torch.no_grad():
            moments.append(float(net[:-1](torch.randn(200, 100)).square().mean()))
    assert all(moment == pytest.approx(1.0, abs=0.3) for moment in moments)


def test_vgg_doubles_its_channels_up_to_eight_times_the_first():
    net = network("vgg", (3, 32, 32), blocks=5, convolutions=2)
    channels = [one.out_channels for one in net if isinstance(one, nn.Conv2d)]
    assert channels == [4, 4, 8, 8, 16, 16, 32, 32, 32, 32]


def test_vgg_refuses_more_halvings_than_the_image_has():
    with pytest.raises(SpecError, match=r"VGG\.blocks must be at most 3 for 8 x 8 pixels; got 4"):
        network("vgg", blocks=4)


@pytest.mark.parametrize(("shape", "layer"), [((1, 8, 8), nn.Conv2d), ((20,), nn.Linear)])
def test_each_layer_of_a_dense_net_sees_all_before_it(shape, layer):
    net = network("densenet", shape, blocks=2, depth=3, growth=4, normalization="layer")
    inside = [one for one in net.modules() if type(one) is layer]
    taken = [one.weight.shape[1] for one in inside]
    # Twice the growth first, then three layers that add 4 each, the half of 20, and again.
    assert taken[1:8] == [8, 12, 16, 20, 10, 14, 18]
    assert net[-1].in_features == 22
    hidden = torch.randn(2, 8, *((4, 4) if len(shape) == 3 else ()))
    assert torch.equal(net[1](hidden)[:, :8], hidden)


def test_attention_agrees_with_that_of_torch():
    net = network("transformer", width=8, heads=2).double()
    ours = net[3].branch[1]
    parts = [ours.query, ours.key, ours.value]
    theirs = nn.MultiheadAttention(8, 2, batch_first=True, dtype=torch.float64)
    theirs.in_proj_weight.data = torch.cat([part.weight.data for part in parts])
    theirs.in_proj_bias.data = torch.cat([part.bias.data for part in parts])
    theirs.out_proj.load_state_dict(ours.last.state_dict())
    tokens = torch.randn(3, 5, 8, dtype=torch.float64)
    torch.testing.assert_close(ours(tokens), theirs(tokens, tokens, tokens)[0])


def test_tokens_are_the_rows_of_an_image_and_the_numbers_of_a_vector():
    first = network("transformer", (3, 4, 5))[0]
    images = torch.randn(2, 3, 4, 5)
    assert torch.equal(first(images)[1, 2], images[1, :, 2].flatten())
    vectors = torch.randn(2, 7)
    assert torch.equal(first(vectors), vectors[:, :, None])


@pytest.mark.parametrize(("cell", "layer"), [("lstm", nn.LSTM), ("gru", nn.GRU)])
def test_recurrent_layers_agree_with_those_of_torch(cell, layer):
    net = network("recurrent", (6, 5), width=7, depth=2, cell=cell).double()
    theirs = layer(5, 7, num_layers=2, batch_first=True, dtype=torch.float64)
    for index in range(2):
        for name, value in net[1 + index].named_parameters():
            getattr(theirs, f"{name}_l{index}").data = value.data
    inputs = torch.randn(4, 6, 5, dtype=torch.float64)
    hidden, _ = theirs(inputs)
    torch.testing.assert_close(net[:3](inputs), hidden)
    torch.testing.assert_close(net(inputs), net[-1](hidden[:, -1]))


def test_recurrent_weights_are_drawn_as_those_of_torch():
    net = network("recurrent", width=64, cell="gru")
    for name, value in [*net[1].named_parameters(), *net[-1].named_parameters()]:
        assert float(value.detach().abs().max()) <= 1 / 8, name
        assert value.numel() < 100 or float(value.detach().std()) == pytest.approx(
            1 / 8 / 3**0.5, rel=0.1
        )


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(SpecError, match=r"Transformer\.heads must be a divisor of the width 8"):
        network("transformer", width=8, heads=3)


def test_groups_of_a_single_unit_are_refused():
    with pytest.raises(SpecError, match=r"Group\.groups must be fewer than the 4 units"):
        MLP(width=4, normalization=Group(groups=4)).build(
            (2,), 2, random_streams.stream(0, "weights")
        )


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(SpecError, match=r"Group\.groups .* divisor of the 10"):
        network("mlp", width=10, normalization={"kind": "group", "groups": 4})


@pytest.mark.parametrize("name", LINEAR_ONLY)
def test_instances_without_places_are_refused(name):
    with pytest.raises(SpecError, match=r"instance normalization must be a convolutional layer"):
        network(name, normalization="instance")


def test_instance_normalization_gives_each_channel_of_each_example_mean_0_and_variance_1():
    layer = entries(Normalization)["instance"]().layer(3, 2)
    found = layer(3 + 2 * torch.randn(4, 3, 8, 8)).detach()
    torch.testing.assert_close(found.mean((2, 3)), torch.zeros(4, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.var((2, 3), correction=0), torch.ones(4, 3), atol=1e-4, rtol=0)


@pytest.mark.parametrize("width", [16, 64])
def test_a_step_in_the_ntk_parametrization_moves_a_weight_by_one_over_its_inputs(width):
    plain, free = (
        MLP(width=width, normalization=make(Normalization, name)).build(
            (3,), 2, random_streams.stream(0, "weights")
        )
        for name in ("none", "ntk")
    )
    inputs = torch.randn(20, 3, generator=random_streams.stream(0, "inputs"))
    torch.testing.assert_close(free(inputs), plain(inputs))
    before = [layer.weight.detach().clone() for layer in linear_layers(plain)]
    for net in (plain, free):
        net(inputs).square().mean().backward()
        with torch.no_grad():
            for parameter in net.parameters():
                parameter -= 0.1 * parameter.grad
    for was, one, other in zip(before, linear_layers(plain), linear_layers(free), strict=True):
        moved = (one.weight - was) / was.shape[1]
        torch.testing.assert_close(other.weight - was, moved, rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("normalization", ["weight", "spectral"])
@pytest.mark.parametrize(
    "name", ["mlp", "convnet", "residual_mlp", "resnet", "vgg", "densenet", "highway", "resnext"]
)
def test_hidden_layers_are_parametrized_and_the_last_is_not(name, normalization):
    net = network(name, normalization=normalization)
    parametrized = [is_parametrized(layer) for layer in linear_layers(net)]
    assert parametrized == [True] * (len(parametrized) - 1) + [False]
    plain = network(name, normalization="none")
    outside = {key: value for key, value in net.state_dict().items() if "parametriz" not in key}
    assert set(outside) < set(plain.state_dict())
    inputs = torch.randn(4, 1, 8, 8)
    with torch.no_grad():
        torch.testing.assert_close(copy.deepcopy(net)(inputs), net(inputs))


@pytest.mark.parametrize("name", ["mlp", "convnet"])
def test_weight_normalization_starts_as_the_plain_network_and_turns_directions_alone(name):
    net, loss, inputs, targets = with_data(name, normalization="weight")
    plain = with_data(name, normalization="none")[0]
    torch.testing.assert_close(net(inputs), plain(inputs), rtol=1e-6, atol=1e-6)
    objective = ModelObjective(net, loss, inputs, targets)
    gradient = objective.layout.split(objective.gradient(objective.start))
    directions = objective.layout.split(objective.start)
    found = [key for key in gradient if key.endswith("weight.original1")]
    assert found
    for key in found:
        along = (gradient[key] * directions[key]).flatten(1).sum(1)
        torch.testing.assert_close(along, torch.zeros_like(along), atol=1e-12, rtol=0)
        assert gradient[key].abs().max() > 1e-6


@pytest.mark.parametrize("layer", [nn.Linear(5, 4), nn.Conv2d(2, 3, 3)], ids=["linear", "conv"])
def test_weight_normalization_agrees_with_that_of_torch(layer):
    ours, theirs = copy.deepcopy(layer), copy.deepcopy(layer)
    entries(Normalization)["weight"]().reparametrize(ours)
    parametrizations.weight_norm(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    state = {key: value + 0.1 for key, value in theirs.state_dict().items()}
    for one in (ours, theirs):
        one.load_state_dict(state)
    torch.testing.assert_close(ours.weight, theirs.weight, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", ["mlp", "convnet"])
def test_spectral_normalization_keeps_the_largest_singular_value_near_one(name):
    net, loss, inputs, targets = with_data(name, normalization="spectral")
    objective = ModelObjective(net, loss, inputs, targets)
    theta, start = objective.start, objective.start

    def norms(buffers):
        net.load_state_dict({**net.state_dict(), **objective.layout.split(theta), **buffers})
        weights = [layer.weight.detach() for layer in linear_layers(net.eval())[:-1]]
        return torch.stack([torch.linalg.matrix_norm(one.flatten(1), 2) for one in weights])

    torch.testing.assert_close(norms({}), torch.ones_like(norms({})), rtol=1e-6, atol=0)
    before = dict(objective.buffers)
    for _ in range(100):
        batch = objective.minibatch(torch.arange(6))
        theta = theta - 0.3 * batch.gradient(theta)
        objective = objective.with_buffers(batch.buffers)
    assert float((theta - start).norm() / start.norm()) > 0.1
    held = objective.minibatch(torch.arange(6))
    for _ in range(20):  # the power iteration catches up where the weights rest
        held.loss(theta)
    assert float((norms(held.buffers) - 1).abs().max()) < 0.05
    assert float((norms(before) - 1).abs().max()) > 0.05


OUTPUTS = torch.randn(4, 7, 3, generator=random_streams.stream(0, "outputs"), dtype=torch.float64)
TARGETS = torch.tensor([0, 1, 2, 0, 1, 2, 2])
SIGNS = 2.0 * functional.one_hot(TARGETS, 3).double() - 1.0


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
        (
            QuadraticHinge(),
            lambda o: (
                0.5
                * functional.hinge_embedding_loss(
                    o * SIGNS, torch.full_like(o, -1.0), reduction="none"
                )
                .square()
                .mean(1)
            ),
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


def test_the_quadratic_hinge_of_two_classes_is_zero_from_a_margin_of_one_on():
    outputs = torch.tensor([[2.0], [1.0], [0.5], [-1.0], [0.25]])
    found = QuadraticHinge()(outputs, torch.tensor([1, 1, 1, 0, 0]))
    assert found.tolist() == [0.0, 0.0, 0.125, 0.0, 0.78125]
    assert QuadraticHinge().predict(outputs).tolist() == [1, 1, 1, 0, 1]
    numbers = Split(*[Data(outputs, outputs)] * 2, classes=None)
    with pytest.raises(SpecError, match="squared_error for regression"):
        QuadraticHinge().outputs(numbers)


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
