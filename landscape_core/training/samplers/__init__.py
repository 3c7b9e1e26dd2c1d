"""Ways to draw the examples of a training step, one file each."""
