"""The machine that is measured, its own rates, and the networks and data of the checks."""

import time
from dataclasses import dataclass

import torch
from torch import nn

from landscape_core.foundation.random_streams import stream
from landscape_core.models.architectures.resnet import ResNet

PRODUCTS = 20
"""How many products or convolutions a rate is measured with."""


class Wrong(Exception):  # noqa: N818 - what it says is the message
    """A number that is not what the processor, or arithmetic, says."""


@dataclass(frozen=True)
class Machine:
    """Where sections run. On a processor `tiny` sizes are used, and times mean nothing."""

    device: str
    tiny: bool

    @classmethod
    def here(cls):
        card = torch.cuda.is_available()
        return cls("cuda:0" if card else "cpu", not card)

    def __str__(self):
        if self.device == "cpu":
            return f"Processor, tiny sizes; torch {torch.__version__}."
        return f"{torch.cuda.get_device_name()}; torch {torch.__version__}."

    @property
    def on_card(self):
        return self.device != "cpu"

    def size(self, whole, tiny):
        """A size, or what stands for it without a card."""
        return tiny if self.tiny else whole

    def timed(self, call):
        """What a call gives and the seconds it took, the card's work included."""
        self.wait()
        began = time.perf_counter()
        found = call()
        self.wait()
        return found, time.perf_counter() - began

    def wait(self):
        if self.on_card:
            torch.cuda.synchronize()

    def forget_peak(self):
        if self.on_card:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()

    def peak(self):
        """The most memory that tensors took since then, in words."""
        return f"{torch.cuda.max_memory_allocated() / 1e9:.2f} GB" if self.on_card else "-"

    def product_rate(self, *, tf32=False):
        """Operations a second of products of large float32 matrices."""
        side = self.size(8192, 64)
        a, b = (torch.ones(side, side, device=self.device) for _ in range(2))
        return 2 * side**3 / self._each(lambda: a @ b, tf32=tf32)

    def convolution_rate(self, channels=64, *, tf32=False):
        """Operations a second of 3x3 convolutions, 32x32 pixels, in float32."""
        images = self.size(2048, 2)
        x = torch.ones(images, channels, 32, 32, device=self.device)
        layer = nn.Conv2d(channels, channels, 3, padding=1, bias=False).to(self.device)
        with torch.no_grad():
            seconds = self._each(lambda: layer(x), tf32=tf32)
        return 2 * images * channels**2 * 9 * 32**2 / seconds

    def _each(self, call, *, tf32):
        flags = torch.backends.cuda.matmul, torch.backends.cudnn
        before = [one.allow_tf32 for one in flags]
        try:
            for one in flags:
                one.allow_tf32 = tf32
            for _ in range(3):
                call()
            times = self.size(PRODUCTS, 2)
            return self.timed(lambda: [call() for _ in range(times)] and None)[1] / times
        finally:
            for one, allowed in zip(flags, before, strict=True):
                one.allow_tf32 = allowed


def mlp(kind=torch.float64):
    return _seeded(lambda: _mlp(20, 32, 10)).to(kind)


def _mlp(*widths):
    first, hidden, last = widths
    return nn.Sequential(
        nn.Linear(first, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh(),
        nn.Linear(hidden, last),
    )  # fmt: skip


class ConvNet(nn.Module):
    """Two convolutions with batch normalization; the first one is the trunk."""

    def __init__(self, momentum=0.1):
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU())
        self.body = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8, momentum=momentum), nn.ReLU()
        )
        self.head = nn.Linear(8, 10)

    def forward(self, images):
        return self.head(self.body(self.trunk(images)).mean((2, 3)))


def conv_net(kind=torch.float64, **settings):
    network = _seeded(lambda: ConvNet(**settings))
    for part in (network.trunk[1], network.body[1]):  # statistics that are nothing special
        part.running_mean.uniform_(-0.2, 0.2, generator=stream(1, "benchmark"))
        part.running_var.uniform_(0.5, 1.5, generator=stream(2, "benchmark"))
    return network.to(kind)


def frozen_trunk(kind=torch.float64):
    network = conv_net(kind)
    network.trunk.requires_grad_(requires_grad=False)
    return network


def vectors(count, kind=torch.float64):
    rng = stream(0, "benchmark")
    inputs = torch.randn(count, 20, generator=rng, dtype=torch.float64).to(kind)
    return inputs, torch.randint(10, (count,), generator=rng)


def images(count, kind=torch.float64, size=32):
    rng = stream(0, "benchmark")
    inputs = torch.randn(count, 3, size, size, generator=rng, dtype=torch.float32).to(kind)
    return inputs, torch.randint(10, (count,), generator=rng)


def residual(machine):
    """The residual net of 20 layers, in float32."""
    depth, channels = machine.size((18, 16), (2, 4))
    return ResNet(depth=depth, channels=channels).build((3, 32, 32), 10, stream(0, "benchmark"))


NETWORKS = {
    "MLP": (mlp, vectors),
    "conv net, batch norm": (conv_net, images),
    "frozen trunk": (frozen_trunk, images),
}


def _seeded(make):
    with torch.random.fork_rng([]):
        torch.default_generator.manual_seed(0)
        return make()


def table(head, rows):
    """A table in markdown; a head `a | b` and rows of the same form."""
    columns = head.count("|") + 1
    return "\n".join(f"| {row} |" for row in [head, " | ".join(["---"] * columns), *rows])


def same(name, found, expected, tolerance):
    """How far values lie from others, relative to the largest of these.

    Raises:
        Wrong: farther than the tolerance, or not finite.
    """
    found, expected = (
        (one.detach() if torch.is_tensor(one) else torch.tensor(one)).double().cpu()
        for one in (found, expected)
    )
    apart = float((found - expected).abs().max() / expected.abs().max().clamp_min(1e-30))
    if not apart <= tolerance:
        raise Wrong(f"{name}: {apart:.1e} from what is right, more than {tolerance:.0e}")
    return apart
