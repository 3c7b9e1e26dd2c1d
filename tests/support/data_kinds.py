"""Kinds of data: in which form inputs and targets are given, and of which type they are."""

import collections
import dataclasses
import sys

import torch
from torch import nn
from torch.nn.functional import cross_entropy, mse_loss
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from kinds import CALLS, Case, drawn, kind, normal, of_closure, of_pairs, refused
from module_kinds import INPUTS, ROWS, TARGETS, mlp, of_batch

PAIR = TensorDataset(INPUTS, TARGETS)


def of_data(name, make, inputs=INPUTS, targets=TARGETS, **others):
    """Enter a form of the data of a classifier; `make` gives them anew for each call."""

    def case():
        return of_pairs(mlp, cross_entropy, inputs, targets, data=make(), **others)

    return kind(f"data: {name}")(case)


class Rows(Dataset):
    """Examples one by one."""

    def __len__(self):
        return ROWS

    def __getitem__(self, index):
        return INPUTS[index], TARGETS[index]


class Stream(IterableDataset):
    """Batches of its own."""

    def __iter__(self):
        yield INPUTS[:4], TARGETS[:4]
        yield INPUTS[4:], TARGETS[4:]


class Singles(IterableDataset):
    def __iter__(self):
        yield from zip(INPUTS, TARGETS, strict=True)


def by_column(rows):
    """A collate function that gives what is not a pair of tensors for the first entry."""
    inputs, targets = zip(*rows, strict=True)
    return [torch.stack(inputs), torch.stack(targets)]


def batches():
    yield INPUTS[:1], TARGETS[:1]
    yield INPUTS[1:], TARGETS[1:]


Pair = collections.namedtuple("Pair", "values labels")

of_data("a pair of tensors", lambda: (INPUTS, TARGETS))
of_data("a list of two tensors", lambda: [INPUTS, TARGETS])
of_data("a pair of arrays", lambda: (INPUTS.numpy(), TARGETS.numpy()))
of_data("a named pair", lambda: Pair(INPUTS, TARGETS))
of_data("uneven batches", lambda: [*batches()])
of_data("a generator", batches)
of_data("zip", lambda: zip(INPUTS.split(2), TARGETS.split(2), strict=True))
of_data("map", lambda: map(tuple, [*batches()]))
of_data("a DataLoader", lambda: DataLoader(PAIR, batch_size=4))
of_data("a DataLoader that shuffles", lambda: DataLoader(PAIR, batch_size=2, shuffle=True))
of_data(
    "a DataLoader that drops the last",
    lambda: DataLoader(PAIR, batch_size=4, drop_last=True),
    INPUTS[:4],
    TARGETS[:4],
)
of_data(
    "a DataLoader with a collate function",
    lambda: DataLoader(PAIR, batch_size=4, collate_fn=by_column),
)
of_data("a DataLoader of a Dataset", lambda: DataLoader(Rows(), batch_size=3))
of_data(
    "a DataLoader of a Subset",
    lambda: DataLoader(Subset(PAIR, [1, 2, 5, 4]), batch_size=3),
    INPUTS[[1, 2, 5, 4]],
    TARGETS[[1, 2, 5, 4]],
)
of_data("a DataLoader of an IterableDataset", lambda: DataLoader(Singles(), batch_size=4))
of_data(
    "a DataLoader without batches, of an IterableDataset of batches",
    lambda: DataLoader(Stream(), batch_size=None),
)
of_data("an IterableDataset of batches", Stream)
of_data("one example", lambda: (INPUTS[:1], TARGETS[:1]), INPUTS[:1], TARGETS[:1])


@kind("data: the first examples")
def first_examples():
    case = of_pairs(mlp, cross_entropy, INPUTS[:3], TARGETS[:3], data=(INPUTS, TARGETS),
                    max_examples=3)  # fmt: skip
    return Case(**{**vars(case), "calls": ("landscape", "gradient", "spectrum")})


@kind("data: the first examples of a generator that does not end")
def endless():
    def forever():
        while True:
            yield INPUTS[:2], TARGETS[:2]

    twice = torch.arange(4) % 2
    case = of_pairs(mlp, cross_entropy, INPUTS[twice], TARGETS[twice], data=forever(),
                    max_examples=4)  # fmt: skip
    return Case(**{**vars(case), "calls": ("landscape", "gradient", "spectrum")})


# --- types ----------------------------------------------------------------------------------------


def single_mlp():
    return mlp().float()


def converted(name, make, inputs, targets=TARGETS, loss=cross_entropy, model=single_mlp):
    """Enter data of another type than the network's, which is float32; compared in float64."""

    def case():
        return Case(
            model=model,
            plain=lambda: model().double(),
            value=lambda module: loss(module(inputs.double()), targets),
            given={"loss": loss, "data": make()},
            near=2e-5,
        )

    return kind(f"data: {name}")(case)


converted("float64 arrays of a float32 network", lambda: (INPUTS.numpy(), TARGETS.numpy()), INPUTS)
converted("float16 inputs of a float32 network", lambda: (INPUTS.half(), TARGETS), INPUTS.half())


kind("data: int32 targets, refused by torch's cross-entropy")(
    lambda: refused(mlp, "targets", {"loss": cross_entropy, "data": (INPUTS, TARGETS.int())})
)


class Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(9, 2), nn.Linear(2, 3)

    def forward(self, tokens):
        return self.head(self.table(tokens).mean(1))


class Scaled(nn.Module):
    """Takes bytes, as images are."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, values):
        return self.layer(values.to(self.layer.weight) / 255)


WORDS = (torch.arange(ROWS * 3).view(ROWS, 3) * 4) % 9
BYTES = (torch.arange(ROWS * 4).view(ROWS, 4) * 37 % 256).to(torch.uint8)

kind("data: whole numbers")(
    lambda: of_pairs(lambda: drawn(Tokens()), cross_entropy, WORDS, TARGETS)
)
kind("data: int32")(lambda: of_pairs(lambda: drawn(Tokens()), cross_entropy, WORDS.int(), TARGETS))
kind("data: bytes")(lambda: of_pairs(lambda: drawn(Scaled()), cross_entropy, BYTES, TARGETS))
kind("data: booleans")(
    lambda: of_pairs(lambda: drawn(Scaled()), cross_entropy, BYTES > 99, TARGETS)
)
kind("data: integers to a layer of real numbers")(
    lambda: refused(mlp, "inputs", {"loss": cross_entropy, "data": (BYTES.long(), TARGETS)})
)

# --- mappings, nested, ragged ---------------------------------------------------------------------


class Classifier(nn.Module):
    """Named inputs; gives a mapping with the loss where labels are there, as HuggingFace's do."""

    def __init__(self):
        super().__init__()
        self.table, self.head = nn.Embedding(9, 2), nn.Linear(2, 3)

    def forward(self, input_ids, attention_mask=None, labels=None):
        hidden = self.table(input_ids)
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        mask = mask[..., None].to(hidden)
        logits = self.head((hidden * mask).sum(1) / mask.sum(1))
        loss = None if labels is None else cross_entropy(logits, labels)
        return {"loss": loss, "logits": logits}


MASK = (torch.arange(3) < torch.tensor([3, 1, 2, 3, 2, 1])[:, None]).long()
TEXTS = {"input_ids": WORDS, "attention_mask": MASK, "labels": TARGETS}


def own_loss(model, batch):
    return model(**batch)["loss"]


def pieces():
    return [{name: one[:4] for name, one in TEXTS.items()},
            {name: one[4:] for name, one in TEXTS.items()}]  # fmt: skip


class Encoding(collections.UserDict):
    """A mapping that is no dictionary, as tokenizers give."""


def texts():
    return drawn(Classifier())


kind("data: a mapping, its own loss")(lambda: of_closure(texts, own_loss, TEXTS))
kind("data: mappings of uneven batches")(
    lambda: of_closure(texts, own_loss, pieces(), batches=pieces(), weights=[4, 2])
)
kind("data: a mapping that is no dictionary")(
    lambda: of_closure(texts, own_loss, Encoding(TEXTS), batches=[TEXTS])
)


def of_logits(found, labels):
    return cross_entropy(found["logits"], labels)


@kind("data: a loader of mappings, taken apart by batch=")
def mappings():
    rows = [{name: one[i] for name, one in TEXTS.items()} for i in range(ROWS)]
    return of_batch(
        texts, lambda m: own_loss(m, TEXTS), of_logits,
        DataLoader(rows, batch_size=4),
        lambda b: ({n: b[n] for n in ("input_ids", "attention_mask")}, b["labels"]),
    )  # fmt: skip


@kind("data: a loader of mappings, one input by batch=")
def mapping_to_pair():
    rows = [{"x": INPUTS[i], "y": TARGETS[i]} for i in range(ROWS)]
    return of_batch(
        mlp, lambda m: cross_entropy(m(INPUTS), TARGETS), cross_entropy,
        DataLoader(rows, batch_size=4), lambda b: (b["x"], b["y"]),
    )  # fmt: skip


@kind("data: a loader of three entries")
def three():
    return of_batch(
        mlp, lambda m: cross_entropy(m(INPUTS), TARGETS), cross_entropy,
        DataLoader(TensorDataset(INPUTS, torch.arange(ROWS), TARGETS), batch_size=4),
        lambda b: (b[0], b[2]),
    )  # fmt: skip


@kind("data: nested batches")
def nested():
    batch = {"views": [INPUTS, (INPUTS + 1, {"more": INPUTS * 2})], "y": TARGETS}

    def closure(model, given):
        one, (other, rest) = given["views"]
        found = model(one) + model(other) + model(rest["more"])
        return cross_entropy(found, given["y"])

    return of_closure(mlp, closure, batch)


@kind("data: ragged batches, as they are")
def ragged():
    parts = [(WORDS[:2, :2], TARGETS[:2]), (WORDS[2:], TARGETS[2:])]

    def closure(model, batch):
        return cross_entropy(model(batch[0]), batch[1])

    return of_closure(lambda: drawn(Tokens()), closure, parts, batches=parts, weights=[2, 4])


@kind("data: sequences of all lengths in a list")
def listed():
    rows = [normal(length, 4, seed=length) for length in (2, 3, 5)]

    def closure(model, batch):
        return torch.stack([model(row).mean(0) for row in batch[0]]).square().mean()

    return of_closure(mlp, closure, [[rows]], batches=[[rows]])


@dataclasses.dataclass
class Record:
    x: torch.Tensor
    y: torch.Tensor


@kind("data: objects of one's own")
def objects():
    def closure(model, batch):
        return cross_entropy(model(batch.x), batch.y)

    one = Record(INPUTS, TARGETS)
    return of_closure(mlp, closure, [one], batches=[one])


@kind("data: texts, that the closure makes numbers of")
def strings():
    def closure(model, batch):
        tokens = torch.tensor([[ord(c) % 9 for c in text] for text in batch])
        return model(tokens).square().mean()

    lines = ["abc", "bcd", "dea"]
    return of_closure(lambda: drawn(Tokens()), closure, [lines], batches=[lines])


# --- several inputs -------------------------------------------------------------------------------


class Sum(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(4, 3), nn.Linear(3, 3)

    def forward(self, first, second):
        return self.one(first) + self.other(second)


SECOND = normal(ROWS, 3, seed=21)


def two(name, data, *, model=lambda: drawn(Sum()), near=1e-5, plain=None):
    """Enter a form of two inputs."""

    def case():
        found = of_batch(
            model, lambda m: cross_entropy(m(INPUTS, SECOND), TARGETS), cross_entropy, data(),
            lambda b: ((b[0], b[1]), b[2]), near=near,
        )  # fmt: skip
        return Case(**{**vars(found), "plain": plain})

    return kind(f"data: {name}")(case)


two("two inputs", lambda: [(INPUTS, SECOND, TARGETS)])
two("two inputs of a loader", lambda: DataLoader(TensorDataset(INPUTS, SECOND, TARGETS), 4))
two(
    "two float64 arrays of a float32 network",
    lambda: [(INPUTS.numpy(), SECOND.numpy(), TARGETS.numpy())],
    model=lambda: drawn(Sum()).float(), near=2e-5, plain=lambda: drawn(Sum()).float().double(),
)  # fmt: skip


@kind("data: two float64 arrays with float64 targets of a float32 network")
def arrays_to_numbers():
    wanted = normal(ROWS, 3, seed=22)
    found = of_batch(
        lambda: drawn(Sum()).float(), lambda m: mse_loss(m(INPUTS, SECOND), wanted), mse_loss,
        [(INPUTS.numpy(), SECOND.numpy(), wanted.numpy())], lambda b: ((b[0], b[1]), b[2]),
        near=2e-5,
    )  # fmt: skip
    return Case(**{**vars(found), "plain": lambda: drawn(Sum()).float().double()})


@kind("data: two inputs that do not fit")
def unfitting():
    given = {"loss": cross_entropy, "data": [(INPUTS, INPUTS, TARGETS)],
             "batch": lambda b: ((b[0], b[1]), b[2])}  # fmt: skip
    return refused(lambda: drawn(Sum()), "the data", given)


# --- tables, and what is refused ------------------------------------------------------------------


@kind("data: columns of a DataFrame")
def frame():
    import pandas as pd

    table = pd.DataFrame(INPUTS.numpy(), columns=[*"abcd"]).assign(label=TARGETS.numpy())
    data = table[[*"abcd"]].to_numpy(), table["label"].to_numpy()
    return of_pairs(mlp, cross_entropy, INPUTS, TARGETS, data=data)


@kind("data: a pair of a DataFrame and a column")
def frames():
    import pandas as pd

    table = pd.DataFrame(INPUTS.numpy(), columns=[*"abcd"])
    return of_pairs(mlp, cross_entropy, INPUTS, TARGETS, data=(table, pd.Series(TARGETS.numpy())))


@kind("data: a DataFrame of pandas's own numbers")
def nullable():
    import pandas as pd

    table = pd.DataFrame(INPUTS.numpy(), columns=[*"abcd"]).astype("Float64")
    labels = pd.Series(TARGETS.numpy()).astype("Int64")
    return of_pairs(mlp, cross_entropy, INPUTS, TARGETS, data=(table, labels))


@kind("data: a DataFrame with categories, refused")
def categories():
    import pandas as pd

    table = pd.DataFrame(INPUTS.numpy(), columns=[*"abcd"])
    table["d"] = pd.Categorical(["u", "v"] * (len(table) // 2))
    given = {"loss": cross_entropy, "data": (table, TARGETS)}
    return refused(mlp, "the columns of a table", given, CALLS)


@kind("data: a DataFrame with missing numbers, refused")
def missing():
    import pandas as pd

    table = pd.DataFrame(INPUTS.numpy(), columns=[*"abcd"]).astype("Float64")
    table.loc[1, "b"] = pd.NA
    given = {"loss": cross_entropy, "data": (table, TARGETS)}
    return refused(mlp, "the columns of a table", given, CALLS)


@kind("data: arrays that cannot be written to, and backwards")
def fixed_arrays():
    inputs = INPUTS.numpy().copy()
    inputs.flags.writeable = False
    return of_pairs(
        mlp, cross_entropy, INPUTS, TARGETS.flip(0), data=(inputs, TARGETS.numpy()[::-1])
    )


@kind("data: a table to a closure, refused")
def table_to_closure():
    import pandas as pd

    table = pd.DataFrame(INPUTS.numpy(), columns=[*"abcd"])
    given = {"objective": lambda m, b: m(b).mean(), "data": table}
    return refused(mlp, "data", given)


@kind("data: columns of a table as two inputs")
def columns():
    import pandas as pd

    table = pd.DataFrame(INPUTS.numpy(), columns=[*"abcd"])
    other, labels = pd.DataFrame(SECOND.numpy()), pd.Series(TARGETS.numpy())
    return of_batch(
        lambda: drawn(Sum()), lambda m: cross_entropy(m(INPUTS, SECOND), TARGETS), cross_entropy,
        [(table, other, labels)], lambda b: ((b[0], b[1]), b[2]),
    )  # fmt: skip


def never():
    return sys.maxsize


for _name, (_make, _field) in {
    "a Dataset": (Rows, "data"),
    "a Subset": (lambda: Subset(PAIR, [0, 1]), "data"),
    "inputs alone": (lambda: INPUTS, "data"),
    "none": (lambda: None, "data"),
    "no batches": (lambda: [], "data"),
    "a path": (lambda: "data.csv", "data"),
    "a function": (lambda: never, "data"),
    "a mapping without batch=": (lambda: {"x": INPUTS, "y": TARGETS}, "data"),
    "a loader of three without batch=": (lambda: [(INPUTS, TARGETS, TARGETS)], "data"),
    "ragged batches": (lambda: [(INPUTS, TARGETS), (INPUTS[:, :2], TARGETS)], "data"),
    "a target too few": (lambda: (INPUTS, TARGETS[:-1]), "the number of targets"),
    "no examples": (lambda: (INPUTS[:0], TARGETS[:0]), "the number of examples"),
    "inputs too wide": (lambda: (normal(ROWS, 7), TARGETS), "inputs"),
    "a class too many": (lambda: (INPUTS, TARGETS + 1), "targets"),
}.items():
    kind(f"data: {_name}, refused")(
        lambda m=_make, f=_field: refused(mlp, f, {"loss": cross_entropy, "data": m()})
    )
