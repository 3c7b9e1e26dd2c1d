"""Rules that choose a plane or line through parameter space, one file each."""
