"""Networks whose `train()` and `eval()` do more than set a flag: that merge or fuse weights.

And those whose evaluation may put other tensors into the parameters, or has sparse gradients.
"""

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


def sets_parameters(module: nn.Module) -> bool:
    """Whether evaluating a network may set `parameter.data`, as its class says of itself.

    A class says so by the attribute `sets_parameter_data`.
    """
    return bool(getattr(type(module), "sets_parameter_data", False))


def to_evaluation(module: nn.Module) -> nn.Module:
    """The module in evaluation mode, unless that changes more of it than its mode."""
    return module if changes_with_mode(module) else module.eval()


def with_dense_gradients(module: nn.Module) -> nn.Module:
    """The module, changed in place, whose embeddings have dense gradients of the same values."""
    for part in module.modules():
        if isinstance(part, nn.Embedding | nn.EmbeddingBag) and part.sparse:
            part.sparse = False
    return module
