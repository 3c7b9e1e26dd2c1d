"""Pure functions from datasets to figures."""
