"""Initializations of weights, one file each."""
