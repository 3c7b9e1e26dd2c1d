"""Kinds of modules, each with a small loss and data: layers, training modes, and refused ones."""

import warnings

import torch
from torch import nn
from torch.nn import functional
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.utils import parametrizations, parametrize, prune
from torch.utils.checkpoint import checkpoint

from kinds import OWN, Case, classes, drawn, kind, normal, of_closure, of_pairs, refused

ROWS = 6
INPUTS, TARGETS = normal(ROWS, 4), classes(ROWS)
SEQUENCES = normal(ROWS, 3, 2, seed=3)
IMAGES = normal(ROWS, 1, 4, 4, seed=4)


def mlp(*between):
    """A network 4-3-3 with layers between its first and last."""
    return drawn(nn.Sequential(nn.Linear(4, 3), *(between or (nn.Tanh(),)), nn.Linear(3, 3)))


def classified(name, model, inputs=INPUTS, **others):
    """Enter a kind of classifier of the cross-entropy."""
    return kind(name)(lambda: of_pairs(model, cross_entropy, inputs, TARGETS, **others))


# --- layers ---------------------------------------------------------------------------------------

classified("module: fully connected", mlp)
classified(
    "module: layer and group normalization",
    lambda: mlp(nn.LayerNorm(3), nn.GELU(), nn.GroupNorm(1, 3)),
)
classified("module: parametric activation", lambda: mlp(nn.PReLU(3)))
classified("module: RMS normalization, SiLU", lambda: mlp(nn.RMSNorm(3), nn.SiLU()))


@kind("module: float32 network and data")
def single():
    inputs = INPUTS.float()

    def plain():
        return mlp().float().double()

    def loss(outputs, targets):
        return cross_entropy(outputs, targets)

    case = of_pairs(lambda: mlp().float(), loss, inputs, TARGETS)
    return Case(
        model=case.model, plain=plain, given=case.given,
        value=lambda module: loss(module(inputs.double()), TARGETS), near=1e-5,
    )  # fmt: skip


def convolutional(**options):
    return drawn(
        nn.Sequential(
            nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2, **options), nn.ReLU(),
            nn.Flatten(), nn.Linear(8, 3),
        )
    )  # fmt: skip


classified("module: convolution and batch normalization", convolutional, IMAGES)
classified("module: batch normalization, in training mode", lambda: convolutional().train(), IMAGES)
classified(
    "module: batch normalization without running statistics",
    lambda: convolutional(track_running_stats=False),
    IMAGES,
)
classified(
    "module: batch normalization without weights", lambda: convolutional(affine=False), IMAGES
)
classified(
    "module: instance normalization, convolution transposed",
    lambda: drawn(
        nn.Sequential(
            nn.ConvTranspose2d(1, 2, 2),
            nn.InstanceNorm2d(2, affine=True),
            nn.AdaptiveAvgPool2d(2),
            nn.Flatten(),
            nn.Linear(8, 3),
        )
    ),
    IMAGES,
)
classified(
    "module: convolution in three dimensions",
    lambda: drawn(nn.Sequential(nn.Conv3d(1, 1, 2), nn.Flatten(), nn.Linear(9, 3))),
    IMAGES[:, :, None].expand(-1, -1, 2, -1, -1).contiguous(),
)


class Through(nn.Module):
    """A layer, something with it, and a head."""

    def __init__(self, width=3):
        super().__init__()
        self.layer, self.head = nn.Linear(4, width), nn.Linear(width, 3)


class Residual(Through):
    def forward(self, values):
        hidden = self.layer(values).tanh()
        return self.head(hidden + hidden.sin()) + values[:, :3]


classified("module: residual connections", lambda: drawn(Residual()))

# --- recurrent ------------------------------------------------------------------------------------


class Recurrent(nn.Module):
    """Classes from the last state of a recurrent layer."""

    def __init__(self, cell, **options):
        super().__init__()
        self.cell = cell(2, 2, batch_first=True, **options)
        self.head = nn.Linear(4 if options.get("bidirectional") else 2, 3)

    def forward(self, values):
        return self.head(self.cell(values)[0][:, -1])


class TimeFirst(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.LSTM(2, 2), nn.Linear(2, 3)

    def forward(self, values):
        return self.head(self.cell(values.transpose(0, 1))[0][-1])


class Raw(nn.Module):
    """Takes sequences with time first, as recurrent layers do by default."""

    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.GRU(2, 2), nn.Linear(2, 3)

    def forward(self, values):
        return self.head(self.cell(values)[0][-1])


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.LSTM(2, 2, batch_first=True), nn.Linear(2, 3)

    def forward(self, values, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(
            values, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        return self.head(self.cell(packed)[1][0][-1])


class Cells(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell, self.head = nn.LSTMCell(2, 2), nn.Linear(2, 3)

    def forward(self, values):
        state = None
        for t in range(values.shape[1]):
            state = self.cell(values[:, t], state)
        return self.head(state[0])


for _cell in (nn.LSTM, nn.GRU, nn.RNN):
    classified(f"module: {_cell.__name__}", lambda c=_cell: drawn(Recurrent(c)), SEQUENCES)
classified(
    "module: LSTM, bidirectional",
    lambda: drawn(Recurrent(nn.LSTM, bidirectional=True)),
    SEQUENCES,
)
classified(
    "module: GRU, two layers with dropout",
    lambda: drawn(Recurrent(nn.GRU, num_layers=2, dropout=0.5)),
    SEQUENCES,
)
classified("module: LSTM, time first within", lambda: drawn(TimeFirst()), SEQUENCES)
classified("module: LSTM cell in a loop", lambda: drawn(Cells()), SEQUENCES)


def whole_loss(model, batch):
    return cross_entropy(model(batch[0]), batch[1])


@kind("module: GRU, time first in the data, as an objective")
def time_first():
    data = SEQUENCES.transpose(0, 1).contiguous(), TARGETS
    return of_closure(lambda: drawn(Raw()), whole_loss, data)


@kind("module: GRU, time first in the data, refused")
def time_first_pair():
    data = SEQUENCES.transpose(0, 1).contiguous(), TARGETS
    given = {"loss": cross_entropy, "data": data}
    return refused(lambda: drawn(Raw()), "the number of targets", given)


@kind("module: LSTM, packed sequences")
def packed():
    lengths = torch.tensor([3, 1, 2, 3, 2, 1])
    return of_batch(
        lambda: drawn(Packed()), lambda m: cross_entropy(m(SEQUENCES, lengths), TARGETS),
        cross_entropy, [(SEQUENCES, lengths, TARGETS)], lambda b: ((b[0], b[1]), b[2]),
    )  # fmt: skip


def of_batch(model, value, loss, data, batch, **others):
    """A case of data that a `batch` function takes apart."""
    taken = {name: others.pop(name) for name in OWN if name in others}
    given = {"loss": loss, "data": data, "batch": batch, **others}
    return Case(model=model, value=value, given=given, **taken)


# --- derivatives in forward -----------------------------------------------------------------------


class Physics(nn.Module):
    """The residual of u'' + u = 0, by autograd in forward."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1))

    def forward(self, at):
        with torch.enable_grad():
            at = at.requires_grad_()
            u = self.net(at)
            (first,) = torch.autograd.grad(u.sum(), at, create_graph=True)
            (second,) = torch.autograd.grad(first.sum(), at, create_graph=True)
        return second + u


class Forces(nn.Module):
    """The negative gradient of an energy by the positions, without `enable_grad`."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 1))

    def forward(self, at):
        at = at.detach().requires_grad_()
        return -torch.autograd.grad(self.net(at).sum(), at, create_graph=True)[0]


AT = torch.linspace(0, 2, ROWS, dtype=torch.float64)[:, None]


def with_grad(model, loss, inputs, targets, **others):
    """A case whose reference differentiates by inputs."""
    case = of_pairs(model, loss, inputs, targets, **others)

    def value(module):
        with torch.enable_grad():
            return loss(module(inputs.clone()), targets.clone())

    return Case(**{**vars(case), "value": value})


kind("module: physics-informed, autograd in forward")(
    lambda: with_grad(lambda: drawn(Physics()), mse_loss, AT, torch.zeros(ROWS, 1).double())
)
kind("module: forces, autograd without enable_grad")(
    lambda: with_grad(lambda: drawn(Forces()), mse_loss, INPUTS, normal(ROWS, 4, seed=5))
)


class Functional(nn.Module):
    """Derivatives by `torch.func` in forward."""

    def __init__(self):
        super().__init__()
        self.net = nn.Linear(4, 3)

    def forward(self, values):
        return torch.func.jvp(lambda x: self.net(x).sin(), (values,), (torch.ones_like(values),))[1]


classified("module: torch.func in forward", lambda: drawn(Functional()))


@kind("module: score matching, as an objective")
def score_matching():
    def closure(model, batch):
        with torch.enable_grad():
            at = batch.detach().requires_grad_()
            score = model(at)
            trace = sum(
                torch.autograd.grad(score[:, i].sum(), at, create_graph=True)[0][:, i]
                for i in range(2)
            )
        return (trace + score.square().sum(dim=1) / 2).mean()

    model = lambda: drawn(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2)))  # noqa: E731
    return of_closure(model, closure, INPUTS[:, :2].contiguous())


# --- random forward -------------------------------------------------------------------------------


class Variational(nn.Module):
    def __init__(self, seed=None):
        super().__init__()
        self.encoder, self.decoder, self.seed = nn.Linear(4, 4), nn.Linear(2, 4), seed

    def forward(self, values):
        mean, spread = self.encoder(values).chunk(2, dim=1)
        rng = None if self.seed is None else torch.Generator().manual_seed(self.seed)
        noise = torch.randn(mean.shape, generator=rng, dtype=mean.dtype)
        return self.decoder(mean + noise * (spread / 2).exp()), mean, spread


def elbo(outputs, targets):
    found, mean, spread = outputs
    divergence = (mean.square() + spread.exp() - 1 - spread).sum(dim=1) / 2
    return (found - targets).square().sum(dim=1).mean() + divergence.mean()


class Dropping(Through):
    def forward(self, values):
        return self.head(functional.dropout(self.layer(values).tanh(), 0.4, training=True))


kind("module: variational autoencoder, drawing in forward")(
    lambda: of_pairs(lambda: drawn(Variational()), elbo, INPUTS, INPUTS, several=True)
)
kind("module: variational autoencoder with a seed of its own")(
    lambda: of_pairs(lambda: drawn(Variational(3)), elbo, INPUTS, INPUTS, several=True)
)
classified("module: dropout that stays on", lambda: drawn(Dropping()))
classified("module: dropout", lambda: mlp(nn.Dropout(0.5), nn.Tanh()).train())

# --- control flow, masks, in place ----------------------------------------------------------------


class Branching(Through):
    def forward(self, values):
        hidden = self.layer(values)
        hidden = hidden.tanh() if hidden.mean() > 0.1 else hidden.sin()
        return self.head(hidden)


class Items(Through):
    def forward(self, values):
        hidden = self.layer(values).tanh()
        return self.head(hidden) * (1 + self.layer.weight[0, 0].item() ** 2)


class Until(Through):
    def forward(self, values):
        hidden = self.layer(values)
        while hidden.norm() > 1:
            hidden = 0.7 * hidden
        return self.head(hidden)


class Masked(Through):
    def forward(self, values):
        hidden = self.layer(values)
        found = torch.zeros_like(hidden)
        chosen = values[:, 0] > 0
        found[chosen] = hidden[chosen].tanh()
        return self.head(found)


class Routed(Through):
    def forward(self, values):
        hidden = self.layer(values)
        rows = hidden.detach().argmax(dim=1)
        return self.head(hidden.tanh() * functional.one_hot(rows, 3))


class InPlace(Through):
    def forward(self, values):
        hidden = self.layer(values)
        hidden += 1
        hidden[:, 0] = hidden[:, 1] * 2
        return self.head(functional.relu(hidden, inplace=True))


class OnInputs(Through):
    def forward(self, values):
        return self.head(self.layer(values.mul_(0.5).add_(1)).tanh())


for _name, _class in {
    "data-dependent branch": Branching, "item() of a parameter": Items, "loop until": Until,
    "boolean mask": Masked, "argmax routing": Routed, "in-place operations": InPlace,
    "in place on its inputs": OnInputs,
}.items():  # fmt: skip
    classified(f"module: {_name}", lambda c=_class: drawn(c()))


class Squared(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values):
        ctx.save_for_backward(values)
        return values**3

    @staticmethod
    def backward(ctx, slope):
        (values,) = ctx.saved_tensors
        return slope * 3 * values**2


class Once(Squared):
    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, slope):
        (values,) = ctx.saved_tensors
        return slope * 3 * values**2


class Straight(torch.autograd.Function):
    """Rounds forward, and lets gradients pass."""

    @staticmethod
    def forward(ctx, values):
        return (values * 4).round() / 4

    @staticmethod
    def backward(ctx, slope):
        return slope


class Own(Through):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, values):
        return self.head(self.function.apply(self.layer(values)))


classified("module: custom autograd function", lambda: drawn(Own(Squared)))
classified(
    "module: custom autograd function, differentiable once",
    lambda: drawn(Own(Once)),
    refused={"spectrum": "the network and the loss"},
)
classified("module: straight-through estimator", lambda: drawn(Own(Straight)))

# --- weights made of others -----------------------------------------------------------------------


def changed(change):
    """The MLP whose first layer was changed, before its parameters were drawn."""
    layer = nn.Linear(4, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        change(layer)
    return drawn(nn.Sequential(layer, nn.Tanh(), nn.Linear(3, 3)))


class Symmetric(nn.Module):
    def forward(self, values):
        return (values + values.flip(0)) / 2


def orthogonal(layer):
    return parametrizations.orthogonal(layer, use_trivialization=False)


def symmetric(layer):
    return parametrize.register_parametrization(layer, "weight", Symmetric())


def pruned_for_good(layer):
    return prune.remove(prune.l1_unstructured(layer, "weight", 0.5), "weight")


for _name, _change in {
    "weight_norm by hooks": nn.utils.weight_norm,
    "spectral_norm by hooks": nn.utils.spectral_norm,
    "weight_norm parametrized": parametrizations.weight_norm,
    "spectral_norm parametrized": parametrizations.spectral_norm,
    "orthogonal parametrization": orthogonal,
    "own parametrization": symmetric,
    "pruned": lambda one: prune.l1_unstructured(one, "weight", amount=0.5),
    "pruned for good": pruned_for_good,
    "filters pruned": lambda one: prune.ln_structured(one, "weight", 0.4, n=2, dim=0),
}.items():  # fmt: skip
    classified(f"module: {_name}", lambda c=_change: changed(c))

# --- compiled, scripted, wrapped ------------------------------------------------------------------


def scripted(make):
    """By torch.jit, without its notice that it is an old way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make()


def exported():
    return torch.export.export(mlp(), (INPUTS,)).module()


classified("module: torch.compile", lambda: torch.compile(mlp(), backend="eager"), plain=mlp)


@kind("module: compiled in place")
def compiled_in_place():
    def model():
        found = mlp()
        found.compile(backend="eager")
        return found

    return of_pairs(model, cross_entropy, INPUTS, TARGETS, plain=mlp)


classified("module: scripted", lambda: scripted(lambda: torch.jit.script(mlp())), plain=mlp)
classified("module: traced", lambda: scripted(lambda: torch.jit.trace(mlp(), INPUTS)), plain=mlp)
classified("module: torch.fx", lambda: torch.fx.symbolic_trace(mlp()), plain=mlp)
classified("module: exported", exported, plain=mlp)
classified("module: DataParallel", lambda: nn.DataParallel(mlp()))
classified("module: averaged weights", lambda: torch.optim.swa_utils.AveragedModel(mlp()))


class Checkpointed(Through):
    def __init__(self, reentrant):
        super().__init__()
        self.reentrant = reentrant

    def forward(self, values):
        hidden = self.layer(values)
        return checkpoint(lambda x: self.head(x.tanh()), hidden, use_reentrant=self.reentrant)


classified("module: activation checkpointing", lambda: drawn(Checkpointed(reentrant=False)))
classified(
    "module: re-entrant activation checkpointing",
    lambda: drawn(Checkpointed(reentrant=True)),
    refused={"spectrum": "the network and the loss"},
)


class Hooked(Through):
    def forward(self, values):
        return self.head(self.layer(values))


def hooked():
    found = drawn(Hooked())
    found.layer.register_forward_hook(lambda module, given, output: output.tanh())
    found.head.register_forward_pre_hook(lambda module, given: (given[0] * 2,))
    return found


classified("module: forward hooks", hooked)


@kind("module: lazy, called once")
def lazy_called():
    def model():
        found = nn.Sequential(
            nn.LazyLinear(3, dtype=torch.float64), nn.Tanh(), nn.Linear(3, 3).double()
        )
        found(INPUTS)
        return drawn(found)

    return of_pairs(model, cross_entropy, INPUTS, TARGETS)


# --- refused --------------------------------------------------------------------------------------


def quantized():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(mlp().float(), {nn.Linear}, torch.qint8)


def frozen_all():
    return mlp().requires_grad_(requires_grad=False)


PAIR = {"loss": cross_entropy, "data": (INPUTS, TARGETS)}
for _name, (_model, _field) in {
    "lazy, never called": (lambda: nn.Sequential(nn.LazyLinear(3)), "model"),
    "quantized": (quantized, "model"),
    "without parameters": (lambda: nn.Sequential(nn.Flatten(), nn.Softmax(dim=1)), "model"),
    "all parameters frozen": (frozen_all, "model"),
    "on the meta device": (lambda: mlp().to("meta"), "the device of 0.weight"),
    "a function": (lambda: lambda values: values, "model"),
}.items():
    kind(f"module: {_name}")(lambda m=_model, f=_field: refused(m, f, PAIR))
