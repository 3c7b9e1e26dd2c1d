"""Networks whose `train()` and `eval()` do more than set a flag: that merge or fuse weights."""

from torch import nn


def changes_with_mode(module: nn.Module) -> bool:
    """Whether a part of a network has a `train` or `eval` of its own.

    What such a call makes of the parameters counts only if these had their values before it.
    """
    return any(
        type(part).train is not nn.Module.train
        or type(part).eval is not nn.Module.eval
        or not vars(part).keys().isdisjoint(("train", "eval"))
        for part in module.modules()
    )


def to_evaluation(module: nn.Module) -> nn.Module:
    """The module in evaluation mode, unless that changes more of it than its mode."""
    return module if changes_with_mode(module) else module.eval()
