"""Architectures of timm, transformers and torch_geometric with random weights, and some of ours.

Those packages are no requirement of ours, as timm and transformers need the torchvision that is
built for the installed torch: install them by hand to run what is skipped otherwise. Nothing is
downloaded: networks are made of their configurations. Each slice, each gradient and the
extreme eigenvalues of the Hessian are compared with plain calls of the network in float64.
"""

import numpy as np
import pytest
import torch
from jaxtyping import config
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy, mse_loss

import landscape_core as lc
from kinds import (
    Case,
    classes,
    drawn,
    generators_kept,
    graded,
    grads,
    normal,
    seed_everything,
    sliced,
)
from kinds import moving as leaves_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

IMAGES, LABELS = normal(3, 3, 32, 32), classes(3)
TOKENS = (torch.arange(3 * 6).view(3, 6) * 7) % 30
MASK = (torch.arange(6) < torch.tensor([6, 3, 4])[:, None]).long()


@pytest.fixture(autouse=True)
def _as_outside_the_tests(monkeypatch):
    """Without checks of types: those of other packages are their own."""
    monkeypatch.setattr(config, "jaxtyping_disable", True)


def image_model(name, **options):
    """A network of timm in float64, whose weights are drawn."""
    timm = pytest.importorskip("timm")
    with generators_kept():
        seed_everything(1)
        return timm.create_model(name, pretrained=False, num_classes=3, **options).double().eval()


def classifying(make):
    """The cross-entropy of images."""
    return Case(
        model=make, value=lambda m: cross_entropy(m(IMAGES), LABELS),
        given={"loss": cross_entropy, "data": (IMAGES, LABELS)},
    )  # fmt: skip


def vision_transformer():
    sizes = {"img_size": 32, "patch_size": 16, "embed_dim": 6, "depth": 1, "num_heads": 2}
    return classifying(lambda: image_model("vit_tiny_patch16_224", **sizes))


def residual_network():
    sizes = {"layers": (1, 1, 0, 0), "channels": (4, 6, 6, 6), "stem_width": 4}
    return classifying(lambda: image_model("test_resnet", **sizes))


def modern_convolutions():
    return classifying(lambda: image_model("convnext_atto", depths=(1, 1, 1, 1), dims=(4, 4, 4, 4)))


def named(model, loss=None):
    """A network of transformers, which gives its own loss."""
    given = {"input_ids": TOKENS, "attention_mask": MASK}

    def objective(module, batch):
        return module(**batch).loss

    batch = {**given, **(loss or {"labels": TOKENS})}
    return Case(
        model=model,
        value=lambda m: objective(m, batch),
        given={"objective": objective, "data": batch},
    )


def transformer(config_class, model_class, **options):
    """A network of transformers in float64, made of its configuration."""
    transformers = pytest.importorskip("transformers")
    with generators_kept():
        seed_everything(1)
        settings = getattr(transformers, config_class)(vocab_size=30, **options)
        return getattr(transformers, model_class)(settings).double().eval()


def bert():
    sizes = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2,
             "intermediate_size": 4, "max_position_embeddings": 8, "num_labels": 3}  # fmt: skip
    make = lambda: transformer("BertConfig", "BertForSequenceClassification", **sizes)  # noqa: E731
    return named(make, {"labels": LABELS})


def generative():
    sizes = {"n_embd": 4, "n_layer": 1, "n_head": 2, "n_positions": 8}
    return named(lambda: transformer("GPT2Config", "GPT2LMHeadModel", **sizes))


def llama():
    sizes = {"hidden_size": 4, "num_hidden_layers": 1, "num_attention_heads": 2,
             "num_key_value_heads": 1, "intermediate_size": 4,
             "max_position_embeddings": 8}  # fmt: skip
    return named(lambda: transformer("LlamaConfig", "LlamaForCausalLM", **sizes))


def llama_by_parts():
    """The same by `batch=`, with the loss outside."""
    case = llama()

    def loss(found, tokens):
        return cross_entropy(found["logits"][:, :-1].flatten(0, 1), tokens[:, 1:].flatten())

    given = {
        "loss": loss, "data": [case.given["data"]],
        "batch": lambda b: ({n: b[n] for n in ("input_ids", "attention_mask")}, b["labels"]),
    }  # fmt: skip
    value = lambda m: loss(m(input_ids=TOKENS, attention_mask=MASK), TOKENS)  # noqa: E731
    return Case(model=case.model, value=value, given=given)


def graph_network():
    geometric = pytest.importorskip("torch_geometric")
    nodes = normal(5, 3, seed=2)
    edges = torch.tensor([[0, 1, 2, 3, 4, 0], [1, 2, 3, 4, 0, 2]])
    graph = geometric.data.Data(x=nodes, edge_index=edges, y=classes(5))

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.one = geometric.nn.GCNConv(3, 3)
            self.other = geometric.nn.GATConv(3, 3)

        def forward(self, x, edge_index):
            return self.other(self.one(x, edge_index).tanh(), edge_index)

    def objective(model, batch):
        return cross_entropy(model(batch.x, batch.edge_index), batch.y)

    return Case(
        model=lambda: drawn(Network()), value=lambda m: objective(m, graph),
        given={"objective": objective, "data": [graph]},
    )  # fmt: skip


class LanguageModel(nn.Module):
    """An LSTM language model whose output layer is tied to its embedding."""

    def __init__(self):
        super().__init__()
        self.table, self.cell = nn.Embedding(30, 3), nn.LSTM(3, 3, 2, batch_first=True, dropout=0.2)
        self.head = nn.Linear(3, 30)
        self.head.weight = self.table.weight

    def forward(self, tokens):
        return self.head(self.cell(self.table(tokens))[0])


def next_word(outputs, tokens):
    return cross_entropy(outputs[:, :-1].flatten(0, 1), tokens[:, 1:].flatten())


def recurrent_language_model():
    return Case(
        model=lambda: drawn(LanguageModel()), value=lambda m: next_word(m(TOKENS), TOKENS),
        given={"loss": next_word, "data": (TOKENS, TOKENS)},
    )  # fmt: skip


def heat(model, at):
    """The residual of u_t = u_xx, and u = sin(pi x) at the start."""
    with torch.enable_grad():
        at = at.requires_grad_()
        u = model(at)
        (slope,) = torch.autograd.grad(u.sum(), at, create_graph=True)
        (bend,) = torch.autograd.grad(slope[:, 1].sum(), at, create_graph=True)
    start = torch.stack([torch.zeros_like(at[:, 1]), at[:, 1]], 1)
    return mse_loss(slope[:, 0], bend[:, 1]) + mse_loss(model(start)[:, 0], (3.14 * at[:, 1]).sin())


def physics_informed():
    make = lambda: drawn(nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1)))  # noqa: E731
    points = normal(8, 2, seed=6)
    return Case(
        model=make, value=lambda m: heat(m, points.clone()),
        given={"objective": heat, "data": points},
    )  # fmt: skip


class Autoencoder(nn.Module):
    """A convolutional variational autoencoder, with batch normalization."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 2, 2, 2), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten()
        )
        self.code, self.decoder = nn.Linear(8, 4), nn.Linear(2, 16)

    def forward(self, images):
        mean, spread = self.code(self.encoder(images)).chunk(2, dim=1)
        noise = torch.randn_like(mean)
        return self.decoder(mean + noise * (spread / 2).exp()).view_as(images), mean, spread


def bound(outputs, images):
    found, mean, spread = outputs
    divergence = (mean.square() + spread.exp() - 1 - spread).sum(1) / 2
    return ((found - images) ** 2).flatten(1).sum(1).mean() + divergence.mean()


def autoencoder():
    images = normal(4, 1, 4, 4, seed=7)
    return Case(
        model=lambda: drawn(Autoencoder()), value=lambda m: bound(m(images), images),
        given={"loss": bound, "data": (images, images)},
    )  # fmt: skip


ARCHITECTURES = {
    "timm: vision transformer": vision_transformer,
    "timm: ResNet": residual_network,
    "timm: ConvNeXt": modern_convolutions,
    "transformers: BERT": bert,
    "transformers: GPT-2": generative,
    "transformers: Llama": llama,
    "transformers: Llama, taken apart by batch=": llama_by_parts,
    "torch_geometric: graph convolution and attention": graph_network,
    "LSTM language model": recurrent_language_model,
    "physics-informed network": physics_informed,
    "variational autoencoder": autoencoder,
}


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_a_slice_of_an_architecture_is_that_of_plain_calls(name):
    with generators_kept():
        sliced(ARCHITECTURES[name]())


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_gradients_of_an_architecture_are_those_of_backward(name):
    with generators_kept():
        graded(ARCHITECTURES[name]())


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_eigenvalues_of_an_architecture_are_those_of_arpack_on_plain_products(name):
    case = ARCHITECTURES[name]()
    with generators_kept():
        found = lc.spectrum(case.made(), **{"loss": None, **case.given}, top=1, bottom=1, probes=0)
        module = case.reference().eval()
        with sdpa_kernel(SDPBackend.MATH):
            product = plain_product(case.valued(module), leaves_of(module))
            ends = [float(eigsh(product, 1, which=which)[0][0]) for which in ("LA", "SA")]
    np.testing.assert_allclose(
        found["eigenvalue"].values[0], ends, rtol=0, atol=1e-5 * np.abs(ends).max()
    )


def plain_product(value, leaves):
    """The product of the Hessian of a value with a vector, by differentiating twice."""
    slope = grads(value, leaves, graph=True)
    sizes = [one.numel() for one in leaves]

    def product(vector):
        pieces = torch.as_tensor(vector.ravel()).split(sizes)
        along = sum((g * v.view_as(g)).sum() for g, v in zip(slope, pieces, strict=True))
        found = grads(along, leaves, graph=True)
        return torch.cat([one.detach().reshape(-1) for one in found]).numpy()

    return LinearOperator((sum(sizes),) * 2, product, dtype=float)
