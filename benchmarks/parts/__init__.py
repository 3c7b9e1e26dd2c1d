"""Claims about single parts, one file each: `work(seed)` tries one, `report(found)` tells of it."""
