"""What everything stands on: recipes, the registry, errors, random streams, memory."""
