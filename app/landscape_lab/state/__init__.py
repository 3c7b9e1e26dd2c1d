"""The state of a page: scene, place, history, the form's fields."""
