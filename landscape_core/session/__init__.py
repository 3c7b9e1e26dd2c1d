"""One live run: training, its pictures, and what is inspected at a point."""
