"""Objectives of one flat parameter vector, and the parts that networks are built from."""
