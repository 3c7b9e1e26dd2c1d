"""The shapes of the engine: P parameters, K points, N examples."""

from jaxtyping import Float
from torch import Tensor

Scalar = Float[Tensor, ""]
Vector = Float[Tensor, " P"]
Vectors = Float[Tensor, "K P"]
