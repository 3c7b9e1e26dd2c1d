"""Kinds of losses: of torch, of one's own, closures, and those that a call refuses."""

import copy

import torch
from torch import nn
from torch.nn import functional
from torch.nn.functional import cross_entropy, mse_loss
from torch.nn.utils import parametrizations

from kinds import CALLS, Case, drawn, kind, normal, of_closure, of_pairs, refused
from module_kinds import INPUTS, ROWS, TARGETS, changed, mlp, of_batch

NUMBERS = normal(ROWS, 3, seed=11)
SHARES = normal(ROWS, 3, seed=12).softmax(1)
ZERO_ONE = (normal(ROWS, 3, seed=13) > 0).double()
SOME = torch.tensor([0, -100, 2, 0, -100, 2])
SIGNS = 1.0 - 2.0 * ZERO_ONE[:, 0]


def of_loss(name, loss, targets=TARGETS, model=mlp, **others):
    """Enter a kind of loss of the MLP's outputs."""
    return kind(f"loss: {name}")(lambda: of_pairs(model, loss, INPUTS, targets, **others))


# --- of torch -------------------------------------------------------------------------------------

WEIGHTS = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)

of_loss("cross-entropy, function", cross_entropy)
of_loss("cross-entropy, module", nn.CrossEntropyLoss())
of_loss("class weights", nn.CrossEntropyLoss(weight=WEIGHTS))
of_loss("class weights in a function", lambda o, t: cross_entropy(o, t, weight=WEIGHTS))
of_loss("label smoothing", nn.CrossEntropyLoss(label_smoothing=0.1))
of_loss("ignored targets", nn.CrossEntropyLoss(), SOME)
of_loss("ignored class", nn.CrossEntropyLoss(ignore_index=1))
of_loss("class probabilities", cross_entropy, SHARES)
of_loss(
    "class weights and ignored class, summed",
    nn.CrossEntropyLoss(weight=WEIGHTS, ignore_index=1, reduction="sum"),
)
of_loss("negative log-likelihood", lambda o, t: functional.nll_loss(o.log_softmax(1), t))
of_loss(
    "Kullback-Leibler",
    lambda o, t: functional.kl_div(o.log_softmax(1), t, reduction="batchmean"),
    SHARES,
)
of_loss("binary cross-entropy with logits", nn.BCEWithLogitsLoss(pos_weight=WEIGHTS), ZERO_ONE)
of_loss(
    "binary cross-entropy", lambda o, t: functional.binary_cross_entropy(o.sigmoid(), t), ZERO_ONE
)
of_loss("squared error", mse_loss, NUMBERS)
of_loss("squared error, summed", nn.MSELoss(reduction="sum"), NUMBERS)
of_loss("squared error, of each number", nn.MSELoss(reduction="none"), NUMBERS)
of_loss("absolute error", nn.L1Loss(), NUMBERS)
of_loss("Huber", nn.HuberLoss(delta=0.3), NUMBERS)
of_loss("smooth L1", nn.SmoothL1Loss(beta=0.7), NUMBERS)
of_loss("Poisson", nn.PoissonNLLLoss(), ZERO_ONE)
of_loss("cross-entropy of each example", nn.CrossEntropyLoss(reduction="none"))
of_loss("margin", nn.MultiMarginLoss(p=2), refused={"spectrum": "the network and the loss"})
of_loss("soft margin", nn.MultiLabelSoftMarginLoss(), ZERO_ONE)
of_loss("hinge", lambda o, t: (1 - t * o[:, 0]).clamp(min=0).square(), SIGNS)
of_loss("quantile", lambda o, t: torch.maximum(0.9 * (t - o), 0.1 * (o - t)).sum(dim=1), NUMBERS)
of_loss(
    "Gaussian likelihood of mean and variance",
    lambda o, t: functional.gaussian_nll_loss(o[:, :1], t[:, :1], o[:, 1:2].exp()),
    NUMBERS,
)
of_loss("cosine similarity", lambda o, t: 1 - functional.cosine_similarity(o, t), NUMBERS)

# --- of one's own ---------------------------------------------------------------------------------


def focal(outputs, targets):
    each = cross_entropy(outputs, targets, reduction="none")
    return ((1 - (-each).exp()) ** 2 * each).mean()


def dice(outputs, targets):
    shares = outputs.sigmoid()
    return 1 - 2 * (shares * targets).sum() / (shares.sum() + targets.sum())


def contrastive(outputs, targets):
    codes = functional.normalize(outputs, dim=1)
    return cross_entropy(codes @ codes.T / 0.5, torch.arange(len(codes)).flip(0))


of_loss("focal", focal)
of_loss("overlap of all examples", dice, ZERO_ONE)
of_loss("contrastive, of all examples", contrastive)
of_loss("perplexity", lambda o, t: cross_entropy(o, t).exp())
EACH = torch.linspace(0.5, 2, ROWS, dtype=torch.float64)
of_loss(
    "weights of the examples in a closure",
    lambda o, t: (EACH * cross_entropy(o, t, reduction="none")).sum() / EACH.sum(),
)


class Uncertain(nn.Module):
    """A loss with a parameter of its own, which no plane moves."""

    def __init__(self):
        super().__init__()
        self.spread = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))

    def forward(self, outputs, targets):
        return (outputs - targets).square().mean() * (-self.spread).exp() + self.spread


class Centred(nn.Module):
    """A loss with a buffer that it updates at each call."""

    def __init__(self):
        super().__init__()
        self.register_buffer("centre", torch.zeros(3, dtype=torch.float64))

    def forward(self, outputs, targets):
        self.centre.mul_(0.9).add_(0.1 * outputs.detach().mean(0))
        return cross_entropy(outputs - self.centre, targets)


of_loss("parameters of its own", Uncertain(), NUMBERS)


@kind("loss: a buffer that it updates")
def centred():
    return of_pairs(mlp, Centred(), INPUTS, TARGETS, reference=lambda o, t: Centred()(o, t))


@kind("loss: distillation, with a network of its own")
def distillation():
    teacher = drawn(nn.Sequential(nn.Linear(3, 3))).requires_grad_(requires_grad=False)

    def loss(outputs, targets):
        with torch.no_grad():
            wanted = teacher(targets).softmax(1)
        return functional.kl_div(outputs.log_softmax(1), wanted, reduction="batchmean")

    return of_pairs(mlp, loss, INPUTS, NUMBERS)


@kind("loss: returns a tuple, refused")
def returns_tuple():
    given = {"loss": lambda o, t: (cross_entropy(o, t), o), "data": (INPUTS, TARGETS)}
    return refused(mlp, "what the loss gives", given)


@kind("loss: without a gradient, refused where one is needed")
def without_gradient():
    def loss(outputs, targets):
        return cross_entropy(outputs, targets).detach()

    case = of_pairs(mlp, loss, INPUTS, TARGETS)
    fields = dict.fromkeys(("gradient", "spectrum", "explore"), "what the loss gives")
    return Case(**{**vars(case), "refused": fields})


kind("loss: a class in place of an instance")(
    lambda: refused(mlp, "loss", {"loss": nn.MSELoss, "data": (INPUTS, NUMBERS)})
)
kind("loss: a name")(lambda: refused(mlp, "loss", {"loss": "mse", "data": (INPUTS, NUMBERS)}))
kind("loss: none")(lambda: refused(mlp, "loss", {"loss": None, "data": (INPUTS, NUMBERS)}, CALLS))

# --- of several inputs and outputs ----------------------------------------------------------------


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        self.trunk, self.one, self.other = nn.Linear(4, 3), nn.Linear(3, 3), nn.Linear(3, 1)

    def forward(self, values):
        hidden = self.trunk(values).tanh()
        return self.one(hidden), self.other(hidden)


def both(outputs, targets):
    return cross_entropy(outputs[0], targets) + outputs[1].square().mean()


kind("loss: of a tuple of outputs")(
    lambda: of_pairs(lambda: drawn(Two()), both, INPUTS, TARGETS, several=True)
)


@kind("loss: of two outputs and two targets")
def two_targets():
    def loss(outputs, targets):
        return cross_entropy(outputs[0], targets[0]) + mse_loss(outputs[1], targets[1])

    given = (TARGETS, NUMBERS[:, :1])
    return of_batch(
        lambda: drawn(Two()), lambda m: loss(m(INPUTS), given), loss,
        [(INPUTS, *given)], lambda b: (b[0], (b[1], b[2])),
    )  # fmt: skip


class Triple(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2))

    def forward(self, anchor, near, far):
        return self.net(anchor), self.net(near), self.net(far)


@kind("loss: triplet, of three inputs")
def triplet():
    loss = nn.TripletMarginLoss(margin=5.0)
    three = INPUTS, INPUTS + 0.1, INPUTS.flip(0)
    return of_batch(
        lambda: drawn(Triple()), lambda m: loss(*m(*three)), lambda o, t: loss(*o),
        [(*three, TARGETS)], lambda b: (b[:3], b[3]),
    )  # fmt: skip


@kind("loss: connectionist temporal classification")
def temporal():
    class Letters(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 3)

        def forward(self, values):
            return self.layer(values).log_softmax(2)

    values, words = normal(5, 4, 2, seed=15), torch.tensor([[1, 2], [2, 1], [1, 1], [2, 2]])
    lengths = torch.full((4,), 5), torch.tensor([2, 2, 1, 2])

    def closure(model, batch):
        return functional.ctc_loss(model(batch[0]), batch[1], *lengths)

    return of_closure(
        lambda: drawn(Letters()), closure, (values, words),
        refused={"spectrum": "the network and the loss"},
    )  # fmt: skip


# --- closures -------------------------------------------------------------------------------------


def penalized(model, batch):
    penalty = sum(one.square().sum() for one in model.parameters())
    return cross_entropy(model(batch[0]), batch[1]) + 0.01 * penalty


kind("objective: weight penalty")(lambda: of_closure(mlp, penalized, (INPUTS, TARGETS)))


@kind("objective: L1 penalty and orthogonality")
def structured():
    def closure(model, batch):
        weight = model[2].weight
        apart = weight @ weight.T - torch.eye(3, dtype=weight.dtype)
        return penalized(model, batch) + 0.1 * weight.abs().sum() + apart.square().sum()

    return of_closure(mlp, closure, (INPUTS, TARGETS))


@kind("objective: residual of a differential equation")
def residual():
    def closure(model, at):
        with torch.enable_grad():
            at = at.requires_grad_()
            u = model(at)
            (first,) = torch.autograd.grad(u.sum(), at, create_graph=True)
        return (first + u).square().mean() + (model(torch.zeros(1, 1).to(at)) - 1).square().sum()

    def model():
        return drawn(nn.Sequential(nn.Linear(1, 4), nn.Tanh(), nn.Linear(4, 1)))

    return of_closure(model, closure, torch.linspace(0, 1, 5, dtype=torch.float64)[:, None])


@kind("objective: gradient penalty by the inputs")
def gradient_penalty():
    def closure(model, batch):
        with torch.enable_grad():
            inputs = batch[0].requires_grad_()
            value = cross_entropy(model(inputs), batch[1])
            (slope,) = torch.autograd.grad(value, inputs, create_graph=True)
        return value + slope.square().sum()

    case = of_closure(mlp, closure, (INPUTS, TARGETS))
    own = INPUTS.clone(), TARGETS
    return Case(**{**vars(case), "value": lambda m: closure(m, (own[0].detach().clone(), own[1]))})


@kind("objective: adversarial inputs, an inner loop")
def adversarial():
    def closure(model, batch):
        inputs = batch[0].clone()
        for _ in range(2):
            with torch.enable_grad():
                inputs = inputs.detach().requires_grad_()
                (slope,) = torch.autograd.grad(cross_entropy(model(inputs), batch[1]), inputs)
            inputs = (inputs + 0.1 * slope).detach()
        return cross_entropy(model(inputs), batch[1])

    return of_closure(mlp, closure, (INPUTS, TARGETS), calls=("landscape", "gradient", "explore"))


@kind("objective: return of a policy with a fixed seed")
def policy():
    def closure(model, batch):
        rng, state, total = torch.Generator().manual_seed(5), batch.clone(), 0.0
        for _ in range(3):
            move = model(state).tanh()
            noise = torch.randn(state.shape, generator=rng, dtype=state.dtype)
            state = 0.9 * state + torch.cat([move, move[:, :1]], 1) + 0.1 * noise
            total = total + state.square().mean()
        return total

    return of_closure(mlp, closure, INPUTS)


@kind("objective: random numbers of torch")
def random_objective():
    def closure(model, batch):
        return cross_entropy(model(batch[0] + 0.1 * torch.randn_like(batch[0])), batch[1])

    return of_closure(mlp, closure, (INPUTS, TARGETS))


@kind("objective: adversary of another network")
def critic():
    judge = drawn(nn.Sequential(nn.Linear(3, 3), nn.Tanh(), nn.Linear(3, 1)))

    def closure(model, batch):
        return -judge(model(batch)).mean()

    return of_closure(mlp, closure, INPUTS)


def following(how):
    """A closure with a second network that is updated at each call, and used."""
    target = mlp()

    def closure(model, batch):
        how(target, model)
        return (model(batch[0]) - target(batch[0])).square().mean()

    return closure


def averaged(target, model):
    with torch.no_grad():
        for one, other in zip(target.parameters(), model.parameters(), strict=True):
            one.lerp_(other + 0.1, 0.5)


@kind("objective: another network that follows")
def follower():
    class Fresh:
        """The same closure, new at each call."""

        def __call__(self, model, batch):
            return following(averaged)(model, batch)

    case = of_closure(mlp, following(averaged), (INPUTS, TARGETS))
    value = lambda m: Fresh()(m, (INPUTS, TARGETS))  # noqa: E731
    return Case(**{**vars(case), "value": value})


@kind("objective: updated after it was used, in place of a graph")
def updated_behind():
    target = mlp()

    def closure(model, batch):
        value = (model(batch[0]) - target(batch[0])).square().mean()
        averaged(target, model)
        return value

    case = of_closure(mlp, closure, (INPUTS, TARGETS))
    fresh = copy.deepcopy(target)

    def value(module):
        wanted = fresh(INPUTS).detach()
        return (module(INPUTS) - wanted).square().mean()

    fields = {"gradient": "the network and the loss"}
    return Case(**{**vars(case), "value": value, "refused": fields})


@kind("objective: a hook registered within")
def hooked_within():
    def closure(model, batch):
        kept = []
        handle = model[0].register_forward_hook(lambda module, given, found: kept.append(found))
        value = cross_entropy(model(batch[0]), batch[1]) + kept[0].square().mean()
        handle.remove()
        return value

    return of_closure(mlp, closure, (INPUTS, TARGETS))


@kind("objective: weight_norm registered within")
def normed_within():
    def closure(model, batch):
        parametrizations.weight_norm(model[0])
        return cross_entropy(model(batch[0]), batch[1])

    given = {"objective": closure, "data": (INPUTS, TARGETS)}
    return refused(mlp, "the objective", given)


def registering(change):
    """A closure that changes the network in another way than its parameters, at each call."""

    def closure(model, batch):
        change(model)
        return cross_entropy(model(batch[0]), batch[1])

    return of_closure(mlp, closure, (INPUTS, TARGETS))


def doubled(module, given, found):
    return 2 * found


for _name, _change in {
    "a hook that is left behind": lambda m: m[0].register_forward_hook(doubled),
    "a buffer registered within": lambda m: m.register_buffer("seen", torch.ones(1)),
    "a layer replaced within": lambda m: m.__setitem__(1, nn.Sigmoid()),
}.items():
    kind(f"objective: {_name}")(lambda c=_change: registering(c))


@kind("objective: without data")
def no_data():
    def closure(model, batch):
        return sum(one.square().sum() for one in model.parameters())

    return of_closure(mlp, closure, None)


@kind("objective: of a model with weight_norm")
def normed():
    return of_closure(lambda: changed(nn.utils.weight_norm), penalized, (INPUTS, TARGETS))


for _name, _closure in {
    "a number of Python": lambda m, b: float(cross_entropy(m(b[0]), b[1])),
    "one value for each example": lambda m, b: cross_entropy(m(b[0]), b[1], reduction="none"),
    "a whole number": lambda m, b: m(b[0]).argmax(),
}.items():
    kind(f"objective: {_name}, refused")(
        lambda c=_closure: refused(
            mlp, "what the objective gives", {"objective": c, "data": (INPUTS, TARGETS)}
        )
    )
kind("objective: and a loss, refused")(
    lambda: refused(
        mlp,
        "objective",
        {"loss": cross_entropy, "objective": penalized, "data": (INPUTS, TARGETS)},
    )
)
