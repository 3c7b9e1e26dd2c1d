"""How the app is served: Voila, Panel, Jupyter."""
