"""The laboratory: what shows the numbers that landscape_core computes."""
