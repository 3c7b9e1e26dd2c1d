"""How sharp the landscape is around a point, one definition a file."""
