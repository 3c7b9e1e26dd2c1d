"""Layer-wise sampling: Chen, Ma and Xiao, 2018, arXiv:1801.10247 (FastGCN), equation 10.

LADIES (Zou, Hu, Wang, Jiang, Sun and Gu, 2019, arXiv:1911.07323) restricts the norms to the rows of
the layer above. Its normalization of rows to sum one, which introduces a bias, is omitted.
"""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from torch import Tensor

from landscape_core.foundation.recipes import Choice, Knob
from landscape_core.models.neighbor_sampling._columns import factors, squares
from landscape_core.models.neighbor_sampling.base import Asked, Matrix, Neighbours


@dataclass(frozen=True, kw_only=True)
class LayerWise(Neighbours):
    """One set of sampled nodes per layer, shared by all nodes of the layer above."""

    label: ClassVar[str] = "layer-wise (FastGCN, LADIES)"
    formula: ClassVar[str] = "Pᵢⱼ = kⱼ Âᵢⱼ / (s pⱼ),  j drawn kⱼ times of s,  pⱼ ∝ ‖Â_:j‖²"
    source: ClassVar[str] = (
        "Chen et al., 2018, arXiv:1801.10247; Zou et al., 2019, arXiv:1911.07323"
    )

    draws: Annotated[int, Knob(1, 100_000, "number of nodes s sampled per layer", "log")] = 128
    rows: Annotated[
        str,
        Choice(
            ("all", "above"),
            "rows over which ‖Â_:j‖² is computed: all (FastGCN), or those of the layer "
            "above (LADIES)",
        ),
    ] = "above"

    def prepare(self, adjacency: Matrix) -> Tensor:
        """Return the squared column norms of Â, (N,)."""
        return squares(adjacency)

    def draw(self, asked: Asked) -> Matrix:
        """Sample columns, the same for all rows."""
        sizes = asked.prepared if self.rows == "all" else squares(asked.rows)
        return asked.columns(factors(sizes, self.draws, asked.rng()))
