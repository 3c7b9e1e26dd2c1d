"""The loss on a line or plane: grids, strategies of evaluation, adaptive refinement."""
