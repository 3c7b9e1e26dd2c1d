"""Ways in which a network, a loss or an adapter may refer to the network's own parameters.

Each makes a network, a loss and an adapter, or None; `HELD` stands for the global variables of a
notebook.
"""

import functools
import types
import weakref

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from landscape_core.foundation import random_streams
from landscape_core.models.loss_function import loss_values

HELD = types.SimpleNamespace()
MODEL, CONFIG, REGISTRY, TRAINER = None, None, {}, None


def network():
    module = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 3)).double()
    rng = random_streams.stream(0, "weights")
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(0.5 * torch.randn(parameter.shape, generator=rng).double())
    return module


def size(module):
    return 0.01 * sum(p.square().sum() for p in module.parameters())


def default_argument():
    m = network()
    return m, lambda o, t, m=m: cross_entropy(o, t) + size(m), None


def keyword_default():
    m = network()
    return m, lambda o, t, *, m=m: cross_entropy(o, t) + size(m), None


def closed_over_namespace():
    m = network()
    cfg = types.SimpleNamespace(model=m)
    return m, lambda o, t: cross_entropy(o, t) + size(cfg.model), None


def global_namespace():
    m = globals()["MODEL"] = network()
    globals()["CONFIG"] = types.SimpleNamespace(model=m)
    return m, lambda o, t: cross_entropy(o, t) + size(CONFIG.model), None


def optimizer():
    m = network()
    opt = torch.optim.SGD(m.parameters(), lr=0.1)

    def loss(o, t):
        return cross_entropy(o, t) + 0.01 * sum(
            p.square().sum() for p in opt.param_groups[0]["params"]
        )

    return m, loss, None


def method_in_place():
    m = network()
    forward = m[2].forward
    m[2].forward = lambda z: 2 * forward(z)
    return m, cross_entropy, None


def compiled_method():
    m = network()
    m[0].forward = torch.compile(m[0].forward, backend="eager")
    return m, cross_entropy, None


class Steps(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = network()[0], network()[2]

    def forward(self, z):
        for step in self.steps:
            z = step(z)
        return z


def under_the_name_of_a_library():
    m = network()

    @functools.wraps(loss_values)
    def loss(o, t):
        return cross_entropy(o, t) + size(m)

    return m, loss, None


def list_of_functions():
    s = Steps()
    s.steps = [lambda z: torch.tanh(s.a(z)), lambda z: s.b(z)]
    return s, cross_entropy, None


def partial_as_attribute():
    s = Steps()
    s.steps = (functools.partial(lambda layer, z: torch.tanh(layer(z)), s.a), s.b.forward)
    return s, cross_entropy, None


def functions_in_a_dictionary():
    s = Steps()
    held = {"a": functools.partial(lambda layer, z: torch.tanh(layer(z)), layer=s.a), "b": [s.b]}
    s.steps = [lambda z: held["a"](z=z), lambda z: held["b"][0](z)]
    return s, cross_entropy, None


class Referring(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = network()[0], network()[2]
        self.r = weakref.ref(self.a)

    def forward(self, z):
        return self.b(torch.tanh(self.r()(z)))


def weak_reference():
    return Referring(), cross_entropy, None


def attribute_of_a_function():
    m = network()

    def loss(o, t):
        return cross_entropy(o, t) + size(penalty.network)

    def penalty():
        return None

    penalty.network = m
    return m, loss, None


def nested_containers():
    m = network()
    cfg = {"nets": [m], "sets": ({"one": (m[0],)},)}

    def loss(o, t):
        return cross_entropy(o, t) + size(cfg["nets"][0]) + size(cfg["sets"][0]["one"][0])

    return m, loss, None


def closed_over_method():
    m = network()
    parameters = m[0].parameters
    return m, lambda o, t: cross_entropy(o, t) + sum(p.square().sum() for p in parameters()), None


def closed_over_partial():
    m = network()
    penalty = functools.partial(size, m[2])
    return m, lambda o, t: cross_entropy(o, t) + penalty(), None


class Trainer:
    __slots__ = ("__dict__", "net")

    def __init__(self, net):
        self.net, self.nets, self.me = net, {"net": net}, self

    def penalty(self):
        return size(self.me.net) + size(self.nets["net"])


def global_trainer():
    m = network()
    globals()["TRAINER"] = Trainer(m)

    def helper():
        return TRAINER.penalty()

    return m, lambda o, t: cross_entropy(o, t) + helper(), None


def method_of_a_trainer():
    m = network()
    trainer = Trainer(m)
    trainer.loss = lambda o, t: cross_entropy(o, t) + trainer.penalty()
    return m, trainer.loss, None


def hook_over_a_dictionary():
    m = network()
    layers = {"l": [m[0]]}
    m[2].register_forward_hook(lambda module, given, found: found + size(layers["l"][0]))
    return m, cross_entropy, None


def hook_and_loss_share_a_list():
    m, seen = network(), []
    m[1].register_forward_hook(lambda module, given, found: seen.append(found))
    return m, lambda o, t: cross_entropy(o, t) + seen[-1].square().mean(), None


def adapter_with_default():
    m = network()
    return m, cross_entropy, lambda found, layer=m[2]: found + size(layer)


def remembered_function():
    m = network()

    @functools.cache
    def layer():
        return m[0]

    return m, lambda o, t: cross_entropy(o, t) + size(layer()), None


def recursive_function():
    m = network()

    def depth(n):
        return size(m) if n == 0 else 2 * depth(n - 1)

    return m, lambda o, t: cross_entropy(o, t) + depth(3), None


class Penalized(nn.Module):
    """A loss that holds the network, and a tensor of another type."""

    def __init__(self, net):
        super().__init__()
        self.net = net
        self.register_buffer("scale", torch.ones(()))

    def forward(self, o, t):
        return cross_entropy(o, t) + self.scale * size(self.net)


def loss_that_holds_the_network():
    m = network()
    return m, Penalized(m), None


FOLLOWED = {
    function.__name__: function
    for function in (
        *(default_argument, keyword_default, closed_over_namespace, global_namespace, optimizer),
        *(method_in_place, compiled_method, list_of_functions, partial_as_attribute),
        *(functions_in_a_dictionary, weak_reference, attribute_of_a_function, nested_containers),
        *(closed_over_method, closed_over_partial, global_trainer, method_of_a_trainer),
        *(hook_over_a_dictionary, hook_and_loss_share_a_list, adapter_with_default),
        *(remembered_function, recursive_function, loss_that_holds_the_network),
        under_the_name_of_a_library,
    )
}
"""Those whose copies refer to the copy of the network."""


class Registered(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b, self.key = network()[0], network()[2], "a"
        REGISTRY["a"] = self.a

    def forward(self, z):
        return self.b(torch.tanh(REGISTRY[self.key](z)))


def global_registry():
    return Registered(), cross_entropy, None


class Shared(nn.Module):
    layers = ()

    def __init__(self):
        super().__init__()
        self.a, self.b = network()[0], network()[2]
        Shared.layers = (self.a,)

    def forward(self, z):
        return self.b(torch.tanh(self.layers[0](z)))


def attribute_of_a_class():
    return Shared(), cross_entropy, None


class GlobalLoss:
    def __call__(self, o, t):
        return cross_entropy(o, t) + size(MODEL)


def class_of_a_loss():
    m = globals()["MODEL"] = network()
    return m, GlobalLoss(), None


def data_of_a_parameter():
    m = network()
    weight = m[0].weight.data
    return m, lambda o, t: cross_entropy(o, t) + weight.square().sum(), None


def generator():
    m = network()
    endless = (one for _ in iter(int, 1) for one in [m[0].weight])
    return m, lambda o, t: cross_entropy(o, t) + next(endless).square().sum(), None


REFUSED = {
    function.__name__: function
    for function in (
        *(global_registry, attribute_of_a_class, class_of_a_loss, data_of_a_parameter, generator),
    )
}
"""Those that go on to read the original, whatever is copied."""


class Alias(nn.Module):
    def __init__(self, alias):
        super().__init__()
        self.a, self.b = network()[0], network()[2]
        alias(self, self.b.weight)

    def forward(self, z):
        return torch.tanh(self.a(z)) @ self.weights().T

    def weights(self):
        return self.wt if isinstance(self.wt, torch.Tensor) else self.wt[0]


def as_data(module, weight):
    module.wt = weight.data


def as_detached_in_a_list(module, weight):
    module.wt = [weight.detach()]


def as_buffer(module, weight):
    module.register_buffer("wt", weight.data)


def as_part(module, weight):
    module.wt = weight[:]


def as_parameter(module, weight):
    module.wt = nn.Parameter(torch.zeros_like(weight))
    module.wt.data = weight.data


ALIASES = (as_data, as_detached_in_a_list, as_buffer, as_part, as_parameter)
"""Ways to hold a tensor that shares the memory of a parameter."""
