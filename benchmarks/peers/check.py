"""Measures every tool on three works, and fails where one's numbers are not the loss.

    python benchmarks/peers/check.py [work ...]

A tool must agree with float64 where it goes; where it claims to be, the error is only told.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import torch
from sklearn.datasets import load_digits, make_moons
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from peers import models
from peers.agreement import disagreement
from peers.run import Failed, Measured, measure
from peers.work import Work

# Float32 with hundreds of small moves added up, which is how some of them walk.
TOLERANCE = 1e-4
# Of the values; the float64 loop takes as long as a tool does.
EVERY = 7


def example(
    model: str, inputs: Tensor, targets: Tensor, steps: int, *, loss: str = "cross-entropy"
) -> Work:
    """A briefly trained network, and two random directions normed filter by filter."""
    rng = torch.Generator().manual_seed(0)
    network = models.build(model)
    for parameter in network.parameters():
        bound = (3 / max(1, parameter[0].numel())) ** 0.5
        nn.init.uniform_(parameter, -bound, bound, generator=rng)
    train(network, inputs, targets, models.LOSSES[loss])
    parameters = [parameter.detach() for parameter in network.parameters()]
    directions = [[like(p, rng) for p in parameters] for _ in range(2)]
    return Work(
        model=model,
        state=network.state_dict(),
        inputs=inputs,
        targets=targets,
        directions=directions,
        steps=steps,
        loss=loss,
    )


def train(
    network: nn.Module,
    inputs: Tensor,
    targets: Tensor,
    loss: Callable[[Tensor, Tensor], Tensor] = nn.functional.cross_entropy,
) -> None:
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(50):
        optimizer.zero_grad()
        loss(network(inputs), targets).backward()
        optimizer.step()


def like(parameter: Tensor, rng: torch.Generator) -> Tensor:
    """A random tensor, each of whose filters is as long as the parameter's."""
    noise = torch.randn(parameter.shape, generator=rng)
    rows, noises = parameter.reshape(len(parameter), -1), noise.reshape(len(parameter), -1)
    scale = rows.norm(dim=1, keepdim=True) / noises.norm(dim=1, keepdim=True)
    return (noises * scale).reshape(parameter.shape)


def digits() -> tuple[Tensor, Tensor]:
    data, target = load_digits(return_X_y=True)
    return torch.from_numpy(data).float() / 16, torch.from_numpy(target)


def moons() -> tuple[Tensor, Tensor]:
    data, target = make_moons(300, noise=0.1, random_state=0)
    return torch.from_numpy(data).float(), torch.from_numpy(target)


def digit_rows() -> tuple[Tensor, Tensor]:
    """Digits as sequences of their eight rows."""
    data, target = digits()
    return data.reshape(-1, 8, 8), target


def collocation() -> tuple[Tensor, Tensor]:
    """Points of [0, 1] at which the residual of a differential equation is to be zero."""
    points = torch.linspace(0, 1, 257)[:, None]
    return points, torch.zeros_like(points)


def digit_images() -> tuple[Tensor, Tensor]:
    data, target = digits()
    return data.reshape(-1, 1, 8, 8), target


EXAMPLES = {
    "tiny-tanh": (moons, 51),
    "mlp": (digits, 51),
    "conv": (digit_images, 25),
}


def line(work: Work, found: Measured) -> tuple[str, bool]:
    """What to print of a tool, and whether its numbers are right where it goes."""
    seconds, count = found.evaluation.seconds, found.evaluation.values.size
    claimed, visited = disagreement(work, found.evaluation, every=EVERY)
    speed = f"{seconds:9.3f}{count:8}{count / seconds:10.0f}"
    return f"{speed}{claimed:13.1e}{visited:13.1e}", visited <= TOLERANCE


def report(name: str, work: Work) -> bool:
    """Print a table; whether every tool ran and agrees."""
    side = f"{work.steps}x{work.steps}"
    print(f"{name}, {side}, {len(work.inputs)} examples, {work.threads} threads")
    heads = ("tool", "seconds", "values", "values/s", "err claimed", "err visited")
    print("  {:<26}{:>9}{:>8}{:>10}{:>13}{:>13}".format(*heads))
    sound = True
    for found in measure(work):
        said, right = (found.reason, False) if isinstance(found, Failed) else line(work, found)
        print(f"  {found.package + ' ' + found.version:<26}{said}", flush=True)
        sound = sound and right
    return sound


def main() -> None:
    works = {name: EXAMPLES[name] for name in sys.argv[1:] or EXAMPLES}
    sound = [report(n, example(n, *data(), steps)) for n, (data, steps) in works.items()]
    sys.exit(0 if all(sound) else "not every tool ran and agrees")


if __name__ == "__main__":
    main()
