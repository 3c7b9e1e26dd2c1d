"""Rules that choose a line or plane in parameter space, one file each."""
