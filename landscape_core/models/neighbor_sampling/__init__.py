"""Neighbour sampling for the training of graph neural networks, one file each."""
