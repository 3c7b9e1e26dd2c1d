"""Measures evaluated at each point of a slice, one file each."""
