"""What differs between Voila, `panel serve` and a notebook cell."""
