"""Activation functions that torch has no layer of: the square, and the step.

Squares: Du, Lee, 2018, arXiv:1803.01206, and Soltanolkotabi, Javanmard, Lee, 2017,
arXiv:1707.04926, whose networks Σⱼ vⱼ⟨wⱼ, x⟩² have no bad local minima once they are wide enough.
Steps: the binary activation of Qin, Zhou, Xiu, 2018, arXiv:1805.08340.
"""

from torch import Tensor, nn
from torch.nn.functional import hardtanh


class Quadratic(nn.Module):
    """The square of each value."""

    def forward(self, values: Tensor) -> Tensor:
        """x²."""
        return values.square()


class Binary(nn.Module):
    """1 for positive values and 0 for others; its derivative is replaced by another one.

    The step is flat wherever it has a derivative. Backward it counts as a straight line clipped to
    |x| < 1, with the derivative 1 there and 0 elsewhere (the straight-through estimator: Bengio,
    Léonard, Courville, 2013, arXiv:1308.3432; clipped: Hubara, Courbariaux, Soudry, El-Yaniv,
    Bengio, 2016, arXiv:1602.02830, equation 4). So losses are those of the step, but gradients and
    Hessians are not theirs.
    """

    def forward(self, values: Tensor) -> Tensor:
        """The step, with the gradient of a clipped line."""
        line = hardtanh(values)
        return (values > 0).to(values.dtype) + (line - line.detach())
