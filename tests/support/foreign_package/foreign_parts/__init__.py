"""Parts for Landscape Lab from another package."""
