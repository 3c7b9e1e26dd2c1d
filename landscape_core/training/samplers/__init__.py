"""Batch samplers: how the examples of a training step are selected, one file each."""
