"""Our own browser components: a Python class and a JavaScript module side by side."""
