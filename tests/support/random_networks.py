"""Random networks, losses and data, drawn from a grammar; the same for the same seed.

A network is a stem for its inputs, one to three pieces, and a head for its outputs; around it are a
loss, a form of the data, a floating type and a plane. What is special about a draw is told by its
kinds; the kind of its first piece and that of its loss go round with the seed, so that each of them
comes up equally often.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from dice import Dice
from random_losses import CLASSES, LOSSES
from random_pieces import PIECES

WIDTH = 4

INPUTS = {
    "vectors": (3,),
    "integers": (3,),
    "images": (1, 4, 4),
    "sequences": (3, 2),
}
"""The shape of an example, by the form of the inputs."""

OUTPUTS = ("rows", "tuple", "dictionary", "three dimensions")

DATA = (
    "pair",
    "batches",
    "uneven batches",
    "loader",
    "arrays",
    "one example",
    "examples one by one",
)

MARKS = (
    *("sequence", "training mode", "frozen stem", "in place on the inputs", "gradients left over"),
)
"""How a network is put together, and the state that it is in."""

BATCH_NORM = ("batch", "reestimated")

DRAWING = {
    *("torch random", "numpy random", "python random", "dropout always", "traced, random"),
    "loss that draws",
}
"""Kinds whose value depends on the global random generators."""

REMEMBERING = {
    *("attribute remembered", "counter in an attribute", "cache in a dictionary"),
    *("counter in a buffer", "running mean by hand", "buffer set anew", "cache in a buffer"),
    *("own generator of torch", "own generator of numpy", "own generator of python"),
    *("traced, counter", "loss that remembers"),
}
"""Kinds that give another value at a second call: each point must begin from what was given."""

UNCOPYABLE = {"parameters in a closure", "graph in an attribute", "old weight norm"}
"""Kinds that `copy.deepcopy` refuses, or copies wrongly."""

COUPLED = {
    *("attention across examples", "mean over examples", "standardized by hand"),
    *("cumulative over examples", "number of examples read"),
    "batch normalization without statistics",
}
"""Kinds whose outputs for an example depend on the others."""


@dataclass(frozen=True, eq=False)
class Case:
    """One draw: `make()` gives module and loss, new ones each time, and always the same."""

    seed: int
    kinds: frozenset[str]
    make: Callable[[], tuple[nn.Module, Any]]
    batches: list[tuple[Tensor, Tensor]]
    form: str
    adapter: Callable[[Any], Tensor] | None
    dtype: torch.dtype
    options: dict[str, Any] = field(default_factory=dict)
    origin: Tensor | None = None
    axes: Tensor | None = None
    test: list[tuple[Tensor, Tensor]] | None = None
    slopes: bool = False
    resolution: int = 3
    span: float = 1.0

    @property
    def start(self):
        """The module, new and by itself."""
        return self.make()[0]

    def data(self):
        """The data in the form in which they are given."""
        if self.form in ("pair", "one example"):
            return self.batches[0]
        if self.form == "arrays":
            return tuple(part.numpy() for part in self.batches[0])
        if self.form == "loader":
            return DataLoader(TensorDataset(*self.batches[0]), batch_size=3)
        return [(inputs.clone(), targets.clone()) for inputs, targets in self.batches]

    def __str__(self):
        return f"seed {self.seed}: {', '.join(sorted(self.kinds))}"


class Network(nn.Module):
    """A stem, pieces and a head, called one after the other."""

    def __init__(self, stem, pieces, head):
        super().__init__()
        self.stem, self.pieces, self.head = stem, nn.ModuleList(pieces), head

    def forward(self, inputs):
        hidden = self.stem(inputs)
        for one in self.pieces:
            hidden = one(hidden)
        return self.head(hidden)


class Tokens(nn.Module):
    def __init__(self, padded):
        super().__init__()
        self.table = nn.Embedding(7, WIDTH, padding_idx=0 if padded else None)

    def forward(self, tokens):
        return self.table(tokens).mean(1)


class Sequences(nn.Module):
    def __init__(self):
        super().__init__()
        self.cell = nn.GRU(2, WIDTH, batch_first=True)

    def forward(self, values):
        return self.cell(values)[1][0]


class InPlace(nn.Module):
    """A layer that writes over what it is given: the data themselves."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(3, WIDTH)

    def forward(self, values):
        return self.layer(values.mul_(0.7).add_(0.1))


class Head(nn.Module):
    """The outputs in the form that is asked for."""

    def __init__(self, form):
        super().__init__()
        self.layer, self.form = nn.Linear(WIDTH, CLASSES * (2 if form == OUTPUTS[3] else 1)), form

    def forward(self, hidden):
        found = self.layer(hidden)
        if self.form == "three dimensions":
            return found.unflatten(1, (CLASSES, 2))
        return (found, hidden) if self.form == "tuple" else {"hidden": hidden, "outputs": found}


@dataclass(frozen=True)
class Choice:
    """What a case is put together from; `marks` are the kinds of its assembly and state."""

    pieces: tuple[str, ...] = ("linear",)
    loss: str = "cross-entropy, function"
    inputs: str = "vectors"
    outputs: str = "rows"
    form: str = "pair"
    dtype: torch.dtype = torch.float64
    marks: frozenset[str] = frozenset({"own forward"})
    options: tuple[tuple[str, Any], ...] = ()

    @property
    def kinds(self):
        """All that is special, by name."""
        named = {f"{k} {v}".replace("torch.", "") for k, v in self.options}
        plain = {self.loss, self.inputs, self.outputs, self.form, str(self.dtype)[6:]}
        return frozenset({*self.pieces, *plain, *self.marks, *named})


def draw(seed: int) -> Case:
    """The case of a seed."""
    dice = Dice(seed)
    return composed(chosen(dice, seed), dice, seed)


def alone(kind, dice, seed=0, **others):
    """A case of which only one kind is special."""
    places = {"inputs": INPUTS, "outputs": OUTPUTS, "form": DATA, "loss": LOSSES}
    found = {name: kind for name, known in places.items() if kind in known}
    if kind in PIECES:
        found = {"pieces": ("linear", kind) if kind != "linear" else (kind,)}
        found["loss"] = "squared error"
    if kind in MARKS:
        found = {"marks": frozenset({"own forward", kind})}
    if kind == "three dimensions":
        found["loss"] = "squared error, each element"
    return composed(Choice(**{**found, **others}), dice, seed)


def chosen(dice, seed):
    """What the case of a seed is put together from."""
    first, losses = list(PIECES)[seed % len(PIECES)], list(LOSSES)
    more = [dice.one_of(PIECES) for _ in range(dice.one_of((0, 0, 0, 1, 1, 2)))]
    more += ["batch normalization"] * dice.chance(0.05)
    pieces = (first, *more) if dice.chance(0.5) else (*more, first)
    loss = losses[(seed + seed // len(losses)) % len(losses)]
    outputs = dice.one_of(OUTPUTS) if dice.chance(0.3) else "rows"
    if outputs == "three dimensions" and not LOSSES[loss].deep:
        outputs = "tuple"
    inputs = dice.one_of(INPUTS) if dice.chance(0.4) else "vectors"
    dtype = dice.one_of((torch.float64, torch.float64, torch.float32))
    form = dice.one_of(DATA) if dice.chance(0.7) else "pair"
    if form == "one example" and "normalization" in " ".join(pieces):
        form = "pair"  # one example has no spread
    marks, options = _marks(dice, inputs), _options(dice, pieces, dtype)
    return Choice(pieces, loss, inputs, outputs, form, dtype, marks, options)


def composed(choice, dice, seed=0):
    """A case put together from what was chosen, and drawn where nothing was."""

    def make():
        return _made(choice, seed)

    targets = LOSSES[choice.loss].targets
    batches = _batches(dice, choice, targets)
    origin, axes, plane_kinds = _plane(dice, make()[0])
    kinds, test = choice.kinds | plane_kinds, None
    if not choice.options and dice.chance(0.15):
        kinds |= {"test data"}
        test = _batches(dice, replace(choice, form="pair"), targets)
    if dice.chance(0.1):
        kinds |= {"length of the gradient"}
    return Case(
        seed=seed,
        kinds=kinds,
        make=make,
        batches=batches,
        form=choice.form,
        adapter={"tuple": _first, "dictionary": _outputs}.get(choice.outputs),
        dtype=choice.dtype,
        options=dict(choice.options),
        origin=origin,
        axes=axes,
        test=test,
        slopes="length of the gradient" in kinds,
        resolution=dice.one_of((3, 3, 5)) if len(axes) == 2 else 5,
        span=dice.one_of((0.5, 1.0, 2.0)),
    )


def _first(found):
    return found[0]


def _outputs(found):
    return found["outputs"]


def _marks(dice, inputs):
    """How the pieces are put together, and the state the network is in."""
    kinds = {"sequence" if dice.chance(0.5) else "own forward"}
    kinds.add("training mode" if dice.chance(0.5) else "evaluation mode")
    if dice.chance(0.2):
        kinds.add("frozen stem")
    if inputs == "vectors" and dice.chance(0.12):
        kinds.add("in place on the inputs")
    if dice.chance(0.1):
        kinds.add("gradients left over")
    return frozenset(kinds)


def _made(choice, seed):
    """A module and a loss; what torch draws to begin with is drawn anew."""
    dice, marks = Dice(-seed - 1), choice.marks
    with torch.random.fork_rng(devices=[]):
        stem = InPlace() if "in place on the inputs" in marks else _stem(dice, choice.inputs)
        parts = [PIECES[kind](dice, WIDTH) for kind in choice.pieces]
        head = nn.Linear(WIDTH, CLASSES) if choice.outputs == "rows" else Head(choice.outputs)
        module = nn.Sequential(stem, *parts, head) if "sequence" in marks else None
        module = module or Network(stem, parts, head)
        made = LOSSES[choice.loss].make(dice)
    module = _settled(module.to(choice.dtype), dice)
    if "frozen stem" in marks:
        stem.requires_grad_(requires_grad=False)
    module.train("training mode" in marks)
    if "gradients left over" in marks:
        for parameter in module.parameters():
            parameter.grad = torch.full_like(parameter, 0.5)
    return module, made


def _stem(dice, inputs):
    if inputs == "integers":
        return Tokens(dice.chance(0.5))
    if inputs == "images":
        convolution = nn.Sequential(nn.Conv2d(1, 1, 3), nn.Tanh(), nn.Flatten())
        return dice.one_of((nn.Sequential(nn.Flatten(), nn.Linear(16, WIDTH)), convolution))
    return Sequences() if inputs == "sequences" else nn.Linear(3, WIDTH)


def _settled(module, dice):
    """The module with parameters and statistics that are nothing special."""
    with torch.no_grad():
        for parameter in module.parameters():
            scale = parameter.shape[-1] ** -0.5 if parameter.dim() > 1 else 0.4
            shift = 0.0 if parameter.dim() > 1 else 0.3
            parameter.copy_(scale * dice.normal(*parameter.shape) + shift)
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean"):
                buffer.copy_(0.3 * dice.normal(*buffer.shape))
            elif name.endswith("running_var"):
                buffer.copy_(dice.normal(*buffer.shape).abs() + 0.5)
            elif name.endswith(("_u", "_v")):
                buffer.copy_(nn.functional.normalize(dice.normal(*buffer.shape), dim=0))
    for part in module.modules():
        if hasattr(part, "settled"):
            part.settled()
    return module


def _options(dice, pieces, dtype):
    options = {}
    if "batch normalization" in pieces and dice.chance(0.75):
        options["batch_norm"] = dice.one_of(BATCH_NORM)
    if dtype == torch.float32 and dice.chance(0.15):
        options["dtype"] = torch.float64
    return tuple(options.items())


def _batches(dice, choice, targets):
    """The batches that there are; one where the form makes them, or there is one."""
    count = 1 if choice.form == "one example" else dice.whole(5, 9)
    whole = choice.inputs == "integers"
    given = _inputs(dice, count, choice.inputs).to(torch.long if whole else choice.dtype)
    shape = (count, CLASSES, 2) if choice.outputs == "three dimensions" else (count, CLASSES)
    wanted = _targets(dice, shape, targets)
    wanted = wanted.to(choice.dtype) if wanted.is_floating_point() else wanted
    sizes = {
        "batches": [3] * (count // 3) + [count % 3] * (count % 3 > 0),
        "uneven batches": [1, count - 1],
        "examples one by one": [1] * count,
    }.get(choice.form, [count])
    return list(zip(given.split(sizes), wanted.split(sizes), strict=True))


def _inputs(dice, count, inputs):
    if inputs == "integers":
        return dice.classes(7, count, *INPUTS[inputs])
    return dice.normal(count, *INPUTS[inputs])


def _targets(dice, shape, targets):
    if targets == "numbers":
        return dice.normal(*shape)
    if targets == "shares":
        return dice.normal(*shape).softmax(1)
    if targets == "bits":
        return (dice.normal(*shape) > 0).double()
    classes = dice.classes(CLASSES, shape[0], *shape[2:])
    if targets == "ignored":
        classes[dice.classes(3, *classes.shape) == 0] = -100
        classes.view(-1)[0] = 2
    if targets == "some":
        classes.view(-1)[0] = 0
    return classes


def _plane(dice, module):
    """The origin (P,), axes (D, P) that may leave some tensors as they are, and their kinds."""
    moving = [p.detach() for p in module.parameters() if p.requires_grad]
    origin = torch.cat([p.reshape(-1) for p in moving])
    kinds, count = set(), dice.whole(1, 2)
    still = set()
    if len(moving) > 2 and dice.chance(0.4):
        kinds.add("some tensors at rest")
        still = {i for i in range(len(moving)) if dice.chance(0.5)} - {
            dice.whole(1, len(moving) - 1)
        }
    axes = torch.cat(
        [
            dice.normal(count, p.numel()) * (i not in still) * (0.5 / max(1, p.numel()) ** 0.25)
            for i, p in enumerate(moving)
        ],
        dim=1,
    )
    count = count if int(axes.any(0).sum()) > count else 1
    kinds.add("line" if count == 1 else "plane")
    if dice.chance(0.3):
        kinds.add("origin elsewhere")
        origin = origin + 0.1 * dice.normal(len(origin)).to(origin)
    return origin, axes[:count].to(origin), frozenset(kinds)
