"""The app in a notebook cell, and on your own network."""
