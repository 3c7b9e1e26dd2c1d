"""Findings: reasons why a picture of a slice may mislead, one detector a file."""
