"""What can be taken away of a picture: one file for each kind."""
