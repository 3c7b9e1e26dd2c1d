"""What is measured of a network at one point, without any plane, one diagnostic a file."""
