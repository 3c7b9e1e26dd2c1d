"""Normalization layers, one file each."""
