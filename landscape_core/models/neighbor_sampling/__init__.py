"""Ways to draw the neighbours that a training step of a graph network sums over, one file each."""
