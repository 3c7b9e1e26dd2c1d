"""Rules that connect two points of parameter space by a curve of low loss, one file each."""
