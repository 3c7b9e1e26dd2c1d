"""Figures for files, drawn by Matplotlib."""
