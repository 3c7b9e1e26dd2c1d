"""What is computed from slices and single points: metrics, maps, findings, diagnostics."""
