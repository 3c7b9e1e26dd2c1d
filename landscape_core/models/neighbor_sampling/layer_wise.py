"""Layer-wise sampling: Chen, Ma and Xiao, 2018, arXiv:1801.10247 (FastGCN), equation 10.

LADIES (Zou, Hu, Wang, Jiang, Sun and Gu, 2019, arXiv:1911.07323) takes into account whose
neighbours are wanted. Its rescaling of rows to a sum of one, which has a bias, is left out.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import Tensor

from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.models.neighbor_sampling._columns import factors, squares
from landscape_core.models.neighbor_sampling.base import Asked, Matrix, Neighbours


@dataclass(frozen=True, kw_only=True)
class LayerWise(Neighbours):
    """All nodes share the neighbours that are drawn, in each layer others."""

    label: ClassVar[str] = "layer-wise (FastGCN, LADIES)"
    formula: ClassVar[str] = "Pᵢⱼ = kⱼ Âᵢⱼ / (s pⱼ),  j drawn kⱼ times of s,  pⱼ ∝ ‖Â_:j‖²"
    source: ClassVar[str] = (
        "Chen et al., 2018, arXiv:1801.10247; Zou et al., 2019, arXiv:1911.07323"
    )

    draws: Annotated[int, Knob(1, 100_000, "nodes s that each layer draws", "log")] = 128
    rows: Annotated[
        str,
        Choice(
            ("all", "above"),
            "over which rows ‖Â_:j‖² goes: all (FastGCN), or those of the layer above (LADIES)",
        ),
    ] = "above"

    def prepare(self, adjacency: Matrix) -> Tensor:
        """The squared lengths of the columns of Â, (N,)."""
        return squares(adjacency)

    def draw(self, asked: Asked) -> Matrix:
        """Some columns, the same for all rows."""
        sizes = asked.prepared if self.rows == "all" else squares(asked.rows)
        return asked.columns(factors(sizes, self.draws, asked.rng()))
