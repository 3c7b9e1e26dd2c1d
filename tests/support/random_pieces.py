"""Parts of networks as people write them, each from (N, width) to (N, width), by kind.

Every kind is a habit that a tool may stumble over: it looks like a layer and is none, depends on
data or on the values of parameters, knows other examples, remembers, draws, works in place.
"""

import functools
import random
import types
import warnings

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrizations, parametrize
from torch.utils.checkpoint import checkpoint

PIECES = {}
"""By kind, what makes a piece from dice and a width."""


def piece(kind):
    """Enter a maker of pieces under its kind."""

    def entered(maker):
        PIECES[kind] = maker
        return maker

    return entered


def of_class(kind, **options):
    """Enter a module class whose constructor takes the dice and the width."""

    def entered(cls):
        PIECES[kind] = functools.partial(cls, **options)
        return cls

    return entered


# --- layers, and what only looks like one ---------------------------------------------------------

ACTIVATIONS = (
    nn.ReLU,
    nn.Tanh,
    nn.Sigmoid,
    nn.LeakyReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    functools.partial(nn.LeakyReLU, 0.3),
    functools.partial(nn.ELU, 0.5),
    functools.partial(nn.GELU, approximate="tanh"),
    functools.partial(nn.Softplus, 2.0, 1.0),
    nn.Hardtanh,
    nn.PReLU,
)


@piece("linear")
def linear(dice, width):
    return nn.Sequential(nn.Linear(width, width, bias=dice.chance(0.7)), dice.one_of(ACTIVATIONS)())


class Doubling(nn.Linear):
    def forward(self, values):
        return 2 * super().forward(values)


class Shifted(nn.ReLU):
    def forward(self, values):
        return super().forward(values) + 0.3


class Scaling(nn.LayerNorm):
    def forward(self, values):
        return 0.5 * super().forward(values)


class Called(nn.Linear):
    def __call__(self, values):
        return super().__call__(values).sin()


@piece("own subclass of a layer")
def own_layer(dice, width):
    return nn.Sequential(dice.one_of((Doubling, Called))(width, width), nn.Tanh())


@piece("own subclass of an activation")
def own_activation(dice, width):
    return nn.Sequential(nn.Linear(width, width), dice.one_of((Shifted(), Scaling(width))))


def halved(module, values):
    return 0.5 * functional.linear(values, module.weight, module.bias)


@piece("forward replaced")
def replaced(dice, width):
    layer = nn.Linear(width, width)
    layer.forward = types.MethodType(halved, layer)
    return nn.Sequential(layer, nn.Tanh())


def bent(module, given, found):
    return found.sin()


def turned(module, given):
    return (given[0].cos(),)


@piece("hook")
def hooked(dice, width):
    layer = nn.Linear(width, width)
    layer.register_forward_hook(bent)
    return nn.Sequential(layer, nn.Tanh())


@piece("hook before")
def hooked_before(dice, width):
    layer = nn.Linear(width, width)
    layer.register_forward_pre_hook(turned)
    return nn.Sequential(layer, nn.ReLU())


@piece("normalization")
def normalization(dice, width):
    eps = dice.one_of((1e-5, 0.1))
    norm = dice.one_of(
        (
            lambda: nn.LayerNorm(width, eps=eps),
            lambda: nn.LayerNorm(width, elementwise_affine=False),
            lambda: nn.LayerNorm(width, bias=False),
            lambda: nn.GroupNorm(2, width, eps=eps),
            lambda: nn.GroupNorm(1, width, affine=False),
            lambda: nn.RMSNorm(width),
        )
    )
    return nn.Sequential(nn.Linear(width, width), norm(), nn.Tanh())


@piece("batch normalization")
def batch_normalization(dice, width):
    affine = dice.chance(0.7)
    return nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width, affine=affine), nn.Tanh())


@piece("batch normalization without statistics")
def free_normalization(dice, width):
    norm = nn.BatchNorm1d(width, track_running_stats=False)
    return nn.Sequential(nn.Linear(width, width), norm, nn.Tanh())


@piece("dropout")
def dropout(dice, width):
    return nn.Sequential(nn.Linear(width, width), nn.Dropout(0.4), nn.Tanh())


@piece("activation in place")
def in_place(dice, width):
    kind = dice.one_of((nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SiLU))
    return nn.Sequential(nn.Linear(width, width), kind(inplace=True))


@of_class("in place on hidden values")
class Overwriting(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer, self.first = nn.Linear(width, width), dice.chance(0.5)

    def forward(self, values):
        if self.first:
            values.mul_(1.3).add_(0.1)
        found = self.layer(values)
        found += values.sigmoid()
        found[:, 0] *= 2
        return found.tanh_()


@of_class("layer called several times")
class Repeated(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer, self.times = nn.Linear(width, width), dice.whole(2, 3)

    def forward(self, values):
        for _ in range(self.times):
            values = self.layer(values).tanh()
        return values


@piece("shared layer")
def shared(dice, width):
    layer = nn.Linear(width, width)
    return nn.Sequential(layer, nn.Tanh(), nn.Linear(width, width), layer, nn.Sigmoid())


@piece("tied parameters")
def tied(dice, width):
    first, second = nn.Linear(width, width), nn.Linear(width, width)
    second.weight = first.weight
    if dice.chance(0.5):
        second.bias = first.bias
    return nn.Sequential(first, nn.Tanh(), second, nn.Tanh())


@of_class("tied and transposed")
class Autoencoding(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.Linear(width, width)
        self.same = self.layer.weight

    def forward(self, values):
        return functional.linear(self.layer(values).tanh(), self.same.T).tanh()


@piece("frozen parameters")
def frozen(dice, width):
    found = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh())
    for parameter in (found[0].weight, found[2].bias)[: dice.whole(1, 2)]:
        parameter.requires_grad_(False)
    return found


@of_class("skip")
class Skip(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(width, width), nn.ReLU(inplace=dice.chance(0.3)))
        self.gate = nn.Parameter(torch.ones(width))

    def forward(self, values):
        return values + self.gate * self.branch(values)


@of_class("parameters without a layer")
class Bare(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.matrix = nn.Parameter(torch.zeros(width, width))
        self.number = nn.Parameter(torch.zeros(()))
        self.list = nn.ParameterList([nn.Parameter(torch.zeros(width)) for _ in range(2)])

    def forward(self, values):
        return (values @ self.matrix + self.list[1]).tanh() * self.number + self.list[0]


@of_class("fourier")
class Fourier(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.filter = nn.Parameter(torch.zeros(width // 2 + 1))

    def forward(self, values):
        width = values.shape[1]
        return torch.fft.irfft(torch.fft.rfft(values) * self.filter, n=width).tanh()


@of_class("transformer layer")
class Attending(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(2, 1, 4, batch_first=True)
        self.layer.norm_first = dice.chance(0.5)

    def forward(self, values):
        return self.layer(values.unflatten(1, (-1, 2))).flatten(1)


@of_class("convolution")
class Convolution(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.Conv1d(1, 2, 3, padding=1, padding_mode=dice.one_of(("zeros", "circular")))

    def forward(self, values):
        return self.layer(values[:, None]).tanh().mean(1)


@of_class("mode read")
class Reading(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, values):
        return self.layer(values).tanh() if self.training else self.layer(values).sin()


@of_class("generated weights")
class Hyper(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.code = nn.Parameter(torch.zeros(2))
        self.maker = nn.Linear(2, width * width)

    def forward(self, values):
        return (values @ self.maker(self.code).view(values.shape[1], -1)).tanh()


# --- control flow ---------------------------------------------------------------------------------

CONDITIONS = {
    "branch on data": lambda self, values: values.mean() > self.bound,
    "branch by item": lambda self, values: values.std(correction=0).item() > 0.3 + self.bound,
    "branch by tolist": lambda self, values: sum(values[0].tolist()) > self.bound,
    "branch by numpy": lambda self, values: np.median(values.detach().cpu().numpy()) > self.bound,
    "branch on a parameter": lambda self, values: self.one.weight.sum() > self.limit,
    "branch on an item of a parameter": lambda self, values: (
        self.one.bias.sum().item() > self.limit_of_bias
    ),
    "branch on a listed parameter": lambda self, values: (
        float(self.kept[0].detach().sum()) > self.limit
    ),
}
"""By kind, whether a branching piece takes its first way."""


class Branching(nn.Module):
    """Takes one of two ways by a condition; limits are near what the parameters give at first."""

    def __init__(self, dice, width, kind):
        super().__init__()
        self.one, self.other = nn.Linear(width, width), nn.Linear(width, width)
        self.kind, self.bound = kind, dice.real(-0.2, 0.2)
        self.shift = dice.real(0.02, 0.1)
        self.kept = [self.one.weight]
        self.settled()

    def settled(self):
        self.limit = float(self.one.weight.detach().sum()) + self.shift
        self.limit_of_bias = float(self.one.bias.detach().sum()) + self.shift

    def forward(self, values):
        if CONDITIONS[self.kind](self, values):
            return self.one(values).tanh()
        return self.other(values).relu() + 0.2


for _kind in CONDITIONS:
    PIECES[_kind] = functools.partial(Branching, kind=_kind)


@of_class("early exit on data", by_data=True)
@of_class("early exit on parameters", by_data=False)
class EarlyExit(nn.Module):
    def __init__(self, dice, width, by_data):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(3)])
        self.by_data, self.bound, self.shift = by_data, dice.real(0.2, 0.5), dice.real(0.02, 0.1)
        self.settled()

    def settled(self):
        self.limits = [float(one.weight.detach().sum()) + self.shift for one in self.layers]

    def forward(self, values):
        for layer, limit in zip(self.layers, self.limits, strict=True):
            left = values.abs().mean() > self.bound if self.by_data else layer.weight.sum() > limit
            if left:
                return values
            values = layer(values).tanh()
        return values + 0.5


@of_class("loop until")
class Until(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer, self.bound = nn.Linear(width, width), dice.real(0.3, 0.8)

    def forward(self, values):
        for step in range(4):
            if values.norm(dim=1).mean() > self.bound * (1 + step):
                break
            values = values + self.layer(values).sigmoid()
        return values


@of_class("boolean mask")
class Masked(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, values):
        chosen = values[:, 0] > 0
        found = values.clone()
        found[chosen] = self.layer(values[chosen]).tanh()
        return found


@of_class("argmax routing")
class Routed(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.router = nn.Linear(width, 2)
        self.experts = nn.ModuleList([nn.Linear(width, width) for _ in range(2)])

    def forward(self, values):
        chosen = self.router(values).argmax(1)
        found = torch.zeros_like(values)
        for index, expert in enumerate(self.experts):
            rows = (chosen == index).nonzero()[:, 0]
            if len(rows):
                found = found.index_add(0, rows, expert(values[rows]).tanh())
        return found


@of_class("mixture of experts")
class Mixture(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.router = nn.Linear(width, 3)
        self.experts = nn.ModuleList([nn.Linear(width, width) for _ in range(3)])

    def forward(self, values):
        weights, chosen = self.router(values).softmax(1).topk(2)
        every = torch.stack([expert(values) for expert in self.experts], 1)
        taken = every.gather(1, chosen[:, :, None].expand(-1, -1, values.shape[1]))
        return (weights[:, :, None] * taken).sum(1).tanh()


@of_class("sorting")
class Sorting(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, values):
        return self.layer(values).sort(1).values.tanh()


@of_class("numpy on the way")
class Escaping(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, values):
        found = self.layer(values)
        scale = torch.from_numpy(np.cos(found.detach().cpu().numpy())).to(found)
        return found.tanh() * scale


@of_class("detach")
class Detached(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer, self.other = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, values):
        return self.other(self.layer(values).detach().tanh()).tanh() + 0.1 * values


@of_class("without gradients inside")
class Ungraded(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer, self.other = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, values):
        with torch.no_grad():
            target = self.layer(values).tanh()
        return self.other(values + target).tanh()


@of_class("example by example")
class RowByRow(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, values):
        return torch.stack([self.layer(row).tanh() for row in values])


# --- examples that know each other ----------------------------------------------------------------


@of_class("attention across examples")
class AcrossExamples(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.query, self.key = nn.Linear(width, width), nn.Linear(width, width)

    def forward(self, values):
        scores = self.query(values) @ self.key(values).T
        return values + scores.softmax(1) @ values


@of_class("mean over examples")
class Centred(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, values):
        found = self.layer(values)
        return (found - found.mean(0)).tanh() + 0.3


@of_class("standardized by hand")
class Standardized(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, values):
        found = self.layer(values)
        return (found - found.mean(0)) / (found.var(0, correction=0) + 0.1).sqrt()


@of_class("cumulative over examples")
class Cumulative(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, values):
        return self.layer(values).cumsum(0).sin()


@of_class("number of examples read")
class Counting(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, values):
        return self.layer(values).tanh() * (1 + 0.1 * len(values))


# --- gradients ------------------------------------------------------------------------------------


@of_class("checkpoint", reentrant=False)
@of_class("re-entrant checkpoint", reentrant=True)
class Checkpointed(nn.Module):
    def __init__(self, dice, width, reentrant):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width))
        self.reentrant = reentrant

    def forward(self, values):
        return checkpoint(self.inner, values, use_reentrant=self.reentrant).tanh()


@of_class("parameters in a list", form=list)
@of_class("parameters in a dictionary", form=dict)
class Kept(nn.Module):
    def __init__(self, dice, width, form):
        super().__init__()
        self.layer = nn.Linear(width, width)
        both = list(self.layer.parameters())
        self.kept = both if form is list else dict(enumerate(both))

    def forward(self, values):
        return functional.linear(values, self.kept[0], self.kept[1]).tanh()


class Holder:
    def __init__(self, parameter):
        self.parameter = parameter


@of_class("parameters in an object")
class Held(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.Linear(width, width)
        self.holder = Holder(self.layer.weight)

    def forward(self, values):
        return (self.layer(values) + values @ self.holder.parameter).tanh()


class Plain(nn.Module):
    """Calls a function that it was given."""

    def __init__(self, layer, function):
        super().__init__()
        self.layer, self.function = layer, function

    def forward(self, values):
        return self.function(values)


@piece("parameters in a closure")
def closed(dice, width):
    layer = nn.Linear(width, width)
    weight, bias = layer.weight, layer.bias
    return Plain(layer, lambda values: functional.linear(values, weight, bias).tanh())


class StraightThrough(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values):
        return values.sign()

    @staticmethod
    def backward(ctx, slope):
        return slope.clone()


@of_class("own derivative")
class Binary(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, values):
        return StraightThrough.apply(self.layer(values)) * 0.5


@of_class("parameter changed in forward")
class Clipped(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.Linear(width, width)

    def forward(self, values):
        with torch.no_grad():
            self.layer.weight.clamp_(-0.4, 0.4)
        return self.layer(values).tanh()


# --- memory ---------------------------------------------------------------------------------------


class Remembering(nn.Module):
    """A layer, and something that outlives a call."""

    def __init__(self, dice, width):
        super().__init__()
        self.layer = nn.Linear(width, width)
        self.prepare(width)

    def prepare(self, width):
        """Make what outlives a call."""


@of_class("counter in a buffer")
class CountingBuffer(Remembering):
    def prepare(self, width):
        self.register_buffer("calls", torch.tensor(0))

    def forward(self, values):
        self.calls += 1
        return self.layer(values).tanh() * (1 + 0.1 * self.calls)


@of_class("running mean by hand")
class RunningMean(Remembering):
    def prepare(self, width):
        self.register_buffer("mean", torch.zeros(width))

    def forward(self, values):
        found = self.layer(values)
        self.mean.mul_(0.9).add_(0.1 * found.detach().mean(0))
        return (found - self.mean).tanh()


@of_class("buffer set anew")
class Reassigned(Remembering):
    def prepare(self, width):
        self.register_buffer("mean", torch.zeros(width), persistent=False)

    def forward(self, values):
        found = self.layer(values)
        self.mean = 0.5 * self.mean + found.detach().mean(0)
        return (found + self.mean).tanh()


@of_class("cache in a buffer")
class CachingBuffer(Remembering):
    def prepare(self, width):
        self.register_buffer("first", torch.zeros(width))

    def forward(self, values):
        found = self.layer(values)
        if not self.first.any():
            self.first.copy_(found.detach().mean(0))
        return (found - self.first).tanh()


@of_class("attribute set in forward")
class Noting(Remembering):
    def forward(self, values):
        self.last = self.layer(values)
        return self.last.tanh() + self.last.mean(1, keepdim=True)


@of_class("attribute remembered")
class Delayed(Remembering):
    def prepare(self, width):
        self.before = None

    def forward(self, values):
        found = self.layer(values).tanh()
        result = found if self.before is None else found + 0.5 * self.before
        self.before = found.detach().mean(0)
        return result


@of_class("counter in an attribute")
class CountingAttribute(Remembering):
    def prepare(self, width):
        self.calls = 0

    def forward(self, values):
        self.calls += 1
        return self.layer(values).tanh() if self.calls % 2 else self.layer(values).relu()


@of_class("cache in a dictionary")
class CachingDictionary(Remembering):
    def prepare(self, width):
        self.known = {}

    def forward(self, values):
        key = tuple(values.shape)
        if key not in self.known:
            self.known[key] = self.layer.weight.detach().norm() * torch.ones(1)
        return self.layer(values).tanh() * self.known[key].to(values)


@piece("graph in an attribute")
def called_before(dice, width):
    found = Noting(dice, width)
    found(torch.ones(1, width))
    return found


# --- randomness -----------------------------------------------------------------------------------


@of_class("torch random", source="torch")
@of_class("numpy random", source="numpy")
@of_class("python random", source="python")
@of_class("dropout always", source="dropout")
class Noisy(nn.Module):
    def __init__(self, dice, width, source):
        super().__init__()
        self.layer, self.source = nn.Linear(width, width), source

    def forward(self, values):
        found = self.layer(values).tanh()
        if self.source == "torch":
            return found + 0.3 * torch.randn_like(found)
        if self.source == "numpy":
            return found * float(np.random.uniform(0.5, 1.5))
        if self.source == "python":
            return found if random.random() < 0.5 else found.cos()
        return functional.dropout(found, 0.3, training=True)


@of_class("own generator of torch")
class OwnGenerator(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.layer, self.rng = nn.Linear(width, width), torch.Generator().manual_seed(5)

    def forward(self, values):
        found = self.layer(values).tanh()
        noise = torch.randn(found.shape, generator=self.rng, dtype=torch.float64)
        return found + 0.3 * noise.to(found)


@of_class("own generator of numpy", numpy=True)
@of_class("own generator of python", numpy=False)
class OwnGenerators(nn.Module):
    def __init__(self, dice, width, numpy):
        super().__init__()
        self.layer = nn.Linear(width, width)
        self.rng = np.random.default_rng(3) if numpy else random.Random(3)

    def forward(self, values):
        return self.layer(values).tanh() * (0.5 + self.rng.random())


# --- weights made of others -----------------------------------------------------------------------


class Symmetric(nn.Module):
    def forward(self, values):
        return (values + values.T) / 2


def parametrized(layer, form):
    """The layer with a weight that is made of others."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if form == "old weight norm":
            return nn.utils.weight_norm(layer)
        if form == "old spectral norm":
            return nn.utils.spectral_norm(layer)
        if form == "weight norm":
            return parametrizations.weight_norm(layer)
        if form == "spectral norm":
            return parametrizations.spectral_norm(layer)
    parametrize.register_parametrization(layer, "weight", Symmetric())
    return layer


def _parametrized(dice, width, form):
    return nn.Sequential(parametrized(nn.Linear(width, width), form), nn.Tanh())


for _kind in (
    "weight norm",
    "spectral norm",
    "old weight norm",
    "old spectral norm",
    "own parametrization",
):
    PIECES[_kind] = functools.partial(_parametrized, form=_kind)


# --- recurrence -----------------------------------------------------------------------------------


@of_class("lstm", cell=nn.LSTM)
@of_class("gru", cell=nn.GRU)
@of_class("rnn", cell=nn.RNN)
class Recurrent(nn.Module):
    def __init__(self, dice, width, cell):
        super().__init__()
        self.cell = cell(2, width, batch_first=True, bidirectional=False)

    def forward(self, values):
        return self.cell(values.unflatten(1, (-1, 2)))[0][:, -1]


@of_class("cell in a loop")
class Cells(nn.Module):
    def __init__(self, dice, width):
        super().__init__()
        self.cell = nn.GRUCell(1, width)

    def forward(self, values):
        state = torch.zeros_like(values)
        for column in values.T:
            state = self.cell(column[:, None], state)
        return state


# --- networks that a symbolic trace would misread -------------------------------------------------


class Traced(nn.Module):
    """Two layers with a function between, which may be another one at the next call."""

    def __init__(self, dice, width, between):
        super().__init__()
        self.first, self.last = nn.Linear(width, width), nn.Linear(width, width)
        self.between, self.shift, self.calls = between, dice.real(0.02, 0.1), 0
        self.kept = [self.first.weight]
        self.settled()

    def settled(self):
        self.limit = float(self.first.weight.detach().sum()) + self.shift

    def bends(self):
        """Whether the first of two functions comes between."""
        if self.between == "listed":
            return float(self.kept[0].detach().sum()) > self.limit
        if self.between == "random":
            return random.random() < 0.5
        if self.between == "counter":
            self.calls += 1
            return self.calls % 2 == 1
        return self.between == "relu"

    def forward(self, values):
        hidden = self.first(values)
        hidden = torch.relu(hidden) if self.bends() else torch.tanh(hidden)
        return self.last(hidden)


for _between in ("relu", "listed", "random", "counter"):
    PIECES[f"traced, {_between}"] = functools.partial(Traced, between=_between)
