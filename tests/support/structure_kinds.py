"""Kinds of modules, continued: how they are called, types, buffers, attention, graphs."""

import torch
from torch import nn
from torch.nn import functional
from torch.nn.functional import cross_entropy, mse_loss

from kinds import Case, drawn, kind, normal, of_closure, of_pairs, refused
from module_kinds import INPUTS, ROWS, TARGETS, Through, classified, mlp, of_batch

TOKENS = (torch.arange(ROWS * 4).view(ROWS, 4) * 5) % 7
PADDING = torch.arange(4) >= torch.tensor([4, 2, 3, 4, 1, 2])[:, None]

# --- how they are called --------------------------------------------------------------------------


class KeywordOnly(Through):
    def forward(self, *, values, scale):
        return self.head(self.layer(values * scale).tanh())


@kind("module: keyword-only forward")
def keyword_only():
    scale = normal(ROWS, 1, seed=8)
    return of_batch(
        lambda: drawn(KeywordOnly()),
        lambda m: cross_entropy(m(values=INPUTS, scale=scale), TARGETS),
        cross_entropy,
        [{"values": INPUTS, "scale": scale, "label": TARGETS}],
        lambda b: ({"values": b["values"], "scale": b["scale"]}, b["label"]),
    )


class WithLoss(Through):
    def forward(self, values, labels):
        return cross_entropy(self.head(self.layer(values).tanh()), labels)


@kind("module: forward returns the loss")
def returns_loss():
    return of_closure(lambda: drawn(WithLoss()), lambda m, b: m(*b), (INPUTS, TARGETS))


@kind("module: forward returns the loss, by batch=")
def returns_loss_of_batch():
    def model():
        return drawn(WithLoss())

    def loss(outputs, targets):
        return outputs

    return of_batch(
        model, lambda m: m(INPUTS, TARGETS), loss, [(INPUTS, TARGETS)], lambda b: (b, b[1])
    )


class Dictionary(Through):
    def forward(self, values):
        hidden = self.layer(values).tanh()
        return {"hidden": hidden, "logits": self.head(hidden)}


class Tuple(Dictionary):
    def forward(self, values):
        found = Dictionary.forward(self, values)
        return found["logits"], found["hidden"]


classified(
    "module: returns a dictionary, with an adapter",
    lambda: drawn(Dictionary()),
    adapter=lambda found: found["logits"],
)
classified(
    "module: returns a tuple, with an adapter",
    lambda: drawn(Tuple()),
    adapter=lambda found: found[0],
)


@kind("module: returns a dictionary, all for the loss")
def dictionary():
    def loss(outputs, targets):
        return cross_entropy(outputs["logits"], targets) + outputs["hidden"].square().mean()

    return of_pairs(lambda: drawn(Dictionary()), loss, INPUTS, TARGETS, several=True)


class MadeInForward(Through):
    def __init__(self):
        super().__init__()
        self.last = None

    def forward(self, values):
        if self.last is None:
            self.last = nn.Linear(3, 3).to(values)
        return self.last(self.head(self.layer(values)))


@kind("module: parameters made by the first call")
def made_in_forward():
    given = {"loss": cross_entropy, "data": (INPUTS, TARGETS)}
    return refused(lambda: drawn(MadeInForward()), "the network's forward", given)


# --- types ----------------------------------------------------------------------------------------


class DoubleHead(nn.Module):
    """A body in float32 under a head in float64."""

    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(4, 3), nn.Linear(3, 3).double()

    def forward(self, values):
        return self.head(self.body(values.to(self.body.weight)).tanh().to(self.head.weight))


@kind("module: float32 with a float64 head")
def double_head():
    def model():
        return drawn(DoubleHead(), kind=None)

    given = {"loss": cross_entropy, "data": (INPUTS, TARGETS)}
    return refused(model, "the trainable parameters", given)


@kind("module: bfloat16")
def brain_floats():
    inputs = INPUTS.bfloat16()
    case = of_pairs(lambda: mlp().bfloat16(), cross_entropy, inputs, TARGETS, near=2e-2)
    return Case(**{**vars(case), "calls": ("landscape", "explore")})


@kind("module: bfloat16, computed in float64")
def brain_floats_in_double():
    inputs = INPUTS.bfloat16()
    return Case(
        model=lambda: mlp().bfloat16(),
        plain=lambda: mlp().bfloat16().double(),
        value=lambda m: cross_entropy(m(inputs.double()), TARGETS),
        given={"loss": cross_entropy, "data": (inputs, TARGETS), "dtype": "float64"},
    )


class Complex(nn.Module):
    """Complex weights; the magnitudes are the scores."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(4, 3, dtype=torch.complex128))

    def forward(self, values):
        return (values.to(self.weight) @ self.weight).abs()


class ComplexBuffer(Through):
    def __init__(self):
        super().__init__(4)
        self.register_buffer("turns", torch.polar(torch.ones(2), torch.tensor([0.9, 2.1])))

    def double(self):
        self.layer.double()
        self.head.double()  # the whole would make the buffer real
        return self

    def forward(self, values):
        pairs = torch.view_as_complex(self.layer(values).reshape(-1, 2, 2).contiguous())
        turns = self.turns.to(torch.complex128)
        return self.head(torch.view_as_real(pairs * turns).flatten(1))


@kind("module: complex parameters")
def complex_parameters():
    given = {"loss": cross_entropy, "data": (INPUTS, TARGETS)}
    calls = ("landscape", "gradient", "spectrum", "explore")
    return Case(
        model=Complex, value=None, given=given, refused=dict.fromkeys(calls, "the parameter weight")
    )


classified("module: complex buffer", lambda: drawn(ComplexBuffer().double(), kind=None))

# --- buffers and shared parameters ----------------------------------------------------------------


class Averaging(Through):
    """Keeps an exponential moving average of its hidden values, and subtracts it."""

    def __init__(self):
        super().__init__()
        self.register_buffer("mean", torch.zeros(3, dtype=torch.float64))

    def forward(self, values):
        hidden = self.layer(values)
        self.mean.mul_(0.9).add_(0.1 * hidden.detach().mean(0))
        return self.head((hidden - self.mean).tanh())


class Counting(Through):
    def __init__(self):
        super().__init__()
        self.register_buffer("calls", torch.tensor(0))

    def forward(self, values):
        self.calls += 1
        return self.head(self.layer(values).tanh()) * (1 + self.calls)


class Teacher(Through):
    """A target network in its attributes, which follows the weights at each call."""

    def __init__(self):
        super().__init__()
        self.target = nn.Linear(4, 3).requires_grad_(requires_grad=False)

    def forward(self, values):
        with torch.no_grad():
            self.target.weight.lerp_(self.layer.weight, 0.1)
        return self.head(self.layer(values).tanh() - self.target(values))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(4, 4), nn.Linear(4, 4)
        self.other.weight = self.one.weight

    def forward(self, values):
        return functional.linear(self.other(self.one(values).tanh()).tanh(), self.one.weight.T)


class Listed(nn.Module):
    def __init__(self):
        super().__init__()
        self.list = nn.ParameterList(
            [nn.Parameter(torch.zeros(4, 3)), nn.Parameter(torch.zeros(3))]
        )
        self.named = nn.ParameterDict({"scale": nn.Parameter(torch.zeros(3))})

    def forward(self, values):
        hidden = (values @ self.list[0] + self.list[1]).tanh()
        return hidden * self.named["scale"]


def partly_frozen():
    found = mlp()
    found[0].requires_grad_(requires_grad=False)
    return found


def one_tensor():
    found = mlp()
    for name, one in found.named_parameters():
        one.requires_grad_(name == "2.weight")
    return found


class LowRank(nn.Module):
    """A frozen layer with a trained correction of rank one."""

    def __init__(self):
        super().__init__()
        self.base = nn.Linear(4, 3).requires_grad_(requires_grad=False)
        self.down, self.up = nn.Linear(4, 1, bias=False), nn.Linear(1, 3, bias=False)

    def forward(self, values):
        return self.base(values) + self.up(self.down(values))


class Generated(nn.Module):
    def __init__(self):
        super().__init__()
        self.code, self.maker = nn.Parameter(torch.zeros(2)), nn.Linear(2, 12)

    def forward(self, values):
        return values @ self.maker(self.code).view(4, 3)


class Stateful(Through):
    """A hidden state that is kept from one call to the next."""

    def __init__(self):
        super().__init__()
        self.state = None

    def forward(self, values):
        hidden = self.layer(values).tanh()
        found = hidden if self.state is None else hidden + self.state
        self.state = hidden.detach().mean(0)
        return self.head(found)


for _name, _class in {
    "moving average in a buffer": Averaging, "counter in a buffer": Counting,
    "frozen target that follows": Teacher, "tied weights": Tied,
    "ParameterList and ParameterDict": Listed, "low-rank adapter": LowRank,
    "weights made by a network": Generated, "state kept between calls": Stateful,
}.items():  # fmt: skip
    classified(f"module: {_name}", lambda c=_class: drawn(c()))
classified("module: partly frozen", partly_frozen)
classified("module: one trained tensor", one_tensor)

# --- attention and embeddings ---------------------------------------------------------------------


class Attending(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(7, 2), nn.Linear(2, 3)
        self.attention = nn.MultiheadAttention(2, 1, batch_first=True)

    def forward(self, tokens):
        hidden = self.table(tokens)
        mask = tokens == 0
        mask[:, 0] = False
        return self.head(self.attention(hidden, hidden, hidden, key_padding_mask=mask)[0].mean(1))


class Encoder(nn.Module):
    """Torch's own encoder, whose fast path uses nested tensors."""

    def __init__(self, **options):
        super().__init__()
        self.table, self.head = nn.Embedding(7, 2), nn.Linear(2, 3)
        layer = nn.TransformerEncoderLayer(2, 2, 2, batch_first=True, dropout=0.1, **options)
        self.layers = nn.TransformerEncoder(layer, 1, enable_nested_tensor=not options)

    def forward(self, tokens, padding=None):
        found = self.layers(self.table(tokens), src_key_padding_mask=padding)
        return self.head(found[:, 0])


class Causal(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.qkv, self.head = nn.Embedding(7, 2), nn.Linear(2, 6), nn.Linear(2, 7)

    def forward(self, tokens):
        q, k, v = self.qkv(self.table(tokens))[:, None].chunk(3, dim=-1)
        return self.head(functional.scaled_dot_product_attention(q, k, v, is_causal=True)[:, 0])


class Decoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(7, 2), nn.Linear(2, 3)
        self.whole = nn.Transformer(2, 2, 1, 1, 2, batch_first=True)

    def forward(self, tokens):
        hidden = self.table(tokens)
        mask = nn.Transformer.generate_square_subsequent_mask(4, dtype=hidden.dtype)
        return self.head(self.whole(hidden, hidden, tgt_mask=mask)[:, -1])


def next_token(logits, tokens):
    return cross_entropy(logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())


classified("module: MultiheadAttention with a padding mask", lambda: drawn(Attending()), TOKENS)
classified("module: TransformerEncoder, fast path", lambda: drawn(Encoder()), TOKENS)
classified(
    "module: TransformerEncoder, norm first", lambda: drawn(Encoder(norm_first=True)), TOKENS
)
classified("module: Transformer with a causal mask", lambda: drawn(Decoder()), TOKENS)
kind("module: causal language model")(
    lambda: of_pairs(lambda: drawn(Causal()), next_token, TOKENS, TOKENS)
)


@kind("module: TransformerEncoder, nested tensors by a padding mask")
def nested():
    return of_batch(
        lambda: drawn(Encoder()), lambda m: cross_entropy(m(TOKENS, PADDING), TARGETS),
        cross_entropy, [(TOKENS, PADDING, TARGETS)], lambda b: ((b[0], b[1]), b[2]),
    )  # fmt: skip


class Table(nn.Module):
    def __init__(self, **options):
        super().__init__()
        self.table, self.head = nn.Embedding(7, 2, **options), nn.Linear(2, 3)

    def forward(self, tokens):
        return self.head(self.table(tokens).mean(1))


classified("module: embedding", lambda: drawn(Table(padding_idx=0)), TOKENS)
classified(
    "module: embedding with sparse gradients", lambda: drawn(Table(sparse=True)), TOKENS,
    plain=lambda: drawn(Table()),
)  # fmt: skip
classified("module: embedding with a largest norm", lambda: drawn(Table(max_norm=0.5)), TOKENS)
classified(
    "module: embedding bag",
    lambda: drawn(nn.Sequential(nn.EmbeddingBag(7, 2), nn.Linear(2, 3))),
    TOKENS,
    refused={"spectrum": "the network and the loss"},
)


@kind("module: embedding bag with offsets")
def bags():
    class Bags(nn.Module):
        def __init__(self):
            super().__init__()
            self.bag, self.head = nn.EmbeddingBag(7, 2), nn.Linear(2, 3)

        def forward(self, tokens, offsets):
            return self.head(self.bag(tokens, offsets))

    tokens, offsets = TOKENS.flatten(), torch.tensor([0, 3, 7, 9, 15, 20])

    def closure(model, batch):
        return cross_entropy(model(*batch[:2]), batch[2])

    return of_closure(
        lambda: drawn(Bags()),
        closure,
        (tokens, offsets, TARGETS),
        refused={"spectrum": "the network and the loss"},
    )


# --- graphs and the rest --------------------------------------------------------------------------

EDGES = torch.eye(ROWS, dtype=torch.float64)
EDGES = (EDGES + EDGES.roll(1, 0) + EDGES.roll(1, 1)) / 3


class Graph(nn.Module):
    """Two graph convolutions on the whole graph; the adjacency is a buffer, dense or sparse."""

    def __init__(self, edges=None):
        super().__init__()
        self.one, self.other = nn.Linear(4, 2), nn.Linear(2, 3)
        self.register_buffer("edges", edges)

    def forward(self, nodes, edges=None):
        edges = self.edges if edges is None else edges
        return edges @ self.other((edges @ self.one(nodes)).tanh())


classified("module: graph network, adjacency in a buffer", lambda: drawn(Graph(EDGES)))
classified(
    "module: graph network, sparse adjacency in a buffer", lambda: drawn(Graph(EDGES.to_sparse()))
)


@kind("module: graph network, adjacency as an input")
def graph_of_inputs():
    return of_batch(
        lambda: drawn(Graph()), lambda m: cross_entropy(m(INPUTS, EDGES), TARGETS),
        cross_entropy, [(INPUTS, EDGES, TARGETS)], lambda b: ((b[0], b[1]), b[2]),
    )  # fmt: skip


@kind("module: graph network, some nodes in the loss")
def graph_of_some():
    some = torch.tensor([0, 2, 3])

    def loss(outputs, targets):
        return cross_entropy(outputs[some], targets[some])

    return of_pairs(lambda: drawn(Graph(EDGES)), loss, INPUTS, TARGETS)


class Message(nn.Module):
    """A graph by its edges, with a sum over neighbours by index_add."""

    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.Linear(4, 2), nn.Linear(2, 3)

    def forward(self, nodes, edges):
        sent = self.layer(nodes)[edges[0]]
        return self.head(torch.zeros(len(nodes), 2).to(sent).index_add(0, edges[1], sent).tanh())


@kind("module: graph network, edges as an input")
def graph_of_edges():
    edges = torch.tensor([[0, 1, 2, 3, 4, 5, 0], [1, 2, 3, 4, 5, 0, 3]])
    return of_batch(
        lambda: drawn(Message()), lambda m: cross_entropy(m(INPUTS, edges), TARGETS),
        cross_entropy, [(INPUTS, edges, TARGETS)], lambda b: ((b[0], b[1]), b[2]),
    )  # fmt: skip


class Equation(nn.Module):
    """A neural differential equation, by Runge-Kutta steps."""

    def __init__(self):
        super().__init__()
        self.field, self.head = nn.Linear(4, 4), nn.Linear(4, 3)

    def forward(self, values):
        for _ in range(3):
            half = values + 0.2 * self.field(values).tanh()
            values = values + 0.4 * self.field(half).tanh()
        return self.head(values)


class Equilibrium(nn.Module):
    """A fixed point, iterated until it moves no more."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, values):
        found = torch.zeros_like(values)
        for _ in range(100):
            before, found = found, (0.2 * self.layer(found) + values).tanh()
            if (found - before).abs().max() < 1e-12:
                break
        return found


class Ensemble(nn.Module):
    def __init__(self):
        super().__init__()
        self.members = nn.ModuleList([nn.Linear(4, 3) for _ in range(3)])

    def forward(self, values):
        return torch.stack([one(values).softmax(1) for one in self.members]).mean(0).log()


class Fourier(nn.Module):
    def __init__(self):
        super().__init__()
        self.filter = nn.Parameter(torch.zeros(2, 3))

    def forward(self, values):
        for row in self.filter:
            values = torch.fft.irfft(torch.fft.rfft(values) * row, n=4).sin()
        return values


for _name, _class in {
    "differential equation": Equation, "fixed point": Equilibrium, "ensemble": Ensemble,
    "Fourier layer": Fourier,
}.items():  # fmt: skip
    classified(f"module: {_name}", lambda c=_class: drawn(c()))
kind("module: bilinear, two inputs")(
    lambda: of_batch(
        lambda: drawn(nn.Bilinear(4, 4, 1)),
        lambda m: mse_loss(m(INPUTS, INPUTS.flip(0)), INPUTS[:, :1]),
        mse_loss,
        [(INPUTS, INPUTS.flip(0), INPUTS[:, :1])],
        lambda b: (b[:2], b[2]),
    )
)
