"""Ways to evaluate many points of a plane, one file each."""
