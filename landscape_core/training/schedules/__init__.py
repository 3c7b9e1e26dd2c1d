"""How the learning rate changes along a run: one file each, found by its name."""
